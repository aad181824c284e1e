/** Users, permissions and quotas on a real broker, many at a time. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { unwrap } from '../../base/index.ts';
import { testKafka, uniqueId } from '../../testkit/index.ts';
import { Cluster } from './cluster.ts';
import type { AclGrant } from './kafka-access.ts';
import { KafkaAdmin } from './kafka-admin.ts';

let cluster: Cluster;
let admin: KafkaAdmin;

beforeAll(async () => {
  const { brokers, username, password } = testKafka();
  cluster = unwrap(await Cluster.open({ brokers, clientId: 'access-test', sasl: { username, password } }));
  admin = new KafkaAdmin(cluster);
});
afterAll(() => cluster.close());

const grantOf = (principal: string, more: Partial<AclGrant> = {}): AclGrant => ({
  principal,
  resource: 'topic',
  name: `gov.${principal}`,
  pattern: 'literal',
  operation: 'read',
  ...more,
});

test('what was set is what is there: users, permissions with their patterns, quotas; and each goes again', async () => {
  const users = Array.from({ length: 230 }, () => uniqueId('user'));
  const grants = users.flatMap((user) => [
    grantOf(user),
    grantOf(user, { operation: 'describe' }),
    grantOf(user, { resource: 'group', name: `${user}.`, pattern: 'prefixed' }),
  ]);
  unwrap(await admin.access.setUsers(users.map((name) => ({ name, password: 'a-password-of-twelve' }))));
  unwrap(await admin.access.allow(grants));
  unwrap(await admin.access.setQuotas(new Map(users.map((user, index) => [user, 1_000 + index]))));
  const mine = new Set(users);
  const look = async () => {
    const actual = unwrap(await admin.access.actual());
    return {
      users: [...actual.users].filter((user) => mine.has(user)).toSorted(),
      grants: actual.grants
        .filter(({ principal }) => mine.has(principal))
        .map((grant) => JSON.stringify(grant))
        .toSorted(),
      quotas: new Map([...actual.quotas].filter(([user]) => mine.has(user))),
    };
  };
  // The controller has a change when it answers; the broker that is asked hears of it a moment later.
  const lookUntil = async (isRight: (seen: Awaited<ReturnType<typeof look>>) => boolean) => {
    let seen = await look();
    for (let looks = 0; !isRight(seen) && looks < 100; looks += 1) {
      await sleep(50);
      seen = await look();
    }
    return seen;
  };
  const shown = await lookUntil(({ quotas }) => quotas.size === users.length);
  expect(shown.users).toEqual(users.toSorted());
  expect(shown.grants.map((text) => canonical(JSON.parse(text) as AclGrant)).toSorted()).toEqual(
    grants.map(canonical).toSorted(),
  );
  expect(shown.quotas).toEqual(new Map(users.map((user, index) => [user, 1_000 + index])));

  const [kept = '', ...gone] = users;
  unwrap(await admin.access.revokeAllOf(gone));
  unwrap(await admin.access.setQuotas(new Map(gone.map((user) => [user, null]))));
  unwrap(await admin.access.deleteUsers(gone));
  // Again, and together with one that is still there: what is gone already is no failure.
  unwrap(await admin.access.deleteUsers([...gone, kept]));
  const left = await lookUntil((seen) => seen.users.length === 0);
  expect(left.users).toEqual([]);
  expect(left.grants).toHaveLength(3);
  expect([...left.quotas.keys()]).toEqual([kept]);
  unwrap(await admin.access.revokeAllOf([kept]));
  expect((await lookUntil((seen) => seen.grants.length === 0)).grants).toEqual([]);
});

test('many topics are made in few requests, also when some are there, and are listed by their beginning', async () => {
  const prefix = uniqueId('many');
  const topics = Array.from({ length: 120 }, (_, index) => ({ name: `${prefix}.${index}`, partitions: 1 + (index % 2) }));
  unwrap(await admin.createTopics(topics.slice(0, 30)));
  unwrap(await admin.createTopics(topics));
  expect(unwrap(await admin.topics(`${prefix}.`))).toEqual(new Map(topics.map(({ name, partitions }) => [name, partitions])));
  const refused = await admin.createTopics([
    { name: `${prefix}.ok`, partitions: 1 },
    { name: `${prefix} not a name`, partitions: 1 },
  ]);
  expect(refused).toMatchObject({ ok: false });
  unwrap(await admin.deleteTopics(topics.map(({ name }) => name)));
});

const canonical = ({ principal, resource, name, pattern, operation }: AclGrant): string =>
  [principal, resource, name, pattern, operation].join(' ');
