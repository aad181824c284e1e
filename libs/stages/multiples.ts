/** Numbers to multiples of a width: rounded down, which makes bands, or to the nearest. */
import type { AtLeast, Reference } from '../govern/index.ts';
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

/**
 * Whether multiples of `width` are a function of multiples of `other`. Rounded down, the wider bands are made of whole narrower ones; to the nearest,
 * only where an odd number of them makes one, since 45 and 54 are both 50 to the nearest ten and 0 and 100 to the nearest hundred; of longs not even
 * then, at their lower end. Of fractional numbers only equal widths are compared: quotients are rounded, so that a value beside a border may be on
 * one side of it for one width alone.
 */
export function coarserMultiple(kind: NumberKind | undefined, width: number, other: number, rounding: Rounding): AtLeast {
  if (width === other) return 'yes';
  if (kind !== 'int' && kind !== 'long') return 'incomparable';
  if (width % other !== 0) return width < other ? 'no' : 'incomparable';
  if (rounding === 'down') return 'yes';
  return kind === 'int' && (width / other) % 2 === 1 && refusesEnds(width, other) ? 'yes' : 'incomparable';
}

/** Whether an int that has no nearest multiple of `other` within the type has none of `width` either: such values are at its ends. */
function refusesEnds(width: number, other: number): boolean {
  const [first, next] = [Math.floor(intMin / other) * other, Math.floor(intMax / other) * other];
  const half = Math.ceil(other / 2);
  const [lowest, highest] = [first < intMin ? first + half - 1 : intMin - 1, next + half];
  const nearest = toMultiple('int', width, 'nearest');
  const refuses = (value: number): boolean => nearest(value, nowhere) === unfit;
  return (lowest < intMin || refuses(lowest)) && (highest > intMax || refuses(highest));
}

const nowhere = { partition: 0, offset: 0n, occurrence: 0, subject: null };
