/** The cipher-based message authentication code. */
import type { CipherName } from './block.ts';
import { blockBytes, blockCipher, doubled, xorInto } from './block.ts';

/** The 16-byte code of a message of any length. */
export type Cmac = (message: Uint8Array) => Buffer;

/** The one bit behind a message that ends inside of a block; zeros follow. */
const paddingStart = Uint8Array.of(0x80);

/** CMAC under a key of 16 bytes; throws on another length. Source: RFC 4493 (AES-CMAC), section 2.4; NIST SP 800-38B. */
export function cmac(name: CipherName, key: Uint8Array): Cmac {
  const encrypt = blockCipher(name, key);
  const wholeKey = doubled(encrypt(new Uint8Array(blockBytes)));
  const paddedKey = doubled(wholeKey);
  return (message) => {
    const lastStart = Math.max(0, Math.ceil(message.length / blockBytes) - 1) * blockBytes;
    let state: Uint8Array = new Uint8Array(blockBytes);
    for (let at = 0; at < lastStart; at += blockBytes) {
      xorInto(state, message.subarray(at, at + blockBytes));
      state = encrypt(state);
    }
    const last = message.subarray(lastStart);
    xorInto(state, last);
    if (last.length === blockBytes) xorInto(state, wholeKey);
    else {
      xorInto(state, paddingStart, last.length);
      xorInto(state, paddedKey);
    }
    return encrypt(state);
  };
}
