/** Emits the checks of governed fields: they may refuse the record, and keep their results in locals for the writing. */
import type { TypeModel } from '../../avro/index.ts';
import type { AsciiRun, Lowering } from '../lowering.ts';
import type { FieldPlan, TransformAction } from '../stage.ts';
import type { Code, Label } from './code.ts';
import type { Dates } from './dates.ts';
import type { Kernel } from './kernel.ts';
import type { Slot } from './scan.ts';

export interface ActionContext {
  readonly c: Code;
  readonly kernel: Kernel;
  readonly dates: Dates;
  /** Local: where the next byte is written. */
  readonly out: number;
  /** Appends a gather entry for a token: source, length, destination. Leaves nothing on the stack. */
  gather(source: number, length: number, destination: number): void;
}

/** One transform at one field, with the locals that carry its results from the checks to the writing. */
export interface FieldCode {
  readonly plan: FieldPlan & { readonly action: TransformAction };
  readonly slot: Slot;
  /** Branch index of null in the writer's union; -1 where the field is no union. */
  readonly nullBranch: number;
  /** Whether the result is a union with null first. */
  readonly optional: boolean;
  /** Bytes of the constant of `else`, when there is one. */
  readonly constant: Uint8Array | undefined;
  /** i32: first byte of the value, behind the union index. */
  readonly value: number;
  /** i32: 1 when the value is null; -1 for no local. */
  readonly isNull: number;
  /** i32: 1 when `else` takes the value's place; -1 for no local. */
  readonly isUnfit: number;
  /** i64 or f64 result of the checks; -1 for none. */
  readonly result: number;
  /** i32 local of the first byte of the written text, for a key that repeats it. */
  readonly textStart: number;
}

const daysMax = 100_000_000;
const millisMax = 8_640_000_000_000_000n;
const millisPerDay = 86_400_000n;
const millisPerHour = 3_600_000n;

/** Whether a value can be unfit for this lowering. */
export const canBeUnfit = ({ lower }: TransformAction): boolean =>
  lower.op === 'band' ||
  lower.op === 'year-band' ||
  lower.op === 'date-cut' ||
  (lower.op === 'token' && lower.pattern !== undefined);

/** Kind of the local that carries a result. */
export const resultLocal = ({ lower }: TransformAction): 'i64' | 'f64' | undefined => {
  if (lower.op === 'band') return lower.of === 'float' || lower.of === 'double' ? 'f64' : 'i64';
  return lower.op === 'year-band' || lower.op === 'date-cut' ? 'i64' : undefined;
};

/** Emits the checks of a field. A value that does not fit goes to `refuse`, unless the rule has an `else`. */
export function emitCheck(context: ActionContext, field: FieldCode, refuse: Label): void {
  const { c, kernel } = context;
  const { slot, nullBranch, isNull, isUnfit, value } = field;
  c.get(slot.start).set(value);
  if (isUnfit >= 0) c.i32(0).set(isUnfit);
  c.block((done) => {
    if (nullBranch >= 0) {
      c.get(slot.start).get(slot.end).call(kernel.readInt).i32(nullBranch).op('i32.eq').set(isNull);
      c.globalGet(kernel.position).set(value);
      c.get(isNull).brIf(done);
    }
    if (!canBeUnfit(field.plan.action)) return;
    c.block((unfit) => {
      emitFit(context, field, unfit);
      c.br(done);
    });
    if (isUnfit >= 0) c.i32(1).set(isUnfit);
    else c.br(refuse);
  });
}

/** Computes the result; branches to `unfit` when the value does not fit. */
function emitFit(context: ActionContext, field: FieldCode, unfit: Label): void {
  const { c, kernel } = context;
  const { value, slot, result } = field;
  const { lower } = field.plan.action;
  switch (lower.op) {
    case 'band':
      if (lower.of === 'float' || lower.of === 'double') {
        if (lower.of === 'float') c.get(value).load('f32.load').op('f64.promote_f32').set(result);
        else c.get(value).load('f64.load').set(result);
        c.get(result).op('f64.abs').f64(Number.POSITIVE_INFINITY).op('f64.lt', 'i32.eqz').brIf(unfit);
        c.get(result).f64(lower.width).op('f64.div', 'f64.floor').f64(lower.width).op('f64.mul').set(result);
      } else {
        if (lower.of === 'int') c.get(value).get(slot.end).call(kernel.readInt).op('i64.extend_i32_s').set(result);
        else c.get(value).get(slot.end).call(kernel.readLong).set(result);
        emitFloorTo(c, result, BigInt(lower.width), unfit);
        if (lower.of === 'int') c.get(result).i64(-0x8000_0000n).op('i64.lt_s').brIf(unfit);
      }
      return;
    case 'year-band':
      emitYear(context, field, lower.years, unfit);
      return;
    case 'date-cut':
      emitDateCut(context, field, lower, unfit);
      return;
    case 'token':
      emitPattern(context, field, lower.pattern ?? [], unfit);
      return;
    default:
      throw new Error(`emitFit: ${lower.op} always fits`);
  }
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

function emitYear(context: ActionContext, { value, slot, result }: FieldCode, years: number, unfit: Label): void {
  const { c, kernel, dates } = context;
  const days = c.local('i32');
  c.get(value).get(slot.end).call(kernel.readInt).set(days);
  c.get(days).i32(daysMax).op('i32.gt_s').get(days).i32(-daysMax).op('i32.lt_s', 'i32.or').brIf(unfit);
  c.get(days).call(dates.year).set(days);
  c.get(days).i32(1).op('i32.lt_s').get(days).i32(9999).op('i32.gt_s', 'i32.or').brIf(unfit);
  c.get(days).i32(years).op('i32.div_s').i32(years).op('i32.mul', 'i64.extend_i32_s').set(result);
  c.release('i32', days);
}

function emitDateCut(
  context: ActionContext,
  { value, slot, result }: FieldCode,
  lower: Extract<Lowering, { op: 'date-cut' }>,
  unfit: Label,
): void {
  const { c, kernel, dates } = context;
  const days = c.local('i32');
  if (lower.of === 'days') {
    c.get(value).get(slot.end).call(kernel.readInt).set(days);
    c.get(days).i32(daysMax).op('i32.gt_s').get(days).i32(-daysMax).op('i32.lt_s', 'i32.or').brIf(unfit);
  } else {
    c.get(value).get(slot.end).call(kernel.readLong).set(result);
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
function emitPattern(context: ActionContext, { value, slot }: FieldCode, pattern: readonly AsciiRun[], unfit: Label): void {
  const { c, kernel } = context;
  const [p, byte, left] = [c.local('i32'), c.local('i32'), c.local('i32')];
  const total = pattern.reduce((sum, { count }) => sum + count, 0);
  c.get(value).get(slot.end).call(kernel.readLength).i32(total).op('i32.ne').brIf(unfit);
  c.globalGet(kernel.position).set(p);
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

/** Branch index of null in a union, -1 for any other type or a union without it. */
export const nullBranchOf = (type: TypeModel): number =>
  type.kind === 'union' ? type.branches.findIndex(({ kind }) => kind === 'null') : -1;
