/** Registers a schema. A writer schema of a dataset gets its Program under every live agreement first. */
import type { Dataset } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok } from '../../../libs/base/index.ts';
import { hasRole, isOperator } from '../caller.ts';
import { newEvent } from '../events/new-event.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import type { CanonicalSchema } from '../schemas/canonical-schema.ts';
import { canonicalSchema } from '../schemas/canonical-schema.ts';
import { approveWriterSchema } from './approve-writer-schema.ts';
import { datasetLock } from './locks.ts';

/** Fails with `forbidden`, `schema-invalid`, `schema-incompatible`, or why an agreement cannot govern the schema. */
export async function registerSchema(
  plane: ControlPlane,
  caller: Caller,
  input: { readonly subject: string; readonly text: string },
): Promise<Result<number>> {
  const dataset = await mayWriteSubject(plane, caller, input.subject);
  if (!dataset.ok) return dataset;
  const schema = canonicalSchema(input.text);
  if (!schema.ok) return during(`registering under ${input.subject}`, schema.failure);
  const lock = dataset.value === null ? `subject/${input.subject}` : datasetLock(dataset.value.id);
  return plane.database.locked(lock, () => registerLocked(plane, input.subject, dataset.value, schema.value));
}

/** Who may write a subject; answers the dataset whose writer schemas it holds, or null. */
export async function mayWriteSubject(plane: ControlPlane, caller: Caller, subject: string): Promise<Result<Dataset | null>> {
  if (subject.startsWith('gov.')) return fail('forbidden', 'subjects gov.* are written by Sluice only');
  const dataset = await plane.database.stores.datasets.findBySubject(subject);
  if (!dataset.ok || isOperator(caller)) return dataset;
  if (dataset.value !== null && hasRole(caller, 'publisher') && dataset.value.publisher === caller.participant) return dataset;
  return fail('forbidden', `the account may not write the subject ${subject}`);
}

/** The registration itself; the caller holds the lock of the dataset, or of the subject where there is no dataset. */
export async function registerLocked(
  plane: ControlPlane,
  subject: string,
  dataset: Dataset | null,
  schema: CanonicalSchema,
): Promise<Result<number>> {
  return plane.schemas.register(subject, schema, async (id) => {
    if (dataset === null) return ok(undefined);
    const approved = await approveWriterSchema(plane, dataset, { id, text: schema.text });
    if (!approved.ok) return approved;
    const noted = await plane.database.stores.events.add(
      newEvent('schema.registered', subject, { dataset: dataset.id, schemaId: id }),
    );
    plane.eventsWaiting();
    return noted;
  });
}
