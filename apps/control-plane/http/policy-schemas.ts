/** Stored policies as the API takes and shows them. */
import { z } from 'zod';

import { id } from './inputs.ts';

export const policyInput = z
  .strictObject({
    policy: z
      .union([z.string(), z.record(z.string(), z.unknown())])
      .describe('ODRL of the profile urn:sluice:odrl:1, as an object, or as the text of its YAML or JSON file.'),
  })
  .meta({ id: 'PolicyInput' });

export const policyAnswer = z
  .strictObject({
    kind: z.enum(['baseline', 'offer']),
    id,
    version: z.int().describe('Versions never change; the same content has the same version.'),
    dataset: id,
    policy: z.record(z.string(), z.unknown()),
    terms: z.array(z.strictObject({ term: z.string(), enforcement: z.string() })),
    createdBy: z.string(),
    createdAt: z.iso.datetime(),
    withdrawnAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Policy' });
