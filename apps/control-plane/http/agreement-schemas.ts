/** Agreements as the API shows them, for the OpenAPI document. */
import { z } from 'zod';

import { id } from './inputs.ts';

const hold = z
  .strictObject({
    kind: z.enum(['party', 'policy', 'kill', 'meter', 'period']),
    of: z.string().describe('A participant, a dataset, the scope of a kill, or the agreement whose own terms hold it.'),
    reason: z.string(),
    at: z.iso.datetime(),
  })
  .meta({ id: 'Hold' });

const itemMembers = {
  id,
  dataset: id,
  assigner: id,
  assignee: id,
  state: z.enum(['started', 'suspended', 'completed', 'terminated']),
  holds: z.array(hold).describe('Why it is suspended, or would be if it were not over.'),
  revision: z.int(),
  expiresAt: z.iso.datetime().nullable(),
  topic: z.string(),
  groupPrefix: z.string(),
  policy: z.record(z.string(), z.unknown()),
  delivery: z.record(z.string(), z.unknown()).describe('Without its secret.'),
};

/** As lists show it. */
export const agreementItemAnswer = z.strictObject(itemMembers).meta({ id: 'AgreementItem' });

export const agreementAnswer = z
  .strictObject({
    ...itemMembers,
    programs: z.array(
      z.strictObject({
        writerSchemaId: z.int(),
        governedSchemaId: z.int(),
        programHash: z.string(),
      }),
    ),
  })
  .meta({ id: 'Agreement' });

export const renewInput = z
  .strictObject({
    until: z.iso.datetime({ offset: true }).describe('The new end of the period.'),
  })
  .meta({ id: 'RenewInput' });

/** A line of the table that says what leaves. */
export const explainRow = z.strictObject({
  field: z.string(),
  stage: z.string(),
  happens: z.string(),
  why: z.string(),
  reversible: z.enum(['no', 'with the key', 'yes']),
  informationLost: z.string(),
  lengthLeaked: z.boolean(),
  clause: z.string(),
});

export const explanationAnswer = z
  .strictObject({
    agreement: id,
    terms: z
      .array(z.strictObject({ term: z.string(), enforcement: z.string() }))
      .describe('Constraints, prohibitions and duties, each with what enforces it.'),
    keys: z.strictObject({
      epoch: z.int().nullable().describe('Null once the data key was shredded.'),
      rotation: z
        .array(
          z.strictObject({
            field: z.string(),
            stage: z.string(),
            effect: z.string(),
          }),
        )
        .describe('What a rotation of the data key would do.'),
    }),
    programs: z.array(
      z.strictObject({
        writerSchemaId: z.int(),
        programHash: z.string(),
        rows: z.array(explainRow),
      }),
    ),
  })
  .meta({ id: 'Explanation' });
