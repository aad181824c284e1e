/** Cuts a date or a timestamp to the start of its year, month, day or hour. */
import { z } from 'zod';
import { ok } from '../../base/index.ts';
import type { Reference } from '../../govern/index.ts';
import { defineFieldStage, unfit } from '../../govern/index.ts';
import type { DateUnit } from '../planning.ts';
import { dateUnit, refusal } from '../planning.ts';

/** From the coarsest. */
const units = ['year', 'month', 'day', 'hour'] as const;

const config = z.strictObject({
  to: z.enum(units).describe('What is kept, in UTC; a date has no hour'),
});
type Cut = z.infer<typeof config>['to'];

const millisPerDay = 86_400_000;
const stage = 'date-truncate';

/** The type stays. A moment outside of ECMAScript's dates (100,000,000 days about 1970) does not fit. Source: GB/T 37964-2019, generalization. */
export const dateTruncate = defineFieldStage<z.infer<typeof config>>({
  name: stage,
  version: 1,
  scope: 'field',
  summary: 'Cuts a date or a timestamp to the start of its year, month, day or hour, in UTC.',
  facts: {
    reversible: 'no: what is finer is gone',
    bias: 'moments are early by half the unit on average; counts by the unit have none',
    informationLoss: 'everything finer than the unit',
    cost: 'a few nanoseconds; inside the walk',
  },
  config,
  plan(field, { to }) {
    const of = dateUnit(field.type);
    if (of === undefined) return refusal(stage, field, 'it needs a date or a timestamp');
    if (of === 'days' && to === 'hour') return refusal(stage, field, 'a date has no hour');
    return ok({
      action: {
        kind: 'transform',
        result: field.type,
        width: 'fixed',
        lower: { op: 'date-cut', to, of },
        reference: () => cut(of, to),
      },
      decision: {
        happens: of === 'days' ? `cut to its ${to}` : `cut to its ${to}, in UTC`,
        reversible: 'no',
        informationLost: `everything finer than the ${to}`,
        lengthLeaked: false,
        clause: 'GB/T 37964-2019, generalization',
      },
    });
  },
  atLeast({ to }, { own }) {
    if (own === undefined) return 'incomparable';
    return units.indexOf(to) <= units.indexOf(own.to) ? 'yes' : 'no';
  },
});

function cut(of: DateUnit, to: Cut): Reference {
  if (of === 'days') {
    return (value) => {
      const millis = typeof value === 'number' ? cutMillis(value * millisPerDay, to) : undefined;
      return millis === undefined ? unfit : millis / millisPerDay;
    };
  }
  const perMilli = of === 'millis' ? 1n : 1000n;
  return (value) => {
    if (typeof value !== 'bigint') return unfit;
    const within = ((value % perMilli) + perMilli) % perMilli;
    const millis = cutMillis(Number((value - within) / perMilli), to);
    return millis === undefined ? unfit : BigInt(millis) * perMilli;
  };
}

/** Milliseconds since the epoch at the start of the unit, or undefined outside the range of dates. */
function cutMillis(millis: number, to: Cut): number | undefined {
  const date = new Date(millis);
  if (Number.isNaN(date.getTime())) return undefined;
  date.setUTCMinutes(0, 0, 0);
  if (to !== 'hour') date.setUTCHours(0);
  if (to === 'month' || to === 'year') date.setUTCDate(1);
  if (to === 'year') date.setUTCMonth(0);
  return Number.isNaN(date.getTime()) ? undefined : date.getTime();
}
