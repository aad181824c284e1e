/** What its time has come for: agreements begin and end with their periods, and credentials with their overlap. */
import type { Result } from '../../../libs/base/index.ts';
import { during, ok } from '../../../libs/base/index.ts';
import type { ControlPlane } from '../plane.ts';
import { cutAccess } from './cut-access.ts';
import { holdLooser } from './hold-looser.ts';
import { datasetLock } from './locks.ts';
import { moveAgreement } from './move-agreement.ts';
import { endCredential } from './revoke-credential.ts';

/** For the tender; the data plane and link stop at the same moment by their own clocks. The first failure is told, after all were tried. */
export async function tendAgreements(plane: ControlPlane): Promise<Result<void>> {
  const now = new Date();
  const { agreements, credentials } = plane.database.stores;
  let outcome: Result<void> = ok(undefined);
  const over = await agreements.over(now);
  if (!over.ok) return over;
  for (const id of over.value) {
    const done = await underLock(plane, id, () => moveAgreement(plane, id, { event: 'expire', nowMs: Date.now() }));
    if (!done.ok && outcome.ok) outcome = during(`ending agreement ${id}`, done.failure);
  }
  const ended = await credentials.ended(now);
  if (!ended.ok) return ended;
  for (const id of ended.value) {
    const done = await underLock(plane, id, (dataset) => endOf(plane, id, dataset, now));
    if (!done.ok && outcome.ok) outcome = during(`ending credentials of ${id}`, done.failure);
  }
  return outcome;
}

/** Lets what has waited for its period go on, unless something else holds it or it is looser than the baseline by now. Failures as in `tendAgreements`. */
export async function beginAgreements(plane: ControlPlane): Promise<Result<void>> {
  const begun = await plane.database.stores.agreements.begun(new Date());
  if (!begun.ok) return begun;
  let outcome: Result<void> = ok(undefined);
  for (const id of begun.value) {
    const done = await underLock(plane, id, () => beginOne(plane, id));
    if (!done.ok && outcome.ok) outcome = during(`beginning agreement ${id}`, done.failure);
  }
  return outcome;
}

/** Its policy may have got a later period since. */
async function beginOne(plane: ControlPlane, id: string): Promise<Result<unknown>> {
  const agreement = await plane.database.stores.agreements.find(id);
  if (!agreement.ok) return agreement;
  const startsAt = agreement.value?.startsAt ?? null;
  if (startsAt !== null && startsAt.getTime() > Date.now()) return ok(undefined);
  return moveAgreement(plane, id, { event: 'begin' }, (next, standing) => holdLooser(plane, next, standing));
}

async function underLock(
  plane: ControlPlane,
  id: string,
  work: (dataset: string) => Promise<Result<unknown>>,
): Promise<Result<void>> {
  const agreement = await plane.database.stores.agreements.find(id);
  if (!agreement.ok) return agreement;
  const dataset = agreement.value?.dataset;
  if (dataset === undefined) return ok(undefined);
  const done = await plane.database.locked(datasetLock(dataset), () => work(dataset));
  return done.ok ? ok(undefined) : done;
}

async function endOf(plane: ControlPlane, agreement: string, dataset: string, now: Date): Promise<Result<void>> {
  const live = await plane.database.stores.credentials.liveOf([agreement]);
  if (!live.ok) return live;
  const ended = live.value.filter(({ endsAt }) => endsAt !== null && endsAt <= now);
  for (const credential of ended) {
    const done = await endCredential(plane, credential, dataset);
    if (!done.ok) return done;
  }
  return cutAccess(
    plane,
    ended.map(({ kafkaUser }) => kafkaUser),
  );
}
