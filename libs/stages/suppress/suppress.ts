/** Removes a field, empties it, or writes the same constant in every record. */
import { z } from 'zod';
import { fail, ok } from '../../base/index.ts';
import { defineFieldStage } from '../../govern/index.ts';

const config = z.strictObject({
  as: z
    .union([z.enum(['drop', 'null']), z.strictObject({ constant: z.union([z.string().max(4096), z.number(), z.boolean()]) })])
    .default('drop')
    .describe('drop: the field leaves the schema; null: it stays, always null; constant: it stays, always this value'),
});

const decision = {
  reversible: 'no',
  informationLost: 'all',
  lengthLeaked: false,
  clause: 'GB/T 37964-2019, suppression',
} as const;

/** Source: GB/T 37964-2019, suppression (attribute suppression). */
export const suppress = defineFieldStage<z.infer<typeof config>>({
  name: 'suppress',
  version: 1,
  scope: 'field',
  summary: 'Removes the field, empties it, or replaces it by a constant.',
  config,
  plan(field, { as }) {
    if (as === 'drop') return ok({ action: { kind: 'drop' }, decision: { happens: 'removed from the schema', ...decision } });
    if (as === 'null') return ok({ action: { kind: 'null' }, decision: { happens: 'always null', ...decision } });
    const result = typeof as.constant === 'string' ? 'string' : typeof as.constant === 'number' ? 'double' : 'boolean';
    if (typeof as.constant === 'number' && !Number.isFinite(as.constant))
      return fail('plan-invalid', 'the constant must be finite', field.path);
    return ok({
      action: { kind: 'constant', result: { kind: result }, value: as.constant },
      decision: { happens: 'always the same constant', ...decision },
    });
  },
});
