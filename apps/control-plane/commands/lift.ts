/** Lets what was killed go on, agreement by agreement. Credentials that were cut off stay so: each subscriber asks for a new one. */
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok } from '../../../libs/base/index.ts';
import type { Hold } from '../../../libs/catalog/index.ts';
import { transition } from '../../../libs/catalog/index.ts';
import { requireOperator } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { checkStillTightens } from './change-agreement-state.ts';
import { settleAccounts } from './grants.ts';
import type { KillTarget } from './kill-scopes.ts';
import { scopeOf } from './kill-scopes.ts';
import { datasetLock } from './locks.ts';
import { columnsOf, moveAgreement } from './move-agreement.ts';
import { setParticipantState } from './set-participant-state.ts';

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
  const removed = await plane.database.stores.kills.remove(scope);
  if (!removed.ok) return removed;
  if (target.kind === 'participant') {
    const active = await setParticipantState(plane, caller, {
      id: target.id,
      state: 'active',
    });
    if (!active.ok) return active;
    const settled = await settleAccounts(plane, target.id);
    if (!settled.ok) return settled;
  }
  return ok({ scope, agreements: known.value.length });
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
  return moveAgreement(plane, id, { event: 'lift', of: scope }, async (next, standing) => {
    if (standing.state !== 'started') return ok(next);
    const tightens = await checkStillTightens(plane, next);
    if (tightens.ok || tightens.failure.code !== 'policy-loosens') return tightens.ok ? ok(next) : tightens;
    const hold: Hold = {
      kind: 'policy',
      of: next.dataset,
      reason: 'looser than the baseline',
      at: new Date().toISOString(),
    };
    const held = transition(standing, { event: 'suspend', hold });
    return held.ok ? ok({ ...next, ...columnsOf(held.value) }) : held;
  });
}
