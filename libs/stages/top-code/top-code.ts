/** Cuts off the extremes, which single persons out: values above a bound become the bound, and so below another. */
import { z } from 'zod';
import type { Result } from '../../base/index.ts';
import { ok } from '../../base/index.ts';
import type { Lowering, PlannedField, Reference } from '../../govern/index.ts';
import { defineFieldStage, unfit } from '../../govern/index.ts';
import type { DateUnit, NumberKind } from '../planning.ts';
import { dateUnit, numberKind, refusal } from '../planning.ts';

const stage = 'top-code';

const bound = z.union([z.number(), z.iso.date()]).optional();
const config = z
  .strictObject({
    low: bound.describe('Values below become this: a number, or for a date or timestamp a day as 1930-01-01'),
    high: bound.describe('Values above become this'),
  })
  .refine(({ low, high }) => low !== undefined || high !== undefined, 'low, high or both are needed');
type Bound = z.infer<typeof bound>;

const kindBounds: Readonly<Record<NumberKind, number>> = {
  int: 0x7fff_ffff,
  long: Number.MAX_SAFE_INTEGER,
  float: 3.402_823_466_385_288_6e38,
  double: Number.MAX_VALUE,
};

/**
 * The type stays. NaN does not fit; infinities are cut as any other value. A day as a bound of a timestamp is its first moment in UTC.
 * Source: GB/T 37964-2019, generalization (top and bottom coding).
 */
export const topCode = defineFieldStage<z.infer<typeof config>>({
  name: stage,
  version: 1,
  scope: 'field',
  summary: 'Replaces values beyond a bound by the bound, such as ages over 89.',
  facts: {
    reversible: 'no: how far beyond a value was is gone',
    bias: 'means move toward the middle; medians and counts within the bounds stay',
    informationLoss: 'the order and size of what lies beyond the bounds',
    cost: 'a few nanoseconds; inside the walk',
  },
  config,
  plan(field, { low, high }) {
    const kind = numberKind(field.type);
    if (kind === undefined) return refusal(stage, field, 'it needs a number, a date or a timestamp');
    const [lowest, highest] = [boundOf(field, kind, low), boundOf(field, kind, high)];
    if (!lowest.ok) return lowest;
    if (!highest.ok) return highest;
    const bounds = {
      ...(lowest.value === undefined ? {} : { low: lowest.value }),
      ...(highest.value === undefined ? {} : { high: highest.value }),
    };
    if (bounds.low !== undefined && bounds.high !== undefined && bounds.low > bounds.high)
      return refusal(stage, field, 'low is above high');
    return ok({
      action: {
        kind: 'transform',
        result: field.type,
        width: 'fixed',
        lower: { op: 'clamp', of: kind, ...bounds },
        reference: () => clamped({ op: 'clamp', of: kind, ...bounds }),
      },
      decision: {
        happens: [low === undefined ? '' : `at least ${low}`, high === undefined ? '' : `at most ${high}`]
          .filter(Boolean)
          .join(', '),
        reversible: 'no',
        informationLost: 'how far beyond the bound a value was',
        lengthLeaked: false,
        clause: 'GB/T 37964-2019, generalization (top and bottom coding)',
      },
    });
  },
  atLeast(mine, { own }) {
    if (own === undefined) return 'incomparable';
    return isWithin(mine.low, own.low, 1) && isWithin(mine.high, own.high, -1) ? 'yes' : 'no';
  },
});

/** Whether a bound lies on the inner side of another one, or on it. Days are compared as texts: their form has one length. */
function isWithin(mine: Bound, other: Bound, inward: 1 | -1): boolean {
  if (other === undefined) return true;
  if (typeof mine === 'number' && typeof other === 'number') return (mine - other) * inward >= 0;
  return typeof mine === 'string' && typeof other === 'string' && (inward === 1 ? mine >= other : mine <= other);
}

/** The bound in the counts of the field. */
function boundOf(field: PlannedField, kind: NumberKind, given: Bound): Result<number | undefined> {
  if (given === undefined) return ok(undefined);
  const unit = dateUnit(field.type);
  if (unit !== undefined)
    return typeof given === 'string' ? ok(firstMoment(given, unit)) : refusal(stage, field, 'a bound is a day here');
  if (typeof given === 'string') return refusal(stage, field, 'a bound is a number here');
  const whole = kind === 'int' || kind === 'long';
  if (Math.abs(given) > kindBounds[kind] || (whole && !Number.isInteger(given)))
    return refusal(stage, field, `${given} is no bound that the type can hold`);
  // What is written is what a reader of the type reads back.
  return ok(kind === 'float' ? Math.fround(given) : given);
}

const millisPerDay = 86_400_000;

function firstMoment(day: string, unit: DateUnit): number {
  const millis = Date.parse(`${day}T00:00:00Z`);
  if (unit === 'days') return millis / millisPerDay;
  return unit === 'millis' ? millis : millis * 1000;
}

function clamped({ of, low, high }: Extract<Lowering, { op: 'clamp' }>): Reference {
  if (of === 'long') {
    const [lowest, highest] = [low, high].map((bound) => (bound === undefined ? undefined : BigInt(bound)));
    return (value) => (typeof value === 'bigint' ? between(value, lowest, highest) : unfit);
  }
  return (value) => (typeof value === 'number' && !Number.isNaN(value) ? between(value, low, high) : unfit);
}

function between<T extends number | bigint>(value: T, low: T | undefined, high: T | undefined): T {
  if (low !== undefined && value < low) return low;
  return high !== undefined && value > high ? high : value;
}
