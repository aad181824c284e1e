/** A transaction of an agreement that is served alone, whose outcome its reader is not told, or that failed. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { PartitionFetcher, TransactionalProducer } from '../../libs/adapters/kafka/index.ts';
import { fail } from '../../libs/base/index.ts';
import { PlaneFixture, programOf } from './plane-fixture.ts';
import { PositionLog } from './position-log.ts';

let fixture: PlaneFixture;
const tokens = programOf('tokens');

beforeAll(async () => {
  fixture = await PlaneFixture.open();
}, 60_000);

afterAll(() => fixture?.close(), 60_000);

/** Changes every producer that is opened for an agreement that is served alone, until it is restored. */
function eachProducerOf(agreement: string, change: (producer: TransactionalProducer) => void) {
  const open = TransactionalProducer.open.bind(TransactionalProducer);
  return jest.spyOn(TransactionalProducer, 'open').mockImplementation(async (cluster, options) => {
    const opened = await open(cluster, options);
    if (opened.ok && options.transactionalId.endsWith(agreement)) change(opened.value);
    return opened;
  });
}

test('that failed leaves nothing behind: what it would have written of one partition does not go out with the next, which has another', async () => {
  const [dataset, first, late] = (await fixture.dataset(2, 2)) as [string, string, string];
  await fixture.direct(dataset, first, tokens);
  for (let round = 0; round < 3; round += 1) {
    await fixture.numbers(dataset, 0, round * 5_000, 5_000);
    await fixture.numbers(dataset, 1, 15_000 + round * 5_000, 5_000);
  }
  const failed = { commits: 0, hides: false };
  const opening = eachProducerOf(late, (producer) => {
    const commitOffsets = producer.commitOffsets.bind(producer);
    producer.commitOffsets = (...offsets) => {
      failed.hides = failed.commits === 0;
      if (!failed.hides) return commitOffsets(...offsets);
      failed.commits += 1;
      return Promise.resolve(fail('producer-fenced', 'another instance took over'));
    };
  });
  // The next transaction has the other partition.
  const { fetch } = PartitionFetcher.prototype;
  const fetching = jest.spyOn(PartitionFetcher.prototype, 'fetch').mockImplementation(function (
    this: PartitionFetcher,
    positions,
    limits,
  ) {
    const other = positions.get(1);
    return fetch.call(this, failed.hides && other !== undefined ? new Map([[1, other]]) : positions, limits);
  });
  try {
    // One batch of one partition for each fetch, and one fetch for each transaction: the partitions take turns.
    await fixture.start({ limits: { transactionRecordsMax: 1, fetchBytesMax: 1_024, fetchPartitionBytesMax: 1_024 } });
    await fixture.governed(dataset, first, tokens, 30_000);
    await fixture.direct(dataset, late, tokens, { start: 'earliest' });
    const received = await fixture.governed(dataset, late, tokens, 30_000);
    expect(failed).toEqual({ commits: 1, hides: false });
    expect(received.map(({ number }) => number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 30_000 }, (_, number) => number),
    );
  } finally {
    opening.mockRestore();
    fetching.mockRestore();
  }
}, 90_000);

test('is found out before anything more is done, however often the positions cannot be read: nothing comes twice, nothing is missing', async () => {
  const [dataset, first, late] = (await fixture.dataset(1, 2)) as [string, string, string];
  await fixture.direct(dataset, first, tokens);
  // Further behind than the others would take it along.
  for (let round = 0; round < 3; round += 1) await fixture.numbers(dataset, 0, round * 5_000, 5_000);
  const failed = { commits: 0, looks: 0 };
  const opening = eachProducerOf(late, (producer) => {
    const commit = producer.commit.bind(producer);
    producer.commit = async () => {
      const committed = await commit();
      if (!committed.ok || failed.commits > 0) return committed;
      failed.commits += 1;
      failed.looks = 3;
      return fail('broker-unreachable', 'the answer was lost');
    };
  });
  const caughtUp = Reflect.get(PositionLog.prototype, 'caughtUp');
  const looking = jest.spyOn(PositionLog.prototype, 'caughtUp').mockImplementation(function (this: PositionLog) {
    if (failed.looks === 0) return caughtUp.call(this);
    failed.looks -= 1;
    return Promise.resolve(fail('broker-unreachable', 'the positions cannot be read'));
  });
  try {
    await fixture.start({ limits: { transactionRecordsMax: 2_000, fetchPartitionBytesMax: 64 * 1024 } });
    await fixture.governed(dataset, first, tokens, 15_000);
    await fixture.direct(dataset, late, tokens, { start: 'earliest' });
    await fixture.governed(dataset, late, tokens, 15_000);
    // One more would be one too many.
    const received = await fixture.governed(dataset, late, tokens, 15_001, 3_000);
    expect(received.map(({ number }) => number)).toEqual(Array.from({ length: 15_000 }, (_, number) => number));
    expect(failed).toEqual({ commits: 1, looks: 0 });
  } finally {
    opening.mockRestore();
    looking.mockRestore();
  }
}, 60_000);
