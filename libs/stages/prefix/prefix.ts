/** Cuts a text to its first code points, as a code is cut to the group that it belongs to. */
import { z } from 'zod';
import { ok } from '../../base/index.ts';
import { defineFieldStage, unfit } from '../../govern/index.ts';
import { refusal, text } from '../planning.ts';

const config = z.strictObject({
  first: z.int().min(0).max(64).describe('Code points kept at the start'),
});

/** A text of `first` code points or fewer passes unchanged. Source: GB/T 37964-2019, generalization. */
export const prefix = defineFieldStage<z.infer<typeof config>>({
  name: 'prefix',
  version: 1,
  scope: 'field',
  summary: 'Keeps the first code points of a text, such as the group of a hierarchical code.',
  facts: {
    reversible: 'no: what is cut is not there',
    bias: 'none for counts by what is kept',
    informationLoss: 'the characters behind; a text that is no longer than what is kept passes whole',
    cost: 'a few nanoseconds; inside the walk',
  },
  config,
  plan(field, { first }) {
    if (field.type.kind !== 'string') return refusal('prefix', field, 'it needs a text');
    return ok({
      action: {
        kind: 'transform',
        result: text,
        width: 'input',
        lower: { op: 'prefix', count: first },
        reference: () => (value) => (typeof value === 'string' ? [...value].slice(0, first).join('') : unfit),
      },
      decision: {
        happens: `cut to its first ${first} characters; a shorter text passes whole`,
        reversible: 'no',
        informationLost: 'the characters behind',
        lengthLeaked: false,
        clause: 'GB/T 37964-2019, generalization',
      },
    });
  },
  atLeast({ first }, { own }) {
    if (first === 0) return 'yes';
    if (own === undefined) return 'incomparable';
    return first <= own.first ? 'yes' : 'no';
  },
});
