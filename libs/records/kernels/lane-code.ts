/** Pieces of vector code that the token kernels share. */
import type { Code, Label } from '../../wasm/index.ts';
import { gatherEntryBytes } from '../arena/arena-layout.ts';

/** Reverses the bytes of each 32-bit word. */
export const swapWords = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];
export const upFromZero = Array.from({ length: 16 }, (_, index) => index);
export const zeros = upFromZero.map(() => 0);

const bytesOf = (lanes: readonly number[], width: number): number[] =>
  lanes.flatMap((lane) => Array.from({ length: width }, (_, byte) => lane * width + byte));
const [lowWords, highWords] = [bytesOf([0, 4, 1, 5], 4), bytesOf([2, 6, 3, 7], 4)];
const [lowHalves, highHalves] = [bytesOf([0, 2], 8), bytesOf([1, 3], 8)];
const [lowBytes, highBytes] = [
  bytesOf([0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23], 1),
  bytesOf([8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31], 1),
];

export type Four = readonly [number, number, number, number];

/** A vector local that holds these bytes: each use of a literal would make it again from two registers. */
export function constant(c: Code, bytes: readonly number[]): number {
  const local = c.local('v128');
  c.v128(bytes).set(local);
  return local;
}

/** Pushes each word of a vector rotated left by so many bits. */
export function rotateLeft(c: Code, words: number, by: number): void {
  c.get(words)
    .i32(by)
    .vec('i32x4.shl')
    .get(words)
    .i32(32 - by)
    .vec('i32x4.shr_u', 'v128.or');
}

/** Four vectors of four words, rows to columns, in place. */
export function transpose(c: Code, rows: Four): void {
  const [a, b, d, e] = rows;
  const halves = [c.local('v128'), c.local('v128'), c.local('v128'), c.local('v128')] as const;
  c.get(a).get(b).shuffle(lowWords).set(halves[0]);
  c.get(a).get(b).shuffle(highWords).set(halves[1]);
  c.get(d).get(e).shuffle(lowWords).set(halves[2]);
  c.get(d).get(e).shuffle(highWords).set(halves[3]);
  c.get(halves[0]).get(halves[2]).shuffle(lowHalves).set(a);
  c.get(halves[0]).get(halves[2]).shuffle(highHalves).set(b);
  c.get(halves[1]).get(halves[3]).shuffle(lowHalves).set(d);
  c.get(halves[1]).get(halves[3]).shuffle(highHalves).set(e);
  for (const local of halves) c.release('v128', local);
}

export interface HexTables {
  readonly digits: number;
  readonly nibble: number;
}

export function hexTables(c: Code): HexTables {
  return {
    digits: constant(c, [...Buffer.from('0123456789abcdef')]),
    nibble: constant(
      c,
      zeros.map(() => 0x0f),
    ),
  };
}

/** Sixteen bytes to 32 lower-case hexadecimal characters in two vectors. */
export function hexOf(c: Code, bytes: number, [first, second]: readonly [number, number], { digits, nibble }: HexTables): void {
  const [high, low] = [c.local('v128'), c.local('v128')];
  c.get(digits).get(bytes).i32(4).vec('i16x8.shr_u').get(nibble).vec('v128.and', 'i8x16.relaxed_swizzle').set(high);
  c.get(digits).get(bytes).get(nibble).vec('v128.and', 'i8x16.relaxed_swizzle').set(low);
  c.get(high).get(low).shuffle(lowBytes).set(first);
  c.get(high).get(low).shuffle(highBytes).set(second);
  for (const local of [high, low]) c.release('v128', local);
}

/** The mask of as many bytes as `length` has above a multiple of sixteen. In a loop, `places` is a local that holds `upFromZero`. */
export function tailMask(c: Code, length: number, places?: number): number {
  const mask = c.local('v128');
  c.get(length).i32(15).op('i32.and').vec('i8x16.splat');
  if (places === undefined) c.v128(upFromZero);
  else c.get(places);
  c.vec('i8x16.gt_s').set(mask);
  return mask;
}

/** Writes those bytes of `value` that the mask has at `address` + `offset`; the other ones stay what they are. */
export function storeMasked(c: Code, address: number, offset: number, value: number, mask: number): void {
  c.get(address).get(value).get(address).load('v128.load', offset).get(mask).vec('v128.bitselect').store('v128.store', offset);
}

/** Writes the first `length` bytes of the vectors to both destinations of a gather entry, and not one byte behind them. */
export function storeSlot(c: Code, entry: number, vectors: readonly number[], length: number, tail: number): void {
  const to = c.local('i32');
  const write = (): void => {
    c.block((written) => {
      for (const [index, vector] of vectors.entries()) {
        const offset = index * 16;
        if (index > 0) c.get(length).i32(offset).op('i32.le_u').brIf(written);
        c.get(length)
          .i32(offset + 16)
          .op('i32.ge_u');
        c.if(
          () => c.get(to).get(vector).store('v128.store', offset),
          () => storeMasked(c, to, offset, vector, tail),
        );
      }
    });
  };
  c.get(entry).load('i32.load', 8).set(to);
  write();
  c.get(entry).load('i32.load', 12).tee(to);
  c.if(write);
  c.release('i32', to);
}

/** Copies `length` bytes and not one more; the addresses are pushed once each. `tail` is the length's tail mask. */
export function copyText(c: Code, pushTo: () => void, pushFrom: () => void, length: number, tail: number): void {
  const [to, from, end, bytes] = [c.local('i32'), c.local('i32'), c.local('i32'), c.local('v128')];
  pushFrom();
  c.set(from);
  pushTo();
  c.tee(to).get(length).i32(~15).op('i32.and', 'i32.add').set(end);
  c.block((whole) => {
    c.loop((next) => {
      c.get(to).get(end).op('i32.eq').brIf(whole);
      c.get(to).get(from).load('v128.load').store('v128.store');
      c.get(to).i32(16).op('i32.add').set(to);
      c.get(from).i32(16).op('i32.add').set(from).br(next);
    });
  });
  c.get(length).i32(15).op('i32.and');
  c.if(() => {
    c.get(from).load('v128.load').set(bytes);
    storeMasked(c, to, 0, bytes, tail);
  });
  for (const local of [to, from, end]) c.release('i32', local);
  c.release('v128', bytes);
}

/** Addresses of a gather entry and of the byte behind the last one, and the index of a field plan: locals. */
export interface FieldEntries {
  readonly entry: number;
  readonly end: number;
  readonly field: number;
}

/**
 * Emits `body` for each gather entry of the field; `entry` moves on, to the end or to the entry at which `body` breaks to `full`. `also` turns the
 * condition that is pushed into another one.
 */
export function eachOfField(
  c: Code,
  { entry, end, field }: FieldEntries,
  body: (full: Label) => void,
  also: () => void = () => undefined,
): void {
  c.block((full) => {
    c.loop((next) => {
      c.get(entry).get(end).op('i32.ge_u').brIf(full);
      c.get(entry).load('i32.load', 16).get(field).op('i32.eq');
      also();
      c.if(() => body(full));
      c.get(entry).i32(gatherEntryBytes).op('i32.add').set(entry).br(next);
    });
  });
}
