/** Keys, erasures and duties as the API shows them. */
import { z } from 'zod';

import { id, line } from './inputs.ts';

export const epochAnswer = z
  .strictObject({
    epoch: z.int(),
    state: z.enum(['active', 'retired', 'shredded']),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'KeyEpoch' });

const keyEffect = z.strictObject({ field: z.string(), stage: z.string(), effect: z.string() });

export const rotationAnswer = z
  .strictObject({
    agreement: id,
    epoch: z.int(),
    revision: z.int().describe('Receipts of this directive revision and later are of the epoch.'),
    fields: z.array(keyEffect).describe('What of later records no longer fits what came before.'),
  })
  .meta({ id: 'KeyRotation' });

const radius = z
  .strictObject({
    owner: z.strictObject({ kind: z.enum(['agreement', 'dataset']), id }),
    agreements: z.array(
      z.strictObject({
        id,
        assignee: id,
        state: z.enum(['started', 'suspended', 'completed', 'terminated']),
        epochs: z.array(z.int()).describe('Those that still have their keys.'),
        fields: z.array(z.strictObject({ field: z.string(), stage: z.string(), lost: z.string() })),
      }),
    ),
    erasedSubjects: z.int().describe('Erased subjects that nobody could know again.'),
    caveats: z.array(z.string()).describe('What the shredding does not reach.'),
  })
  .meta({ id: 'BlastRadius' });

export const radiusAnswer = z
  .strictObject({ radius, digest: z.string(), blockedBy: z.array(z.string()).describe('Empty where it can be done.') })
  .meta({ id: 'ShownBlastRadius' });

export const shreddedAnswer = radius;

export const shredInput = z
  .strictObject({
    confirm: z.string().max(64).describe('The id of what is shredded.'),
    digest: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe('Of the blast radius that was shown.'),
  })
  .meta({ id: 'ShredInput' });

export const rewrapAnswer = z
  .strictObject({
    keyId: z.string(),
    dataKeys: z.int(),
    deliveries: z.int(),
    duties: z.int(),
    failed: z.array(z.string()).describe('What does not open, and stays as it is.'),
    more: z.boolean().describe('Whether a further call has more to do.'),
  })
  .meta({ id: 'Rewrapped' });

export const erasureInput = z
  .strictObject({ subject: z.string().min(1).max(1_000).describe("The text of the dataset's key field.") })
  .meta({ id: 'ErasureInput' });

export const dutyAnswer = z
  .strictObject({
    id: z.string(),
    kind: z.literal('delete-subject'),
    agreement: id,
    dataset: id,
    assignee: id,
    erasure: z.string(),
    openedAt: z.iso.datetime(),
    dueAt: z.iso.datetime(),
    state: z.enum(['open', 'proved']),
    evidence: z.string().nullable(),
    provedAt: z.iso.datetime().nullable(),
    provedBy: z.string().nullable(),
  })
  .meta({ id: 'Duty' });

export const erasureAnswer = z
  .strictObject({
    erasure: z.string(),
    dataset: id,
    isNew: z.boolean().describe('False where the subject had been erased before.'),
    duties: z.array(dutyAnswer).describe('One for each agreement that may have been given something of the subject.'),
    caveats: z.array(z.string()).describe('What the erasure does not reach.'),
  })
  .meta({ id: 'Erasure' });

export const dutySubjectsAnswer = z
  .strictObject({
    duty: z.string(),
    subjects: z.array(z.string()).describe('What stands for the subject in the key field of the governed records.'),
  })
  .meta({ id: 'DutySubjects' });

export const proofInput = z
  .strictObject({ evidence: line(2_000).describe('How it was done, and where that can be seen.') })
  .meta({ id: 'DutyProof' });
