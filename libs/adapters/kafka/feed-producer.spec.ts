/** Both producers of the record path and the fetcher, on a real broker. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { unwrap } from '../../base/index.ts';
import { BatchBuilder, readBatches } from '../../records/index.ts';
import { testKafka, uniqueId } from '../../testkit/index.ts';
import type { FeedProducer, GroupPlace, KafkaOptions } from './index.ts';
import {
  AtLeastOnceProducer,
  Cluster,
  committedPlaces,
  GroupMember,
  KafkaAdmin,
  PartitionFetcher,
  TopicReader,
  TransactionalProducer,
} from './index.ts';
import { kafkaCodes } from './kafka-codes.ts';

let options: KafkaOptions;
let cluster: Cluster;
let admin: KafkaAdmin;

beforeAll(async () => {
  const { brokers, username, password } = testKafka();
  options = { brokers, clientId: 'feed-test', sasl: { username, password } };
  cluster = unwrap(await Cluster.open(options));
  admin = new KafkaAdmin(cluster);
}, 60_000);

afterAll(async () => {
  await cluster?.close();
});

async function topic(partitions = 1, config: Record<string, string> = {}): Promise<string> {
  const name = uniqueId('topic');
  unwrap(await admin.createTopics([{ name, partitions, config }]));
  return name;
}

/** Deletes a topic, and waits for the broker to hear of it from the controller: until then it answers as before. */
async function remove(name: string): Promise<void> {
  unwrap(await admin.deleteTopics([name]));
  const deadline = Date.now() + 20_000;
  while (unwrap(await admin.topics(name)).has(name) && Date.now() < deadline) await sleep(20);
}

/** One batch of these values, placed and enqueued. */
function put(producer: FeedProducer, name: string, partition: number, ...values: string[]): void {
  const builder = new BatchBuilder();
  for (const value of values) builder.append(null, Buffer.from(value), [], BigInt(Date.now()));
  producer.enqueue(name, partition, builder.finish(producer.place(name, partition)), values.length);
}

/** Reads until there are `count` values, then a little longer. */
async function values(name: string, count: number): Promise<string[]> {
  const reader = unwrap(await TopicReader.open(cluster, { topic: name, from: 'earliest' }));
  const found: string[] = [];
  const poll = async (): Promise<void> => {
    for (const { value } of unwrap(await reader.poll(200))) found.push(Buffer.from(value ?? []).toString());
  };
  const deadline = Date.now() + 15_000;
  while (found.length < count && Date.now() < deadline) await poll();
  await poll();
  await reader.close();
  return found.sort();
}

const producers: [string, (outputFailMs?: number) => Promise<FeedProducer>][] = [
  [
    'the transactional producer',
    async (outputFailMs = 3_000) =>
      unwrap(await TransactionalProducer.open(cluster, { transactionalId: uniqueId('p'), outputFailMs })),
  ],
  [
    'the at-least-once producer',
    async (outputFailMs = 3_000) => unwrap(await AtLeastOnceProducer.open(cluster, { outputFailMs })),
  ],
];

describe.each(producers)('%s', (_name, open) => {
  test('brings every batch of several rounds to its partition, once and in order', async () => {
    const name = await topic(2);
    const producer = await open();
    const wanted: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      producer.begin();
      for (let batch = 0; batch < 4; batch += 1) {
        const pair = [0, 1].map((index) => `${round}${batch}${index}`);
        put(producer, name, batch % 2, ...pair);
        wanted.push(...pair);
      }
      await producer.drained(100);
      expect(unwrap(await producer.flush())).toBe('sent');
      expect(producer.pendingBytes).toBe(0);
      unwrap(await producer.commit());
    }
    expect(await values(name, wanted.length)).toEqual(wanted);
    await producer.close();
  }, 30_000);

  test('names the output that takes no such batch, is taken back, and goes on with the others', async () => {
    const [narrow, wide] = [await topic(1, { 'max.message.bytes': '200' }), await topic()];
    const producer = await open();
    producer.begin();
    put(producer, narrow, 0, 'x'.repeat(1_000));
    put(producer, wide, 0, 'first');
    expect((await producer.flush()).ok).toBe(false);
    expect([...producer.failedOutputs()]).toEqual([[narrow, kafkaCodes.messageTooLarge]]);
    expect(producer.usable).toBe(true);
    unwrap(await producer.abort());
    producer.begin();
    put(producer, wide, 0, 'second');
    expect(unwrap(await producer.flush())).toBe('sent');
    unwrap(await producer.commit());
    expect(await values(wide, 1)).toContain('second');
    expect(await values(narrow, 0)).toEqual([]);
    await producer.close();
  }, 30_000);

  test('gives up on a topic that does not come into being, and writes to one that does', async () => {
    const [never, soon] = [uniqueId('never'), uniqueId('soon')];
    const producer = await open(400);
    producer.begin();
    put(producer, never, 0, 'x');
    expect((await producer.flush()).ok).toBe(false);
    expect([...producer.failedOutputs()]).toEqual([[never, kafkaCodes.unknownTopicOrPartition]]);
    unwrap(await producer.abort());
    await producer.close();
    const patient = await open(20_000);
    patient.begin();
    put(patient, soon, 0, 'y');
    unwrap(await admin.createTopics([{ name: soon, partitions: 1 }]));
    expect(unwrap(await patient.flush())).toBe('sent');
    unwrap(await patient.commit());
    expect(await values(soon, 1)).toEqual(['y']);
    await patient.close();
  }, 30_000);

  test('sends nothing once it may not, says so, and sends again in the next round', async () => {
    const name = await topic();
    const producer = await open();
    producer.begin(() => false);
    put(producer, name, 0, 'never');
    expect(unwrap(await producer.flush())).toBe('stale');
    unwrap(await producer.abort());
    producer.begin();
    put(producer, name, 0, 'now');
    expect(unwrap(await producer.flush())).toBe('sent');
    unwrap(await producer.commit());
    expect(await values(name, 1)).toEqual(['now']);
    await producer.close();
  }, 30_000);

  test('commits positions with their text under the place of a member, and none under a place that was lost', async () => {
    const name = await topic();
    const group = uniqueId('group');
    const member = unwrap(await GroupMember.join(cluster, { group, topic: name }));
    // A broker that has just started has no coordinator yet: the member goes on asking.
    const deadline = Date.now() + 20_000;
    while (placeOf(member).memberEpoch === 0 && Date.now() < deadline) await sleep(50);
    const round = async (offset: bigint, memberEpoch: number): Promise<boolean> => {
      const producer = await open();
      producer.begin();
      const place = { ...placeOf(member), memberEpoch };
      const given = await producer.commitOffsets(group, [{ topic: name, partition: 0, offset, metadata: `at ${offset}` }], place);
      const committed = given.ok ? await producer.commit() : given;
      await producer.close();
      return committed.ok;
    };
    expect(await round(5n, placeOf(member).memberEpoch)).toBe(true);
    expect(await round(9n, placeOf(member).memberEpoch + 7)).toBe(false);
    expect(unwrap(await committedPlaces(cluster, group, name))).toEqual(
      new Map([[0, { offset: 5n, metadata: 'at 5', leaderEpoch: -1 }]]),
    );
    await member.leave();
  }, 30_000);
});

function placeOf(member: GroupMember): GroupPlace {
  const place = member.place(member.incarnation);
  if (place === undefined) throw new Error('the place of now is lost');
  return place;
}

test('a transaction that is taken back leaves nothing, a round at least once leaves what was sent', async () => {
  const name = await topic();
  for (const [, open] of producers) {
    const producer = await open();
    producer.begin();
    put(producer, name, 0, producer instanceof AtLeastOnceProducer ? 'stays' : 'goes');
    unwrap(await producer.flush());
    unwrap(await producer.abort());
    await producer.close();
  }
  expect(await values(name, 1)).toEqual(['stays']);
});

describe('a fetcher', () => {
  const narrow = { maxWaitMs: 1_000, maxBytes: 15_000, partitionMaxBytes: 15_000 };
  const limits = { maxWaitMs: 100, maxBytes: 1024 * 1024, partitionMaxBytes: 1024 * 1024 };

  test('brings batches as views that are given back, and a position that is not in the log as that of one partition', async () => {
    const name = await topic(2);
    const producer = unwrap(await AtLeastOnceProducer.open(cluster));
    producer.begin();
    put(producer, name, 0, 'a', 'b');
    put(producer, name, 1, 'c');
    unwrap(await producer.flush());
    const fetcher = new PartitionFetcher(cluster, name);
    const fetched = unwrap(
      await fetcher.fetch(
        new Map([
          [0, 0n],
          [1, 77n],
        ]),
        limits,
      ),
    );
    const byPartition = new Map(fetched.partitions.map((partition) => [partition.partition, partition]));
    let count = 0;
    readBatches(byPartition.get(0)?.records ?? Buffer.alloc(0), (batch) => (count += batch.recordCount));
    expect(count).toBe(2);
    expect(byPartition.get(1)).toMatchObject({ errorCode: kafkaCodes.offsetOutOfRange });
    fetched.release();
    fetcher.close();
    await producer.close();
  });

  test('brings every partition in its turn when answers have no room for all of them', async () => {
    const name = await topic(3);
    const producer = unwrap(await TransactionalProducer.open(cluster, { transactionalId: uniqueId('turns') }));
    producer.begin();
    for (const partition of [0, 1, 2]) put(producer, name, partition, 'x'.repeat(10_000), 'y'.repeat(10_000));
    unwrap(await producer.flush());
    unwrap(await producer.commit());
    // What is committed is readable as such a moment later, and not everywhere at once.
    const fetcher = new PartitionFetcher(cluster, name, { isolation: 'read_uncommitted' });
    const brought: number[][] = [];
    // Nobody moves on: each partition always has something.
    for (let round = 0; round < 7; round += 1) {
      const fetched = unwrap(await fetcher.fetch(new Map([0, 1, 2].map((partition) => [partition, 0n])), narrow));
      brought.push(fetched.partitions.filter(({ records }) => records.length > 0).map(({ partition }) => partition));
      fetched.release();
    }
    expect(brought).toEqual([[0], [1], [2], [0], [1], [2], [0]]);
    fetcher.close();
    await producer.close();
  });

  test('sees an open transaction only when it reads what is uncommitted', async () => {
    const name = await topic();
    const producer = unwrap(await TransactionalProducer.open(cluster, { transactionalId: uniqueId('p') }));
    producer.begin();
    put(producer, name, 0, 'open');
    unwrap(await producer.flush());
    const bytesBy = async (isolation: 'read_committed' | 'read_uncommitted'): Promise<number> => {
      const fetcher = new PartitionFetcher(cluster, name, { isolation });
      const fetched = unwrap(await fetcher.fetch(new Map([[0, 0n]]), limits));
      const bytes = fetched.partitions[0]?.records.length ?? 0;
      fetched.release();
      fetcher.close();
      return bytes;
    };
    expect(await bytesBy('read_committed')).toBe(0);
    expect(await bytesBy('read_uncommitted')).toBeGreaterThan(0);
    await producer.close();
  });

  test('does not go on with another topic of the same name', async () => {
    const name = await topic();
    const fetcher = new PartitionFetcher(cluster, name);
    unwrap(await fetcher.fetch(new Map([[0, 0n]]), limits)).release();
    await remove(name);
    const absent = await fetcher.fetch(new Map([[0, 0n]]), limits);
    expect(absent).toMatchObject({ ok: false, failure: { code: 'broker-unreachable', retriable: true } });
    unwrap(await admin.createTopics([{ name, partitions: 1 }]));
    const other = unwrap(await Cluster.open(options));
    for (const handle of [cluster, other]) {
      const known = new PartitionFetcher(handle, name, fetcher.topicId === undefined ? {} : { topicId: fetcher.topicId });
      const recreated = await known.fetch(new Map([[0, 0n]]), limits);
      expect(recreated).toMatchObject({ ok: false, failure: { code: 'topic-recreated', retriable: false } });
    }
    expect(await fetcher.fetch(new Map([[0, 0n]]), limits)).toMatchObject({ failure: { code: 'topic-recreated' } });
    fetcher.close();
    await other.close();
  }, 30_000);

  test('that still has the old id finds out by the broker when its own metadata is old', async () => {
    const name = await topic();
    const stale = unwrap(await Cluster.open(options));
    const fetcher = new PartitionFetcher(stale, name);
    unwrap(await fetcher.fetch(new Map([[0, 0n]]), limits)).release();
    await remove(name);
    unwrap(await admin.createTopics([{ name, partitions: 1 }]));
    let last = await fetcher.fetch(new Map([[0, 0n]]), limits);
    const deadline = Date.now() + 15_000;
    while ((last.ok || last.failure.retriable) && Date.now() < deadline) {
      if (last.ok) last.value.release();
      last = await fetcher.fetch(new Map([[0, 0n]]), limits);
    }
    expect(last).toMatchObject({ ok: false, failure: { code: 'topic-recreated' } });
    await stale.close();
  }, 30_000);

  test('whose buffers are not given back waits, whatever the topic has, and goes on when they are', async () => {
    const name = await topic(3);
    const producer = unwrap(await AtLeastOnceProducer.open(cluster));
    producer.begin();
    for (const partition of [0, 1, 2]) put(producer, name, partition, String(partition).repeat(300_000));
    unwrap(await producer.flush());
    const narrow = unwrap(await Cluster.open({ ...options, fetchedBytesMax: 1024 * 1024 }));
    const fetchers = [0, 1, 2].map(() => new PartitionFetcher(narrow, name));
    const arrived: number[] = [];
    const asked = fetchers.map((fetcher, partition) =>
      fetcher.fetch(new Map([[partition, 0n]]), { ...limits, maxWaitMs: 50 }).finally(() => arrived.push(partition)),
    );
    // Each answer takes a buffer of 512 KiB: there is room for two.
    const first = unwrap(await Promise.race(asked));
    const deadline = Date.now() + 15_000;
    while (arrived.length < 2 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(arrived.length).toBe(2);
    first.release();
    for (const one of await Promise.all(asked)) unwrap(one).release();
    await narrow.close();
    await producer.close();
  }, 30_000);
});
