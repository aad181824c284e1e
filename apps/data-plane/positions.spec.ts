/** Each agreement has its own position: it begins where its directive says, loses nothing while it is suspended or its output fails, and holds up nobody. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ReadRecord } from '../../libs/adapters/kafka/index.ts';
import { Cluster, committedPlaces, TransactionalProducer } from '../../libs/adapters/kafka/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import { chainHead, chainStart, resumeRecord } from '../../libs/ledger/index.ts';
import { uniqueId } from '../../libs/testkit/index.ts';
import type { Patient } from './plane-fixture.ts';
import { PlaneFixture, programOf, visit } from './plane-fixture.ts';
import type { DataPlane } from './start.ts';

let fixture: PlaneFixture;
/** Its agreements are served by the planes that a test starts, and by no other. */
let lone: PlaneFixture;
let plane: DataPlane;
const tokens = programOf('tokens');
const noKeys = programOf('no keys');

beforeAll(async () => {
  fixture = await PlaneFixture.open();
  lone = await PlaneFixture.open();
  plane = await fixture.start({ limits: { outputFailMs: 1_000, apartPauseMsMax: 1_000 } });
}, 60_000);

afterAll(async () => {
  await fixture?.close();
  await lone?.close();
}, 60_000);

const numbers = (patients: readonly Patient[]): number[] => patients.map(({ number }) => number).sort((a, b) => a - b);
const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index);
const feed = (dataset: string) => plane.status().find((status) => status.dataset === dataset);

describe('where an agreement begins', () => {
  test('is where the others are, the first record, the end, or a time, as its directive says', async () => {
    const [dataset, first, current, earliest, latest, timed] = await fixture.dataset(1, 5);
    await fixture.direct(dataset, first as string, tokens);
    await fixture.numbers(dataset, 0, 0, 50);
    await fixture.governed(dataset, first as string, tokens, 50);
    const now = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await fixture.numbers(dataset, 0, 50, 50);
    await fixture.governed(dataset, first as string, tokens, 100);
    await fixture.direct(dataset, current as string, tokens);
    await fixture.direct(dataset, earliest as string, tokens, { start: 'earliest' });
    await fixture.direct(dataset, latest as string, tokens, { start: 'latest' });
    await fixture.direct(dataset, timed as string, tokens, { start: { timestampMs: now } });
    expect(
      await fixture.until(async () => (await fixture.governed(dataset, timed as string, tokens, 50, 500)).length >= 50),
    ).toBe(true);
    await fixture.numbers(dataset, 0, 100, 10);
    const read = async (agreement: string | undefined, count: number): Promise<number[]> =>
      numbers(await fixture.governed(dataset, agreement as string, tokens, count));
    expect(await read(first, 110)).toEqual(range(0, 110));
    expect(await read(current, 10)).toEqual(range(100, 10));
    expect(await read(earliest, 110)).toEqual(range(0, 110));
    expect(await read(latest, 10)).toEqual(range(100, 10));
    expect(await read(timed, 60)).toEqual(range(50, 60));
    // Those that were behind are taken along again.
    expect(await fixture.until(() => feed(dataset)?.apart.length === 0)).toBe(true);
  }, 60_000);
});

describe('the position of the others', () => {
  test('is committed with who wrote the record before it, also when an agreement parts from them while nothing comes', async () => {
    const [dataset, stays, parts] = (await fixture.dataset(1, 2)) as [string, string, string];
    await fixture.direct(dataset, stays, tokens);
    const directive = await fixture.direct(dataset, parts, tokens);
    await fixture.numbers(dataset, 0, 0, 10);
    for (const agreement of [stays, parts]) await fixture.governed(dataset, agreement, tokens, 10);
    const { dataKey } = directive;
    await fixture.direct(dataset, parts, tokens, { dataKey, revision: 2, state: 'suspended' });
    const key = `${dataset}/0/${parts}`;
    const textOf = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? []).toString();
    const isNoted = (read: ReadRecord): boolean => textOf(read.key) === key && textOf(read.value).includes('apart');
    expect((await fixture.readAll(topicNames.positions, (read) => read.some(isNoted))).some(isNoted)).toBe(true);
    const cluster = unwrap(await Cluster.open(fixture.kafka));
    const places = unwrap(await committedPlaces(cluster, `sluice.${dataset}`, topicNames.raw(dataset)));
    await cluster.close();
    expect(places.get(0)).toMatchObject({ leaderEpoch: 0 });
  }, 60_000);
});

describe('what nobody can read', () => {
  test('is in quarantine once, also when a new agreement comes by long after the others, and in the Receipts of each', async () => {
    const [dataset, first, far, near] = (await fixture.dataset(2, 3)) as [string, string, string, string];
    const junk = [Buffer.from('no record of this feed'), Buffer.from([0, 0])];
    await fixture.direct(dataset, first, tokens);
    await fixture.publish(dataset, 0, junk);
    await fixture.publish(dataset, 1, junk);
    for (let round = 0; round < 3; round += 1) await fixture.numbers(dataset, 0, round * 4_000, 4_000);
    await fixture.governed(dataset, first, tokens, 12_000);
    await fixture.direct(dataset, far, tokens, { start: 'earliest' });
    expect(numbers(await fixture.governed(dataset, far, tokens, 12_000))).toEqual(range(0, 12_000));
    await fixture.publish(dataset, 1, junk);
    await fixture.direct(dataset, near, tokens, { start: 'earliest' });
    expect(numbers(await fixture.governed(dataset, near, tokens, 12_000))).toEqual(range(0, 12_000));
    expect(await fixture.until(() => feed(dataset)?.apart.length === 0)).toBe(true);
    const receipts = await fixture.receipts(dataset, near, 12_006);
    for (const agreement of [first, far, near]) {
      const own = receipts.filter(({ receipt }) => receipt.agreement === agreement);
      expect({ agreement, refused: own.reduce((sum, { receipt }) => sum + receipt.refuseCount, 0n) }).toEqual({
        agreement,
        refused: 6n,
      });
    }
    const quarantined = await fixture.readAll(topicNames.quarantine(dataset), () => false, 1_000);
    expect(quarantined.map(({ partition }) => partition).sort((a, b) => a - b)).toEqual([0, 0, 1, 1, 1, 1]);
  }, 120_000);
});

describe('an agreement that is suspended', () => {
  test('has everything that came meanwhile once it is resumed, in order, once, and the others do not wait for it', async () => {
    const [dataset, other, held] = (await fixture.dataset(2, 2)) as [string, string, string];
    await fixture.direct(dataset, other, tokens);
    const directive = await fixture.direct(dataset, held, tokens);
    await fixture.numbers(dataset, 0, 0, 20);
    await fixture.governed(dataset, held, tokens, 20);
    await fixture.direct(dataset, held, tokens, { ...directive, revision: 2, state: 'suspended' });
    expect(await fixture.until(() => feed(dataset)?.apart.some(({ agreement }) => agreement === held) === true)).toBe(true);
    await fixture.numbers(dataset, 0, 20, 500);
    await fixture.numbers(dataset, 1, 1_000, 500);
    expect(await fixture.governed(dataset, other, tokens, 1_020)).toHaveLength(1_020);
    expect(await fixture.governed(dataset, held, tokens, 21, 1_000)).toHaveLength(20);
    await fixture.direct(dataset, held, tokens, { ...directive, revision: 3 });
    const all = await fixture.governed(dataset, held, tokens, 1_020);
    expect(all.map(({ number }) => number).filter((number) => number < 1_000)).toEqual(range(0, 520));
    expect(numbers(all)).toEqual([...range(0, 520), ...range(1_000, 500)]);
  }, 60_000);

  test('keeps its place over a restart that happens while it is suspended', async () => {
    const [dataset, other, held] = (await lone.dataset(1, 2)) as [string, string, string];
    const instance = uniqueId('again');
    const before = await lone.start({ instance });
    await lone.direct(dataset, other, tokens);
    const directive = await lone.direct(dataset, held, tokens);
    await lone.numbers(dataset, 0, 0, 20);
    await lone.governed(dataset, held, tokens, 20);
    await lone.governed(dataset, other, tokens, 20);
    await before.stop();
    await lone.direct(dataset, held, tokens, { ...directive, revision: 2, state: 'suspended' });
    const after = await lone.start({ instance });
    await lone.numbers(dataset, 0, 20, 200);
    expect(await lone.governed(dataset, other, tokens, 220)).toHaveLength(220);
    await after.stop();
    const last = await lone.start({ instance });
    await lone.direct(dataset, held, tokens, { ...directive, revision: 3 });
    expect(numbers(await lone.governed(dataset, held, tokens, 220))).toEqual(range(0, 220));
    await last.stop();
  }, 90_000);
});

describe('an agreement whose output fails', () => {
  test('is served alone: one topic of eight is deleted under load, seven lose nothing, and the eighth is complete once it is back', async () => {
    const [dataset, ...agreements] = await fixture.dataset(2, 8);
    const eighth = agreements[7] as string;
    for (const agreement of agreements) await fixture.direct(dataset, agreement, tokens);
    let next = 0;
    const load = async (): Promise<void> => {
      await fixture.numbers(dataset, next % 2, next, 101);
      next += 101;
    };
    for (let round = 0; round < 10; round += 1) await load();
    await fixture.governed(dataset, eighth, tokens, 1_010);
    await fixture.remove(topicNames.governed(dataset, eighth));
    for (let round = 0; round < 30; round += 1) await load();
    // Nobody can read these; the eighth comes by later than the others.
    for (const partition of [0, 1]) await fixture.publish(dataset, partition, [Buffer.from('no record of this feed')]);
    for (const agreement of agreements.slice(0, 7)) {
      expect(numbers(await fixture.governed(dataset, agreement, tokens, next))).toEqual(range(0, next));
    }
    expect(feed(dataset)?.apart).toEqual([expect.objectContaining({ agreement: eighth, why: 'output-failed' })]);
    unwrap(await fixture.admin.createTopics([{ name: topicNames.governed(dataset, eighth), partitions: 2 }]));
    for (let round = 0; round < 5; round += 1) await load();
    // What the deleted topic had is gone with it; all that came later is there, once.
    const complete = async (): Promise<boolean> =>
      (await fixture.governed(dataset, eighth, tokens, 35 * 101, 2_000)).length >= 35 * 101;
    expect(await fixture.until(complete, 100_000)).toBe(true);
    expect(numbers(await fixture.governed(dataset, eighth, tokens, 35 * 101))).toEqual(range(1_010, 35 * 101));
    expect(await fixture.until(() => feed(dataset)?.apart.length === 0)).toBe(true);
    await load();
    expect(numbers(await fixture.governed(dataset, eighth, tokens, 36 * 101))).toEqual(range(1_010, 36 * 101));
    for (const agreement of agreements.slice(0, 7)) {
      expect(numbers(await fixture.governed(dataset, agreement, tokens, next))).toEqual(range(0, next));
    }
    const receipts = await fixture.receipts(dataset, eighth, 46 * 101 + 2);
    const refused = receipts.reduce((sum, { receipt }) => sum + (receipt.agreement === eighth ? receipt.refuseCount : 0n), 0n);
    expect(refused).toBe(2n);
    const quarantined = await fixture.readAll(topicNames.quarantine(dataset), () => false, 1_000);
    expect(quarantined.map(({ partition }) => partition).sort((a, b) => a - b)).toEqual([0, 1]);
  }, 240_000);
});

describe('agreements with the same Program', () => {
  test('that needs no keys share one computation and not their topics; with keys they have no token in common', async () => {
    const [dataset, one, two, three, four] = (await fixture.dataset(1, 4)) as [string, string, string, string, string];
    for (const agreement of [one, two]) await fixture.direct(dataset, agreement, noKeys);
    for (const agreement of [three, four]) await fixture.direct(dataset, agreement, tokens);
    await fixture.numbers(dataset, 0, 0, 300);
    const [first, second] = [
      await fixture.governed(dataset, one, noKeys, 300),
      await fixture.governed(dataset, two, noKeys, 300),
    ];
    expect(first).toEqual(second);
    expect(numbers(first)).toEqual(range(0, 300));
    const [third, fourth] = [
      await fixture.governed(dataset, three, tokens, 300),
      await fixture.governed(dataset, four, tokens, 300),
    ];
    expect(numbers(third)).toEqual(numbers(fourth));
    const found = new Set(third.map(({ id }) => id));
    expect(found.size).toBe(300);
    expect(fourth.filter(({ id }) => found.has(id))).toEqual([]);
    const receipts = await fixture.receipts(dataset, two, 300);
    const digests = (agreement: string): string[] =>
      receipts.flatMap(({ receipt }) =>
        receipt.agreement === agreement ? [Buffer.from(receipt.governedDigest).toString('hex')] : [],
      );
    expect(digests(one)).toEqual(digests(two));
  }, 60_000);
});

describe('the Receipts of a partition', () => {
  test('are a chain, over the agreements that are served together and over a restart', async () => {
    const [dataset, one, two] = (await lone.dataset(1, 2)) as [string, string, string];
    const instance = uniqueId('chain');
    const before = await lone.start({ instance });
    for (const agreement of [one, two]) await lone.direct(dataset, agreement, tokens);
    await lone.numbers(dataset, 0, 0, 100);
    await lone.governed(dataset, two, tokens, 100);
    await before.stop();
    const after = await lone.start({ instance });
    await lone.numbers(dataset, 0, 100, 100);
    await lone.governed(dataset, two, tokens, 200);
    let head = chainStart;
    const receipts = await lone.receipts(dataset, two, 200);
    expect(receipts.length).toBeGreaterThanOrEqual(4);
    for (const { receipt, value } of receipts) {
      expect(receipt.apart).toBe(false);
      expect(Buffer.from(receipt.previous)).toEqual(Buffer.from(head));
      head = chainHead(value);
    }
    await after.stop();
  }, 60_000);
});

describe('a directive', () => {
  test('that allows few refusals holds its agreement when there are more, and does not fill the quarantine', async () => {
    const [dataset, strict, lax] = (await fixture.dataset(1, 2)) as [string, string, string];
    const directive = await fixture.direct(dataset, strict, tokens, { refuseRateMax: 0.2 });
    await fixture.direct(dataset, lax, noKeys);
    const half = range(0, 400).map((number) => visit(number, number % 2 === 0 ? 'no number' : undefined));
    await fixture.publish(dataset, 0, half);
    expect(await fixture.governed(dataset, lax, noKeys, 400)).toHaveLength(400);
    expect(await fixture.until(() => feed(dataset)?.apart.some(({ why }) => why === 'held') === true)).toBe(true);
    expect(await fixture.governed(dataset, strict, tokens, 1, 500)).toHaveLength(0);
    expect(await fixture.readAll(topicNames.quarantine(dataset), (records) => records.length > 0, 500)).toHaveLength(0);
    await fixture.direct(dataset, strict, tokens, { ...directive, revision: 2, refuseRateMax: 1 });
    expect(await fixture.governed(dataset, strict, tokens, 200)).toHaveLength(200);
  }, 60_000);
});

describe('a partition of which records are gone before they were read', () => {
  test('waits, says in a Receipt what is missing, and goes on where an operator says', async () => {
    const [dataset, agreement] = (await lone.dataset(1, 1)) as [string, string];
    const instance = uniqueId('gap');
    const before = await lone.start({ instance });
    await lone.direct(dataset, agreement, tokens);
    await lone.numbers(dataset, 0, 0, 10);
    await lone.governed(dataset, agreement, tokens, 10);
    await before.stop();
    await lone.numbers(dataset, 0, 10, 10);
    await lone.numbers(dataset, 0, 20, 10);
    // Each transaction ends with a marker: 11 offsets each.
    await lone.truncate(dataset, 0, 22n);
    const after = await lone.start({ instance });
    const waits = () => after.status().some((status) => status.dataset === dataset && status.gaps.includes(0));
    expect(await lone.until(waits)).toBe(true);
    expect(await lone.governed(dataset, agreement, tokens, 11, 1_000)).toHaveLength(10);
    const gap = (await lone.receipts(dataset, agreement, 10)).find(({ receipt }) => receipt.kind === 'gap');
    expect(gap?.receipt).toMatchObject({ agreement, partition: 0, inputTo: 21n, inputCount: 0n });
    expect(gap?.receipt.inputFrom).toBeGreaterThanOrEqual(10n);
    const operator = unwrap(await TransactionalProducer.open(lone.cluster, { transactionalId: uniqueId('operator') }));
    operator.begin();
    unwrap(await operator.send(topicNames.positions, 0, [resumeRecord(dataset, 0, { id: uniqueId('resume'), at: 'earliest' })]));
    unwrap(await operator.commit());
    await operator.close();
    expect(numbers(await lone.governed(dataset, agreement, tokens, 20))).toEqual([...range(0, 10), ...range(20, 10)]);
    expect(waits()).toBe(false);
    await after.stop();
  }, 90_000);
});
