/** Compares Kafka with the database and mends what differs: what should not be there goes before what should comes. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { AclGrant } from '../../../libs/adapters/kafka/index.ts';
import type { Reconciliation, ReconciliationReport } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, ok } from '../../../libs/base/index.ts';
import type { DirectiveRevisions } from '../directive-revisions.ts';
import type { DriftKind } from '../drift-gauge.ts';
import { driftGauge, driftKinds } from '../drift-gauge.ts';
import type { ControlPlane } from '../plane.ts';
import { cutAccess } from './cut-access.ts';
import type { DesiredState } from './desired-state.ts';
import { desiredState } from './desired-state.ts';
import { grantsOfAccount } from './grants.ts';
import { datasetLock, participantLock } from './locks.ts';
import { reconcileDirectives } from './publish-directives.ts';
import type { AccessPlan } from './reconcile-plan.ts';
import { planAccess, planTopics } from './reconcile-plan.ts';

type Counts = Partial<Record<DriftKind, number>>;

/** Sentences of one report. */
const reportedMax = 200;
/** How long a broker may take to show what was mended, milliseconds. */
const shownWithinMs = 2_000;
const askEveryMs = 25;

/**
 * One run. Kafka is read before the database: what is in Kafka then and not wanted by the database was not wanted for a while. What is added is
 * looked at again under the lock of its dataset or participant. Fails where Kafka or the database does not answer; what was mended stays so.
 */
async function reconcileNow(plane: ControlPlane, revisions: DirectiveRevisions): Promise<Result<ReconciliationReport>> {
  const abandoned = await abandonUnfinished(plane);
  if (!abandoned.ok) return abandoned;
  const actual = await plane.broker.access.actual();
  if (!actual.ok) return actual;
  const topics = await plane.broker.topics('');
  if (!topics.ok) return topics;
  const desired = await desiredState(plane);
  if (!desired.ok) return desired;
  const plan = planAccess(desired.value.access, actual.value);
  const report: { found: Counts; mended: Counts; reported: string[] } = {
    found: {},
    mended: {},
    reported: [],
  };
  count(report.found, { unfinishedCredentials: abandoned.value });
  count(report.mended, { unfinishedCredentials: abandoned.value });
  count(report.found, {
    permissionsTooMany: plan.revoke.length,
    usersTooMany: plan.deleteUsers.length,
    permissionsMissing: plan.allow.length,
    quotas: plan.quotas.size,
    usersMissing: plan.missing.length,
  });
  const taken = await takeAway(plane, plan);
  if (!taken.ok) return taken;
  count(report.mended, {
    permissionsTooMany: plan.revoke.length,
    usersTooMany: plan.deleteUsers.length,
  });
  const lost = await reportMissing(plane, desired.value, plan.missing);
  if (!lost.ok) return lost;
  report.reported.push(...lost.value);
  const made = await makeTopics(plane, desired.value, topics.value);
  if (!made.ok) return made;
  count(report.found, { topicsMissing: made.value.created });
  count(report.mended, { topicsMissing: made.value.created });
  report.reported.push(...made.value.reported);
  const given = await give(plane, desired.value, plan);
  if (!given.ok) return given;
  count(report.mended, {
    permissionsMissing: plan.allow.length,
    quotas: plan.quotas.size,
  });
  const shown = await untilShown(plane, desired.value, plan);
  if (!shown.ok) return shown;
  const current = await revisions.current();
  if (!current.ok) return current;
  const directives = await reconcileDirectives(plane, current.value);
  if (!directives.ok) return directives;
  const { differing, refused } = directives.value;
  count(report.found, { directives: differing });
  count(report.mended, { directives: Math.max(0, differing - refused.length) });
  report.reported.push(...refused.map(({ message }) => message));
  return ok({ ...report, reported: report.reported.slice(0, reportedMax) });
}

function count(into: Counts, more: Readonly<Counts>): void {
  for (const kind of driftKinds) {
    const number = more[kind] ?? 0;
    if (number > 0) into[kind] = (into[kind] ?? 0) + number;
  }
}

/** Whoever makes a credential holds its dataset's lock until it is made: one that is pending while we hold it was left by a crash. */
async function abandonUnfinished(plane: ControlPlane): Promise<Result<number>> {
  const { agreements, credentials } = plane.database.stores;
  const pending = await credentials.pending();
  if (!pending.ok) return pending;
  let abandoned = 0;
  for (const credential of pending.value) {
    const agreement = await agreements.find(credential.agreement);
    if (!agreement.ok) return agreement;
    const done = await plane.database.locked(datasetLock(agreement.value?.dataset ?? ''), async () => {
      const changed = await credentials.change(credential, ['pending'], {
        state: 'revoked',
      });
      if (!changed.ok || !changed.value) return changed.ok ? ok(undefined) : changed;
      abandoned += 1;
      return cutAccess(plane, [credential.kafkaUser]);
    });
    if (!done.ok) return done;
  }
  return ok(abandoned);
}

async function takeAway({ broker }: ControlPlane, { revoke, deleteUsers }: AccessPlan): Promise<Result<void>> {
  const revoked = await broker.access.revoke(revoke);
  return revoked.ok ? broker.access.deleteUsers(deleteUsers) : revoked;
}

/** The controller has a change when it answers; the broker that is asked hears of it a moment later. What others change meanwhile is not waited for. */
async function untilShown({ broker }: ControlPlane, { access }: DesiredState, plan: AccessPlan): Promise<Result<void>> {
  const deadlineMs = performance.now() + shownWithinMs;
  for (let left = stepsOf(plan); left > 0; ) {
    const actual = await broker.access.actual();
    if (!actual.ok) return actual;
    left = stepsOf(planAccess(access, actual.value));
    if (performance.now() > deadlineMs) break;
    if (left > 0) await sleep(askEveryMs);
  }
  return ok(undefined);
}

const stepsOf = ({ revoke, deleteUsers, allow, quotas }: AccessPlan): number =>
  revoke.length + deleteUsers.length + allow.length + quotas.size;

/**
 * A credential whose user is gone is lost, which its subscriber is told; an account's owner can set its secret again. A credential is not active before its
 * user is there, and is revoked before its user goes: one that was active when the database was read, and is still, has no user if Kafka shows none by now.
 */
async function reportMissing(plane: ControlPlane, desired: DesiredState, missing: readonly string[]): Promise<Result<string[]>> {
  if (missing.length === 0) return ok([]);
  const actual = await plane.broker.access.actual();
  if (!actual.ok) return actual;
  const sentences: string[] = [];
  for (const name of missing) {
    if (actual.value.users.has(name)) continue;
    const credential = desired.credentials.get(name);
    if (credential === undefined) {
      sentences.push(`account ${name} is no Kafka user: set its secret again`);
      continue;
    }
    const marked = await plane.database.stores.credentials.change(credential, ['active', 'retiring'], { state: 'lost' });
    if (!marked.ok) return marked;
    if (marked.value) sentences.push(`credential ${name} is lost: its Kafka user is gone, and its subscriber needs a new one`);
  }
  return ok(sentences);
}

async function makeTopics(
  plane: ControlPlane,
  desired: DesiredState,
  partitions: ReadonlyMap<string, number>,
): Promise<Result<{ created: number; reported: readonly string[] }>> {
  const ours = new Set(desired.topics.map(({ name }) => name));
  const present = [...partitions.keys()].filter((name) => ours.has(name));
  const cleanup = await plane.broker.topicConfigs(present, 'cleanup.policy');
  if (!cleanup.ok) return cleanup;
  const actual = new Map(
    [...partitions].map(([name, number]) => {
      const policy = cleanup.value.get(name);
      return [
        name,
        {
          partitions: number,
          ...(policy === undefined ? {} : { cleanup: policy }),
        },
      ];
    }),
  );
  const { create, reported } = planTopics(desired.topics, actual, desired);
  const made = create.length === 0 ? ok(undefined) : await plane.broker.createTopics(create);
  return made.ok ? ok({ created: create.length, reported }) : made;
}

/** Each dataset's and each participant's at once, and only what is still wanted under its lock. */
async function give(plane: ControlPlane, desired: DesiredState, { allow, quotas }: AccessPlan): Promise<Result<void>> {
  const ofCredential = allow.filter(({ principal }) => desired.credentials.has(principal));
  const byDataset = Map.groupBy(
    ofCredential,
    ({ principal }) => desired.outlines.get(desired.credentials.get(principal)?.agreement ?? '')?.dataset ?? '',
  );
  for (const [dataset, grants] of byDataset) {
    const given = await plane.database.locked(datasetLock(dataset), () => giveCredentials(plane, desired, grants));
    if (!given.ok) return given;
  }
  const ofAccount = allow.filter(({ principal }) => desired.accounts.has(principal));
  for (const [participant, grants] of Map.groupBy(ofAccount, ({ principal }) => desired.accounts.get(principal) ?? '')) {
    const names = new Set(grants.map(({ principal }) => principal));
    const given = await plane.database.locked(participantLock(participant), async () => {
      const still: AclGrant[] = [];
      for (const name of names) {
        const wanted = await grantsOfAccount(plane, { name, participant });
        if (!wanted.ok) return wanted;
        still.push(...wanted.value);
      }
      return plane.broker.access.allow(still);
    });
    if (!given.ok) return given;
  }
  return quotas.size === 0 ? ok(undefined) : plane.broker.access.setQuotas(quotas);
}

async function giveCredentials(plane: ControlPlane, desired: DesiredState, grants: readonly AclGrant[]): Promise<Result<void>> {
  const agreements = grants.map(({ principal }) => desired.credentials.get(principal)?.agreement ?? '');
  const live = await plane.database.stores.credentials.liveOf([...new Set(agreements)]);
  if (!live.ok) return live;
  const still = new Set(live.value.filter(({ state }) => state !== 'pending').map(({ kafkaUser }) => kafkaUser));
  return plane.broker.access.allow(grants.filter(({ principal }) => still.has(principal)));
}

/** Runs one reconciliation at a time: whoever asks while one runs gets its outcome. */
export class Reconciler {
  readonly #plane: ControlPlane;
  readonly #revisions: DirectiveRevisions;
  readonly #measure = driftGauge();
  #running: Promise<Result<Reconciliation>> | undefined;

  constructor(plane: ControlPlane, revisions: DirectiveRevisions) {
    this.#plane = plane;
    this.#revisions = revisions;
  }

  /** The outcome is stored, for whoever asks for the last one. */
  run(): Promise<Result<Reconciliation>> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Inside of the lock others are taken: one of this process at a time, so that they never wait for each other. */
  async #run(): Promise<Result<Reconciliation>> {
    const { database } = this.#plane;
    const done = await database.locked('reconciliation', async () => {
      const startedAt = new Date();
      const report = await reconcileNow(this.#plane, this.#revisions);
      if (!report.ok) return report;
      this.#measure(report.value);
      const endedAt = new Date();
      const stored = await database.stores.kills.putReconciliation(startedAt, endedAt, report.value);
      return stored.ok ? ok({ id: true as const, startedAt, endedAt, report: report.value }) : stored;
    });
    return done.ok ? done : during('reconciling', done.failure);
  }
}

/** A sentence for the log, or null where there is nothing to say. */
export function driftSentence({ report }: Pick<Reconciliation, 'report'>): string | null {
  const parts = Object.entries(report.found).map(([kind, number]) => `${kind} ${number} (mended ${report.mended[kind] ?? 0})`);
  const sentences = [
    ...(parts.length === 0 ? [] : [`Kafka differed from the database: ${parts.join(', ')}`]),
    ...report.reported,
  ];
  return sentences.length === 0 ? null : sentences.join('; ');
}
