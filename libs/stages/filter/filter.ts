/** Lets only the rows through that satisfy a condition. */
import { z } from 'zod';
import { ok } from '../../base/index.ts';
import { compilePredicate, defineRowStage } from '../../govern/index.ts';

const config = z.strictObject({
  where: z.string().min(1).max(4096).describe('A CEL condition over the fields of the raw record'),
});

/** Source of the language: Common Expression Language specification; see `govern/predicate.ts` for the part that is compiled. */
export const filter = defineRowStage<z.infer<typeof config>>({
  name: 'filter',
  version: 1,
  scope: 'row',
  summary: 'Withholds every row that does not satisfy the condition.',
  facts: {
    reversible: 'no: a withheld row does not leave',
    bias: 'counts and means are those of the rows that pass',
    informationLoss: 'the withheld rows, and how many there were',
    cost: 'a comparison or two a record; inside the walk',
  },
  config,
  plan(schema, { where }) {
    const predicate = compilePredicate(schema, where);
    if (!predicate.ok) return predicate;
    return ok({
      predicate: predicate.value,
      decision: {
        happens: `only rows where ${where}`,
        reversible: 'no',
        informationLost: 'the other rows',
        lengthLeaked: false,
        clause: '',
      },
    });
  },
});
