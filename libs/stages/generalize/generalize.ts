/** Replaces a value by a coarser one: a band of numbers or dates, the first characters of a code, or a date cut to its month or year. */
import { z } from 'zod';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import type { TypeModel } from '../../avro/index.ts';
import type { Decision, FieldAction, Lowering, PlannedField, Reference } from '../../govern/index.ts';
import { defineFieldStage, unfit } from '../../govern/index.ts';

const config = z.union([
  z.strictObject({
    band: z.number().positive().max(1e12).describe('Width of the band, in the units of the field, or in `unit` for a date'),
    unit: z.enum(['years', 'days']).optional().describe('For a date field: the unit of the width'),
  }),
  z.strictObject({ prefix: z.int().min(0).max(64).describe('Code points kept at the start of a text') }),
  z.strictObject({ date: z.enum(['year', 'month', 'day', 'hour']).describe('What a date or timestamp is cut to, in UTC') }),
]);
type GeneralizeConfig = z.infer<typeof config>;

const millisPerDay = 86_400_000;
const yearsMax = 1000;
const text: TypeModel = { kind: 'string' };

/** Source: GB/T 37964-2019, generalization (rounding, top and bottom coding). */
export const generalize = defineFieldStage<GeneralizeConfig>({
  name: 'generalize',
  version: 1,
  scope: 'field',
  summary: 'Replaces a value by a coarser one: a band, a prefix, or a cut date.',
  config,
  plan(field, settings) {
    if ('prefix' in settings) return planPrefix(field, settings.prefix);
    if ('date' in settings) return planDate(field, settings.date);
    return planBand(field, settings.band, settings.unit);
  },
});

type Planned = Result<{ action: FieldAction; decision: Decision }>;

interface Outcome {
  readonly lower: Lowering;
  readonly reference: Reference;
  readonly result: TypeModel;
  readonly width: 'fixed' | 'input';
  readonly happens: string;
  readonly lost: string;
}

function planned({ lower, reference, result, width, happens, lost }: Outcome): Planned {
  return ok({
    action: { kind: 'transform', result, width, lower, reference: () => reference },
    decision: {
      happens,
      reversible: 'no',
      informationLost: lost,
      lengthLeaked: false,
      clause: 'GB/T 37964-2019, generalization',
    },
  });
}

function planPrefix(field: PlannedField, prefix: number): Planned {
  if (field.type.kind !== 'string') return refusal(field, 'prefix needs a text');
  return planned({
    lower: { op: 'prefix', count: prefix },
    reference: (value) => (typeof value === 'string' ? [...value].slice(0, prefix).join('') : unfit),
    result: text,
    width: 'input',
    happens: `cut to its first ${prefix} characters`,
    lost: 'the characters behind',
  });
}

function planBand(field: PlannedField, band: number, unit: 'years' | 'days' | undefined): Planned {
  const { type } = field;
  if (type.kind === 'int' && type.logicalType === 'date') return planDateBand(field, type, band, unit);
  if (unit !== undefined) return refusal(field, 'unit is for dates');
  const { kind } = type;
  const rest = { width: 'fixed', happens: `rounded down to a multiple of ${band}`, lost: 'the value within the band' } as const;
  switch (kind) {
    case 'int':
    case 'long': {
      if (!Number.isSafeInteger(band)) return refusal(field, 'a band of integers takes a whole number');
      const reference = kind === 'int' ? intBand(band) : longBand(BigInt(band));
      return planned({ lower: { op: 'band', of: kind, width: band }, reference, result: { kind }, ...rest });
    }
    case 'float':
    case 'double':
      return planned({ lower: { op: 'band', of: kind, width: band }, reference: floatBand(band), result: { kind }, ...rest });
    default:
      return refusal(field, 'band needs a number or a date');
  }
}

function planDateBand(field: PlannedField, type: TypeModel, band: number, unit: 'years' | 'days' | undefined): Planned {
  if (!Number.isInteger(band)) return refusal(field, 'a band of dates takes a whole number');
  if (unit === undefined) return refusal(field, 'a band of dates takes a unit: years or days');
  if (unit === 'days') {
    return planned({
      lower: { op: 'band', of: 'int', width: band },
      reference: intBand(band),
      result: type,
      width: 'fixed',
      happens: `moved to the first day of its band of ${band} days`,
      lost: 'the day within the band',
    });
  }
  if (band > yearsMax) return refusal(field, `a band of years has at most ${yearsMax}`);
  return planned({
    lower: { op: 'year-band', years: band },
    reference: yearBand(band),
    result: text,
    width: 'fixed',
    happens: `replaced by its band of ${band} years, as "1980/1984"`,
    lost: 'the date within the band',
  });
}

const floatBand =
  (band: number): Reference =>
  (value) =>
    typeof value === 'number' && Number.isFinite(value) ? Math.floor(value / band) * band : unfit;

const intBand =
  (band: number): Reference =>
  (value) => {
    if (typeof value !== 'number') return unfit;
    const low = Math.floor(value / band) * band;
    return low < -0x8000_0000 ? unfit : low;
  };

const longBand =
  (band: bigint): Reference =>
  (value) => {
    if (typeof value !== 'bigint') return unfit;
    const rest = value % band;
    const low = value - (rest < 0n ? rest + band : rest);
    return BigInt.asIntN(64, low) === low ? low : unfit;
  };

/** Years before 1 and after 9999 have no four-digit form and do not fit. */
const yearBand =
  (band: number): Reference =>
  (value) => {
    if (typeof value !== 'number') return unfit;
    const year = new Date(value * millisPerDay).getUTCFullYear();
    if (!(year >= 1 && year <= 9999)) return unfit;
    const low = Math.floor(year / band) * band;
    const fourDigits = (number: number): string => String(number).padStart(4, '0');
    return `${fourDigits(low)}/${fourDigits(low + band - 1)}`;
  };

function planDate(field: PlannedField, to: 'year' | 'month' | 'day' | 'hour'): Planned {
  const { type } = field;
  const rest = { result: type, width: 'fixed', lost: `everything finer than the ${to}` } as const;
  if (type.kind === 'int' && type.logicalType === 'date') {
    if (to === 'hour') return refusal(field, 'a date has no hour');
    const reference: Reference = (value) => {
      const cut = typeof value === 'number' ? cutMillis(value * millisPerDay, to) : undefined;
      return cut === undefined ? unfit : cut / millisPerDay;
    };
    return planned({ lower: { op: 'date-cut', to, of: 'days' }, reference, happens: `cut to its ${to}`, ...rest });
  }
  const unit = type.kind === 'long' ? type.logicalType : undefined;
  if (unit !== 'timestamp-millis' && unit !== 'timestamp-micros') return refusal(field, 'date needs a date or a timestamp');
  const perMilli = unit === 'timestamp-millis' ? 1n : 1000n;
  const reference: Reference = (value) => {
    if (typeof value !== 'bigint') return unfit;
    const within = ((value % perMilli) + perMilli) % perMilli;
    const cut = cutMillis(Number((value - within) / perMilli), to);
    return cut === undefined ? unfit : BigInt(cut) * perMilli;
  };
  const of = unit === 'timestamp-millis' ? 'millis' : 'micros';
  return planned({ lower: { op: 'date-cut', to, of }, reference, happens: `cut to its ${to}, in UTC`, ...rest });
}

/** Milliseconds since the epoch at the start of the unit, or undefined outside the range of dates. */
function cutMillis(millis: number, to: 'year' | 'month' | 'day' | 'hour'): number | undefined {
  const date = new Date(millis);
  if (Number.isNaN(date.getTime())) return undefined;
  date.setUTCMinutes(0, 0, 0);
  if (to !== 'hour') date.setUTCHours(0);
  if (to === 'month' || to === 'year') date.setUTCDate(1);
  if (to === 'year') date.setUTCMonth(0);
  return Number.isNaN(date.getTime()) ? undefined : date.getTime();
}

const refusal = (field: PlannedField, why: string): Result<never> =>
  fail('plan-invalid', `generalize: ${why}, and this is ${field.type.kind}`, field.path);
