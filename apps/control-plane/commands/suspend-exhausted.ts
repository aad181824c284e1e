/** Suspends agreements that have had all the records that their policies allow. */
import type { Result } from '../../../libs/base/index.ts';
import { during, ok } from '../../../libs/base/index.ts';
import type { ControlPlane } from '../plane.ts';
import { usedUp } from './held-by-terms.ts';
import { datasetLock } from './locks.ts';
import { moveAgreement } from './move-agreement.ts';

/** For the meter, after it has counted. The first failure is answered, after all were tried. */
export async function suspendExhausted(plane: ControlPlane): Promise<Result<void>> {
  const { meters } = plane.database.stores;
  const exhausted = await meters.exhausted();
  if (!exhausted.ok) return exhausted;
  let outcome: Result<void> = ok(undefined);
  for (const { id, dataset } of exhausted.value) {
    const done = await plane.database.locked(datasetLock(dataset), async (): Promise<Result<unknown>> => {
      // It may have been raised or renewed since.
      const total = await meters.total(id);
      if (!total.ok) return total;
      const { used, recordsMax } = total.value;
      if (recordsMax === null || used < recordsMax) return ok(undefined);
      return moveAgreement(plane, id, {
        event: 'exhaust',
        hold: usedUp(id, recordsMax, new Date().toISOString()),
      });
    });
    if (!done.ok && outcome.ok) outcome = during(`suspending agreement ${id}`, done.failure);
  }
  return outcome;
}
