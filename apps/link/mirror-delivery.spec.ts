import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, TransactionalProducer } from '../../libs/adapters/kafka/index.ts';
import type { ReadRecord } from '../../libs/adapters/kafka/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import type { Delivery } from '../../libs/catalog/index.ts';
import { testKafka, uniqueId } from '../../libs/testkit/index.ts';
import { GovernedFixture, governedRecord, partitions, until, wrapPlain } from './link-fixture.ts';
import { mirrorGroup } from './mirror-delivery.ts';

let fixture: GovernedFixture;
let target: { topic: string; username: string };

/** The platform's side: its topic, and an account with the rights that the README names and no others. */
beforeAll(async () => {
  fixture = await GovernedFixture.open(testKafka(), uniqueId('link'));
  target = { topic: uniqueId('target'), username: uniqueId('platform') };
  unwrap(await fixture.admin.createTopics([{ name: target.topic, partitions }]));
  const id = mirrorGroup(fixture.agreement);
  await fixture.account(target.username, 'platform-password', [
    ...(['read', 'write', 'describe'] as const).map(
      (operation) => ({ resource: 'topic', name: target.topic, pattern: 'literal', operation }) as const,
    ),
    { resource: 'group', name: id, pattern: 'literal', operation: 'read' },
    { resource: 'transactionalId', name: id, pattern: 'literal', operation: 'write' },
    { resource: 'transactionalId', name: id, pattern: 'literal', operation: 'describe' },
  ]);
}, 60_000);

afterAll(() => fixture.close());

const mirror = (topic = target.topic): Delivery => ({
  kind: 'mirror',
  brokers: testKafka().brokers,
  topic,
  username: target.username,
  password: wrapPlain('platform-password'),
});

/** Everything of a record but its topic and offset: aborted records and markers take offsets too. */
const content = ({ partition, key, value, headers, timestampMs }: ReadRecord): string =>
  [
    partition,
    ...[key, value].map((bytes) => Buffer.from(bytes ?? []).toString('hex')),
    ...headers.flat().map(String),
    timestampMs,
  ].join(' ');

const perPartition = (records: readonly ReadRecord[]): string[][] =>
  Array.from({ length: partitions }, (_, partition) => records.filter((record) => record.partition === partition).map(content));

async function expectSame(): Promise<void> {
  const [source, copy] = [await fixture.readAll(fixture.topic), await fixture.readAll(target.topic)];
  expect(copy).toHaveLength(source.length);
  expect(perPartition(copy)).toEqual(perPartition(source));
}

describe('a mirror', () => {
  test('copies committed records with key, value, headers, time, partition and order, and no aborted one', async () => {
    await fixture.write(300);
    await fixture.write(50, 'abort');
    await fixture.write(300);
    const link = fixture.start(mirror());
    await until(() => link.status().delivered === 600, link.status);
    await fixture.write(30);
    await until(() => link.status().delivered === 630 && link.status().lagRecords === 0, link.status);
    expect(link.status()).toMatchObject({ kind: 'mirror', state: 'running' });
    await link.stop();
    await expectSame();
  }, 60_000);

  test('goes on from the position in the target when the process died between writing and committing', async () => {
    await fixture.write(90);
    const { brokers } = testKafka();
    const sasl = { username: target.username, password: 'platform-password' };
    const died = unwrap(await Cluster.open({ brokers, clientId: 'died', sasl }));
    const producer = unwrap(
      await TransactionalProducer.open(died, { transactionalId: mirrorGroup(fixture.agreement), timeoutMs: 60_000 }),
    );
    producer.begin();
    unwrap(await producer.send(target.topic, 0, [governedRecord(630), governedRecord(633)]));
    unwrap(
      await producer.commitOffsets(mirrorGroup(fixture.agreement), [{ topic: target.topic, partition: 0, offset: 1_000_000n }]),
    );
    await died.close();
    const link = fixture.start(mirror());
    await until(() => link.status().delivered === 90, link.status);
    await link.stop();
    await expectSame();
  }, 60_000);

  test('doubles and loses nothing when it is stopped and started at random while records arrive', async () => {
    const writer = { isWriting: true };
    const written = (async () => {
      for (let round = 0; round < 30; round += 1) {
        await fixture.write(60);
        await sleep(20);
      }
      writer.isWriting = false;
    })();
    while (writer.isWriting) {
      const link = fixture.start(mirror());
      await sleep(Math.random() * 250);
      await link.stop();
    }
    await written;
    const link = fixture.start(mirror());
    await until(
      () => link.status().state === 'running' && link.status().lagRecords === 0 && link.status().lastError === undefined,
      link.status,
    );
    await sleep(1_500);
    await until(() => link.status().lagRecords === 0, link.status);
    await link.stop();
    await expectSame();
  }, 90_000);

  test('takes over from a link that still runs, and the one that was fenced writes no more', async () => {
    const first = fixture.start(mirror(), { brokenCapMs: 600_000, retryBaseMs: 600_000, retryCapMs: 600_000 });
    await until(() => first.status().state === 'running', first.status);
    await sleep(500);
    const second = fixture.start(mirror());
    await sleep(500);
    await fixture.write(60);
    await until(() => second.status().delivered === 60, second.status);
    await until(() => first.status().state === 'waiting', first.status);
    expect(first.status().delivered).toBe(0);
    await Promise.all([first.stop(), second.stop()]);
    await expectSame();
  }, 60_000);

  test('stops at once when the agreement is suspended, and goes on where it was when it is resumed', async () => {
    const link = fixture.start(mirror());
    await until(() => link.status().state === 'running', link.status);
    link.put({ state: 'suspended' });
    await until(() => link.status().state === 'stopped', link.status);
    await fixture.write(60);
    await sleep(300);
    expect(link.status().delivered).toBe(0);
    link.put({ state: 'started' });
    await until(() => link.status().delivered === 60, link.status);
    await link.stop();
    await expectSame();
  }, 60_000);

  test('writes nothing under directives that were asked for too long ago, and goes on when they are known again', async () => {
    const link = fixture.start(mirror(), { directiveAgeMsMax: 300 });
    await fixture.write(30);
    await until(() => link.status().delivered === 30, link.status);
    const before = await fixture.readAll(target.topic);
    const release = link.hold();
    await sleep(400);
    await fixture.write(30);
    await sleep(500);
    expect(await fixture.readAll(target.topic)).toHaveLength(before.length);
    release();
    await until(() => link.status().delivered === 60, link.status);
    await link.stop();
    await expectSame();
  }, 60_000);
});

describe('a mirror refuses', () => {
  async function refusal(topic: string): Promise<string | undefined> {
    const link = fixture.start(mirror(topic));
    await until(() => link.status().lastError !== undefined, link.status);
    const { lastError, delivered } = link.status();
    await link.stop();
    expect(delivered).toBe(0);
    return lastError;
  }

  test('a target with another number of partitions', async () => {
    const topic = uniqueId('narrow');
    unwrap(await fixture.admin.createTopics([{ name: topic, partitions: 1 }]));
    unwrap(
      await fixture.admin.allow([
        { principal: target.username, resource: 'topic', name: topic, pattern: 'literal', operation: 'describe' },
      ]),
    );
    expect(await refusal(topic)).toContain('1 partitions, not 3');
  }, 60_000);

  test('a target that has records but no position', async () => {
    const topic = uniqueId('lost');
    unwrap(await fixture.admin.createTopics([{ name: topic, partitions }]));
    for (const operation of ['describe', 'read', 'write'] as const) {
      unwrap(
        await fixture.admin.allow([
          { principal: target.username, resource: 'topic', name: topic, pattern: 'literal', operation },
        ]),
      );
    }
    const writer = unwrap(await TransactionalProducer.open(fixture.cluster, { transactionalId: uniqueId('other') }));
    writer.begin();
    unwrap(await writer.send(topic, 1, [governedRecord(1)]));
    unwrap(await writer.commit());
    expect(await refusal(topic)).toContain('has no position');
    expect(await fixture.readAll(topic)).toHaveLength(1);
  }, 60_000);

  test('a target that its account may not see', async () => {
    const topic = uniqueId('closed');
    unwrap(await fixture.admin.createTopics([{ name: topic, partitions }]));
    expect(await refusal(topic)).toContain('target of the mirror');
  }, 60_000);
});
