/** Format-preserving encryption of digits, for values whose readers check their form. */
import type { Arena } from '../arena/arena.ts';
import { gatherEntryBytes, textsOfStep } from '../arena/arena-layout.ts';
import { BlockRow } from './block-row.ts';
import { badCountBit, digitsMax, digitsMin, secondBit } from './ff1-code.ts';
import { kernelOf, sameArena, wipeTokenSpace } from './kernel-of.ts';
import { asLongAsText, recallingMaker } from './recalling-maker.ts';
import type { BlockCipher, SlotMaker } from './slot-maker.ts';
import type { TokenKernel } from './token-kernel.ts';
import { blockBytes, shapePlace, tokenSpace } from './token-space.ts';

const tweakBytesMax = 256;
const rounds = 10;
const radix = 10;

/** `first` characters stay, the digits behind them are encrypted, and with a check the last character is made anew from all before it. */
export interface FormatSpec {
  readonly cipher: BlockCipher;
  readonly first: number;
  /** `luhn`: bank cards (ISO/IEC 7812-1). `mod11-2`: resident ids (GB 11643), where the source's last character may be an X. */
  readonly check: 'none' | 'luhn' | 'mod11-2';
}

/**
 * Slots, as long as their sources, get FF1 of the source's 6 to 19 digits. The sources are ASCII and may differ in length. Takes the first 16 bytes of
 * the key and a tweak of up to 256 bytes, the same for all values. Throws a RangeError on another key, tweak or `first`, and `fill` throws on a
 * source with too few or too many digits: the Program has checked them. Source: NIST SP 800-38G, algorithm 7, radix 10.
 */
export function formatMaker(arena: Arena, spec: FormatSpec, key: Uint8Array, tweak: Uint8Array): SlotMaker {
  if (tweak.length > tweakBytesMax) throw new RangeError('formatMaker: the tweak has at most 256 bytes');
  if (!Number.isInteger(spec.first) || spec.first < 0)
    throw new RangeError('formatMaker: the characters that stay are counted from 0');
  const maker = new Ff1Maker(arena, spec, key, Uint8Array.from(tweak));
  // With AES it takes about as long as a look at what is known.
  return spec.cipher === 'aes-128' ? maker : recallingMaker(arena, maker, asLongAsText);
}

class Ff1Maker implements SlotMaker {
  readonly #arena: Arena;
  readonly #kernel: TokenKernel;
  readonly #row: BlockRow;
  readonly #spec: FormatSpec;
  readonly #tweak: Uint8Array;
  /** Address of both halves of each text in the step. */
  readonly #values: number;
  /** By count of digits. */
  readonly #shapes: Uint8Array[] = [];

  constructor(arena: Arena, spec: FormatSpec, key: Uint8Array, tweak: Uint8Array) {
    this.#arena = arena;
    this.#kernel = kernelOf(arena);
    this.#row = new BlockRow(arena, spec.cipher, key);
    this.#spec = spec;
    this.#tweak = tweak;
    this.#values = arena.lockstep + textsOfStep * blockBytes;
  }

  fill(arena: Arena, entries: number, field: number, gathers = arena.gathers): void {
    sameArena(this.#arena, arena);
    const fixed = this.#spec.first + (this.#spec.check === 'none' ? 0 : 1);
    const end = gathers + entries * gatherEntryBytes;
    const counts = this.#kernel.ff1Counts(gathers, end, field, fixed);
    if (counts === 0) return;
    if ((counts & badCountBit) !== 0) throw new Error('formatMaker: a text was let through with too few or too many digits');
    const copies = (counts & secondBit) !== 0;
    const most = Math.min(entries, textsOfStep) * blockBytes;
    try {
      for (let digits = digitsMin; digits <= digitsMax; digits += 1)
        if (((counts >> digits) & 1) === 1) this.#fillOf(digits, digits + fixed, gathers, end, field, copies);
    } finally {
      wipeTokenSpace(arena, most);
      arena.bytes.fill(0, this.#values, this.#values + most);
    }
  }

  /** The texts with this count of digits. */
  #fillOf(digits: number, length: number, gathers: number, end: number, field: number, copies: boolean): void {
    const arena = this.#arena;
    const kernel = this.#kernel;
    const { first, check } = this.#spec;
    const blocks = arena.lockstep;
    const values = this.#values;
    this.#shapes[digits] ??= this.#shapeOf(digits, length);
    arena.bytes.set(this.#shapes[digits], tokenSpace.shape);
    for (let from = gathers; from < end; from = arena.words[tokenSpace.cursor >> 2] as number) {
      const count = kernel.ff1First(from, end, field, length, first, digits, blocks, values);
      if (count === 0) continue;
      for (let round = 0; round < rounds; round += 1) {
        this.#row.encrypt(blocks, count);
        kernel.ff1Round(count, round, digits, blocks, values);
      }
      kernel.ff1Last(count, first, digits, values);
      if (check !== 'none') kernel.checkCharacters(count, length, check === 'luhn' ? 1 : 0);
      if (copies) kernel.copySlots(count, length);
    }
  }

  /** What `shapePlace` names, for so many digits in texts of `length` characters. */
  #shapeOf(digits: number, length: number): Uint8Array {
    const shape = Buffer.alloc(shapePlace.bytes);
    const left = digits >> 1;
    const right = digits - left;
    const inVector = (half: number): number => Math.min(half, 8);
    this.#base(digits).copy(shape, shapePlace.base);
    shape.fill(0xff, shapePlace.digitMask + 8 - inVector(left), shapePlace.digitMask + 8);
    shape.fill(0xff, shapePlace.digitMask + 16 - inVector(right), shapePlace.digitMask + 16);
    for (let at = 0; at < Math.min(digits, 16); at += 1) {
      shape[shapePlace.outIndex + at] = at < left ? 8 - left + at : 16 - digits + at;
      shape[shapePlace.outMask + at] = 0xff;
    }
    shape.fill(0xff, shapePlace.checkMask + Math.max(0, 16 - (length - 1)), shapePlace.checkMask + 16);
    shape.writeBigUInt64LE(10n ** BigInt(left), shapePlace.moduli);
    shape.writeBigUInt64LE(10n ** BigInt(right), shapePlace.moduli + 8);
    shape.writeBigUInt64LE(BigInt(halfBytesOf(right) * 8), shapePlace.roundShift);
    return shape;
  }

  /**
   * The chain of steps 5 and 6 ii up to what changes from value to value and round to round, which is at the end of the last block: P encrypted, each
   * whole block of the tweak added and encrypted, then the rest of the tweak added.
   */
  #base(digits: number): Buffer {
    const { bytes, lockstep: at } = this.#arena;
    const tweak = this.#tweak;
    const block = bytes.subarray(at, at + blockBytes);
    block.set([1, 2, 1, 0, 0, radix, rounds, digits >> 1]);
    block.writeUInt32BE(digits, 8);
    block.writeUInt32BE(tweak.length, 12);
    const tailBytes = halfBytesOf(digits - (digits >> 1)) + 1;
    const lastBlock = Math.ceil((tweak.length + tailBytes) / blockBytes) - 1;
    for (let index = 0; index <= lastBlock; index += 1) {
      this.#row.encrypt(at, 1);
      for (const [offset, byte] of tweak.subarray(index * blockBytes, (index + 1) * blockBytes).entries())
        block[offset] = (block[offset] as number) ^ byte;
    }
    const base = Buffer.from(block);
    block.fill(0);
    return base;
  }
}

/** Bytes of the larger half as a number (b of step 3). */
function halfBytesOf(right: number): number {
  return Math.ceil((10n ** BigInt(right) - 1n).toString(2).length / 8);
}
