/** Lets what was killed go on, agreement by agreement. Credentials that were cut off stay so: each subscriber asks for a new one. */
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok } from '../../../libs/base/index.ts';
import { requireOperator } from '../caller.ts';
import { newEvent } from '../events/new-event.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { settleAccounts } from './grants.ts';
import { holdLooser } from './hold-looser.ts';
import type { KillTarget } from './kill-scopes.ts';
import { scopeOf } from './kill-scopes.ts';
import { datasetLock, participantLock } from './locks.ts';
import { moveAgreement } from './move-agreement.ts';

export interface LiftOutcome {
  readonly scope: string;
  /** Agreements that it held and holds no longer. Another hold may still keep them. */
  readonly agreements: number;
}

/** For the operator. What is not killed is a success. An agreement that is looser than the baseline by now stays suspended for that. */
export async function lift(plane: ControlPlane, caller: Caller, target: KillTarget): Promise<Result<LiftOutcome>> {
  const allowed = requireOperator(caller);
  if (!allowed.ok) return allowed;
  const scope = scopeOf(target);
  const known = await heldBy(plane, target, scope);
  if (!known.ok) return known;
  for (const { id, dataset } of known.value) {
    const moved = await plane.database.locked(datasetLock(dataset), () => liftOne(plane, id, scope));
    if (!moved.ok) return during(`lifting ${scope}`, moved.failure);
  }
  // Last: until here nothing begins, and a crash leaves what can be lifted again.
  const removed =
    target.kind === 'participant' ? await letIn(plane, target.id, scope) : await plane.database.stores.kills.remove(scope);
  return removed.ok ? ok({ scope, agreements: known.value.length }) : removed;
}

/** The participant is what it was before it was killed. */
function letIn(plane: ControlPlane, id: string, scope: string): Promise<Result<void>> {
  return plane.database.locked(participantLock(id), async () => {
    const stored = await plane.database.transaction('lifting a kill', async (stores) => {
      const killed = await stores.kills.among([scope]);
      if (!killed.ok) return killed;
      const removed = await stores.kills.remove(scope);
      if (!removed.ok || killed.value[0]?.was !== 'active') return removed;
      const participant = await stores.participants.find(id);
      if (!participant.ok || participant.value === null) return participant.ok ? ok(undefined) : participant;
      const put = await stores.participants.put({ ...participant.value, state: 'active' });
      return put.ok ? stores.events.add(newEvent('participant.resumed', id, {})) : put;
    });
    if (!stored.ok) return stored;
    plane.eventsWaiting();
    return settleAccounts(plane, id);
  });
}

async function heldBy(
  plane: ControlPlane,
  { kind, id }: KillTarget,
  scope: string,
): Promise<Result<{ id: string; dataset: string }[]>> {
  const { agreements, datasets, participants } = plane.database.stores;
  const thing =
    kind === 'agreement' ? await agreements.find(id) : kind === 'dataset' ? await datasets.find(id) : await participants.find(id);
  if (!thing.ok) return thing;
  if (thing.value === null) return fail('not-found', `there is no ${kind} ${id}`);
  const held = await agreements.heldBy(scope);
  return held;
}

function liftOne(plane: ControlPlane, id: string, scope: string): Promise<Result<unknown>> {
  return moveAgreement(plane, id, { event: 'lift', of: scope }, (next, standing) => holdLooser(plane, next, standing));
}
