/** Emits the decision whether a value fits its rule, and what is computed on the way; the writing takes it from the result local. */
import type { AsciiRun, Lowering } from '../lowering.ts';
import type { TransformAction } from '../stage.ts';
import type { Code, Label } from '../../wasm/index.ts';
import type { Dates } from './dates.ts';
import type { Operand } from './operand.ts';

const daysMax = 100_000_000;
const millisMax = 8_640_000_000_000_000n;
const millisPerDay = 86_400_000n;
const millisPerHour = 3_600_000n;

/** Whether a value can be unfit for this lowering, one of the planned type. */
export const canBeUnfit = ({ lower }: TransformAction): boolean =>
  ['band', 'clamp', 'year-band', 'date-cut', 'fpe'].includes(lower.op) || (lower.op === 'token' && lower.pattern !== undefined);

/** Kind of the local that carries a result; undefined where there is none. */
export const resultLocal = ({ lower }: TransformAction): 'i64' | 'f64' | undefined => {
  if (lower.op === 'band' || lower.op === 'clamp') return lower.of === 'float' || lower.of === 'double' ? 'f64' : 'i64';
  return lower.op === 'year-band' || lower.op === 'date-cut' ? 'i64' : undefined;
};

/** Computes the result of a value that is not null; branches to `unfit` when the value does not fit. */
export function emitFit(c: Code, dates: Dates, { lower }: TransformAction, operand: Operand, result: number, unfit: Label): void {
  switch (lower.op) {
    case 'band':
      emitBand(c, lower, operand.value, result, unfit);
      return;
    case 'clamp':
      emitClamp(c, lower, operand.value, result, unfit);
      return;
    case 'year-band':
      emitYear(c, dates, operand.value, result, lower.years, unfit);
      return;
    case 'date-cut':
      emitDateCut(c, dates, operand.value, result, lower, unfit);
      return;
    case 'token':
      if (lower.pattern !== undefined) emitPattern(c, operand, lower.pattern, unfit);
      return;
    case 'fpe':
      emitFormat(c, operand, lower, unfit);
      return;
    default:
  }
}

function emitBand(c: Code, lower: Extract<Lowering, { op: 'band' }>, value: number, result: number, unfit: Label): void {
  const nearest = lower.nearest === true;
  if (lower.of === 'float' || lower.of === 'double') {
    c.get(value).op('f64.abs').f64(Number.POSITIVE_INFINITY).op('f64.lt', 'i32.eqz').brIf(unfit);
    // Adding nothing makes a zero of a negative zero.
    c.get(value)
      .f64(lower.width)
      .op('f64.div')
      .f64(nearest ? 0.5 : 0)
      .op('f64.add', 'f64.floor')
      .f64(lower.width)
      .op('f64.mul')
      .set(result);
    if (lower.of === 'float') c.get(result).op('f32.demote_f64', 'f64.promote_f32').set(result);
    c.get(result).op('f64.abs').f64(Number.POSITIVE_INFINITY).op('f64.lt', 'i32.eqz').brIf(unfit);
    return;
  }
  const width = BigInt(lower.width);
  c.get(value).set(result);
  emitFloorTo(c, result, width, unfit);
  if (nearest) {
    const rest = c.local('i64');
    // Twice the rest against the width without leaving the longs: the rest against what is left of the width.
    c.get(value).get(result).op('i64.sub').set(rest);
    c.get(rest).i64(width).get(rest).op('i64.sub', 'i64.ge_s');
    c.if(() => {
      c.get(result).i64(width).op('i64.add').set(rest);
      c.get(rest).get(result).op('i64.lt_s').brIf(unfit);
      c.get(rest).set(result);
    });
    c.release('i64', rest);
  }
  if (lower.of === 'int')
    c.get(result).i64(-0x8000_0000n).op('i64.lt_s').get(result).i64(0x7fff_ffffn).op('i64.gt_s', 'i32.or').brIf(unfit);
}

function emitClamp(
  c: Code,
  { of, low, high }: Extract<Lowering, { op: 'clamp' }>,
  value: number,
  result: number,
  unfit: Label,
): void {
  c.get(value).set(result);
  if (of === 'float' || of === 'double') {
    c.get(value).get(value).op('f64.ne').brIf(unfit);
    if (low !== undefined)
      c.get(value)
        .f64(low)
        .op('f64.lt')
        .if(() => c.f64(low).set(result));
    if (high !== undefined)
      c.get(value)
        .f64(high)
        .op('f64.gt')
        .if(() => c.f64(high).set(result));
    return;
  }
  if (low !== undefined)
    c.get(value)
      .i64(BigInt(low))
      .op('i64.lt_s')
      .if(() => c.i64(BigInt(low)).set(result));
  if (high !== undefined)
    c.get(value)
      .i64(BigInt(high))
      .op('i64.gt_s')
      .if(() => c.i64(BigInt(high)).set(result));
}

/** Rounds an i64 local down to a multiple of a positive constant; unfit when that leaves the longs. */
function emitFloorTo(c: Code, value: number, width: bigint, unfit: Label): void {
  const rest = c.local('i64');
  c.get(value).i64(width).op('i64.rem_s').set(rest);
  c.get(rest)
    .i64(0n)
    .op('i64.lt_s')
    .if(() => c.get(rest).i64(width).op('i64.add').set(rest));
  c.get(value).get(value).get(rest).op('i64.sub').set(rest);
  c.get(rest).op('i64.lt_s').brIf(unfit);
  c.get(rest).set(value);
  c.release('i64', rest);
}

/** Puts the days into an i32 local; unfit outside of what dates can be. */
function emitDays(c: Code, value: number, days: number, unfit: Label): void {
  c.get(value).i64(BigInt(daysMax)).op('i64.gt_s').get(value).i64(BigInt(-daysMax)).op('i64.lt_s', 'i32.or').brIf(unfit);
  c.get(value).op('i32.wrap_i64').set(days);
}

function emitYear(c: Code, dates: Dates, value: number, result: number, years: number, unfit: Label): void {
  const days = c.local('i32');
  emitDays(c, value, days, unfit);
  c.get(days).call(dates.year).set(days);
  c.get(days).i32(1).op('i32.lt_s').get(days).i32(9999).op('i32.gt_s', 'i32.or').brIf(unfit);
  c.get(days).i32(years).op('i32.div_s').i32(years).op('i32.mul', 'i64.extend_i32_s').set(result);
  c.release('i32', days);
}

function emitDateCut(
  c: Code,
  dates: Dates,
  value: number,
  result: number,
  lower: Extract<Lowering, { op: 'date-cut' }>,
  unfit: Label,
): void {
  const days = c.local('i32');
  c.get(value).set(result);
  if (lower.of === 'days') emitDays(c, value, days, unfit);
  else {
    if (lower.of === 'micros') emitFloorDivide(c, result, 1000n);
    c.get(result).i64(millisMax).op('i64.gt_s').get(result).i64(-millisMax).op('i64.lt_s', 'i32.or').brIf(unfit);
    if (lower.to === 'hour') emitFloorTo(c, result, millisPerHour, unfit);
    else {
      emitFloorDivide(c, result, millisPerDay);
      c.get(result).op('i32.wrap_i64').set(days);
    }
  }
  if (lower.to !== 'hour') {
    if (lower.to === 'month') c.get(days).i32(1).op('i32.add').get(days).call(dates.dayOfMonth).op('i32.sub').set(days);
    if (lower.to === 'year') c.get(days).call(dates.year).call(dates.yearStart).set(days);
    c.get(days).i32(-daysMax).op('i32.lt_s').brIf(unfit);
    c.get(days).op('i64.extend_i32_s').set(result);
    if (lower.of !== 'days') c.get(result).i64(millisPerDay).op('i64.mul').set(result);
  }
  if (lower.of === 'micros') c.get(result).i64(1000n).op('i64.mul').set(result);
  c.release('i32', days);
}

/** Replaces an i64 local by its floor division by a positive constant. */
function emitFloorDivide(c: Code, value: number, by: bigint): void {
  c.get(value)
    .i64(by)
    .op('i64.div_s')
    .get(value)
    .i64(by)
    .op('i64.rem_s')
    .i64(0n)
    .op('i64.lt_s', 'i64.extend_i32_u', 'i64.sub')
    .set(value);
}

/** The text must be exactly these runs of ASCII characters. */
function emitPattern(c: Code, { start, length }: Operand, pattern: readonly AsciiRun[], unfit: Label): void {
  const [p, byte, left] = [c.local('i32'), c.local('i32'), c.local('i32')];
  const total = pattern.reduce((sum, { count }) => sum + count, 0);
  c.get(length).i32(total).op('i32.ne').brIf(unfit);
  c.get(start).set(p);
  for (const { allowed, count } of pattern) {
    if (count === 0) continue;
    c.i32(count).set(left);
    c.loop((again) => {
      c.get(p).load('i32.load8_u').tee(byte).i32(0x80).op('i32.ge_u').brIf(unfit);
      c.i64(allowed & 0xffff_ffff_ffff_ffffn)
        .i64(allowed >> 64n)
        .get(byte)
        .i32(64)
        .op('i32.lt_u', 'select');
      c.get(byte).i32(63).op('i32.and', 'i64.extend_i32_u', 'i64.shr_u').i64(1n).op('i64.and', 'i64.eqz').brIf(unfit);
      c.get(p).i32(1).op('i32.add').set(p);
      c.get(left).i32(1).op('i32.sub').tee(left).brIf(again);
    });
  }
  for (const local of [p, byte, left]) c.release('i32', local);
}

/** Weights of GB 11643, and what the check character is by the weighted sum modulo 11. */
const residentWeights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/** Digits alone, so many as are encrypted beside the kept ones and the check character, and that one right. */
function emitFormat(c: Code, { start, length }: Operand, lower: Extract<Lowering, { op: 'fpe' }>, unfit: Label): void {
  const { first, check, digitsMin, digitsMax } = lower;
  const kept = first + (check === 'none' ? 0 : 1);
  const [p, stop, digit, sum] = [c.local('i32'), c.local('i32'), c.local('i32'), c.local('i32')];
  c.get(length)
    .i32(kept + digitsMin)
    .op('i32.lt_u')
    .get(length)
    .i32(kept + digitsMax)
    .op('i32.gt_u', 'i32.or')
    .brIf(unfit);
  // The resident number's last character may be an X; a Luhn digit is one of the digits.
  c.get(start).get(length).op('i32.add');
  if (check === 'mod11-2') c.i32(1).op('i32.sub');
  c.set(stop);
  c.get(start).set(p);
  c.i32(0).set(sum);
  c.loop((next) => {
    c.get(p).load('i32.load8_u').i32(0x30).op('i32.sub').tee(digit).i32(9).op('i32.gt_u').brIf(unfit);
    if (check === 'luhn') {
      // Every second digit from the right counts twice, its own digits summed.
      c.get(digit).get(stop).get(p).op('i32.sub').i32(1).op('i32.and', 'i32.eqz', 'i32.shl').tee(digit);
      c.get(digit).i32(9).op('i32.gt_u').i32(9).op('i32.mul', 'i32.sub').get(sum).op('i32.add').set(sum);
    }
    c.get(p).i32(1).op('i32.add').tee(p).get(stop).op('i32.lt_u').brIf(next);
  });
  if (check === 'luhn') c.get(sum).i32(10).op('i32.rem_s').brIf(unfit);
  if (check === 'mod11-2') {
    c.i32(0);
    residentWeights.forEach((weight, at) =>
      c.get(start).load('i32.load8_u', at).i32(0x30).op('i32.sub').i32(weight).op('i32.mul', 'i32.add'),
    );
    c.i32(11).op('i32.rem_s').set(sum);
    // 10X98765432: 12 less the sum, for 0 and 1 it is 1 and 0, for 2 it is X.
    c.get(stop).load('i32.load8_u').set(digit);
    c.i32(12).get(sum).op('i32.sub').i32(11).op('i32.rem_s').i32(0x30).op('i32.add').set(sum);
    c.get(sum).i32(0x3a).op('i32.eq');
    c.if(
      () => c.get(digit).i32(0x20).op('i32.or').i32(0x78).op('i32.ne').brIf(unfit),
      () => c.get(digit).get(sum).op('i32.ne').brIf(unfit),
    );
  }
  for (const local of [p, stop, digit, sum]) c.release('i32', local);
}
