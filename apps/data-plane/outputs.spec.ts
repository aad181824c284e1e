/** What leaves: ids of records, batches that a topic can hold, partitions that grow, revocation in the middle of a backlog, and both guarantees. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PartitionFetcher } from '../../libs/adapters/kafka/index.ts';
import { codecOf } from '../../libs/avro/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import { decodeQuarantined } from '../../libs/ledger/index.ts';
import { uniqueId } from '../../libs/testkit/index.ts';
import type { Patient } from './plane-fixture.ts';
import { PlaneFixture, programOf, visit } from './plane-fixture.ts';
import type { DataPlane } from './start.ts';

let fixture: PlaneFixture;
const tokens = programOf('tokens');
const noKeys = programOf('no keys');

beforeAll(async () => {
  fixture = await PlaneFixture.open();
}, 60_000);

afterAll(() => fixture?.close(), 60_000);

const numbers = (patients: readonly Patient[]): number[] => patients.map(({ number }) => number).sort((a, b) => a - b);
const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index);

describe('with the guarantee exactly-once', () => {
  let plane: DataPlane;

  beforeAll(async () => {
    plane = await fixture.start();
  }, 60_000);

  test('record ids are the same for the same source record, and another agreement has others', async () => {
    const [dataset, one, two] = (await fixture.dataset(1, 2)) as [string, string, string];
    await fixture.direct(dataset, one, tokens, { recordIds: true });
    await fixture.direct(dataset, two, noKeys, { recordIds: true });
    await fixture.numbers(dataset, 0, 0, 100);
    const ids = async (agreement: string): Promise<string[]> => {
      const records = await fixture.readAll(topicNames.governed(dataset, agreement), (read) => read.length >= 100);
      return records.map(({ headers }) => {
        expect(headers.map(([name, value]) => [name, value.length])).toEqual([['sluice-record-id', 16]]);
        return Buffer.from(headers[0]?.[1] ?? []).toString('hex');
      });
    };
    const [first, second] = [await ids(one), await ids(two)];
    expect(new Set([...first, ...second]).size).toBe(200);
  }, 60_000);

  test('compression is what the directive says, and any reader can read it', async () => {
    const [dataset, ...agreements] = await fixture.dataset(1, 4);
    const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const;
    for (const [index, compression] of codecs.entries())
      await fixture.direct(dataset, agreements[index] as string, noKeys, { compression });
    await fixture.numbers(dataset, 0, 0, 500);
    for (const [index, compression] of codecs.entries()) {
      const agreement = agreements[index] as string;
      expect(numbers(await fixture.governed(dataset, agreement, noKeys, 500))).toEqual(range(0, 500));
      const fetcher = new PartitionFetcher(fixture.cluster, topicNames.governed(dataset, agreement));
      const limits = { maxWaitMs: 1_000, maxBytes: 1 << 20, partitionMaxBytes: 1 << 20 };
      const fetched = unwrap(await fetcher.fetch(new Map([[0, 0n]]), limits));
      const attributes = fetched.partitions[0]?.records.readInt16BE(21) ?? 0;
      expect(['none', 'gzip', 'snappy', 'lz4', 'zstd'][attributes & 7]).toBe(compression);
      fetched.release();
      fetcher.close();
    }
  }, 60_000);

  test('a record that its topic cannot hold is refused once, and those around it are delivered', async () => {
    const [dataset, agreement, other] = (await fixture.dataset(1, 2, {
      governed: [{ 'max.message.bytes': '4000' }],
    })) as [string, string, string];
    const keepsPhone = programOf('long phone');
    await fixture.direct(dataset, agreement, keepsPhone);
    await fixture.direct(dataset, other, keepsPhone);
    const long = visit(50, undefined, '1'.repeat(9_000));
    await fixture.publish(dataset, 0, [
      ...range(0, 50).map((number) => visit(number)),
      long,
      ...range(51, 50).map((number) => visit(number)),
    ]);
    expect(numbers(await fixture.governed(dataset, agreement, keepsPhone, 100))).toEqual([...range(0, 50), ...range(51, 50)]);
    expect(numbers(await fixture.governed(dataset, other, keepsPhone, 101))).toEqual(range(0, 101));
    const refused = await fixture.readAll(topicNames.quarantine(dataset), (records) => records.length > 0);
    expect(refused.map(({ value }) => unwrap(decodeQuarantined(value ?? new Uint8Array())))).toEqual([
      expect.objectContaining({ agreement, reason: 'output-too-large', field: null }),
    ]);
  }, 60_000);

  test('a backlog that nobody can read is quarantined whole, in transactions that close before the brokers give them up', async () => {
    const [dataset, agreement] = (await fixture.dataset(1, 1)) as [string, string];
    for (let batch = 0; batch < 10; batch += 1)
      await fixture.publish(
        dataset,
        0,
        range(batch * 1_000, 1_000).map((number) => Buffer.from(`poison ${number}`)),
      );
    await fixture.direct(dataset, agreement, tokens, { refuseRateMax: 1 });
    const receipts = await fixture.receipts(dataset, agreement, 10_000);
    const refused = receipts.map(({ receipt }) => receipt.refuseCount);
    expect(refused.reduce((sum, count) => sum + count, 0n)).toBe(10_000n);
    // What is taken in at once, 2,048 records, may go beyond the 2,000 at which it closes.
    expect(Math.max(...refused.map(Number))).toBeLessThan(2_000 + 2_048);
    const quarantined = await fixture.readAll(topicNames.quarantine(dataset), (records) => records.length >= 10_000);
    expect(new Set(quarantined.map(({ key }) => Buffer.from(key ?? []).toString())).size).toBe(10_000);
    expect(quarantined).toHaveLength(10_000);
  }, 60_000);

  test('a new partition of the feed waits until the governed topics have grown, says so, and nothing of it is lost', async () => {
    const [dataset, agreement, other] = (await fixture.dataset(1, 2)) as [string, string, string];
    const waiting = (): readonly number[] | undefined => plane.status().find((feed) => feed.dataset === dataset)?.outputsTooFew;
    const said = (): string[] =>
      fixture.failures.flatMap(({ code, message }) => (code === 'outputs-too-few' && message.includes(dataset) ? [message] : []));
    for (const one of [agreement, other]) await fixture.direct(dataset, one, tokens);
    await fixture.numbers(dataset, 0, 0, 10);
    await fixture.governed(dataset, agreement, tokens, 10);
    expect(waiting()).toEqual([]);
    await fixture.grow(topicNames.raw(dataset), 2);
    await fixture.numbers(dataset, 1, 100, 10);
    expect(await fixture.until(() => waiting()?.[0] === 1)).toBe(true);
    await fixture.numbers(dataset, 0, 10, 10);
    await fixture.governed(dataset, agreement, tokens, 20);
    // All of them have to, the quarantine too: one that has grown does not help the others.
    for (const one of [agreement, other]) {
      await fixture.grow(topicNames.governed(dataset, one), 2);
      expect(numbers(await fixture.governed(dataset, agreement, tokens, 21, 1_500))).toEqual(range(0, 20));
    }
    expect(waiting()).toEqual([1]);
    expect(said()).toEqual([`partition 1 of ${topicNames.raw(dataset)} waits: a topic that its records go to has only 1`]);
    await fixture.grow(topicNames.quarantine(dataset), 2);
    for (const one of [agreement, other]) {
      expect(numbers(await fixture.governed(dataset, one, tokens, 30, 30_000))).toEqual([...range(0, 20), ...range(100, 10)]);
      expect(await fixture.governed(dataset, one, tokens, 31, 1_000)).toHaveLength(30);
    }
    expect(waiting()).toEqual([]);
    expect(plane.status().find((feed) => feed.dataset === dataset)?.apart).toEqual([]);
  }, 90_000);
});

describe('a revocation', () => {
  test('an agreement that is revoked in the middle of a backlog has nothing more after a second, not even for a reader of uncommitted records', async () => {
    const slow = await PlaneFixture.open();
    await slow.start({ limits: { fetchPartitionBytesMax: 32 * 1024, transactionRecordsMax: 500 } });
    const [dataset, agreement] = (await slow.dataset(2, 1)) as [string, string];
    for (let round = 0; round < 40; round += 1) await slow.numbers(dataset, round % 2, round * 5_000, 5_000);
    const directive = await slow.direct(dataset, agreement, tokens);
    const topic = topicNames.governed(dataset, agreement);
    const fetcher = new PartitionFetcher(slow.cluster, topic, { isolation: 'read_uncommitted' });
    const end = async (): Promise<bigint> => {
      const fetched = unwrap(
        await fetcher.fetch(
          new Map([
            [0, 0n],
            [1, 0n],
          ]),
          { maxWaitMs: 1, maxBytes: 100, partitionMaxBytes: 100 },
        ),
      );
      fetched.release();
      return fetched.partitions.reduce((sum, { highWatermark }) => sum + highWatermark, 0n);
    };
    expect(await slow.until(async () => (await end()) > 0n)).toBe(true);
    await slow.direct(dataset, agreement, tokens, { ...directive, revision: 2, state: 'terminated' });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const cut = await end();
    // It was in the middle indeed.
    expect(cut).toBeLessThan(200_000n);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    // An abort may leave its marker in each partition.
    expect((await end()) - cut).toBeLessThanOrEqual(2n);
    fetcher.close();
    await slow.close();
  }, 90_000);
});

describe('with the guarantee at-least-once', () => {
  test('everything is delivered, counted in Receipts, and not read again after an orderly restart', async () => {
    const lone = await PlaneFixture.open();
    try {
      const [dataset, agreement] = (await lone.dataset(2, 1)) as [string, string];
      await lone.direct(dataset, agreement, tokens);
      const instance = uniqueId('least');
      const before = await lone.start({ guarantee: 'at-least-once', instance });
      await lone.numbers(dataset, 0, 0, 100);
      await lone.numbers(dataset, 1, 100, 100);
      await lone.governed(dataset, agreement, tokens, 200);
      const receipts = await lone.receipts(dataset, agreement, 200);
      expect(receipts.reduce((sum, { receipt }) => sum + receipt.reshapeCount, 0n)).toBe(200n);
      await before.stop();
      await lone.start({ guarantee: 'at-least-once', instance });
      await lone.numbers(dataset, 0, 200, 100);
      expect(numbers(await lone.governed(dataset, agreement, tokens, 300))).toEqual(range(0, 300));
      expect(await lone.governed(dataset, agreement, tokens, 301, 1_000)).toHaveLength(300);
    } finally {
      await lone.close();
    }
  }, 60_000);
});

test('the governed schema of the fixture has what the tests look at', () => {
  const names = (program: typeof tokens): string[] =>
    (JSON.parse(program.governedSchema.text) as { fields: { name: string }[] }).fields.map(({ name }) => name);
  expect(names(tokens)).toEqual(['id', 'number', 'phone']);
  expect(names(noKeys)).toEqual(['number', 'phone']);
  expect(codecOf(tokens.governedSchema)).toBeDefined();
});
