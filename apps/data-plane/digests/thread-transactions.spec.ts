/** Transactions whose digests another thread computes, on a real broker; and what becomes of them when it does not. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { topicNames } from '../../../libs/base/index.ts';
import { digestsOf } from '../compacted-fixture.ts';
import { PlaneFixture, programOf } from '../plane-fixture.ts';
import type { DigestSession } from './digest-session.ts';
import { DigestThread } from './digest-thread.ts';

const program = programOf('tokens');
let fixture: PlaneFixture;

/** Its first thread ends at once. */
class Faltering extends DigestThread {
  readonly #ending = new DigestThread({ program: new URL(`data:text/javascript,process.exit(3)`) });
  sessions = 0;

  override session(): DigestSession {
    this.sessions += 1;
    return this.sessions === 1 ? this.#ending.session() : super.session();
  }
}

beforeAll(async () => {
  fixture = await PlaneFixture.open();
}, 60_000);

afterAll(() => fixture?.close(), 60_000);

test('one whose digests fail is taken back and read again: everything leaves once, and each Receipt has the digest of what a consumer reads', async () => {
  const digests = new Faltering();
  await fixture.start({ digests });
  const [dataset, first, second] = (await fixture.dataset(2, 2)) as [string, string, string];
  for (const agreement of [first, second]) await fixture.direct(dataset, agreement, program);
  for (const partition of [0, 1]) await fixture.numbers(dataset, partition, partition * 1_000, 400);
  for (const agreement of [first, second]) {
    const receipts = (await fixture.receipts(dataset, agreement, 800)).map(({ receipt }) => receipt);
    const own = receipts.filter((receipt) => receipt.agreement === agreement);
    const records = await fixture.readAll(topicNames.governed(dataset, agreement), (read) => read.length > 800, 2_000);
    expect(records).toHaveLength(800);
    expect(own.reduce((sum, { inputCount }) => sum + inputCount, 0n)).toBe(800n);
    for (const partition of [0, 1]) {
      const of = own.filter((receipt) => receipt.partition === partition);
      const read = records.filter((record) => record.partition === partition);
      expect(of.map(({ governedDigest }) => Buffer.from(governedDigest).toString('hex'))).toEqual(digestsOf(of, read));
    }
  }
  expect(digests.sessions).toBeGreaterThan(1);
  expect(fixture.failures.some(({ message }) => message.includes('the thread of digests ended'))).toBe(true);
}, 60_000);

test('of a small transaction are computed where it is governed: no thread is asked', async () => {
  const digests = new Faltering();
  await fixture.stopPlanes();
  await fixture.start({ digests, limits: { digestThreadBytesMin: 1024 * 1024 } });
  const [dataset, agreement] = (await fixture.dataset(1, 1)) as [string, string];
  await fixture.direct(dataset, agreement, program);
  await fixture.numbers(dataset, 0, 0, 100);
  expect(await fixture.governed(dataset, agreement, program, 100)).toHaveLength(100);
  expect(digests.sessions).toBe(0);
}, 60_000);
