/** Replaces a number or a date by the start of the band that it lies in. */
import { z } from 'zod';
import type { Result } from '../../base/index.ts';
import { ok } from '../../base/index.ts';
import type { Decision, FieldAction, PlannedField, Reference } from '../../govern/index.ts';
import { defineFieldStage, unfit } from '../../govern/index.ts';
import { coarserMultiple, toMultiple } from '../multiples.ts';
import { dateUnit, numberKind, refusal, text } from '../planning.ts';

const config = z.strictObject({
  width: z.number().positive().max(1e12).describe('Width of the band, in the units of the field, or in `unit` for a date'),
  unit: z.enum(['years', 'days']).optional().describe('For a date field alone: the unit of the width'),
});
type BandConfig = z.infer<typeof config>;

const millisPerDay = 86_400_000;
const yearsMax = 1000;
const stage = 'band';

/**
 * A number becomes the lower end of its band, the bands counted from zero. A date becomes the first day of its band of days, counted from
 * 1970-01-01, or the text of its band of years, as `1980/1984`. Source: GB/T 37964-2019, generalization (rounding).
 */
export const band = defineFieldStage<BandConfig>({
  name: stage,
  version: 1,
  scope: 'field',
  summary: 'Replaces a number or a date by the band that it lies in.',
  facts: {
    reversible: 'no: the place within the band is gone',
    bias: 'numbers are low by half a band on average; a band of years has none for counts by band',
    informationLoss: 'the value within the band',
    cost: 'a few nanoseconds; inside the walk',
  },
  config,
  plan(field, { width, unit }) {
    if (dateUnit(field.type) === 'days') return planDates(field, width, unit);
    if (unit !== undefined) return refusal(stage, field, 'unit is for dates');
    const kind = numberKind(field.type);
    if (kind === undefined) return refusal(stage, field, 'it needs a number or a date');
    if ((kind === 'int' || kind === 'long') && !Number.isSafeInteger(width))
      return refusal(stage, field, 'a band of integers takes a whole number');
    return planned({
      lower: { op: 'band', of: kind, width },
      reference: toMultiple(kind, width, 'down'),
      result: { kind },
      happens: `rounded down to a multiple of ${width}`,
      lost: 'the value within the band',
    });
  },
  atLeast(mine, { own, stage: name }, field) {
    // Every cut of a date keeps its year, and refuses what has no year of four digits anyway.
    if (name === 'date-truncate' && mine.unit === 'years') return 'yes';
    if (own === undefined || mine.unit !== own.unit) return 'incomparable';
    if (mine.unit === 'years') return mine.width % own.width === 0 ? 'yes' : 'no';
    return coarserMultiple(numberKind(field.type), mine.width, own.width, 'down');
  },
});

interface Outcome extends Pick<FieldAction & { kind: 'transform' }, 'lower' | 'result'> {
  readonly reference: Reference;
  readonly happens: string;
  readonly lost: string;
}

function planned({ lower, reference, result, happens, lost }: Outcome): Result<Planned> {
  return ok({
    action: { kind: 'transform', result, width: 'fixed', lower, reference: () => reference },
    decision: {
      happens,
      reversible: 'no',
      informationLost: lost,
      lengthLeaked: false,
      clause: 'GB/T 37964-2019, generalization',
    },
  });
}

interface Planned {
  action: FieldAction;
  decision: Decision;
}

function planDates(field: PlannedField, width: number, unit: BandConfig['unit']): Result<Planned> {
  if (!Number.isInteger(width)) return refusal(stage, field, 'a band of dates takes a whole number');
  if (unit === undefined) return refusal(stage, field, 'a band of dates takes a unit: years or days');
  if (unit === 'days') {
    return planned({
      lower: { op: 'band', of: 'int', width },
      reference: toMultiple('int', width, 'down'),
      result: field.type,
      happens: `moved to the first day of its band of ${width} days`,
      lost: 'the day within the band',
    });
  }
  if (width > yearsMax) return refusal(stage, field, `a band of years has at most ${yearsMax}`);
  return planned({
    lower: { op: 'year-band', years: width },
    reference: yearBand(width),
    result: text,
    happens: `replaced by its band of ${width} years, as "1980/1984"`,
    lost: 'the date within the band',
  });
}

/** Years before 1 and after 9999 have no four-digit form and do not fit. */
const yearBand =
  (width: number): Reference =>
  (value) => {
    if (typeof value !== 'number') return unfit;
    const year = new Date(value * millisPerDay).getUTCFullYear();
    if (!(year >= 1 && year <= 9999)) return unfit;
    const low = Math.floor(year / width) * width;
    const fourDigits = (number: number): string => String(number).padStart(4, '0');
    return `${fourDigits(low)}/${fourDigits(low + width - 1)}`;
  };
