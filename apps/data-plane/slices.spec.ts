/** One batch in which more is refused than a transaction can seal: it is taken in slices, each in a transaction of its own. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import { decodeQuarantined } from '../../libs/ledger/index.ts';
import { PlaneFixture, programOf, visit } from './plane-fixture.ts';

let fixture: PlaneFixture;
const tokens = programOf('tokens');
const noKeys = programOf('no keys');
/** Few enough that a batch of thousands is far over what a transaction seals. */
const limits = { quarantineOriginalsMax: 100, quarantineRecordsMax: 150 };

beforeAll(async () => {
  fixture = await PlaneFixture.open();
}, 60_000);

afterEach(() => fixture.stopPlanes());
afterAll(() => fixture?.close(), 60_000);

/** Of seven records one is governed for both, two for the one that does not look at the id, and nobody can read the other four. */
const mixed = (number: number): Uint8Array => {
  const kind = number % 7;
  return kind === 0 ? visit(number) : kind < 3 ? visit(number, 'no id') : Buffer.from(`poison ${number}`);
};
const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index);

/** So many stand in a batch before the large one, in the same transaction of ours; the marker of their own has an offset. */
const before = 70;
const count = 2_100;
const offsetOf = (number: number): number => (number < before ? number : number + 1);

async function publish(dataset: string): Promise<void> {
  await fixture.publish(dataset, 0, range(0, before).map(mixed));
  await fixture.publish(dataset, 0, range(before, count - before).map(mixed));
}

/** What has to be true of the feed once all records were taken in, by transactions that refused so many at most. */
async function expectOnce(
  dataset: string,
  strict: string,
  lenient: string,
  refusedMax = 3 * limits.quarantineOriginalsMax,
): Promise<void> {
  const strictly = range(0, count).filter((number) => number % 7 === 0);
  const leniently = range(0, count).filter((number) => number % 7 < 3);
  const numbersOf = async (agreement: string, program: typeof tokens, expected: number): Promise<number[]> =>
    (await fixture.governed(dataset, agreement, program, expected)).map(({ number }) => number);
  expect(await numbersOf(strict, tokens, strictly.length)).toEqual(strictly);
  expect(await numbersOf(lenient, noKeys, leniently.length)).toEqual(leniently);
  const refused = count - strictly.length;
  const records = await fixture.readAll(topicNames.quarantine(dataset), (read) => read.length > refused, 2_000);
  const quarantined = records.map(({ value }) => unwrap(decodeQuarantined(value ?? new Uint8Array())));
  expect(quarantined.map(({ offsetFirst, agreement }) => [Number(offsetFirst), agreement])).toEqual(
    range(0, count).flatMap((number) => (number % 7 === 0 ? [] : [[offsetOf(number), number % 7 < 3 ? strict : null]])),
  );
  for (const agreement of [strict, lenient]) {
    const receipts = (await fixture.receipts(dataset, agreement, count)).flatMap(({ receipt }) =>
      receipt.agreement === agreement ? [receipt] : [],
    );
    // Each begins behind the one before, also within the batch, and none has more than one transaction may seal.
    expect(receipts.length).toBeGreaterThan(count / refusedMax);
    let next = 0n;
    for (const { inputFrom, inputTo, refuseCount } of receipts) {
      expect(inputFrom - next).toBeLessThanOrEqual(next === BigInt(before) ? 1n : 0n);
      expect(inputFrom).toBeGreaterThanOrEqual(next);
      expect(refuseCount).toBeLessThanOrEqual(BigInt(refusedMax));
      next = inputTo + 1n;
    }
    expect([next, receipts.reduce((sum, { inputCount }) => sum + inputCount, 0n)]).toEqual([BigInt(count + 1), BigInt(count)]);
  }
}

test('every record is governed once and in order, or in quarantine once, and the Receipts go on within the batch', async () => {
  const [dataset, strict, lenient] = (await fixture.dataset(1, 2)) as [string, string, string];
  await publish(dataset);
  await fixture.direct(dataset, strict, tokens);
  await fixture.direct(dataset, lenient, noKeys);
  await fixture.start({ limits });
  await expectOnce(dataset, strict, lenient);
}, 60_000);

test.each([
  ['takes as little at once', limits, 3 * limits.quarantineOriginalsMax],
  ['takes the rest of it as a whole', { quarantineOriginalsMax: count, quarantineRecordsMax: 2 * count }, count],
])(
  'a process that is replaced in the middle of the batch is followed by one that begins where it ended and %s',
  async (_, next, refusedMax) => {
    const [dataset, strict, lenient] = (await fixture.dataset(1, 2)) as [string, string, string];
    await publish(dataset);
    await fixture.direct(dataset, strict, tokens);
    await fixture.direct(dataset, lenient, noKeys);
    const first = await fixture.start({ limits });
    const reads = (): number => first.status().find((feed) => feed.dataset === dataset)?.recordsRead ?? 0;
    expect(await fixture.until(() => reads() > before)).toBe(true);
    await fixture.stopPlanes();
    expect(reads()).toBeLessThan(count);
    await fixture.start({ limits: next });
    await expectOnce(dataset, strict, lenient, refusedMax);
  },
  60_000,
);
