/** Takes an offer back: nobody can take it any more. Agreements that were made under it go on. */
import type { Result } from '../../../libs/base/index.ts';
import { fail } from '../../../libs/base/index.ts';
import { newEvent } from '../events/new-event.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { findOwnDataset } from './find-dataset.ts';
import { datasetLock } from './locks.ts';
import type { PolicyView } from './policy-view.ts';
import { policyView } from './policy-view.ts';

/** One that was withdrawn is so already. */
export async function withdrawOffer(plane: ControlPlane, caller: Caller, id: string): Promise<Result<PolicyView>> {
  const { policies } = plane.database.stores;
  const seen = await policies.newest('offer', id);
  if (!seen.ok) return seen;
  if (seen.value === null) return fail('not-found', `there is no offer ${id}`);
  const dataset = await findOwnDataset(plane, caller, seen.value.dataset);
  if (!dataset.ok) return dataset.failure.code === 'not-found' ? fail('not-found', `there is no offer ${id}`) : dataset;
  return plane.database.locked(datasetLock(dataset.value.id), async () => {
    const newest = await policies.newest('offer', id);
    if (!newest.ok) return newest;
    if (newest.value === null) throw new Error(`offer ${id} is gone`);
    if (newest.value.withdrawnAt !== null) return policyView(newest.value);
    const { version } = newest.value;
    const withdrawnAt = new Date();
    const stored = await plane.database.transaction('withdrawing an offer', async (stores) => {
      const put = await stores.policies.withdraw(id, version, withdrawnAt);
      return put.ok ? stores.events.add(newEvent('offer.withdrawn', id, { version })) : put;
    });
    if (!stored.ok) return stored;
    plane.eventsWaiting();
    return policyView({ ...newest.value, withdrawnAt });
  });
}
