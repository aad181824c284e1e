/** Empties a field: it stays in the schema and is null in every record. */
import { z } from 'zod';
import { ok } from '../../base/index.ts';
import { defineFieldStage } from '../../govern/index.ts';

/** In a YAML policy the name stands in quotes, since a bare null is no text there. Source: GB/T 37964-2019, suppression. */
export const alwaysNull = defineFieldStage({
  name: 'null',
  version: 1,
  scope: 'field',
  summary: "Empties the field: it stays in the schema and is always null. In YAML, quote the name: `stage: 'null'`.",
  facts: {
    reversible: 'no: nothing of the value is used',
    bias: 'statistics over the field mean nothing',
    informationLoss: 'all, also whether the value was null',
    cost: 'a byte; inside the walk',
  },
  config: z.strictObject({}),
  plan: () =>
    ok({
      action: { kind: 'null' },
      decision: {
        happens: 'always null',
        reversible: 'no',
        informationLost: 'all',
        lengthLeaked: false,
        clause: 'GB/T 37964-2019, suppression',
      },
    }),
  atLeast: () => 'yes',
});
