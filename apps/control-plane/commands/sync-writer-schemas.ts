/** Gives writer schemas that others registered at an external registry their Programs. */
import type { Result } from '../../../libs/base/index.ts';
import { ok } from '../../../libs/base/index.ts';
import type { ControlPlane } from '../plane.ts';
import { approveWriterSchema } from './approve-writer-schema.ts';
import { datasetLock } from './locks.ts';

/** Until a schema has its Program, its records are refused with `schema-not-approved`. The first failure is told; the other datasets go on. */
export async function syncWriterSchemas(plane: ControlPlane): Promise<Result<void>> {
  const datasets = await plane.database.stores.datasets.list();
  if (!datasets.ok) return datasets;
  let outcome: Result<void> = ok(undefined);
  for (const dataset of datasets.value) {
    const synced = await plane.database.locked(datasetLock(dataset.id), async () => {
      const writers = await plane.schemas.writable(dataset.subject);
      if (!writers.ok) return writers;
      for (const writer of writers.value) {
        const approved = await approveWriterSchema(plane, dataset, writer);
        if (!approved.ok) return approved;
      }
      return ok(undefined);
    });
    if (!synced.ok && outcome.ok) outcome = synced;
  }
  return outcome;
}
