/** A hash of blocks of 64 bytes over four texts at once, and its ends that SHA-256 and SM3 have alike. */
import type { Code, ModuleWriter } from '../../wasm/index.ts';

export interface LaneHash {
  /** Initial value: eight words. */
  readonly start: readonly number[];
  /** One word a round: 64. The caller puts them to `tokenSpace.roundConstants` before it compresses, since a word from memory costs less than a literal. */
  readonly roundConstants: readonly number[];
  /**
   * Adds a function (state, block): the state is eight vectors, the block sixteen, lane by lane, words in host order. The state becomes that behind
   * the block. Returns the function's index.
   */
  addCompress(module: ModuleWriter, exportName: string): number;
}

const [statePlace, blockPlace] = [0, 1];

export function loadState(c: Code): {
  state: readonly number[];
  block: readonly number[];
} {
  const load = (from: number, count: number): number[] =>
    Array.from({ length: count }, (_, at) => {
      const local = c.local('v128');
      c.get(from)
        .load('v128.load', at * 16)
        .set(local);
      return local;
    });
  return { state: load(statePlace, 8), block: load(blockPlace, 16) };
}

/** Combines the state as it was with what the rounds made of it. */
export function storeState(c: Code, made: readonly number[], combine: 'i32x4.add' | 'v128.xor'): void {
  for (const [at, local] of made.entries())
    c.get(statePlace)
      .get(statePlace)
      .load('v128.load', at * 16)
      .get(local)
      .vec(combine)
      .store('v128.store', at * 16);
}
