/** What accounts may do on Kafka, tried as those accounts. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { Cluster, committedOffsets, KafkaAdmin, TopicReader, TransactionalProducer } from '../../libs/adapters/kafka/index.ts';
import type { Failure, Result } from '../../libs/base/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import { testKafka } from '../../libs/testkit/index.ts';
import type { Account, Feed, Fixture } from './control-plane-fixture.ts';
import { eventually, expectStatus, issueCredential, makeFeed, startFixture } from './control-plane-fixture.ts';

let fixture: Fixture;
let mine: Feed;
let other: Feed;
const clusters: Cluster[] = [];

beforeAll(async () => {
  fixture = await startFixture();
  mine = await makeFeed(fixture.call);
  other = await makeFeed(fixture.call);
});

afterAll(async () => {
  await Promise.all(clusters.map((cluster) => cluster.close()));
  await fixture.close();
});

/** A connection as an account; a fresh user reaches every broker a moment later. */
const as = ({ name, secret }: Account): Promise<Cluster> =>
  eventually(async () => {
    const options = {
      brokers: testKafka().brokers,
      clientId: 'access',
      sasl: { username: name, password: secret },
    };
    const cluster = await Cluster.open(options);
    if (!cluster.ok) return null;
    clusters.push(cluster.value);
    return cluster.value;
  });

async function reading(cluster: Cluster, topic: string): Promise<Result<unknown>> {
  const reader = await TopicReader.open(cluster, { topic, from: 'earliest' });
  return reader.ok ? reader.value.poll(50) : reader;
}

async function writing(cluster: Cluster, topic: string, transactionalId: string): Promise<Result<unknown>> {
  const producer = await TransactionalProducer.open(cluster, {
    transactionalId,
  });
  if (!producer.ok) return producer;
  producer.value.begin();
  const sent = await producer.value.send(topic, 0, [{ key: null, value: Buffer.from('x') }]);
  return sent.ok ? producer.value.commit() : sent;
}

const refused = (result: Result<unknown>): Failure | null => (result.ok ? null : result.failure);

/** A topic that an account may not describe is not there for it. */
const hidden = expect.objectContaining({
  code: expect.stringMatching(/^(?:not-found|topic-authorization-failed)$/),
});

describe('a credential', () => {
  let credential: Account;
  beforeAll(async () => {
    credential = await issueCredential(fixture.call, mine);
  });

  test('reads the governed topic of its own agreement, as soon as it is answered, and nothing else', async () => {
    const { brokers } = testKafka();
    const sasl = { username: credential.name, password: credential.secret };
    const cluster = unwrap(await Cluster.open({ brokers, clientId: 'access', sasl }));
    clusters.push(cluster);
    expect(refused(await reading(cluster, topicNames.governed(mine.dataset, mine.agreement)))).toBeNull();
    const others = [
      topicNames.raw(mine.dataset),
      topicNames.quarantine(mine.dataset),
      topicNames.governed(other.dataset, other.agreement),
      topicNames.directives,
      topicNames.intake,
      topicNames.events,
    ];
    for (const topic of others) expect(refused(await reading(cluster, topic))).toEqual(hidden);
  });

  test('writes nowhere', async () => {
    const cluster = await as(credential);
    for (const topic of [topicNames.governed(mine.dataset, mine.agreement), topicNames.raw(mine.dataset)]) {
      expect(refused(await writing(cluster, topic, `${mine.agreement}.x`))).not.toBeNull();
    }
  });

  test('uses groups of its agreement alone, with the dot of the prefix', async () => {
    const cluster = await as(credential);
    const topic = topicNames.governed(mine.dataset, mine.agreement);
    expect(refused(await committedOffsets(cluster, `${mine.agreement}.app`, topic))).toBeNull();
    for (const group of [`${mine.agreement}0.app`, mine.agreement, `${other.agreement}.app`]) {
      expect(refused(await committedOffsets(cluster, group, topic))).not.toBeNull();
    }
  });

  test('ends when the agreement is terminated or delivered another way, on its open connection', async () => {
    const own = await makeFeed(fixture.call);
    const topic = topicNames.governed(own.dataset, own.agreement);
    const isRefused = (cluster: Cluster): Promise<true> =>
      eventually(async () => ((await reading(cluster, topic)).ok ? null : true));
    const put = (delivery: object) =>
      fixture.call('PUT', `/v1/agreements/${own.agreement}`, {
        json: { policy: own.policy, delivery },
      });
    const first = await as(await issueCredential(fixture.call, own));
    expect(refused(await reading(first, topic))).toBeNull();
    const secret = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
    expectStatus(
      await put({
        kind: 'webhook',
        url: 'https://x.test/',
        secret,
        batchRecordsMax: 1,
      }),
      200,
    );
    await isRefused(first);
    const none = await fixture.call('POST', `/v1/agreements/${own.agreement}/credentials`, { json: {}, as: own.subscriber });
    expect(none).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expectStatus(await put({ kind: 'kafka' }), 200);
    const second = await as(await issueCredential(fixture.call, own));
    expect(refused(await reading(second, topic))).toBeNull();
    expectStatus(await fixture.call('POST', `/v1/agreements/${own.agreement}/terminate`), 200);
    await isRefused(second);
  });
});

test("an account of a subscriber reads nothing: that is its agreements' credentials", async () => {
  const cluster = await as(mine.subscriber);
  expect(refused(await reading(cluster, topicNames.governed(mine.dataset, mine.agreement)))).toEqual(hidden);
});

describe('a publisher', () => {
  test('writes its own raw topic, also in a transaction of its own name, and reads nothing', async () => {
    const cluster = await as(mine.publisher);
    const own = topicNames.raw(mine.dataset);
    expect(refused(await writing(cluster, own, `${mine.publisher.name}.feeder`))).toBeNull();
    expect(refused(await writing(cluster, own, 'sluice.intake.someone'))).not.toBeNull();
    expect(refused(await writing(cluster, topicNames.raw(other.dataset), `${mine.publisher.name}.feeder`))).not.toBeNull();
    expect(refused(await reading(cluster, own))).not.toBeNull();
    expect(refused(await reading(cluster, topicNames.governed(mine.dataset, mine.agreement)))).toEqual(hidden);
    expect(refused(await new KafkaAdmin(cluster).createTopics([{ name: 'raw.made-by-hand', partitions: 1 }]))).not.toBeNull();
  });
});
