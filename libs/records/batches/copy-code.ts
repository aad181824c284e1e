/** Emits copies in steps of 32 bytes. They read and write up to 31 bytes behind a range: the caller has room there, and cleans up. */
import type { Code } from '../../wasm/index.ts';
import { batchSpace } from '../arena/arena-layout.ts';

/** Most bytes that a copy touches behind its range. */
export const strayBytes = 32;

/** Copies from `source` (lost) up to `end` to `target`, in the memory `into`, which ends behind the copy. At least one step is done. */
export function emitCopy(c: Code, source: number, end: number, target: number, into = 0): void {
  c.loop((next) => {
    c.get(target).get(source).load('v128.load').store('v128.store', 0, into);
    c.get(target).get(source).load('v128.load', 16).store('v128.store', 16, into);
    c.get(target).i32(32).op('i32.add').set(target);
    c.get(source).i32(32).op('i32.add').tee(source).get(end).op('i32.lt_u').brIf(next);
  });
  c.get(target).get(end).op('i32.add').get(source).op('i32.sub').set(target);
}

/**
 * Copies `length` bytes from `distance` bytes back to `target`, which ends behind them. The ranges may overlap, which repeats the pattern: one
 * shorter than a step is laid out over a whole step first. 1 <= distance.
 */
export function emitMatch(c: Code, distance: number, length: number, target: number): void {
  const [source, end] = [c.local('i32'), c.local('i32')];
  c.get(target).get(distance).op('i32.sub').set(source);
  c.get(distance).i32(16).op('i32.ge_u');
  c.if(
    () => {
      c.get(source).get(length).op('i32.add').set(end);
      emitCopy(c, source, end, target);
    },
    () => {
      const pattern = c.local('v128');
      c.get(target).get(length).op('i32.add').set(end);
      c.get(source).load('v128.load');
      c.get(distance).i32(4).op('i32.shl').load('v128.load', batchSpace.patterns).vec('i8x16.swizzle').set(pattern);
      c.get(distance).load('i32.load8_u', batchSpace.patternSteps).set(source);
      c.loop((next) => {
        c.get(target).get(pattern).store('v128.store');
        c.get(target).get(source).op('i32.add').tee(target).get(end).op('i32.lt_u').brIf(next);
      });
      c.get(end).set(target);
      c.release('v128', pattern);
    },
  );
  for (const local of [source, end]) c.release('i32', local);
}

/** The tables that `emitMatch` reads: sixteen patterns, then their sixteen steps. */
export function patternTables(): Uint8Array {
  const tables = new Uint8Array(16 * 17);
  for (let distance = 1; distance < 16; distance += 1) {
    for (let index = 0; index < 16; index += 1) tables[distance * 16 + index] = index % distance;
    tables[256 + distance] = 16 - (16 % distance);
  }
  return tables;
}
