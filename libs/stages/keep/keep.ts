/** Passes a field unchanged. It exists so that keeping is said, never assumed. */
import { z } from 'zod';
import { ok } from '../../base/index.ts';
import { defineFieldStage } from '../../govern/index.ts';

export const keep = defineFieldStage({
  name: 'keep',
  version: 1,
  scope: 'field',
  summary: 'Passes the field unchanged, with everything below it.',
  facts: {
    reversible: 'yes: nothing changes',
    bias: 'none',
    informationLoss: 'none',
    cost: 'copied with its neighbours; the cheapest there is',
  },
  config: z.strictObject({}),
  plan: () =>
    ok({
      action: { kind: 'keep' },
      decision: { happens: 'kept as it is', reversible: 'yes', informationLost: 'none', lengthLeaked: true, clause: '' },
    }),
  atLeast: () => 'no',
});
