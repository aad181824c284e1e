/** Numbers to multiples of a width: rounded down, which makes bands, or to the nearest. */
import type { Reference } from '../govern/index.ts';
import { unfit } from '../govern/index.ts';
import type { NumberKind } from './planning.ts';

export type Rounding = 'down' | 'nearest';

const intMin = -0x8000_0000;
const intMax = 0x7fff_ffff;

/**
 * The function over decoded values of a kind; a number of another kind, one that is not finite, and a result outside of the
 * kind do not fit.
 * Halves go up. `width` is positive, and whole for int and long.
 */
export function toMultiple(kind: NumberKind, width: number, rounding: Rounding): Reference {
  switch (kind) {
    case 'int':
      return intMultiple(width, rounding);
    case 'long':
      return longMultiple(BigInt(width), rounding);
    case 'float':
    case 'double':
      return floatMultiple(kind, width, rounding);
  }
}

const intMultiple =
  (width: number, rounding: Rounding): Reference =>
  (value) => {
    if (typeof value !== 'number') return unfit;
    const low = Math.floor(value / width) * width;
    const result = rounding === 'nearest' && (value - low) * 2 >= width ? low + width : low;
    return result < intMin || result > intMax ? unfit : result;
  };

const longMultiple =
  (width: bigint, rounding: Rounding): Reference =>
  (value) => {
    if (typeof value !== 'bigint') return unfit;
    const rest = ((value % width) + width) % width;
    const low = value - rest;
    const result = rounding === 'nearest' && rest * 2n >= width ? low + width : low;
    // The lower multiple is looked at also where the upper one is nearer: every engine counts from there.
    return isLong(low) && isLong(result) ? result : unfit;
  };

const isLong = (value: bigint): boolean => BigInt.asIntN(64, value) === value;

/**
 * The nearest multiple is the floor of the quotient plus a half; where that sum rounds up, which takes a quotient next below a half or beyond
 * 2^52, so does the result.
 */
const floatMultiple =
  (kind: 'float' | 'double', width: number, rounding: Rounding): Reference =>
  (value) => {
    if (typeof value !== 'number' || !Number.isFinite(value)) return unfit;
    const result = Math.floor(value / width + (rounding === 'nearest' ? 0.5 : 0)) * width;
    return Number.isFinite(kind === 'float' ? Math.fround(result) : result) ? result : unfit;
  };
