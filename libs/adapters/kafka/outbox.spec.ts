/** How batches leave, with leaders and answers that a test decides. */
import { describe, expect, test } from '@jest/globals';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import { kafkaCodes } from './kafka-codes.ts';
import { Outbox } from './outbox.ts';
import type { ProduceBatch, ProducedPartition } from './record-calls.ts';

interface Sent {
  readonly leader: number;
  /** topic/partition:bytes of each batch. */
  readonly batches: readonly string[];
  answer(code: number | ((batch: string) => number)): void;
  lose(): void;
}

const nameOf = ({ topic, partition, bytes }: ProduceBatch): string => `${topic}/${partition}:${bytes.toString()}`;

function outboxOn(leaders: Record<string, number>, outputFailMs = 200) {
  const sent: Sent[] = [];
  const refreshed: string[][] = [];
  const cluster = {
    lost: false,
    leaderOf: (topic: string, partition: number): number | undefined => leaders[`${topic}/${partition}`],
    refresh: (names: readonly string[]): Promise<void> => {
      refreshed.push([...names]);
      return cluster.lost ? Promise.reject(new Error('nobody answers')) : Promise.resolve();
    },
  };
  const produce = (leader: number, batches: readonly ProduceBatch[]): Promise<Result<readonly ProducedPartition[]>> =>
    new Promise((resolve) => {
      sent.push({
        leader,
        batches: batches.map(nameOf),
        answer: (code) =>
          resolve(
            ok(
              batches.map((batch) => ({
                topic: batch.topic,
                partition: batch.partition,
                errorCode: typeof code === 'number' ? code : code(nameOf(batch)),
                baseOffset: 0n,
              })),
            ),
          ),
        lose: () => resolve(fail('broker-unreachable', 'lost')),
      });
    });
  const outbox = new Outbox({ cluster, outputFailMs, produce });
  outbox.begin(() => true);
  return { outbox, sent, refreshed, cluster, leaders };
}

const put = (outbox: Outbox, topic: string, partition: number, bytes: string): void =>
  outbox.enqueue(topic, partition, Buffer.from(bytes), 1);

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('it did not come to it');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Answers everything that is sent by this code until the flush is over. */
async function flushAnswering(
  { outbox, sent }: ReturnType<typeof outboxOn>,
  code: (batch: string) => number,
): Promise<Result<'sent' | 'stale'>> {
  const flush = { over: false };
  const flushed = outbox.flush().finally(() => (flush.over = true));
  while (!flush.over) {
    for (const request of sent.splice(0)) request.answer(code);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return flushed;
}

describe('batches', () => {
  test('that are ready together go to each broker in one request', async () => {
    const { outbox, sent } = outboxOn({ 'a/0': 1, 'a/1': 2, 'b/0': 1 });
    put(outbox, 'a', 0, 'x');
    put(outbox, 'a', 1, 'y');
    put(outbox, 'b', 0, 'z');
    await until(() => sent.length === 2);
    expect(sent.map(({ leader, batches }) => [leader, batches])).toEqual([
      [1, ['a/0:x', 'b/0:z']],
      [2, ['a/1:y']],
    ]);
  });

  test('that are too much for one request go in several, and no more than a broker should have at a time', async () => {
    const partitions = Array.from({ length: 20 }, (_, partition) => partition);
    const { outbox, sent } = outboxOn(Object.fromEntries(partitions.map((partition) => [`a/${partition}`, 1])));
    for (const partition of partitions) outbox.enqueue('a', partition, Buffer.alloc(3 * 1024 * 1024), 1);
    await until(() => sent.length === 5);
    expect(sent.map(({ batches }) => batches.length)).toEqual([2, 2, 2, 2, 2]);
    sent[0]?.answer(0);
    await until(() => sent.length === 6);
  });

  test('of one partition go one after the other, while those of others pass', async () => {
    const { outbox, sent } = outboxOn({ 'a/0': 1, 'a/1': 1 });
    put(outbox, 'a', 0, 'first');
    put(outbox, 'a', 0, 'second');
    await until(() => sent.length === 1);
    put(outbox, 'a', 1, 'other');
    await until(() => sent.length === 2);
    expect(sent.map(({ batches }) => batches)).toEqual([['a/0:first'], ['a/1:other']]);
    sent[0]?.answer(0);
    await until(() => sent.length === 3);
    expect(sent[2]?.batches).toEqual(['a/0:second']);
    expect(outbox.nextSequence('a', 0)).toBe(2);
  });

  test('are pending until acknowledged, and callers below a limit wait for that', async () => {
    const { outbox, sent } = outboxOn({ 'a/0': 1 });
    put(outbox, 'a', 0, '12345');
    put(outbox, 'a', 0, '67890');
    let drained = false;
    void outbox.drained(5).then(() => (drained = true));
    await until(() => sent.length === 1);
    expect([outbox.pendingBytes, drained]).toEqual([10, false]);
    sent[0]?.answer(0);
    await until(() => drained);
    expect(outbox.pendingBytes).toBe(5);
  });

  test('whose leader moved, whose answer was lost or which a broker has already are sent again as they were, to the leader of then', async () => {
    const box = outboxOn({ 'a/0': 1 }, 5_000);
    put(box.outbox, 'a', 0, 'x');
    const flushed = box.outbox.flush();
    await until(() => box.sent.length === 1);
    box.leaders['a/0'] = 2;
    box.sent[0]?.answer(kafkaCodes.notLeaderOrFollower);
    await until(() => box.sent.length === 2);
    box.sent[1]?.lose();
    await until(() => box.sent.length === 3);
    box.sent[2]?.answer(kafkaCodes.duplicateSequenceNumber);
    expect(await flushed).toEqual(ok('sent'));
    expect(box.sent.map(({ leader, batches }) => [leader, ...batches])).toEqual([
      [1, 'a/0:x'],
      [2, 'a/0:x'],
      [2, 'a/0:x'],
    ]);
    expect(box.refreshed).toEqual([['a'], ['a']]);
  });

  test('wait for a topic that was just made', async () => {
    const box = outboxOn({}, 5_000);
    put(box.outbox, 'new', 0, 'x');
    const flushed = box.outbox.flush();
    await until(() => box.refreshed.length === 3);
    box.leaders['new/0'] = 1;
    await until(() => box.sent.length === 1);
    box.sent[0]?.answer(0);
    expect(await flushed).toEqual(ok('sent'));
  });
});

describe('an output that does not take what is sent', () => {
  test('fails alone after its time, is named, and what others have on its way is acknowledged', async () => {
    const box = outboxOn({ 'a/0': 1, 'b/0': 1, 'c/0': 1 }, 50);
    put(box.outbox, 'a', 0, 'x');
    put(box.outbox, 'b', 0, 'y');
    put(box.outbox, 'c', 0, 'z');
    const down: Record<string, number> = { 'b/0:y': kafkaCodes.notEnoughReplicas, 'c/0:z': kafkaCodes.leaderNotAvailable };
    const flushed = await flushAnswering(box, (batch) => down[batch] ?? 0);
    expect(flushed.ok).toBe(false);
    expect([...box.outbox.failed]).toEqual(
      expect.arrayContaining([
        ['b', kafkaCodes.notEnoughReplicas],
        ['c', kafkaCodes.leaderNotAvailable],
      ]),
    );
    expect(box.outbox.failed.has('a')).toBe(false);
    expect(box.outbox.broken).toBe(false);
  });

  test('for good fails at once', async () => {
    const box = outboxOn({ 'a/0': 1 }, 1_000_000);
    put(box.outbox, 'a', 0, 'x');
    const flushed = await flushAnswering(box, () => kafkaCodes.messageTooLarge);
    expect(flushed).toMatchObject({ ok: false, failure: { code: 'record-too-large' } });
    expect([...box.outbox.failed]).toEqual([['a', kafkaCodes.messageTooLarge]]);
  });

  test('lets callers who wait go on, and after stop and begin the next round starts clean', async () => {
    const box = outboxOn({ 'a/0': 1 });
    put(box.outbox, 'a', 0, 'x');
    put(box.outbox, 'a', 0, 'y');
    const drained = box.outbox.drained(0);
    await flushAnswering(box, () => kafkaCodes.topicAuthorizationFailed);
    await drained;
    put(box.outbox, 'a', 0, 'dropped');
    expect(await box.outbox.stop()).toBe(false);
    box.outbox.forgetSequences();
    box.outbox.begin(() => true);
    expect([box.outbox.pendingBytes, box.outbox.failed.size, box.outbox.nextSequence('a', 0)]).toEqual([0, 0, 0]);
    put(box.outbox, 'a', 0, 'z');
    expect(await flushAnswering(box, () => 0)).toEqual(ok('sent'));
  });

  test('is not blamed when no broker answers at all: then the producer is at an end', async () => {
    const box = outboxOn({ 'a/0': 1 }, 30);
    box.cluster.lost = true;
    put(box.outbox, 'a', 0, 'x');
    const flushed = await flushAnswering(box, () => kafkaCodes.networkException);
    expect(flushed).toMatchObject({ ok: false, failure: { code: 'broker-unreachable' } });
    expect([box.outbox.failed.size, box.outbox.broken]).toEqual([0, true]);
  });
});

describe('sending ends', () => {
  test('when it may not go on: nothing more is sent and the flush says stale', async () => {
    const { outbox, sent } = outboxOn({ 'a/0': 1 });
    let may = true;
    outbox.begin(() => may);
    put(outbox, 'a', 0, 'x');
    put(outbox, 'a', 0, 'y');
    await until(() => sent.length === 1);
    may = false;
    sent[0]?.answer(0);
    expect(await outbox.flush()).toEqual(ok('stale'));
    await outbox.drained(0);
    expect(sent.length).toBe(1);
    expect(await outbox.stop()).toBe(false);
  });

  test.each([
    kafkaCodes.producerFenced,
    kafkaCodes.invalidProducerEpoch,
    kafkaCodes.invalidTxnState,
    kafkaCodes.outOfOrderSequenceNumber,
  ])('for good with error %i, which no output is named for', async (code) => {
    const box = outboxOn({ 'a/0': 1 });
    put(box.outbox, 'a', 0, 'x');
    expect((await flushAnswering(box, () => code)).ok).toBe(false);
    expect([box.outbox.failed.size, box.outbox.broken]).toEqual([0, true]);
  });

  test('with a transaction that must be taken back, which no output is named for and after which the producer is whole', async () => {
    const box = outboxOn({ 'a/0': 1 });
    put(box.outbox, 'a', 0, 'x');
    expect((await flushAnswering(box, () => kafkaCodes.transactionAbortable)).ok).toBe(false);
    expect([box.outbox.failed.size, box.outbox.broken]).toEqual([0, false]);
  });

  test('and stop waits for what is on its way', async () => {
    const { outbox, sent } = outboxOn({ 'a/0': 1 });
    put(outbox, 'a', 0, 'x');
    await until(() => sent.length === 1);
    let stopped = false;
    const stop = outbox.stop().finally(() => (stopped = true));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(stopped).toBe(false);
    sent[0]?.answer(0);
    expect(await stop).toBe(true);
  });
});

describe('the bytes of a batch', () => {
  test('are given back once: when they are acknowledged, and not before, or when they are not going to be sent', async () => {
    const { outbox, sent } = outboxOn({ 'a/0': 1, 'b/0': 1 });
    const given: string[] = [];
    const hand = (topic: string, bytes: string): void => outbox.enqueue(topic, 0, Buffer.from(bytes), 1, () => given.push(bytes));
    hand('a', 'one');
    hand('a', 'two');
    hand('b', 'three');
    await until(() => sent.length > 0);
    sent.shift()?.answer((batch) => (batch.startsWith('a') ? kafkaCodes.none : kafkaCodes.notLeaderOrFollower));
    await until(() => given.length === 1);
    // The second of its partition is on its way, and the one that was refused is tried again with the same bytes.
    expect(given).toEqual(['one']);
    await until(() => sent.length === 2);
    for (const request of sent.splice(0))
      request.answer(request.batches[0]?.startsWith('a') === true ? kafkaCodes.none : kafkaCodes.notLeaderOrFollower);
    await until(() => given.length === 2);
    expect(given).toEqual(['one', 'two']);
    const stopped = outbox.stop();
    for (const request of sent.splice(0)) request.answer(kafkaCodes.notLeaderOrFollower);
    await stopped;
    expect(given).toEqual(['one', 'two', 'three']);
    hand('a', 'late');
    expect(given).toEqual(['one', 'two', 'three', 'late']);
  });
});
