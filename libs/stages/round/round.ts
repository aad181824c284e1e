/** Rounds numbers to the nearest multiple of a step. */
import { z } from 'zod';
import { ok } from '../../base/index.ts';
import { defineFieldStage } from '../../govern/index.ts';
import { coarserMultiple, toMultiple } from '../multiples.ts';
import { numberKind, refusal } from '../planning.ts';

const stage = 'round';

const config = z.strictObject({
  to: z
    .number()
    .positive()
    .max(1e12)
    .describe('The step: results are multiples of it, in the units of the field; whole for whole numbers'),
});

/**
 * Halves go up, toward positive infinity. A result outside of the type, NaN and infinities do not fit. The type stays.
 * Source: GB/T 37964-2019, generalization (rounding).
 */
export const round = defineFieldStage<z.infer<typeof config>>({
  name: stage,
  version: 1,
  scope: 'field',
  summary: 'Rounds a number to the nearest multiple of a step.',
  facts: {
    reversible: 'no: the place within the step is gone',
    bias: 'near none for sums and means of many values; each value is off by half a step at most',
    informationLoss: 'the value within the step',
    cost: 'a few nanoseconds; inside the walk',
  },
  config,
  plan(field, { to }) {
    const kind = numberKind(field.type);
    if (kind === undefined) return refusal(stage, field, 'it needs a number');
    if ((kind === 'int' || kind === 'long') && !Number.isSafeInteger(to))
      return refusal(stage, field, 'the step of a whole number is whole');
    const reference = toMultiple(kind, to, 'nearest');
    return ok({
      action: {
        kind: 'transform',
        result: field.type,
        width: 'fixed',
        lower: { op: 'band', of: kind, width: to, nearest: true },
        reference: () => reference,
      },
      decision: {
        happens: `rounded to the nearest multiple of ${to}`,
        reversible: 'no',
        informationLost: 'the value within the step',
        lengthLeaked: false,
        clause: 'GB/T 37964-2019, generalization (rounding)',
      },
    });
  },
  atLeast: ({ to }, { own }, field) =>
    own === undefined ? 'incomparable' : coarserMultiple(numberKind(field.type), to, own.to, 'nearest'),
});
