/** Deterministic authenticated encryption: equal inputs give equal outputs, and nothing else about them shows but the length. */
import { timingSafeEqual } from 'node:crypto';
import type { CipherName } from './block.ts';
import { blockBytes, blockCipher, doubled, xorInto } from './block.ts';
import { cmac } from './cmac.ts';

export const sivKeyBytes = 32;
export const sivTagBytes = blockBytes;

export interface Siv {
  /** V || C: 16 bytes of synthetic initialization vector, then as many bytes as the plaintext has. */
  seal(plaintext: Uint8Array, associated: readonly Uint8Array[]): Buffer;
  /** The plaintext, or null when the input was not sealed under this key with these associated data. */
  open(sealed: Uint8Array, associated: readonly Uint8Array[]): Buffer | null;
}

/**
 * SIV under a key of 32 bytes, the first half for S2V and the second for CTR; throws on another length. Source: RFC 5297, sections 2.4 to 2.7,
 * for AES-128. With SM4 it is the same construction over another cipher and no published standard.
 */
export function siv(name: CipherName, key: Uint8Array): Siv {
  if (key.length !== sivKeyBytes) throw new RangeError('siv takes a key of 32 bytes');
  const code = cmac(name, key.subarray(0, blockBytes));
  const encrypt = blockCipher(name, key.subarray(blockBytes));
  const ofZero = code(new Uint8Array(blockBytes));

  const vectorOf = (plaintext: Uint8Array, associated: readonly Uint8Array[]): Buffer => {
    let sum: Buffer = ofZero;
    for (const data of associated) {
      sum = doubled(sum);
      xorInto(sum, code(data));
    }
    if (plaintext.length >= blockBytes) {
      const text = Buffer.from(plaintext);
      xorInto(text, sum, text.length - blockBytes);
      return code(text);
    }
    const padded = doubled(sum);
    xorInto(padded, plaintext);
    padded[plaintext.length] = (padded[plaintext.length] as number) ^ 0x80;
    return code(padded);
  };

  /** CTR from the vector with the top bits of its last two words cleared: 2^31 blocks, more than memory has, change the last word alone. */
  const counted = (text: Uint8Array, vector: Uint8Array): Buffer => {
    const blocks = Math.ceil(text.length / blockBytes);
    const counters = Buffer.alloc(blocks * blockBytes);
    for (let block = 0; block < blocks; block += 1) {
      const at = block * blockBytes;
      counters.set(vector, at);
      counters[at + 8] = (counters[at + 8] as number) & 0x7f;
      counters[at + 12] = (counters[at + 12] as number) & 0x7f;
      counters.writeUInt32BE((counters.readUInt32BE(at + 12) + block) >>> 0, at + 12);
    }
    const stream = encrypt(counters).subarray(0, text.length);
    xorInto(stream, text);
    return stream;
  };

  return {
    seal(plaintext, associated) {
      const vector = vectorOf(plaintext, associated);
      return Buffer.concat([vector, counted(plaintext, vector)]);
    },
    open(sealed, associated) {
      if (sealed.length < sivTagBytes) return null;
      const vector = sealed.subarray(0, sivTagBytes);
      const plaintext = counted(sealed.subarray(sivTagBytes), vector);
      return timingSafeEqual(vectorOf(plaintext, associated), vector) ? plaintext : null;
    },
  };
}
