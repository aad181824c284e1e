/** What has to change on a cluster so that it is as the database wants it. Pure: the difference of two states. */
import type { AclGrant, ActualAccess, TopicSpec } from '../../../libs/adapters/kafka/index.ts';

/** One of our Kafka users as it should be. */
export interface DesiredUser {
  /** `account`: its secret is its owner's. `credential`: made by us, its password kept nowhere. */
  readonly kind: 'account' | 'credential';
  /** Whether there should be such a user. A credential that has ended should not be there. */
  readonly exists: boolean;
  readonly grants: readonly AclGrant[];
  /** Bytes a second from each broker; null for no limit. */
  readonly byteRate: number | null;
}

export interface DesiredAccess {
  /** Every principal that is ours, with or without permissions. Nothing else is touched. */
  readonly users: ReadonlyMap<string, DesiredUser>;
  /** Agreements of ours: a user `<agreement>.g<number>` that nobody knows of is ours too, and should not be there. */
  readonly agreements: ReadonlySet<string>;
  /** Users that are being made at this moment: left alone. */
  readonly making: ReadonlySet<string>;
}

export interface AccessPlan {
  /** First: what should not be there. */
  readonly revoke: readonly AclGrant[];
  readonly deleteUsers: readonly string[];
  /** Then what should. */
  readonly allow: readonly AclGrant[];
  /** Null takes the limit away. */
  readonly quotas: ReadonlyMap<string, number | null>;
  /** Users that should be there and that only their owners can make again. */
  readonly missing: readonly string[];
}

/** A user that is not there gets no permissions: they would wait for whoever makes one of that name. */
export function planAccess(desired: DesiredAccess, actual: ActualAccess): AccessPlan {
  const isOurs = (name: string): boolean => desired.users.has(name) || isStray(desired, name);
  const existing = (name: string): DesiredUser | undefined => {
    const user = desired.users.get(name);
    return user?.exists === true ? user : undefined;
  };
  const wanted = new Map(
    [...desired.users].flatMap(([name, { exists, grants }]) =>
      exists && actual.users.has(name) ? grants.map((grant) => [keyOf(grant), grant] as const) : [],
    ),
  );
  const there = new Set(actual.grants.map(keyOf));
  const quotas = new Map<string, number | null>();
  for (const [name, rate] of actual.quotas)
    if (isOurs(name) && existing(name)?.byteRate !== rate) quotas.set(name, existing(name)?.byteRate ?? null);
  for (const [name, { exists, byteRate }] of desired.users)
    if (exists && actual.users.has(name) && byteRate !== null && actual.quotas.get(name) !== byteRate) quotas.set(name, byteRate);
  return {
    revoke: actual.grants.filter((grant) => isOurs(grant.principal) && !wanted.has(keyOf(grant))),
    deleteUsers: [...actual.users].filter((name) => isOurs(name) && existing(name) === undefined),
    allow: [...wanted].flatMap(([key, grant]) => (there.has(key) ? [] : [grant])),
    quotas,
    missing: [...desired.users].flatMap(([name, { exists }]) => (exists && !actual.users.has(name) ? [name] : [])),
  };
}

const credentialUser = /^([a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?)\.g[1-9]\d*$/;

function isStray({ agreements, making }: DesiredAccess, name: string): boolean {
  if (making.has(name)) return false;
  const agreement = credentialUser.exec(name)?.[1];
  return agreement !== undefined && agreements.has(agreement);
}

const keyOf = ({ principal, resource, name, pattern, operation }: AclGrant): string =>
  [principal, resource, name, pattern, operation].join('\0');

export interface TopicPlan {
  readonly create: readonly TopicSpec[];
  /** Sentences: a topic is never deleted, nor its records changed, by a reconciliation. */
  readonly reported: readonly string[];
}

/** A topic as it is. */
export interface ActualTopic {
  readonly partitions: number;
  /** The setting `cleanup.policy`; undefined when it was not asked. */
  readonly cleanup?: string;
}

/** `datasets` are those whose topics are ours, `kept` topics of theirs that may be there and need not. */
export function planTopics(
  desired: readonly TopicSpec[],
  actual: ReadonlyMap<string, ActualTopic>,
  {
    datasets,
    kept,
  }: {
    readonly datasets: ReadonlySet<string>;
    readonly kept: ReadonlySet<string>;
  },
): TopicPlan {
  const reported: string[] = [];
  const create: TopicSpec[] = [];
  for (const spec of desired) {
    const topic = actual.get(spec.name);
    if (topic === undefined) create.push(spec);
    else {
      if (topic.partitions !== spec.partitions)
        reported.push(`topic ${spec.name} has ${topic.partitions} partitions and should have ${spec.partitions}`);
      const cleanup = spec.compacted === true ? 'compact' : 'delete';
      if (topic.cleanup !== undefined && topic.cleanup !== cleanup)
        reported.push(`topic ${spec.name} has cleanup.policy ${topic.cleanup} and should have ${cleanup}`);
    }
  }
  const known = new Set(desired.map(({ name }) => name));
  for (const name of actual.keys()) {
    const [room = '', dataset = '', agreement] = name.split('.');
    const isOurs = room === 'gov' && agreement !== undefined && datasets.has(dataset);
    if (isOurs && !known.has(name) && !kept.has(name)) reported.push(`topic ${name} is of no agreement`);
  }
  return { create, reported };
}
