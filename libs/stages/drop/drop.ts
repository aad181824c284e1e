/** Removes a field from the schema and from every record. */
import { z } from 'zod';
import { ok } from '../../base/index.ts';
import { defineFieldStage } from '../../govern/index.ts';

/** Source: GB/T 37964-2019, suppression (attribute suppression). */
export const drop = defineFieldStage({
  name: 'drop',
  version: 1,
  scope: 'field',
  summary: 'Removes the field, with everything below it, from the governed schema.',
  facts: {
    reversible: 'no: nothing of the value leaves',
    bias: 'none in the fields that stay',
    informationLoss: 'all, also that there is such a field',
    cost: 'nothing: the walk passes over it',
  },
  config: z.strictObject({}),
  plan: () =>
    ok({
      action: { kind: 'drop' },
      decision: {
        happens: 'removed from the schema',
        reversible: 'no',
        informationLost: 'all',
        lengthLeaked: false,
        clause: 'GB/T 37964-2019, suppression',
      },
    }),
  atLeast: () => 'yes',
});
