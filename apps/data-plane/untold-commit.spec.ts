/** A commit of an agreement that is served alone, whose outcome its reader is not told. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { TransactionalProducer } from '../../libs/adapters/kafka/index.ts';
import { fail } from '../../libs/base/index.ts';
import { PlaneFixture, programOf } from './plane-fixture.ts';
import { PositionLog } from './position-log.ts';

let fixture: PlaneFixture;
const tokens = programOf('tokens');

beforeAll(async () => {
  fixture = await PlaneFixture.open();
}, 60_000);

afterAll(() => fixture?.close(), 60_000);

test('is found out before anything more is done, however often the positions cannot be read: nothing comes twice, nothing is missing', async () => {
  const [dataset, first, late] = (await fixture.dataset(1, 2)) as [string, string, string];
  await fixture.direct(dataset, first, tokens);
  // Further behind than the others would take it along.
  for (let round = 0; round < 3; round += 1) await fixture.numbers(dataset, 0, round * 5_000, 5_000);
  const failed = { commits: 0, looks: 0 };
  const open = TransactionalProducer.open.bind(TransactionalProducer);
  const opening = jest.spyOn(TransactionalProducer, 'open').mockImplementation(async (cluster, options) => {
    const opened = await open(cluster, options);
    if (!opened.ok || !options.transactionalId.endsWith(late)) return opened;
    const producer = opened.value;
    const commit = producer.commit.bind(producer);
    producer.commit = async () => {
      const committed = await commit();
      if (!committed.ok || failed.commits > 0) return committed;
      failed.commits += 1;
      failed.looks = 3;
      return fail('broker-unreachable', 'the answer was lost');
    };
    return opened;
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
    const received = await fixture.governed(dataset, late, tokens, 15_001, 5_000);
    expect(received.map(({ number }) => number)).toEqual(Array.from({ length: 15_000 }, (_, number) => number));
    expect(failed).toEqual({ commits: 1, looks: 0 });
  } finally {
    opening.mockRestore();
    looking.mockRestore();
  }
}, 60_000);
