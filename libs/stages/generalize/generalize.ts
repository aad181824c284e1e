/** Replaces a value by a coarser one: a band of numbers or dates, the first characters of a code, or a date cut to its month or year. */
import { z } from 'zod';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import type { TypeModel } from '../../avro/index.ts';
import type { Decision, FieldAction, PlannedField, Reference } from '../../govern/index.ts';
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

function planned(reference: Reference, result: TypeModel, width: 'fixed' | 'input', happens: string, lost: string): Planned {
  return ok({
    action: { kind: 'transform', result, width, reference: () => reference },
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
  const reference: Reference = (value) => (typeof value === 'string' ? [...value].slice(0, prefix).join('') : unfit);
  return planned(reference, text, 'input', `cut to its first ${prefix} characters`, 'the characters behind');
}

function planBand(field: PlannedField, band: number, unit: 'years' | 'days' | undefined): Planned {
  const { type } = field;
  if (type.kind === 'int' && type.logicalType === 'date') {
    if (!Number.isInteger(band)) return refusal(field, 'a band of dates takes a whole number');
    if (unit === undefined) return refusal(field, 'a band of dates takes a unit: years or days');
    if (unit === 'years') {
      return planned(
        yearBand(band),
        text,
        'fixed',
        `replaced by its band of ${band} years, as "1980/1984"`,
        'the date within the band',
      );
    }
    const reference: Reference = (value) => (typeof value === 'number' ? Math.floor(value / band) * band : unfit);
    return planned(reference, type, 'fixed', `moved to the first day of its band of ${band} days`, 'the day within the band');
  }
  if (unit !== undefined) return refusal(field, 'unit is for dates');
  const happens = `rounded down to a multiple of ${band}`;
  switch (type.kind) {
    case 'int':
    case 'long': {
      if (!Number.isSafeInteger(band)) return refusal(field, 'a band of integers takes a whole number');
      const plain: TypeModel = { kind: type.kind };
      return planned(
        type.kind === 'int' ? intBand(band) : longBand(BigInt(band)),
        plain,
        'fixed',
        happens,
        'the value within the band',
      );
    }
    case 'float':
    case 'double': {
      const reference: Reference = (value) =>
        typeof value === 'number' && Number.isFinite(value) ? Math.floor(value / band) * band : unfit;
      return planned(reference, { kind: type.kind }, 'fixed', happens, 'the value within the band');
    }
    default:
      return refusal(field, 'band needs a number or a date');
  }
}

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
  const lost = `everything finer than the ${to}`;
  if (type.kind === 'int' && type.logicalType === 'date') {
    if (to === 'hour') return refusal(field, 'a date has no hour');
    const reference: Reference = (value) => {
      const cut = typeof value === 'number' ? cutMillis(value * millisPerDay, to) : undefined;
      return cut === undefined ? unfit : cut / millisPerDay;
    };
    return planned(reference, type, 'fixed', `cut to its ${to}`, lost);
  }
  const unit = type.kind === 'long' ? type.logicalType : undefined;
  const perMilli = unit === 'timestamp-millis' ? 1n : unit === 'timestamp-micros' ? 1000n : 0n;
  if (perMilli === 0n) return refusal(field, 'date needs a date or a timestamp');
  const reference: Reference = (value) => {
    if (typeof value !== 'bigint') return unfit;
    const within = ((value % perMilli) + perMilli) % perMilli;
    const cut = cutMillis(Number((value - within) / perMilli), to);
    return cut === undefined ? unfit : BigInt(cut) * perMilli;
  };
  return planned(reference, type, 'fixed', `cut to its ${to}, in UTC`, lost);
}

/** Milliseconds since the epoch at the start of the unit, or undefined outside the range of dates. */
function cutMillis(millis: number, to: 'year' | 'month' | 'day' | 'hour'): number | undefined {
  const date = new Date(millis);
  if (Number.isNaN(date.getTime())) return undefined;
  date.setUTCMinutes(0, 0, 0);
  if (to !== 'hour') date.setUTCHours(0);
  if (to === 'month' || to === 'year') date.setUTCDate(1);
  if (to === 'year') date.setUTCMonth(0);
  return date.getTime();
}

const refusal = (field: PlannedField, why: string): Result<never> =>
  fail('plan-invalid', `generalize: ${why}, and this is ${field.type.kind}`, field.path);
