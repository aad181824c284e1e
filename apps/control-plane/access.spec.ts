/** What accounts may do on Kafka, tried as those accounts. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { Cluster, committedOffsets, KafkaAdmin, TopicReader, TransactionalProducer } from '../../libs/adapters/kafka/index.ts';
import type { Failure, Result } from '../../libs/base/index.ts';
import { topicNames } from '../../libs/base/index.ts';
import { testKafka } from '../../libs/testkit/index.ts';
import type { Account, Feed, Fixture } from './control-plane-fixture.ts';
import { eventually, expectStatus, makeFeed, startFixture } from './control-plane-fixture.ts';

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
    const options = { brokers: testKafka().brokers, clientId: 'access', sasl: { username: name, password: secret } };
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
  const producer = await TransactionalProducer.open(cluster, { transactionalId });
  if (!producer.ok) return producer;
  producer.value.begin();
  const sent = await producer.value.send(topic, 0, [{ key: null, value: Buffer.from('x') }]);
  return sent.ok ? producer.value.commit() : sent;
}

const refused = (result: Result<unknown>): Failure | null => (result.ok ? null : result.failure);

/** A topic that an account may not describe is not there for it. */
const hidden = expect.objectContaining({ code: expect.stringMatching(/^(?:not-found|topic-authorization-failed)$/) });

describe('a subscriber', () => {
  test('reads the governed topic of its own agreement and nothing else', async () => {
    const cluster = await as(mine.subscriber);
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
    const cluster = await as(mine.subscriber);
    for (const topic of [topicNames.governed(mine.dataset, mine.agreement), topicNames.raw(mine.dataset)]) {
      expect(refused(await writing(cluster, topic, `${mine.subscriber.name}.x`))).not.toBeNull();
    }
  });

  test('uses groups of its agreement alone, with the dot of the prefix', async () => {
    const cluster = await as(mine.subscriber);
    const topic = topicNames.governed(mine.dataset, mine.agreement);
    expect(refused(await committedOffsets(cluster, `${mine.agreement}.app`, topic))).toBeNull();
    for (const group of [`${mine.agreement}0.app`, mine.agreement, `${other.agreement}.app`]) {
      expect(refused(await committedOffsets(cluster, group, topic))).not.toBeNull();
    }
  });

  test('loses its topic when the agreement is terminated or delivered another way, on its open connection', async () => {
    const own = await makeFeed(fixture.call);
    const cluster = await as(own.subscriber);
    const topic = topicNames.governed(own.dataset, own.agreement);
    const isRefused = (): Promise<true> => eventually(async () => ((await reading(cluster, topic)).ok ? null : true));
    const isAllowed = (): Promise<true> => eventually(async () => ((await reading(cluster, topic)).ok ? true : null));
    const put = (delivery: object) =>
      fixture.call('PUT', `/v1/agreements/${own.agreement}`, { json: { policy: own.policy, delivery } });
    await isAllowed();
    const secret = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
    expectStatus(await put({ kind: 'webhook', url: 'https://x.test/', secret, batchRecordsMax: 1 }), 200);
    await isRefused();
    expectStatus(await put({ kind: 'kafka' }), 200);
    await isAllowed();
    expectStatus(await fixture.call('POST', `/v1/agreements/${own.agreement}/terminate`), 200);
    await isRefused();
  });

  test('with an account made after the agreement has the same permissions', async () => {
    const late = { name: `${mine.subscriber.name}-2`, secret: 'a-second-account' };
    const json = { participant: mine.subscriber.name, secret: late.secret };
    expectStatus(await fixture.call('PUT', `/v1/accounts/${late.name}`, { json }), 200);
    const cluster = await as(late);
    await eventually(async () => ((await reading(cluster, topicNames.governed(mine.dataset, mine.agreement))).ok ? true : null));
  });
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
