/** The block cipher under the constructions of this room; it stays inside of it. */
import { createCipheriv } from 'node:crypto';

/** Both have blocks and keys of 16 bytes. Source: FIPS 197 (AES-128), GB/T 32907-2016 (SM4). */
export type CipherName = 'aes-128' | 'sm4';

export const blockBytes = 16;

/** Encrypts whole blocks, each for itself, into a new buffer. */
export type BlockCipher = (blocks: Uint8Array) => Buffer;

/** One kept cipher: making one costs more than a block does. Throws on a key that is not of 16 bytes. */
export function blockCipher(name: CipherName, key: Uint8Array): BlockCipher {
  const cipher = createCipheriv(`${name}-ecb`, key, null).setAutoPadding(false);
  return (blocks) => {
    // The cipher would keep the rest of a broken block and put it before the next caller's.
    if (blocks.length % blockBytes !== 0) throw new RangeError('blockCipher takes whole blocks');
    return cipher.update(blocks);
  };
}

/** Writes `target XOR source` into the target, from the place `at` on. */
export function xorInto(target: Uint8Array, source: Uint8Array, at = 0): void {
  for (let index = 0; index < source.length; index += 1)
    target[at + index] = (target[at + index] as number) ^ (source[index] as number);
}

/** The block times x in GF(2^128), modulo x^128 + x^7 + x^2 + x + 1. Source: RFC 4493, section 2.3; RFC 5297, section 2.3 (dbl). */
export function doubled(block: Uint8Array): Buffer {
  const result = Buffer.alloc(blockBytes);
  for (let index = 0; index < blockBytes; index += 1)
    result[index] = ((block[index] as number) << 1) | ((block[index + 1] ?? 0) >> 7);
  if ((block[0] as number) >> 7 === 1) result[blockBytes - 1] = (result[blockBytes - 1] as number) ^ 0x87;
  return result;
}
