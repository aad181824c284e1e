/** The kill switch, measured at clients that are connected and in the middle of what there is to read. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import kafkajs from 'kafkajs';

import type { Cluster } from '../../libs/adapters/kafka/index.ts';
import { KafkaAdmin, TopicReader, TransactionalProducer } from '../../libs/adapters/kafka/index.ts';
import { openDatabase } from '../../libs/adapters/postgres/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import { testKafka, uniqueId } from '../../libs/testkit/index.ts';
import type { Link } from '../link/start.ts';
import type { Account, Feed, Fixture } from './control-plane-fixture.ts';
import { eventually, expectStatus, issueCredential, makeFeed, startFixture } from './control-plane-fixture.ts';
import { governedWriter, linkOf, readerAs } from './reading-fixture.ts';

let fixture: Fixture;
let link: Link;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  fixture = await startFixture();
  link = await linkOf(fixture);
  fixture.streamsUrl = link.address;
});

afterAll(async () => {
  for (const close of closing.reverse()) await close();
  await link.stop();
  await fixture.close();
});

const topicOf = ({ dataset, agreement }: Feed): string => topicNames.governed(dataset, agreement);

/** When records came, milliseconds of `performance.now()`, and how many. */
class Arrivals {
  lastMs = 0;
  count = 0;

  came(records: number): void {
    this.lastMs = performance.now();
    this.count += records;
  }
}

/** An unmodified client that reads what is not committed too, a few kilobytes at a time. */
async function followUncommitted(account: Account, feed: Feed, arrivals: Arrivals): Promise<void> {
  const sasl = {
    mechanism: 'scram-sha-512',
    username: account.name,
    password: account.secret,
  } as const;
  const kafka = new kafkajs.Kafka({
    clientId: 'reader',
    brokers: [...testKafka().brokers],
    sasl,
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 2 },
  });
  const consumer = kafka.consumer({
    groupId: `${feed.agreement}.reader`,
    readUncommitted: true,
    maxBytesPerPartition: 4_096,
    maxWaitTimeInMs: 500,
  });
  closing.push(() => consumer.disconnect());
  await consumer.connect();
  await consumer.subscribe({ topic: topicOf(feed), fromBeginning: true });
  await consumer.run({
    eachBatch: async ({ batch }) => {
      arrivals.came(batch.messages.length);
      await sleep(20);
    },
  });
}

/** Reads the stream over HTTP until it ends. */
async function followStream(account: Account, feed: Feed, arrivals: Arrivals): Promise<void> {
  const authorization = `Basic ${Buffer.from(`${account.name}:${account.secret}`).toString('base64')}`;
  const response = await fetch(`${link.address}/v1/streams/${feed.agreement}`, {
    headers: { authorization, accept: 'text/event-stream' },
  });
  const body = response.body as unknown as AsyncIterable<Uint8Array>;
  const ended = (async () => {
    for await (const chunk of body) {
      const records = Buffer.from(chunk).toString('utf8').split('\ndata: {"specversion').length - 1;
      if (records > 0) arrivals.came(records);
    }
  })().catch(() => undefined);
  closing.push(() => ended);
}

async function receiveWebhooks(arrivals: Arrivals): Promise<string> {
  const server: Server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    request.on('end', () => {
      arrivals.came((JSON.parse(text) as unknown[]).length);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Reads what a mirror has brought. */
async function followMirror(topic: string, arrivals: Arrivals): Promise<void> {
  unwrap(await new KafkaAdmin(fixture.cluster).createTopics([{ name: topic, partitions: 3 }]));
  const reader = unwrap(await TopicReader.open(fixture.cluster, { topic, from: 'earliest' }));
  const closed = new AbortController();
  const reading = (async () => {
    while (!closed.signal.aborted) {
      const records = await reader.poll(50);
      if (records.ok && records.value.length > 0) arrivals.came(records.value.length);
    }
  })();
  closing.push(async () => {
    closed.abort();
    await reading;
    await reader.close();
  });
}

/** Another agreement of the same parties on the same dataset. */
async function sibling(feed: Feed, delivery: object): Promise<Feed> {
  const agreement = uniqueId('study');
  const policy = { ...feed.policy, uid: agreement };
  expectStatus(
    await fixture.call('PUT', `/v1/agreements/${agreement}`, {
      json: { policy, delivery },
    }),
    200,
  );
  return { ...feed, agreement, policy };
}

/** Goes on writing although the agreement is killed, as a data plane would that hears nothing. */
async function keepWriting(feed: Feed): Promise<() => number> {
  const writer = await governedWriter(fixture, feed);
  const closed = new AbortController();
  let written = 0;
  const writing = (async () => {
    while (!closed.signal.aborted) {
      await writer.write(20);
      written += 20;
      await sleep(20);
    }
  })();
  closing.push(async () => {
    closed.abort();
    await writing;
    await writer.close();
  });
  return () => written;
}

const backlog = 60_000;
const cutWithinMs = 1_000;

test('a killed dataset delivers nothing a second later: not to a connected client, a stream, a webhook or a mirror', async () => {
  const feed = await makeFeed(fixture.call);
  const [client, stream, webhook, mirror] = [new Arrivals(), new Arrivals(), new Arrivals(), new Arrivals()];
  const { username, password, brokers } = testKafka();
  const secret = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
  const url = await receiveWebhooks(webhook);
  const target = uniqueId('mirrored');
  await followMirror(target, mirror);
  const streamed = await sibling(feed, { kind: 'kafka' });
  const sent = await sibling(feed, {
    kind: 'webhook',
    url,
    secret,
    batchRecordsMax: 50,
  });
  const mirrored = await sibling(feed, {
    kind: 'mirror',
    brokers,
    topic: target,
    username,
    password,
  });
  const writer = await governedWriter(fixture, feed);
  for (let left = backlog; left > 0; left -= 200) await writer.write(200);
  await writer.close();
  const written = await Promise.all([streamed, sent, mirrored].map(keepWriting));
  const credential = await issueCredential(fixture.call, feed);
  await followUncommitted(credential, feed, client);
  await followStream(await issueCredential(fixture.call, streamed), streamed, stream);
  await eventually(async () => ([client, stream, webhook, mirror].every(({ count }) => count > 200) ? true : null));

  const before = written.map((count) => count());
  const beganMs = performance.now();
  const path = `/v1/datasets/${feed.dataset}`;
  const { body } = expectStatus(await fixture.call('POST', `${path}/kill`, { json: { reason: 'a leak' } }), 200);
  const answeredMs = performance.now();
  expect(body).toMatchObject({
    scope: `dataset/${feed.dataset}`,
    agreements: 4,
    users: 2,
  });
  await sleep(cutWithinMs + 1_500);
  const late = Object.fromEntries(
    Object.entries({ client, stream, webhook, mirror }).map(([name, { lastMs }]) => [name, Math.round(lastMs - answeredMs)]),
  );
  console.info(
    `kill answered after ${Math.round(answeredMs - beganMs)} ms; last record, ms after the answer: ${JSON.stringify(late)}`,
  );
  for (const lastMs of Object.values(late)) expect(lastMs).toBeLessThan(cutWithinMs);
  // There was more to come by each way.
  expect(client.count).toBeLessThan(backlog);
  for (const [index, count] of written.entries()) expect(count()).toBeGreaterThan((before[index] ?? 0) + 200);

  const agreement = `/v1/agreements/${feed.agreement}`;
  expect((await fixture.call('GET', agreement, { as: feed.subscriber })).body).toMatchObject({
    state: 'suspended',
    holds: [{ kind: 'kill', of: `dataset/${feed.dataset}`, reason: 'a leak' }],
  });
  expect((await fixture.call('POST', `${agreement}/resume`, { as: feed.publisher })).body).toMatchObject({
    code: 'conflict',
    detail: expect.stringContaining('must be lifted first'),
  });
  expect(
    (
      await fixture.call('POST', `${agreement}/credentials`, {
        json: {},
        as: feed.subscriber,
      })
    ).status,
  ).toBe(409);
  const another = { ...feed.policy, uid: uniqueId('study') };
  const put = await fixture.call('PUT', `/v1/agreements/${another.uid}`, {
    json: { policy: another, delivery: { kind: 'kafka' } },
  });
  expect(put).toMatchObject({
    status: 409,
    body: { detail: expect.stringContaining('is killed') },
  });

  expect((await fixture.call('POST', `${path}/lift`)).body).toEqual({
    scope: `dataset/${feed.dataset}`,
    agreements: 4,
  });
  expect((await fixture.call('GET', agreement)).body).toMatchObject({
    state: 'started',
    holds: [],
  });
  const { cluster, reads } = await readerAs(await issueCredential(fixture.call, feed));
  closing.push(() => cluster.close());
  expect(await reads(topicOf(feed))).toBe(true);
}, 120_000);

describe('an agreement', () => {
  test('may be killed by its assigner, and lifted by the operator alone', async () => {
    const feed = await makeFeed(fixture.call);
    const path = `/v1/agreements/${feed.agreement}`;
    const kill = (as: Account) => fixture.call('POST', `${path}/kill`, { json: { reason: 'x' }, as });
    expect((await kill(feed.subscriber)).status).toBe(403);
    expect((await kill((await makeFeed(fixture.call)).publisher)).status).toBe(404);
    expectStatus(await kill(feed.publisher), 200);
    expectStatus(await kill(feed.publisher), 200);
    expect((await fixture.call('GET', path)).body).toMatchObject({
      revision: 2,
      state: 'suspended',
    });
    expect((await fixture.call('POST', `${path}/lift`, { as: feed.publisher })).status).toBe(403);
    expectStatus(await fixture.call('POST', `${path}/lift`), 200);
    expect((await fixture.call('GET', path)).body).toMatchObject({
      revision: 3,
      state: 'started',
    });
    expectStatus(await fixture.call('POST', `${path}/terminate`), 200);
    expect((await kill(feed.publisher)).body).toMatchObject({
      code: 'conflict',
      detail: expect.stringContaining('terminated'),
    });
  });

  test('whose kill was noted before a crash is cut off by the reconciliation', async () => {
    const feed = await makeFeed(fixture.call);
    const credential = await issueCredential(fixture.call, feed);
    const { cluster, reads } = await readerAs(credential);
    closing.push(() => cluster.close());
    const database = unwrap(await openDatabase(fixture.databaseUrl));
    const hold = {
      kind: 'kill',
      of: `agreement/${feed.agreement}`,
      reason: 'x',
      at: new Date().toISOString(),
    } as const;
    unwrap(
      await database.transaction('noting a kill', async (stores) => {
        const [standing] = unwrap(await stores.agreements.standingsOf({ id: feed.agreement }));
        if (standing === undefined) throw new Error('the agreement is missing');
        unwrap(await stores.agreements.setStandings([{ ...standing, state: 'suspended', holds: [hold], revision: 2 }]));
        return stores.credentials.revokeAll([feed.agreement]);
      }),
    );
    await database.close();
    expect(await reads(topicOf(feed))).toBe(true);
    expectStatus(await fixture.call('POST', '/v1/reconciliation'), 200);
    await eventually(async () => ((await reads(topicOf(feed))) ? null : true));
    const { users } = unwrap(await new KafkaAdmin(fixture.cluster).access.actual());
    expect(users.has(credential.name)).toBe(false);
  });
});

test('a killed participant is refused, sends and receives nothing, and is let in again by lifting alone', async () => {
  const feed = await makeFeed(fixture.call);
  const { cluster, reads } = await readerAs(await issueCredential(fixture.call, feed));
  closing.push(() => cluster.close());
  const publishing = await readerAs(feed.publisher);
  closing.push(() => publishing.cluster.close());
  const writes = (): Promise<boolean> => writesRaw(publishing.cluster, feed);
  await eventually(async () => ((await writes()) ? true : null));
  const path = `/v1/participants/${feed.publisher.name}`;
  expectStatus(
    await fixture.call('POST', `${path}/kill`, {
      json: { reason: 'stolen accounts' },
    }),
    200,
  );
  await eventually(async () => ((await reads(topicOf(feed))) || (await writes()) ? null : true));
  expect((await fixture.call('GET', '/v1/agreements', { as: feed.publisher })).body.code).toBe('participant-suspended');
  expect((await fixture.call('POST', `${path}/resume`)).body).toMatchObject({
    code: 'conflict',
  });
  expect(
    (
      await fixture.call('POST', '/v1/participants/sluice-operator/kill', {
        json: { reason: 'x' },
      })
    ).status,
  ).not.toBe(200);
  expectStatus(await fixture.call('POST', `${path}/lift`), 200);
  expectStatus(await fixture.call('GET', '/v1/agreements', { as: feed.publisher }), 200);
  await eventually(async () => ((await writes()) ? true : null));
  expect((await fixture.call('GET', `/v1/agreements/${feed.agreement}`)).body).toMatchObject({ state: 'started', holds: [] });
});

test('a participant that was suspended before it was killed, or while it was, is suspended when it is lifted', async () => {
  for (const [when, state] of [
    ['before', 'suspended'],
    ['meanwhile', 'suspended'],
    ['never', 'active'],
  ] as const) {
    const { subscriber } = await makeFeed(fixture.call, { agreement: false });
    const path = `/v1/participants/${subscriber.name}`;
    if (when === 'before') expectStatus(await fixture.call('POST', `${path}/suspend`), 200);
    for (const reason of ['a leak', 'said twice'])
      expectStatus(await fixture.call('POST', `${path}/kill`, { json: { reason } }), 200);
    if (when === 'meanwhile') expectStatus(await fixture.call('POST', `${path}/suspend`), 200);
    for (const times of ['once', 'again']) {
      expectStatus(await fixture.call('POST', `${path}/lift`), 200);
      expect([when, times, (await fixture.call('GET', path)).body.state]).toEqual([when, times, state]);
    }
    expectStatus(await fixture.call('POST', `${path}/resume`), 200);
    expect((await fixture.call('GET', path)).body.state).toBe('active');
  }
});

async function writesRaw(cluster: Cluster, { dataset, publisher }: Feed): Promise<boolean> {
  const producer = await TransactionalProducer.open(cluster, {
    transactionalId: `${publisher.name}.test`,
  });
  if (!producer.ok) return false;
  producer.value.begin();
  const sent = await producer.value.send(topicNames.raw(dataset), 0, [{ key: null, value: Buffer.from('x') }]);
  const done = sent.ok ? await producer.value.commit() : sent;
  await producer.value.close();
  return done.ok;
}
