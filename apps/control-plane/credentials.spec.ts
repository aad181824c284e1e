/** Credentials of an agreement on real PostgreSQL and Kafka: answered once, in force at once, rotated without a gap, and gone when they should be. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { KafkaAdmin } from '../../libs/adapters/kafka/index.ts';
import { openDatabase } from '../../libs/adapters/postgres/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import type { Cluster } from '../../libs/adapters/kafka/index.ts';
import type { Link } from '../link/start.ts';
import type { Account, Feed, Fixture } from './control-plane-fixture.ts';
import { eventually, expectStatus, issueCredential, makeFeed, startFixture } from './control-plane-fixture.ts';
import { linkOf, readerAs } from './reading-fixture.ts';

let fixture: Fixture;
let link: Link;
const clusters: Cluster[] = [];

beforeAll(async () => {
  fixture = await startFixture();
  link = await linkOf(fixture);
  fixture.streamsUrl = link.address;
});

afterAll(async () => {
  await Promise.all(clusters.map((cluster) => cluster.close()));
  await link.stop();
  await fixture.close();
});

const topicOf = ({ dataset, agreement }: Feed): string => topicNames.governed(dataset, agreement);

async function open(account: Account): Promise<Awaited<ReturnType<typeof readerAs>>> {
  const reader = await readerAs(account);
  clusters.push(reader.cluster);
  return reader;
}

const list = async ({ agreement, subscriber }: Feed): Promise<{ generation: number; state: string; endsAt: string | null }[]> =>
  expectStatus(
    await fixture.call('GET', `/v1/agreements/${agreement}/credentials`, {
      as: subscriber,
    }),
    200,
  ).body.items;

describe('a credential', () => {
  test('is answered once with everything that a subscriber needs, and let in by the broker by then', async () => {
    const feed = await makeFeed(fixture.call);
    const { body, ...account } = await issueCredential(fixture.call, feed);
    expect(body).toMatchObject({
      agreement: feed.agreement,
      generation: 1,
      username: `${feed.agreement}.g1`,
      securityProtocol: 'SASL_PLAINTEXT',
      saslMechanism: 'SCRAM-SHA-512',
      topic: topicOf(feed),
      groupPrefix: `${feed.agreement}.`,
      streamUrl: `${link.address}/v1/streams/${feed.agreement}`,
      endsAt: null,
    });
    expect(Buffer.from(body.password, 'base64url')).toHaveLength(32);
    expect(await (await open(account)).reads(topicOf(feed))).toBe(true);
    const shown = JSON.stringify([
      await list(feed),
      await fixture.call('GET', `/v1/agreements/${feed.agreement}`),
      await fixture.call('GET', `/v1/events?subject=${feed.agreement}`),
    ]);
    expect(shown + fixture.logged()).not.toContain(body.password);
  });

  test('is made once for a request that is sent twice with one Idempotency-Key', async () => {
    const feed = await makeFeed(fixture.call);
    const send = () =>
      fixture.call('POST', `/v1/agreements/${feed.agreement}/credentials`, {
        json: {},
        as: feed.subscriber,
        headers: { 'idempotency-key': 'one' },
      });
    const first = expectStatus(await send(), 201);
    expect((await send()).body).toEqual(first.body);
    expect(await list(feed)).toMatchObject([{ generation: 1, state: 'active' }]);
  });

  test('is for the assignee and the operator; its publisher sees that there is one, and others see nothing', async () => {
    const feed = await makeFeed(fixture.call);
    const stranger = await makeFeed(fixture.call, { agreement: false });
    const path = `/v1/agreements/${feed.agreement}/credentials`;
    expect((await fixture.call('POST', path, { json: {}, as: feed.publisher })).status).toBe(403);
    expect((await fixture.call('POST', path, { json: {}, as: stranger.subscriber })).status).toBe(404);
    expectStatus(await fixture.call('POST', path, { json: {} }), 201);
    expect((await fixture.call('GET', path, { as: feed.publisher })).body.items).toHaveLength(1);
    expect((await fixture.call('GET', path, { as: stranger.subscriber })).status).toBe(404);
  });

  test('reads schemas in the registry, and nothing else of the API', async () => {
    const feed = await makeFeed(fixture.call);
    const credential = await issueCredential(fixture.call, feed);
    const { body } = await fixture.call('GET', `/v1/agreements/${feed.agreement}`);
    const schema = `/registry/schemas/ids/${body.programs[0].governedSchemaId}`;
    expectStatus(await fixture.call('GET', schema, { as: credential }), 200);
    expect(
      (
        await fixture.call('GET', schema, {
          as: { ...credential, secret: 'wrong' },
        })
      ).status,
    ).toBe(401);
    expect(
      (
        await fixture.call('GET', `/v1/agreements/${feed.agreement}`, {
          as: credential,
        })
      ).status,
    ).toBe(403);
    const subject = `/registry/subjects/gov.${feed.dataset}.${feed.agreement}-value/versions`;
    const written = await fixture.call('POST', subject, {
      json: { schema: '"int"' },
      as: credential,
    });
    expect(written.status).toBe(403);
    expectStatus(await fixture.call('DELETE', `/v1/agreements/${feed.agreement}/credentials/1`, { as: feed.subscriber }), 204);
    expect((await fixture.call('GET', schema, { as: credential })).status).toBe(401);
  });

  test('is rotated without a gap: the one before stays valid for its overlap, and two live at most', async () => {
    const feed = await makeFeed(fixture.call);
    const first = await open(await issueCredential(fixture.call, feed));
    const second = await open(await issueCredential(fixture.call, feed, 3_600));
    for (const { reads } of [first, second]) expect(await reads(topicOf(feed))).toBe(true);
    const third = await open(await issueCredential(fixture.call, feed, 3_600));
    await eventually(async () => ((await first.reads(topicOf(feed))) ? null : true));
    for (const { reads } of [second, third]) expect(await reads(topicOf(feed))).toBe(true);
    expect((await list(feed)).map(({ state }) => state)).toEqual(['active', 'retiring', 'revoked']);
    const fourth = await open(await issueCredential(fixture.call, feed, 0));
    for (const { reads } of [second, third]) await eventually(async () => ((await reads(topicOf(feed))) ? null : true));
    expect(await fourth.reads(topicOf(feed))).toBe(true);
    expect((await list(feed)).map(({ state }) => state)).toEqual(['active', 'revoked', 'revoked', 'revoked']);
  });

  test('whose overlap is over ends by itself, its user with it', async () => {
    const feed = await makeFeed(fixture.call);
    const first = await open(await issueCredential(fixture.call, feed));
    await issueCredential(fixture.call, feed, 1);
    await eventually(async () => ((await first.reads(topicOf(feed))) ? null : true));
    await eventually(async () => {
      const { users } = unwrap(await new KafkaAdmin(fixture.cluster).access.actual());
      return users.has(`${feed.agreement}.g1`) ? null : true;
    });
    expect((await list(feed)).map(({ state }) => state)).toEqual(['active', 'revoked']);
  }, 60_000);

  test('ends with the period of its agreement, and a renewal lets the subscriber ask for the next', async () => {
    const feed = await makeFeed(fixture.call);
    const soon = new Date(Date.now() + 4_000).toISOString();
    const policy = structuredClone(feed.policy) as {
      permission: Record<string, unknown>[];
    };
    Object.assign(policy.permission[0] ?? {}, {
      constraint: [{ leftOperand: 'dateTime', operator: 'lt', rightOperand: soon }],
    });
    const path = `/v1/agreements/${feed.agreement}`;
    expectStatus(
      await fixture.call('PUT', path, {
        json: { policy, delivery: { kind: 'kafka' } },
      }),
      200,
    );
    const credential = await issueCredential(fixture.call, feed);
    expect(credential.body.endsAt).toBe(soon);
    const reader = await open(credential);
    const over = await eventually(async () => {
      const { body } = await fixture.call('GET', path);
      return body.state === 'completed' ? body : null;
    });
    expect(over).toMatchObject({ expiresAt: soon, holds: [] });
    await eventually(async () => ((await reader.reads(topicOf(feed))) ? null : true));
    expect(
      (
        await fixture.call('POST', `${path}/credentials`, {
          json: {},
          as: feed.subscriber,
        })
      ).status,
    ).toBe(409);
    const until = new Date(Date.now() + 86_400_000).toISOString();
    const renewed = await fixture.call('POST', `${path}/renew`, {
      json: { until },
      as: feed.publisher,
    });
    expect(renewed).toMatchObject({
      status: 200,
      body: { state: 'started', expiresAt: until },
    });
    expect(JSON.stringify(renewed.body.policy)).toContain(until);
    expect(await (await open(await issueCredential(fixture.call, feed))).reads(topicOf(feed))).toBe(true);
  }, 60_000);

  test('has the quota of its policy at the broker, and another one when the policy changes', async () => {
    const feed = await makeFeed(fixture.call);
    const put = async (rightOperand: number) => {
      const policy = structuredClone(feed.policy) as {
        permission: Record<string, unknown>[];
      };
      const constraint = [
        {
          leftOperand: 'sluice:bytesPerSecond',
          operator: 'lteq',
          rightOperand,
        },
      ];
      Object.assign(policy.permission[0] ?? {}, { constraint });
      const path = `/v1/agreements/${feed.agreement}`;
      expectStatus(
        await fixture.call('PUT', path, {
          json: { policy, delivery: { kind: 'kafka' } },
        }),
        200,
      );
    };
    const quota = (wanted: number): Promise<true> =>
      eventually(async () => {
        const { quotas } = unwrap(await new KafkaAdmin(fixture.cluster).access.actual());
        return quotas.get(`${feed.agreement}.g1`) === wanted ? true : null;
      });
    await put(1_000_000);
    await issueCredential(fixture.call, feed);
    await quota(1_000_000);
    await put(2_000_000);
    await quota(2_000_000);
    const secret = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
    const webhook = {
      kind: 'webhook',
      url: 'https://x.test/',
      secret,
      batchRecordsMax: 1,
    };
    const { body } = await fixture.call('GET', `/v1/agreements/${feed.agreement}`);
    const json = { policy: body.policy, delivery: webhook };
    expect((await fixture.call('PUT', `/v1/agreements/${feed.agreement}`, { json })).body.code).toBe('policy-unenforceable');
  });

  test('whose Kafka user is gone is told to be lost, and the next one works', async () => {
    const feed = await makeFeed(fixture.call);
    await issueCredential(fixture.call, feed);
    const admin = new KafkaAdmin(fixture.cluster);
    unwrap(await admin.deleteScramUser(`${feed.agreement}.g1`));
    const report = await eventually(async () => {
      const { body } = expectStatus(await fixture.call('POST', '/v1/reconciliation'), 200);
      return JSON.stringify(body).includes(`${feed.agreement}.g1`) ? body : null;
    });
    expect(report.reported).toContain(
      `credential ${feed.agreement}.g1 is lost: its Kafka user is gone, and its subscriber needs a new one`,
    );
    expect(await list(feed)).toMatchObject([{ state: 'lost' }]);
    expect(await (await open(await issueCredential(fixture.call, feed))).reads(topicOf(feed))).toBe(true);
  });
});

describe('the reconciliation', () => {
  test('takes away what nobody granted, gives back what is missing, and leaves what is foreign', async () => {
    const feed = await makeFeed(fixture.call);
    const credential = await issueCredential(fixture.call, feed);
    const reader = await open(credential);
    const { access } = new KafkaAdmin(fixture.cluster);
    const raw = {
      resource: 'topic',
      name: topicNames.raw(feed.dataset),
      pattern: 'literal',
      operation: 'read',
    } as const;
    const foreign = `foreign-${feed.agreement}`;
    unwrap(await access.revokeAllOf([credential.name]));
    unwrap(
      await access.allow([
        { principal: feed.subscriber.name, ...raw },
        { principal: `${feed.agreement}.g9`, ...raw },
        { principal: foreign, ...raw },
      ]),
    );
    const principals = async () =>
      new Set(
        unwrap(await access.actual())
          .grants.filter(({ name }) => name === raw.name && name !== '')
          .map(({ principal, operation }) => `${principal} ${operation}`),
      );
    await eventually(async () => ((await principals()).has(`${foreign} read`) ? true : null));
    const { body } = expectStatus(await fixture.call('POST', '/v1/reconciliation'), 200);
    expect(body.found).toMatchObject({
      permissionsTooMany: expect.any(Number),
      permissionsMissing: expect.any(Number),
    });
    expect(body.mended).toEqual(body.found);
    await eventually(async () => ((await reader.reads(topicOf(feed))) ? true : null));
    await eventually(async () => {
      const left = await principals();
      return left.has(`${feed.subscriber.name} read`) || left.has(`${feed.agreement}.g9 read`) ? null : true;
    });
    expect(await principals()).toContain(`${foreign} read`);
    const again = expectStatus(await fixture.call('POST', '/v1/reconciliation'), 200);
    expect(again.body).toMatchObject({ found: {}, mended: {} });
    expect((await fixture.call('GET', '/v1/reconciliation')).body).toEqual(again.body);
    expect((await fixture.call('GET', '/v1/reconciliation', { as: feed.publisher })).status).toBe(403);
    unwrap(await access.revokeAllOf([foreign]));
  });

  test('ends a credential whose making a crash cut short', async () => {
    const feed = await makeFeed(fixture.call);
    const database = unwrap(await openDatabase(fixture.databaseUrl));
    const kafkaUser = `${feed.agreement}.g1`;
    const row = {
      agreement: feed.agreement,
      generation: 1,
      kafkaUser,
      digest: '',
      byteRate: null,
      createdAt: new Date(),
      endsAt: null,
    };
    unwrap(await database.stores.credentials.add({ ...row, state: 'pending' }));
    unwrap(await new KafkaAdmin(fixture.cluster).setScramUser(kafkaUser, 'nobody-was-told-this'));
    const { body } = expectStatus(await fixture.call('POST', '/v1/reconciliation'), 200);
    expect(body.mended).toMatchObject({ unfinishedCredentials: 1 });
    await eventually(async () => {
      const { users } = unwrap(await new KafkaAdmin(fixture.cluster).access.actual());
      return users.has(kafkaUser) ? null : true;
    });
    expect(unwrap(await database.stores.credentials.ofAgreement(feed.agreement))).toMatchObject([{ state: 'revoked' }]);
    await database.close();
    expect((await issueCredential(fixture.call, feed)).name).toBe(`${feed.agreement}.g2`);
  });
});
