/** Suspends, resumes, terminates or renews an agreement; the new directive revision is in the topic when this succeeds. */
import type { Agreement } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import type { LifecycleEvent } from '../../../libs/catalog/index.ts';
import { parsePolicy } from '../../../libs/odrl/index.ts';
import { requireParticipant } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import type { AgreementView } from './agreement-view.ts';
import { agreementView } from './agreement-view.ts';
import { checkAgreementTightens, currentBaseline } from './check-tightens.ts';
import { findAgreement } from './find-agreement.ts';
import { datasetLock } from './locks.ts';
import { moveAgreement } from './move-agreement.ts';
import { withEnd } from './policy-end.ts';

export type StateChange =
  | { readonly change: 'suspend' | 'resume' | 'terminate' }
  | { readonly change: 'renew'; readonly until: Date };

/**
 * For the assigner and the operator. A state that is so already is a success without a new revision. Terminating takes credentials away at
 * once. A renewal sets the end that the policy itself names, and is held against the baseline like any change.
 */
export async function changeAgreementState(
  plane: ControlPlane,
  caller: Caller,
  id: string,
  input: StateChange,
): Promise<Result<AgreementView>> {
  const seen = await findAgreement(plane, caller, id);
  if (!seen.ok) return seen;
  const allowed = requireParticipant(caller, seen.value.assigner, 'the assigner', 'publisher');
  if (!allowed.ok) return allowed;
  return plane.database.locked(datasetLock(seen.value.dataset), async () => {
    const moved = await moveAgreement(plane, id, eventOf(caller, seen.value, input), (next) => prepared(plane, next, input));
    if (!moved.ok) return moved;
    const programs = await plane.database.stores.programs.refs(id);
    return programs.ok ? ok(agreementView(moved.value, programs.value)) : programs;
  });
}

function eventOf(caller: Caller, { assigner }: Agreement, input: StateChange): LifecycleEvent {
  if (input.change === 'renew')
    return {
      event: 'renew',
      untilMs: input.until.getTime(),
      nowMs: Date.now(),
    };
  if (input.change !== 'suspend') return { event: input.change };
  const of = caller.participant === assigner ? assigner : caller.participant;
  return {
    event: 'suspend',
    hold: { kind: 'party', of, reason: '', at: new Date().toISOString() },
  };
}

async function prepared(plane: ControlPlane, next: Agreement, input: StateChange): Promise<Result<Agreement>> {
  if (input.change === 'suspend' || input.change === 'terminate') return ok(next);
  let agreement = next;
  if (input.change === 'renew') {
    const policy = withEnd(next.policy, input.until);
    if (policy === null) return fail('conflict', `the policy of agreement ${next.id} names no end; put it with one`);
    agreement = { ...next, policy };
    const terms = parsePolicy(policy);
    if (!terms.ok) return terms;
  }
  const tightens = await checkStillTightens(plane, agreement);
  return tightens.ok ? ok(agreement) : tightens;
}

/** A baseline may have become stricter meanwhile. */
export async function checkStillTightens(plane: ControlPlane, agreement: Agreement): Promise<Result<void>> {
  const baseline = await currentBaseline(plane.database.stores, agreement.dataset);
  if (!baseline.ok) return baseline;
  const programs = await plane.database.stores.programs.of(agreement.id);
  return programs.ok ? checkAgreementTightens(plane, baseline.value, agreement, programs.value) : programs;
}
