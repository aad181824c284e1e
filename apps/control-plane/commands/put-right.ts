/** Says who has a right in a dataset, with the evidence of it. */
import type { DatasetRight } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { canonicalJson, ok } from '../../../libs/base/index.ts';
import { newEvent } from '../events/new-event.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { findOwnDataset } from './find-dataset.ts';
import { datasetLock } from './locks.ts';

/** The publisher says it, or the operator; whether it is true is what the evidence is for. */
export async function putRight(plane: ControlPlane, caller: Caller, right: DatasetRight): Promise<Result<DatasetRight>> {
  const dataset = await findOwnDataset(plane, caller, right.dataset);
  if (!dataset.ok) return dataset;
  return plane.database.locked(datasetLock(right.dataset), async () => {
    const known = await plane.database.stores.policies.rights(right.dataset);
    if (!known.ok) return known;
    const same = known.value.find(({ kind }) => kind === right.kind);
    if (same !== undefined && textOf(same) === textOf(right)) return ok(right);
    const stored = await plane.database.transaction('storing a right', async ({ policies, events }) => {
      const put = await policies.putRight(right);
      return put.ok ? events.add(newEvent('right.changed', right.dataset, { kind: right.kind, isNew: same === undefined })) : put;
    });
    if (!stored.ok) return stored;
    plane.eventsWaiting();
    return ok(right);
  });
}

const textOf = ({ validUntil, ...right }: DatasetRight): string =>
  canonicalJson({ ...right, validUntil: validUntil?.toISOString() ?? null });
