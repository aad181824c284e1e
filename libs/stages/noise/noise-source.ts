/** Two-sided geometric noise that is a function of a key and of where a value stands. */
import { createHmac, createSecretKey } from 'node:crypto';
import type { ValueContext } from '../../govern/index.ts';

/** Bits of a uniform draw: as many as a double holds exactly. */
const drawBits = 53n;

/**
 * Whole numbers with P(k) proportional to exp(-decay |k|): the difference of two geometric ones, each the logarithm of a uniform draw of 53
 * bits from HMAC-SHA256 over partition (4 bytes), offset (8), occurrence (4), all big-endian, and the path. Source: Devroye 1986, chapter X.2.
 */
export function noiseSource(key: Uint8Array, path: string, decay: number): (at: ValueContext) => number {
  const secret = createSecretKey(key);
  const place = Buffer.concat([Buffer.alloc(16), Buffer.from(path, 'utf8')]);
  return ({ partition, offset, occurrence }) => {
    place.writeInt32BE(partition | 0, 0);
    place.writeBigInt64BE(BigInt.asIntN(64, offset), 4);
    place.writeUInt32BE(occurrence >>> 0, 12);
    const digest = createHmac('sha256', secret).update(place).digest();
    return geometric(digest.readBigUInt64BE(0), decay) - geometric(digest.readBigUInt64BE(8), decay);
  };
}

/** Of a draw in (0, 1] so that its logarithm is finite. */
function geometric(bits: bigint, decay: number): number {
  const uniform = (Number(bits >> (64n - drawBits)) + 1) / 2 ** Number(drawBits);
  return Math.floor(-Math.log(uniform) / decay);
}
