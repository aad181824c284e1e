/** The block cipher under CMAC and FF1. ECB is only this primitive here, and it does not leave the room. */
import type { Cipheriv } from 'node:crypto';
import { createCipheriv } from 'node:crypto';
import type { Arena } from '../arena/arena.ts';
import type { BlockCipher } from './slot-maker.ts';
import { blockBytes } from './token-space.ts';

/** Both ciphers take so many bytes of key. */
const keyBytes = 16;

/** Encrypts rows of blocks in place. Source: FIPS 197 (AES-128), GB/T 32907-2016 (SM4). */
export class BlockRow {
  readonly #bytes: Buffer;
  readonly #cipher: Cipheriv;
  /** The view of the last call: ten rounds take the same one. */
  #row: Buffer;

  /** Takes the first 16 bytes of the key and keeps the cipher alone: making one costs more than a thousand blocks do. */
  constructor(arena: Arena, name: BlockCipher, key: Uint8Array) {
    if (key.length < keyBytes) throw new RangeError('a block cipher takes 16 bytes of key');
    this.#bytes = arena.bytes;
    this.#row = arena.bytes.subarray(0, 0);
    this.#cipher = createCipheriv(`${name}-ecb`, key.subarray(0, keyBytes), null).setAutoPadding(false);
  }

  /** `count` blocks from the address `at` on. The cipher cannot write into the arena, so its answer is copied and then wiped. */
  encrypt(at: number, count: number): void {
    const length = count * blockBytes;
    if (this.#row.length !== length || this.#row.byteOffset !== at) this.#row = this.#bytes.subarray(at, at + length);
    const encrypted = this.#cipher.update(this.#row);
    this.#row.set(encrypted);
    encrypted.fill(0);
    // Gives the memory back now: a call a round fills fresh pages faster than the collector frees them, and their faults cost more than the cipher.
    const { buffer } = encrypted;
    if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
  }
}
