/** The kill switch: cuts an agreement, all of a dataset or all of a participant off, and lets it go on again. */
import type { Agreement, AgreementStanding, Dataset, Stores } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok } from '../../../libs/base/index.ts';
import type { Hold } from '../../../libs/catalog/index.ts';
import { transition } from '../../../libs/catalog/index.ts';
import { requireOperator, requireParticipant } from '../caller.ts';
import { newEvent } from '../events/new-event.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { cutAccess } from './cut-access.ts';
import type { KillTarget } from './kill-scopes.ts';
import { scopeOf } from './kill-scopes.ts';
import { columnsOf, standingOf } from './move-agreement.ts';
import { sendDirectives } from './publish-directives.ts';

export interface KillOutcome {
  /** `agreement/<id>`, `dataset/<id>` or `participant/<id>`. */
  readonly scope: string;
  /** Agreements that it holds, and Kafka users that were cut off by this call. */
  readonly agreements: number;
  readonly users: number;
}

/** What was stored of a kill, and is now to be done. */
interface Noted {
  readonly held: readonly string[];
  readonly changed: readonly string[];
  readonly users: readonly string[];
}

/**
 * For the operator; an agreement's assigner may cut that off as well. It is noted in one transaction first, so that what a crash leaves undone is
 * done by the reconciliation; then permissions, directives, users. It waits for no lock, which a long provisioning may hold: whoever had read an
 * agreement before fails at storing it. Doing it again does what was left undone. Fails with the first step that failed; the others were tried.
 */
export async function kill(
  plane: ControlPlane,
  caller: Caller,
  target: KillTarget,
  reason: string,
): Promise<Result<KillOutcome>> {
  const allowed = await mayKill(plane, caller, target);
  if (!allowed.ok) return allowed;
  const scope = scopeOf(target);
  const now = new Date();
  const hold: Hold = { kind: 'kill', of: scope, reason, at: now.toISOString() };
  const noted = await plane.database.transaction('noting a kill', async (stores) => {
    const before = target.kind === 'participant' ? await stores.participants.find(target.id) : ok(null);
    if (!before.ok) return before;
    const was = before.value?.state ?? null;
    const added = await stores.kills.add({ scope, reason, account: caller.account, at: now, was });
    if (!added.ok) return added;
    return note(stores, target, hold);
  });
  if (!noted.ok) return noted;
  plane.eventsWaiting();
  const { held, changed, users } = noted.value;
  const accounts = await accountsOf(plane, target);
  if (!accounts.ok) return accounts;
  // An account's user stays: only its permissions go, so that it need not set its secret again.
  const shut = accounts.value.length === 0 ? ok(undefined) : plane.broker.access.revokeAllOf(accounts.value);
  const [cut, closed] = await Promise.all([cutAccess(plane, users, () => publish(plane, changed)), shut]);
  if (!cut.ok) return during(`killing ${scope}`, cut.failure);
  if (!closed.ok) return during(`killing ${scope}`, closed.failure);
  return ok({ scope, agreements: held.length, users: users.length });
}

async function mayKill(plane: ControlPlane, caller: Caller, { kind, id }: KillTarget): Promise<Result<void>> {
  const { agreements, datasets, participants } = plane.database.stores;
  const operator = requireOperator(caller);
  if (kind === 'agreement') {
    const agreement = await agreements.find(id);
    if (!agreement.ok) return agreement;
    const isParty = agreement.value?.assigner === caller.participant || agreement.value?.assignee === caller.participant;
    if (agreement.value === null || !(operator.ok || isParty)) return fail('not-found', `there is no agreement ${id}`);
    const allowed = requireParticipant(caller, agreement.value.assigner, 'the assigner', 'publisher');
    if (!allowed.ok) return allowed;
    return agreement.value.state === 'terminated'
      ? fail('conflict', `agreement ${id}: it is terminated, which does not allow kill`)
      : ok(undefined);
  }
  if (!operator.ok) return operator;
  if (kind === 'participant' && id === caller.participant)
    return fail('conflict', 'nobody may lock out the participant that it acts for');
  const known = kind === 'dataset' ? await datasets.find(id) : await participants.find(id);
  if (!known.ok) return known;
  return known.value === null ? fail('not-found', `there is no ${kind} ${id}`) : ok(undefined);
}

/** The rows are locked until all of it is stored. */
async function note(stores: Stores, target: KillTarget, hold: Hold): Promise<Result<Noted>> {
  const standings = await stores.agreements.standingsOf(agreementsOf(target));
  if (!standings.ok) return standings;
  const changed: AgreementStanding[] = [];
  for (const agreement of standings.value) {
    const before = standingOf(agreement);
    const moved = transition(before, { event: 'kill', hold });
    if (!moved.ok) return during(`agreement ${agreement.id}`, moved.failure);
    if (moved.value !== before)
      changed.push({
        ...agreement,
        ...columnsOf(moved.value),
        revision: agreement.revision + 1,
      });
  }
  const stored = await stores.agreements.setStandings(changed);
  if (!stored.ok) return stored;
  const held = standings.value.map(({ id }) => id);
  const ended = await stores.credentials.revokeAll(held);
  if (!ended.ok) return ended;
  const suspended = target.kind === 'participant' ? await suspend(stores, target.id) : ok(undefined);
  if (!suspended.ok) return suspended;
  for (const { id, dataset, revision } of changed) {
    const told = await stores.events.add(newEvent('agreement.killed', id, { dataset, revision, of: hold.of }));
    if (!told.ok) return told;
  }
  // A second attempt finds nothing to change, and perhaps the users that the first one did not get to.
  if (changed.length > 0 || held.length === 0)
    return ok({
      held,
      changed: changed.map(({ id }) => id),
      users: ended.value,
    });
  const before = await stores.credentials.ofAgreements(held);
  return before.ok
    ? ok({
        held,
        changed: held,
        users: before.value.map(({ kafkaUser }) => kafkaUser),
      })
    : before;
}

const agreementsOf = ({ kind, id }: KillTarget): Parameters<Stores['agreements']['standingsOf']>[0] =>
  kind === 'agreement' ? { id } : kind === 'dataset' ? { dataset: id } : { party: id };

async function suspend(stores: Stores, id: string): Promise<Result<void>> {
  const participant = await stores.participants.find(id);
  if (!participant.ok) return participant;
  if (participant.value === null || participant.value.state === 'suspended') return ok(undefined);
  const put = await stores.participants.put({
    ...participant.value,
    state: 'suspended',
  });
  return put.ok ? stores.events.add(newEvent('participant.suspended', id, {})) : put;
}

async function accountsOf(plane: ControlPlane, { kind, id }: KillTarget): Promise<Result<string[]>> {
  if (kind !== 'participant') return ok([]);
  const accounts = await plane.database.stores.participants.accountsOf(id);
  return accounts.ok ? ok(accounts.value.map(({ name }) => name).filter((name) => !plane.reservedAccounts.has(name))) : accounts;
}

/**
 * At once, without the dataset's lock. Somebody who holds it may publish a lower revision behind it: so it is not noted as published, and the
 * tender publishes it once more under the lock.
 */
async function publish(plane: ControlPlane, ids: readonly string[]): Promise<Result<void>> {
  const agreements = await plane.database.stores.agreements.byIds(ids);
  if (!agreements.ok) return agreements;
  const datasets = await datasetsOf(plane, agreements.value);
  return datasets.ok ? sendDirectives(plane, agreements.value, datasets.value, () => Promise.resolve(ok(undefined))) : datasets;
}

async function datasetsOf(plane: ControlPlane, agreements: readonly Agreement[]): Promise<Result<ReadonlyMap<string, Dataset>>> {
  const found = new Map<string, Dataset>();
  for (const id of new Set(agreements.map(({ dataset }) => dataset))) {
    const dataset = await plane.database.stores.datasets.find(id);
    if (!dataset.ok) return dataset;
    if (dataset.value !== null) found.set(id, dataset.value);
  }
  return ok(found);
}
