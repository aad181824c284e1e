/** The Kafka adapter on a real broker: access, transactions, fencing, directives. */
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Result } from '../../base/index.ts';
import { unwrap } from '../../base/index.ts';
import { testKafka, uniqueId } from '../../testkit/index.ts';
import type { KafkaOptions, OutRecord } from './index.ts';
import { Cluster, committedOffsets, KafkaAdmin, TopicReader, TransactionalProducer } from './index.ts';

let options: KafkaOptions;
let cluster: Cluster;
let admin: KafkaAdmin;

beforeAll(async () => {
  const { brokers, username, password } = testKafka();
  options = { brokers, clientId: 'kafka-test', sasl: { username, password } };
  cluster = unwrap(await Cluster.open(options));
  admin = new KafkaAdmin(cluster);
}, 60_000);

afterAll(async () => {
  await cluster?.close();
});

async function topic(partitions = 1): Promise<string> {
  const name = uniqueId('topic');
  unwrap(await admin.createTopics([{ name, partitions }]));
  return name;
}

const text = (value: string): OutRecord => ({ key: null, value: Buffer.from(value) });

/** Opens as a user that was just made: the broker knows of it a little later. */
async function openKnown(access: KafkaOptions): Promise<Result<Cluster>> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const opened = await Cluster.open(access);
    if (opened.ok || Date.now() > deadline) return opened;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The committed values of a topic, read until there are `count` and then a little longer: a commit's markers are written after its answer. */
async function values(name: string, count: number): Promise<string[]> {
  const reader = unwrap(await TopicReader.open(cluster, { topic: name, from: 'earliest' }));
  const found: string[] = [];
  const poll = async (): Promise<void> => {
    for (const { value } of unwrap(await reader.poll(200))) found.push(Buffer.from(value ?? []).toString());
  };
  const deadline = Date.now() + 15_000;
  while (found.length < count && Date.now() < deadline) await poll();
  await poll();
  return found;
}

async function inTransaction(producer: TransactionalProducer, name: string, records: readonly OutRecord[]): Promise<void> {
  producer.begin();
  unwrap(await producer.send(name, 0, records));
  unwrap(await producer.commit());
}

describe('connecting', () => {
  test('to nobody fails with one sentence that names the address', async () => {
    expect(await Cluster.open({ brokers: ['127.0.0.1:1'], clientId: 'x' })).toMatchObject({
      ok: false,
      failure: { code: 'broker-unreachable', message: 'connecting to Kafka at 127.0.0.1:1: no broker answered' },
    });
  });

  test('with a wrong password fails and does not tell it', async () => {
    const opened = await Cluster.open({ ...options, sasl: { username: 'admin', password: 'not-the-password' } });
    expect(opened.ok).toBe(false);
    expect(JSON.stringify(opened)).not.toContain('not-the-password');
  });

  test('goes on to the next address when one takes the connection and answers nothing', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const first = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
    // With and without authentication it is another request that gets no answer.
    const { sasl: _, ...nameless } = options;
    expect(await Cluster.open({ ...nameless, brokers: [first] })).toMatchObject({
      ok: false,
      failure: { code: 'broker-unreachable', message: `connecting to Kafka at ${first}: no broker answered` },
    });
    const opened = unwrap(await Cluster.open({ ...options, brokers: [first, ...options.brokers] }));
    expect(await opened.topics([await topic()])).toHaveLength(1);
    await opened.close();
    expect(sockets).toHaveLength(2);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  }, 30_000);
});

describe('a topic', () => {
  test('that is compacted keeps the last record of each key, and takes none without a key', async () => {
    const [plain, compacted] = [await topic(), uniqueId('compacted')];
    unwrap(
      await admin.createTopics([{ name: compacted, partitions: 1, compacted: true, config: { 'segment.bytes': '1048576' } }]),
    );
    expect(unwrap(await admin.topicConfig(plain, 'cleanup.policy'))).toBe('delete');
    expect(unwrap(await admin.topicConfig(compacted, 'cleanup.policy'))).toBe('compact');
    expect(unwrap(await admin.topicConfig(compacted, 'segment.bytes'))).toBe('1048576');
    const producer = unwrap(await TransactionalProducer.open(cluster, { transactionalId: uniqueId('keyless') }));
    producer.begin();
    expect((await producer.send(compacted, 0, [text('without a key')])).ok).toBe(false);
    unwrap(await producer.abort());
    await producer.close();
  }, 30_000);
});

describe('access', () => {
  test('a user reads what it was granted and nothing else, and nothing after the grant is taken away', async () => {
    const [mine, other] = [await topic(), await topic()];
    const name = uniqueId('reader');
    unwrap(await admin.setScramUser(name, 'a long enough secret'));
    const grants = (['read', 'describe'] as const).map((operation) => ({
      principal: name,
      resource: 'topic' as const,
      name: mine,
      pattern: 'literal' as const,
      operation,
    }));
    unwrap(await admin.allow(grants));
    const user = unwrap(await openKnown({ ...options, sasl: { username: name, password: 'a long enough secret' } }));
    const reader = unwrap(await TopicReader.open(user, { topic: mine, from: 'earliest' }));
    expect((await reader.poll(100)).ok).toBe(true);
    expect((await TopicReader.open(user, { topic: other, from: 'earliest' })).ok).toBe(false);
    const producer = await TransactionalProducer.open(user, { transactionalId: uniqueId('none') });
    expect(producer).toMatchObject({ ok: false, failure: { code: 'topic-authorization-failed' } });
    unwrap(await admin.revoke(grants));
    // The controller has it when it answers; a broker that has much to do hears of it a moment later.
    let cut = await reader.poll(100);
    for (let polls = 0; cut.ok && polls < 50; polls += 1) cut = await reader.poll(100);
    expect(cut).toMatchObject({ ok: false, failure: { code: 'topic-authorization-failed' } });
    unwrap(await admin.deleteScramUser(name));
    unwrap(await admin.deleteScramUser(name));
    await user.close();
  }, 30_000);
});

describe('a transaction', () => {
  test('that is committed is read once, and one that is aborted never', async () => {
    const name = await topic();
    const producer = unwrap(await TransactionalProducer.open(cluster, { transactionalId: uniqueId('p') }));
    await inTransaction(producer, name, [text('a'), text('b')]);
    producer.begin();
    unwrap(await producer.send(name, 0, [{ key: Buffer.alloc(4), value: Buffer.from('never') }]));
    unwrap(await producer.abort());
    await inTransaction(producer, name, [text('c')]);
    expect(await values(name, 3)).toEqual(['a', 'b', 'c']);
  });

  test('of many megabytes goes out in batches that the broker takes', async () => {
    const name = await topic();
    const producer = unwrap(await TransactionalProducer.open(cluster, { transactionalId: uniqueId('p') }));
    const records = Array.from({ length: 40 }, (_, index) => text(String(index % 10).repeat(100_000)));
    await inTransaction(producer, name, records);
    const wanted = records.map(({ value }) => Buffer.from(value ?? []).toString());
    const found = await values(name, records.length);
    expect(found.length).toBe(records.length);
    expect(found.every((value, index) => value === wanted[index])).toBe(true);
  }, 30_000);

  test('commits positions together with records, and an aborted one leaves them', async () => {
    const name = await topic(2);
    const group = uniqueId('group');
    const producer = unwrap(await TransactionalProducer.open(cluster, { transactionalId: uniqueId('p') }));
    producer.begin();
    unwrap(await producer.send(name, 1, [text('x')]));
    unwrap(await producer.commitOffsets(group, [{ topic: name, partition: 1, offset: 5n }]));
    unwrap(await producer.commit());
    producer.begin();
    unwrap(await producer.commitOffsets(group, [{ topic: name, partition: 1, offset: 9n }]));
    unwrap(await producer.abort());
    expect(unwrap(await committedOffsets(cluster, group, name))).toEqual(new Map([[1, 5n]]));
  });

  test('of an instance that was replaced is refused: the newer one fences it', async () => {
    const name = await topic();
    const transactionalId = uniqueId('p');
    const older = unwrap(await TransactionalProducer.open(cluster, { transactionalId }));
    older.begin();
    unwrap(await older.send(name, 0, [text('zombie')]));
    const newer = unwrap(await TransactionalProducer.open(cluster, { transactionalId }));
    const fenced = await older.commit();
    expect(fenced.ok ? undefined : fenced.failure.code).toBe('producer-fenced');
    expect(older.usable).toBe(false);
    await inTransaction(newer, name, [text('alive')]);
    expect(await values(name, 1)).toEqual(['alive']);
  }, 30_000);
});

test('producing to a topic that is not there fails with its name', async () => {
  const producer = unwrap(await TransactionalProducer.open(cluster, { transactionalId: uniqueId('p') }));
  producer.begin();
  const sent = await producer.send('no-such-topic', 0, [text('lost')]);
  expect(sent).toMatchObject({ ok: false, failure: { code: 'broker-unreachable', retriable: true } });
  expect(sent.ok ? '' : sent.failure.message).toBe('producing to no-such-topic: the cluster has no such topic or partition');
}, 30_000);
