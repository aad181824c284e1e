/** What requests and dry runs take and answer. */
import { z } from 'zod';

import { deliveryInput, fieldPath, id } from './inputs.ts';
import { explainRow } from './agreement-schemas.ts';

const text = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^[^\p{Cc}\p{Cf}]*$/u, 'must not hold control or format characters');

const asked = {
  purpose: text(64).min(1).describe('One that the offer allows.'),
  fields: z
    .array(fieldPath)
    .min(1)
    .max(2_000)
    .nullable()
    .default(null)
    .describe('Top-level fields that are wanted; null for all that the offer lets out.'),
  until: z.iso.datetime({ offset: true }).nullable().default(null).describe('Null for as long as the offer.'),
};

export const requestInput = z
  .strictObject({
    offer: id,
    ...asked,
    note: text(1_000).default(''),
    delivery: deliveryInput.default({ kind: 'kafka' }),
  })
  .meta({ id: 'RequestInput' });

export const dryRunInput = z
  .strictObject({ ...asked, samples: z.number().int().min(0).max(20).default(5) })
  .meta({ id: 'DryRunInput' });

export const decisionInput = z.strictObject({ reason: text(1_000).default('') }).meta({ id: 'DecisionInput' });

const approver = z.enum(['assigner', 'operator']);

export const requestAnswer = z
  .strictObject({
    id: z.string(),
    offer: id,
    offerVersion: z.int(),
    dataset: id,
    assigner: id,
    assignee: id,
    agreement: id,
    purpose: z.string(),
    fields: z.array(z.string()).nullable(),
    until: z.iso.datetime().nullable(),
    note: z.string(),
    delivery: z.record(z.string(), z.unknown()).describe('Without its secret.'),
    policy: z.record(z.string(), z.unknown()).describe('The ODRL Agreement that is asked for.'),
    programHashes: z.record(z.string(), z.string()).describe('By writer schema id: what is approved is what runs.'),
    madeBy: z.string(),
    madeAt: z.iso.datetime(),
    state: z.enum(['submitted', 'approved', 'granted', 'rejected', 'withdrawn']),
    decisions: z.array(
      z.strictObject({
        by: approver,
        account: z.string(),
        decision: z.enum(['approved', 'rejected']),
        reason: z.string(),
        at: z.iso.datetime(),
      }),
    ),
    waitsFor: approver.nullable(),
  })
  .meta({ id: 'AccessRequest' });

const row = z.record(z.string(), z.unknown());

export const dryRunAnswer = z
  .strictObject({
    dataset: id,
    writerSchemaId: z.int(),
    programHash: z.string(),
    governedSchema: z.record(z.string(), z.unknown()),
    rows: z.array(explainRow),
    terms: z.array(
      z.strictObject({
        leftOperand: z.string(),
        operator: z.string(),
        rightOperand: z.union([z.string(), z.number(), z.array(z.string())]),
        enforcement: z.string().describe('Who sees to it; "contractual, not technical" where nobody does.'),
      }),
    ),
    samples: z
      .array(
        z.strictObject({
          outcome: z.enum(['governed', 'withheld', 'delete', 'refused']),
          reason: z.string().nullable(),
          field: z.string().nullable(),
          before: row.nullable().describe('The raw record, for the publisher and the operator alone.'),
          after: row.nullable(),
        }),
      )
      .describe('The newest records. Tokens are under a key of this run alone.'),
  })
  .meta({ id: 'DryRun' });
