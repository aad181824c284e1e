/** Tokens: the first characters of a keyed function's result in hexadecimal. */
import type { Arena } from '../arena/arena.ts';
import { gatherEntryBytes } from '../arena/arena-layout.ts';
import { BlockRow } from './block-row.ts';
import { kernelOf, sameArena, wipeTokenSpace } from './kernel-of.ts';
import type { LaneHash } from './lane-hash.ts';
import { recallingMaker } from './recalling-maker.ts';
import { sha256 } from './sha256-lanes.ts';
import type { BlockCipher, Prf, SlotMaker } from './slot-maker.ts';
import { sm3 } from './sm3-lanes.ts';
import type { TokenKernel } from './token-kernel.ts';
import { blockBytes, tokenSpace } from './token-space.ts';

const hmacKeyBytes = 32;
const hashBlockBytes = 64;
const stateWords = 8;

/**
 * Slots get the first `length` lower-case hexadecimal characters of the PRF of the source, which may have any length. The key has 32 bytes; CMAC takes
 * the first 16. `length` is from 1 to 64, for CMAC to 32. Throws a RangeError on another key or length: the compiler has checked both.
 */
export function tokenMaker(arena: Arena, prf: Prf, key: Uint8Array, length: number): SlotMaker {
  const isHmac = prf === 'hmac-sha256' || prf === 'hmac-sm3';
  if (key.length !== hmacKeyBytes) throw new RangeError('tokenMaker: the key has 32 bytes');
  if (!Number.isInteger(length) || length < 1 || length > (isHmac ? 64 : 2 * blockBytes))
    throw new RangeError(`tokenMaker: ${prf} has no ${length} characters`);
  if (isHmac) return recallingMaker(arena, new HmacMaker(arena, prf === 'hmac-sm3', key, length), length);
  // To know a text again takes longer than AES does.
  if (prf === 'aes-128-cmac') return new CmacMaker(arena, 'aes-128', key, length);
  return recallingMaker(arena, new CmacMaker(arena, 'sm4', key, length), length);
}

/** HMAC over SHA-256 and SM3. Source: RFC 2104. */
class HmacMaker implements SlotMaker {
  readonly #arena: Arena;
  readonly #kernel: TokenKernel;
  readonly #isSm3: boolean;
  readonly #length: number;
  readonly #roundConstants: Int32Array;
  /** Inner and outer state behind the key's padded blocks: sixteen words. */
  readonly #states: Int32Array;

  constructor(arena: Arena, isSm3: boolean, key: Uint8Array, length: number) {
    const hash = isSm3 ? sm3 : sha256;
    this.#arena = arena;
    this.#kernel = kernelOf(arena);
    this.#isSm3 = isSm3;
    this.#length = length;
    this.#roundConstants = Int32Array.from(hash.roundConstants, (word) => word | 0);
    this.#states = this.#statesOf(hash, key);
  }

  fill(arena: Arena, entries: number, field: number, gathers = arena.gathers): void {
    sameArena(this.#arena, arena);
    const end = gathers + entries * gatherEntryBytes;
    const isSm3 = this.#isSm3 ? 1 : 0;
    try {
      arena.words.set(this.#roundConstants, tokenSpace.roundConstants >> 2);
      arena.words.set(this.#states, tokenSpace.keyStates >> 2);
      const longer = this.#kernel.hmac(gathers, end, field, this.#length, isSm3, 0);
      if (longer > 0) this.#kernel.hmac(gathers, end, field, this.#length, isSm3, 1);
    } finally {
      wipeTokenSpace(arena, 0);
    }
  }

  #statesOf(hash: LaneHash, key: Uint8Array): Int32Array {
    const { words } = this.#arena;
    const states = new Int32Array(2 * stateWords);
    const fourTimes = (place: number, at: number, word: number): void => {
      words.fill(word, (place >> 2) + at * 4, (place >> 2) + at * 4 + 4);
    };
    words.set(this.#roundConstants, tokenSpace.roundConstants >> 2);
    for (const [half, pad] of [0x36, 0x5c].entries()) {
      const block = Buffer.alloc(hashBlockBytes, pad);
      for (const [at, byte] of key.entries()) block[at] = byte ^ pad;
      for (let at = 0; at < 16; at += 1) fourTimes(tokenSpace.block, at, block.readInt32BE(at * 4));
      block.fill(0);
      for (const [at, word] of hash.start.entries()) fourTimes(tokenSpace.state, at, word);
      if (this.#isSm3) this.#kernel.compressSm3(tokenSpace.state, tokenSpace.block);
      else this.#kernel.compressSha256(tokenSpace.state, tokenSpace.block);
      for (let at = 0; at < stateWords; at += 1)
        states[half * stateWords + at] = words[(tokenSpace.state >> 2) + at * 4] as number;
    }
    wipeTokenSpace(this.#arena, 0);
    return states;
  }
}

/** CMAC in lock-step, one call of the cipher for a block of every text at hand. Source: RFC 4493. */
class CmacMaker implements SlotMaker {
  readonly #arena: Arena;
  readonly #kernel: TokenKernel;
  readonly #row: BlockRow;
  readonly #length: number;

  constructor(arena: Arena, cipher: BlockCipher, key: Uint8Array, length: number) {
    this.#arena = arena;
    this.#kernel = kernelOf(arena);
    this.#row = new BlockRow(arena, cipher, key);
    this.#length = length;
  }

  fill(arena: Arena, entries: number, field: number, gathers = arena.gathers): void {
    sameArena(this.#arena, arena);
    const end = gathers + entries * gatherEntryBytes;
    const blocks = arena.lockstep;
    let most = 1;
    try {
      arena.bytes.fill(0, blocks, blocks + blockBytes);
      this.#row.encrypt(blocks, 1);
      this.#kernel.cmacKeys(blocks);
      for (let from = gathers; from < end; from = arena.words[tokenSpace.cursor >> 2] as number) {
        let count = this.#kernel.cmacFirst(from, end, field, blocks);
        most = Math.max(most, count);
        for (let done = blockBytes; count > 0; done += blockBytes) {
          this.#row.encrypt(blocks, count);
          count = this.#kernel.cmacNext(count, done, blocks, this.#length);
        }
      }
    } finally {
      wipeTokenSpace(arena, most * blockBytes);
    }
  }
}
