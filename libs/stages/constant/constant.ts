/** Writes the same value in every record. */
import { z } from 'zod';
import { fail, ok } from '../../base/index.ts';
import { defineFieldStage } from '../../govern/index.ts';

const config = z.strictObject({
  value: z.union([z.string().max(4096), z.number(), z.boolean()]).describe('What every record gets: a text, a number or a flag'),
});

/** The result is a text, a double or a boolean, as the value is. Source: GB/T 37964-2019, suppression. */
export const constant = defineFieldStage<z.infer<typeof config>>({
  name: 'constant',
  version: 1,
  scope: 'field',
  summary: 'Replaces the field by the same value in every record.',
  facts: {
    reversible: 'no: nothing of the value is used',
    bias: 'statistics over the field mean nothing',
    informationLoss: 'all, also whether the value was null',
    cost: 'bytes that are copied; inside the walk',
  },
  config,
  plan(field, { value }) {
    if (typeof value === 'number' && !Number.isFinite(value))
      return fail('plan-invalid', 'the constant must be finite', field.path);
    const kind = typeof value === 'string' ? 'string' : typeof value === 'number' ? 'double' : 'boolean';
    return ok({
      action: { kind: 'constant', result: { kind }, value },
      decision: {
        happens: 'always the same constant',
        reversible: 'no',
        informationLost: 'all',
        lengthLeaked: false,
        clause: 'GB/T 37964-2019, suppression',
      },
    });
  },
  atLeast: () => 'yes',
});
