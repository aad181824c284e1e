/** Suspends, resumes or terminates an agreement; the new directive revision is in the topic when this succeeds. */
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import type { TransferState } from '../../../libs/catalog/index.ts';
import { requireParticipant } from '../caller.ts';
import type { LifecycleType } from '../events/new-event.ts';
import { newEvent } from '../events/new-event.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import type { AgreementView } from './agreement-view.ts';
import { agreementView } from './agreement-view.ts';
import { findAgreement } from './find-agreement.ts';
import { grantSubscriber } from './grants.ts';
import { datasetLock } from './locks.ts';
import { publishDirectives } from './publish-directives.ts';

export type StateChange = 'suspend' | 'resume' | 'terminate';

const changes: Readonly<Record<StateChange, { from: readonly TransferState[]; to: TransferState; type: LifecycleType }>> = {
  suspend: { from: ['started'], to: 'suspended', type: 'agreement.suspended' },
  resume: { from: ['suspended'], to: 'started', type: 'agreement.resumed' },
  terminate: { from: ['started', 'suspended'], to: 'terminated', type: 'agreement.terminated' },
};

/** A state that is so already is a success without a new revision. Terminating takes the subscriber's permissions away at once. */
export async function changeAgreementState(
  plane: ControlPlane,
  caller: Caller,
  input: { readonly id: string; readonly change: StateChange },
): Promise<Result<AgreementView>> {
  const seen = await findAgreement(plane, caller, input.id);
  if (!seen.ok) return seen;
  const allowed = requireParticipant(caller, seen.value.assigner, 'the assigner');
  if (!allowed.ok) return allowed;
  return plane.database.locked(datasetLock(seen.value.dataset), () => changeLocked(plane, input.id, input.change));
}

async function changeLocked(plane: ControlPlane, id: string, change: StateChange): Promise<Result<AgreementView>> {
  const agreement = await plane.database.stores.agreements.find(id);
  if (!agreement.ok) return agreement;
  if (agreement.value === null) return fail('not-found', `there is no agreement ${id}`);
  const dataset = await plane.database.stores.datasets.find(agreement.value.dataset);
  if (!dataset.ok) return dataset;
  if (dataset.value === null) throw new Error(`agreement ${id} has no dataset`);
  const { from, to, type } = changes[change];
  let next = agreement.value;
  if (next.state !== to) {
    if (!from.includes(next.state)) return fail('conflict', `agreement ${id} is ${next.state}`);
    next = { ...next, state: to, revision: next.revision + 1 };
    const stored = await plane.database.transaction('storing an agreement', async (stores) => {
      const put = await stores.agreements.put(next);
      return put.ok ? stores.events.add(newEvent(type, id, { dataset: next.dataset, revision: next.revision })) : put;
    });
    if (!stored.ok) return stored;
    plane.eventsWaiting();
  }
  const granted = await grantSubscriber(plane, next);
  if (!granted.ok) return granted;
  const published = await publishDirectives(plane, dataset.value);
  return published.ok ? ok(agreementView(next)) : published;
}
