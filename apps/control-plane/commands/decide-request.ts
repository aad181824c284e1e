/** Approves, rejects or withdraws a request. The last approval *is* the grant. */
import type { AccessRequest } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok } from '../../../libs/base/index.ts';
import type { Approver, RequestProgress } from '../../../libs/catalog/index.ts';
import { decide, nextApprover, withdraw } from '../../../libs/catalog/index.ts';
import { parsePolicy } from '../../../libs/odrl/index.ts';
import { isOperator, requireParticipant } from '../caller.ts';
import type { LifecycleType } from '../events/new-event.ts';
import { newEvent } from '../events/new-event.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { compileNewest } from './compile-newest.ts';
import { approversFor, findRequest } from './find-request.ts';
import { checkOfferBlockers } from './offer-blockers.ts';
import { putAgreement } from './put-agreement.ts';
import type { RequestView } from './request-view.ts';
import { requestView } from './request-view.ts';
import { openDelivery } from './wrap-delivery.ts';

export interface DecisionInput {
  readonly id: string;
  readonly decision: 'approved' | 'rejected';
  readonly reason: string;
}

const requestLock = (id: string): string => `request/${id}`;

/** Makes agreements of approved requests: what the last approval set going, and a crash left unfinished. */
const machine: Caller = { account: 'sluice', participant: 'sluice', roles: ['operator'], scopes: 'all', via: 'secret' };

/** Fails with `conflict` when it is not the caller's turn, and with `program-mismatch` when what would run is no longer what was asked for. */
export async function decideRequest(plane: ControlPlane, caller: Caller, input: DecisionInput): Promise<Result<RequestView>> {
  const seen = await findRequest(plane, caller, input.id);
  if (!seen.ok) return seen;
  return plane.database.locked(requestLock(input.id), async () => {
    const request = await currentRequest(plane, input.id);
    if (!request.ok) return request;
    const approvers = await approversFor(plane, request.value.dataset);
    if (!approvers.ok) return approvers;
    const by = nextApprover(request.value, approvers.value);
    const may = by === null ? ok(undefined) : mayDecide(caller, by, request.value);
    if (!may.ok) return may;
    if (input.decision === 'approved') {
      const same = await checkStillSame(plane, request.value);
      if (!same.ok) return same;
    }
    const decided = decide(request.value, approvers.value, {
      by: by ?? 'assigner',
      account: caller.account,
      decision: input.decision,
      reason: input.reason,
      at: new Date().toISOString(),
    });
    if (!decided.ok) return decided;
    const type = input.decision === 'approved' ? 'request.approved' : 'request.rejected';
    const stored = await store(plane, request.value, decided.value, type);
    if (!stored.ok) return stored;
    const granted = stored.value.state === 'approved' ? await grant(plane, stored.value) : stored;
    return granted.ok ? ok(requestView(granted.value, approvers.value)) : granted;
  });
}

/** The one who asked takes it back, as long as it is not decided. */
export async function withdrawRequest(plane: ControlPlane, caller: Caller, id: string): Promise<Result<RequestView>> {
  const seen = await findRequest(plane, caller, id);
  if (!seen.ok) return seen;
  const allowed = requireParticipant(caller, seen.value.assignee, 'the one who asked', 'subscriber', 'platform');
  if (!allowed.ok) return allowed;
  return plane.database.locked(requestLock(id), async () => {
    const request = await currentRequest(plane, id);
    if (!request.ok) return request;
    const withdrawn = withdraw(request.value);
    if (!withdrawn.ok) return withdrawn;
    const stored = await store(plane, request.value, withdrawn.value, 'request.withdrawn');
    return stored.ok ? ok(requestView(stored.value, [])) : stored;
  });
}

/** Grants what was approved and is not granted yet; for the tender. The first failure is answered, after all were tried. */
export async function grantApproved(plane: ControlPlane): Promise<Result<void>> {
  const approved = await plane.database.stores.requests.approved(grantsAtOnceMax);
  if (!approved.ok) return approved;
  let failed: Result<void> = ok(undefined);
  for (const { id } of approved.value) {
    const granted = await plane.database.locked(requestLock(id), async () => {
      const request = await currentRequest(plane, id);
      if (!request.ok || request.value.state !== 'approved') return request;
      return grant(plane, request.value);
    });
    if (!granted.ok && failed.ok) failed = during(`granting request ${id}`, granted.failure);
  }
  return failed;
}

const grantsAtOnceMax = 100;

async function currentRequest(plane: ControlPlane, id: string): Promise<Result<AccessRequest>> {
  const request = await plane.database.stores.requests.find(id);
  if (!request.ok) return request;
  return request.value === null ? fail('not-found', `there is no request ${id}`) : ok(request.value);
}

/** An operator does not decide for a publisher, nor one account twice: four eyes are four eyes. */
function mayDecide(caller: Caller, by: Approver, { assigner, decisions }: AccessRequest): Result<void> {
  const isApprover =
    by === 'operator' ? isOperator(caller) : caller.participant === assigner && caller.roles.includes('publisher');
  if (!isApprover) return fail('forbidden', `the request waits for the ${by === 'operator' ? 'operator' : 'publisher'}`);
  if (decisions.some(({ account }) => account === caller.account))
    return fail('forbidden', 'the second approval takes another account');
  return ok(undefined);
}

/** The offer is still the same version, and the Program the one whose hash the request shows. */
async function checkStillSame(plane: ControlPlane, request: AccessRequest): Promise<Result<void>> {
  const { datasets, policies } = plane.database.stores;
  const offer = await policies.newest('offer', request.offer);
  if (!offer.ok) return offer;
  if (offer.value === null || offer.value.withdrawnAt !== null || offer.value.version !== request.offerVersion)
    return fail('conflict', `offer ${request.offer} has been changed or withdrawn since: a new request is needed`);
  const dataset = await datasets.find(request.dataset);
  if (!dataset.ok) return dataset;
  if (dataset.value === null) throw new Error(`request ${request.id} has no dataset`);
  const free = await checkOfferBlockers(plane, dataset.value, request.assigner);
  if (!free.ok) return free;
  const terms = parsePolicy(request.policy);
  if (!terms.ok) return terms;
  const compiled = await compileNewest(plane, { name: `request ${request.id}`, terms: terms.value }, dataset.value);
  if (!compiled.ok) return compiled;
  const shown = request.programHashes[String(compiled.value.writerSchemaId)];
  if (shown === compiled.value.program.hash) return ok(undefined);
  return fail(
    'program-mismatch',
    `the Program of request ${request.id} is not the one that it was made with: a new request is needed`,
  );
}

async function store(
  plane: ControlPlane,
  request: AccessRequest,
  progress: RequestProgress,
  type: LifecycleType,
): Promise<Result<AccessRequest>> {
  const next = { ...request, ...progress };
  const stored = await plane.database.transaction('storing a request', async (stores) => {
    const put = await stores.requests.put(next);
    return put.ok ? stores.events.add(newEvent(type, request.id, { agreement: request.agreement, state: next.state })) : put;
  });
  if (!stored.ok) return stored;
  plane.eventsWaiting();
  return ok(next);
}

/** Makes the agreement, which provisions and publishes. Made already, it is the same again: a crash between the two loses nothing. */
async function grant(plane: ControlPlane, request: AccessRequest): Promise<Result<AccessRequest>> {
  const delivery = await openDelivery(plane.vault, request.agreement, request.delivery);
  if (!delivery.ok) return delivery;
  const agreement = { id: request.agreement, policy: request.policy, delivery: delivery.value, ifMatch: null };
  const made = await putAgreement(plane, machine, agreement);
  return made.ok ? store(plane, request, { ...request, state: 'granted' }, 'request.granted') : made;
}
