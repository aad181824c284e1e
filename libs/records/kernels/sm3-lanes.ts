/** SM3 over four texts at once: one text a 32-bit lane. Source: GB/T 32905-2016. */
import type { Code, ModuleWriter } from '../../wasm/index.ts';
import { rotateLeft } from './lane-code.ts';
import type { LaneHash } from './lane-hash.ts';
import { loadState, storeState } from './lane-hash.ts';
import { tokenSpace } from './token-space.ts';

const turned = (word: number, by: number): number =>
  ((word << (by % 32)) | (by % 32 === 0 ? 0 : word >>> (32 - (by % 32)))) >>> 0;

export const sm3: LaneHash = {
  /** Clause 4.1. */
  start: [0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e],
  /** T of clause 4.2, turned as clause 5.3.3 does. */
  roundConstants: Array.from({ length: 64 }, (_, round) => turned(round < 16 ? 0x79cc4519 : 0x7a879d8a, round)),
  addCompress,
};

/** Clauses 5.3.2 and 5.3.3. */
function addCompress(module: ModuleWriter, exportName: string): number {
  const { index, code: c } = module.function(['i32', 'i32'], [], exportName);
  const { state: v, block } = loadState(c);
  const [aTurned, sum, permuted] = [c.local('v128'), c.local('v128'), c.local('v128')];
  const word = (at: number): number => block[at & 15] as number;
  for (let round = 0; round < 64; round += 1) {
    const [a, b, cc, d] = [0, 1, 2, 3].map((i) => v[(i - round) & 3]) as [number, number, number, number];
    const [e, f, g, h] = [0, 1, 2, 3].map((i) => v[4 + ((i - round) & 3)]) as [number, number, number, number];
    if (round >= 12) emitWord(c, word, round + 4, permuted);
    rotateLeft(c, a, 12);
    c.tee(aTurned).get(e).vec('i32x4.add').i32(tokenSpace.roundConstants);
    c.load('v128.load32_splat', round * 4)
      .vec('i32x4.add')
      .set(sum);
    rotateLeft(c, sum, 7);
    c.set(sum);
    // TT1 = FF(A, B, C) + D + SS2 + W'
    if (round < 16) c.get(a).get(b).get(cc).vec('v128.xor', 'v128.xor');
    else c.get(a).get(b).vec('v128.and').get(cc).get(a).get(b).vec('v128.or', 'v128.and', 'v128.or');
    c.get(d).vec('i32x4.add').get(sum).get(aTurned).vec('v128.xor', 'i32x4.add');
    c.get(word(round))
      .get(word(round + 4))
      .vec('v128.xor', 'i32x4.add')
      .set(d);
    // TT2 = GG(E, F, G) + H + SS1 + W
    if (round < 16) c.get(e).get(f).get(g).vec('v128.xor', 'v128.xor');
    else c.get(g).get(e).get(f).get(g).vec('v128.xor', 'v128.and', 'v128.xor');
    c.get(h).get(sum).get(word(round)).vec('i32x4.add', 'i32x4.add', 'i32x4.add').set(permuted);
    rotateLeft(c, b, 9);
    c.set(b);
    rotateLeft(c, f, 19);
    c.set(f);
    emitPermuted(c, permuted, 9, 17);
    c.set(h);
  }
  storeState(c, v, 'v128.xor');
  return index;
}

/** W of the message expansion, in the place of the word sixteen before it. */
function emitWord(c: Code, word: (at: number) => number, at: number, permuted: number): void {
  c.get(word(at - 16))
    .get(word(at - 9))
    .vec('v128.xor');
  rotateLeft(c, word(at - 3), 15);
  c.vec('v128.xor').set(permuted);
  emitPermuted(c, permuted, 15, 23);
  rotateLeft(c, word(at - 13), 7);
  c.vec('v128.xor')
    .get(word(at - 6))
    .vec('v128.xor')
    .set(word(at));
}

/** Pushes P0 or P1: x ^ rotl(x, first) ^ rotl(x, second). */
function emitPermuted(c: Code, words: number, first: number, second: number): void {
  c.get(words);
  rotateLeft(c, words, first);
  c.vec('v128.xor');
  rotateLeft(c, words, second);
  c.vec('v128.xor');
}
