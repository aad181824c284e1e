/**
 * Reconciling as many agreements as no single broker of ours has topics for: the desired state is read from the database, the answers of the broker are
 * made up in memory, and the difference of the two is taken by the same code. Simulated: no broker takes part.
 */
import { desiredState } from '../../../apps/control-plane/commands/desired-state.ts';
import type { DesiredState } from '../../../apps/control-plane/commands/desired-state.ts';
import type { AccessPlan, ActualTopic, TopicPlan } from '../../../apps/control-plane/commands/reconcile-plan.ts';
import { planAccess, planTopics } from '../../../apps/control-plane/commands/reconcile-plan.ts';
import type { ActualAccess } from '../../../libs/adapters/kafka/index.ts';
import type { Database } from '../../../libs/adapters/postgres/index.ts';
import { unwrap } from '../../../libs/base/index.ts';

export interface SimulatedFigure {
  readonly agreements: number;
  readonly topics: number;
  readonly permissions: number;
  /** Reading what should be from the database. */
  readonly readSeconds: number;
  /** The difference to a cluster that is as it should be, and to one that has the users alone. */
  readonly planEqualSeconds: number;
  readonly planEmptySeconds: number;
  /** Of this process, with the desired and the actual state and a plan in it, above what it had before. */
  readonly heapMb: number;
}

/** Throws where a plan is not what the two states are made for. */
export async function measureSimulated(database: Database): Promise<SimulatedFigure> {
  const heapBefore = heapUsed();
  const [readSeconds, desired] = await timed(async () => unwrap(await desiredState({ database, reservedAccounts: new Set() })));
  const equal = recordedAnswers(desired);
  const [planEqualSeconds, settled] = await timed(() => planOf(desired, equal));
  const left =
    settled.access.allow.length + settled.access.revoke.length + settled.access.quotas.size + settled.topics.create.length;
  if (left > 0) throw new Error(`there are ${left} differences to a cluster that is as it should be`);
  const empty = { access: { ...equal.access, grants: [], quotas: new Map() }, topics: new Map() };
  const [planEmptySeconds, made] = await timed(() => planOf(desired, empty));
  if (made.topics.create.length !== desired.topics.length || made.access.allow.length !== equal.access.grants.length)
    throw new Error('the plan for an empty cluster does not make everything');
  // Before the last use of the states and the plan, which are in it.
  const heapMb = (heapUsed() - heapBefore) / 2 ** 20;
  return {
    agreements: desired.outlines.size,
    topics: desired.topics.length,
    permissions: made.access.allow.length,
    readSeconds,
    planEqualSeconds,
    planEmptySeconds,
    heapMb,
  };
}

interface Recorded {
  readonly access: ActualAccess;
  readonly topics: ReadonlyMap<string, ActualTopic>;
}

function planOf(desired: DesiredState, { access, topics }: Recorded): { access: AccessPlan; topics: TopicPlan } {
  return { access: planAccess(desired.access, access), topics: planTopics(desired.topics, topics, desired) };
}

/** What a cluster answers that is as it should be; nothing of the desired state is in it, as in an answer. */
function recordedAnswers({ access, topics }: DesiredState): Recorded {
  const users = [...access.users].filter(([, { exists }]) => exists);
  // A broker has each permission once, however many datasets of a publisher want it.
  const grants = new Map(users.flatMap(([, user]) => user.grants.map((grant) => [JSON.stringify(grant), grant])));
  return {
    access: {
      users: new Set(users.map(([name]) => copyOf(name))),
      grants: [...grants.values()].map(({ principal, name, ...rest }) => ({
        ...rest,
        principal: copyOf(principal),
        name: copyOf(name),
      })),
      quotas: new Map(users.flatMap(([name, { byteRate }]) => (byteRate === null ? [] : [[copyOf(name), byteRate]]))),
    },
    topics: new Map(
      topics.map(({ name, partitions, compacted }) => [
        copyOf(name),
        { partitions, cleanup: compacted === true ? 'compact' : 'delete' },
      ]),
    ),
  };
}

const copyOf = (text: string): string => Buffer.from(text).toString();

async function timed<T>(work: () => T | Promise<T>): Promise<[seconds: number, outcome: T]> {
  const began = performance.now();
  const outcome = await work();
  return [(performance.now() - began) / 1_000, outcome];
}

function heapUsed(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
