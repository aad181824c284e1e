/** Batches that are too much to be governed at once, or for what goes out of them: they are taken in parts, whose size does not grow with the batch. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { PartitionFetcher } from '../../libs/adapters/kafka/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import type { RecordBatch } from '../../libs/records/index.ts';
import { BatchBuilder, frameRecords, readBatches } from '../../libs/records/index.ts';
import { LargeBatches, partEnd } from './large-batches.ts';
import { PlaneFixture, programOf, visit } from './plane-fixture.ts';

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index);

describe('a batch on a broker', () => {
  let fixture: PlaneFixture;

  beforeAll(async () => {
    fixture = await PlaneFixture.open();
  }, 60_000);
  afterEach(() => fixture.stopPlanes());
  afterAll(() => fixture?.close(), 60_000);

  /** How many records each batch of a governed topic has. */
  async function batchSizes(topic: string): Promise<number[]> {
    const sizes: number[] = [];
    const fetcher = new PartitionFetcher(fixture.cluster, topic);
    const limits = { maxWaitMs: 500, maxBytes: 8 * 1024 * 1024, partitionMaxBytes: 8 * 1024 * 1024 };
    for (let next = 0n, more = true; more; ) {
      const fetched = unwrap(await fetcher.fetch(new Map([[0, next]]), limits));
      const before = next;
      for (const { records } of fetched.partitions) {
        readBatches(records, (batch) => {
          if (batch.lastOffset >= next && !batch.control) sizes.push(batch.recordCount);
          next = batch.lastOffset + 1n;
        });
      }
      fetched.release();
      more = next > before;
    }
    fetcher.close();
    return sizes;
  }

  const expectAll = async (dataset: string, agreement: string, program: ReturnType<typeof programOf>, count: number) => {
    const received = await fixture.governed(dataset, agreement, program, count, 40_000);
    expect(received.map(({ number }) => number)).toEqual(range(0, count));
    const receipts = (await fixture.receipts(dataset, agreement, count)).filter(({ receipt }) => receipt.agreement === agreement);
    expect(receipts.reduce((sum, { receipt }) => sum + receipt.inputCount, 0n)).toBe(BigInt(count));
    // One that is governed whole leaves in batches of up to 900 KiB, whatever number of records that is.
    expect(Math.max(...(await batchSizes(topicNames.governed(dataset, agreement))))).toBeLessThanOrEqual(2_048);
  };

  test('of more records than the arena holds is given to each agreement, every record once and in order', async () => {
    const [dataset, one, two] = (await fixture.dataset(1, 2)) as [string, string, string];
    const [tokens, noKeys] = [programOf('tokens'), programOf('no keys')];
    await fixture.direct(dataset, one, tokens);
    await fixture.direct(dataset, two, noKeys);
    await fixture.start();
    await fixture.publishPacked(
      dataset,
      0,
      range(0, 40_000).map((number) => visit(number)),
    );
    await expectAll(dataset, one, tokens, 40_000);
    await expectAll(dataset, two, noKeys, 40_000);
  }, 120_000);

  test('of many times its compressed size does not hold up the agreements of its feed, nor is it held in memory for each of them', async () => {
    const [dataset, ...agreements] = await fixture.dataset(1, 8);
    const longPhone = programOf('long phone');
    for (const agreement of agreements) await fixture.direct(dataset, agreement, longPhone);
    await fixture.start();
    const phone = '1'.repeat(1_000);
    await fixture.publishPacked(
      dataset,
      0,
      range(0, 20_000).map((number) => visit(number, undefined, phone)),
    );
    await expectAll(dataset, agreements[0] as string, longPhone, 20_000);
    await expectAll(dataset, agreements[7] as string, longPhone, 20_000);
  }, 120_000);
});

describe('a large batch that is kept', () => {
  const batchOf = (texts: readonly string[]): RecordBatch => {
    const builder = new BatchBuilder();
    for (const text of texts) builder.append(null, Buffer.from(text), [], 1n);
    const bytes = builder.finish({ producerId: -1n, producerEpoch: -1, baseSequence: -1, transactional: false });
    const found: RecordBatch[] = [];
    readBatches(bytes, (batch) => found.push(batch));
    return found[0] as RecordBatch;
  };

  test('is known again by its header, its CRC-32C included, and only in its place; another takes its place', () => {
    const large = new LargeBatches();
    const [batch, other] = [batchOf(['a', 'b']), batchOf(['a', 'c'])];
    const frames = large.framesOf('raw.x', 3, batch);
    expect(large.has('raw.x', 3, batchOf(['a', 'b']))).toBe(true);
    expect(large.framesOf('raw.x', 3, batchOf(['a', 'b']))).toBe(frames);
    expect([large.has('raw.x', 3, other), large.has('raw.x', 4, batch), large.has('raw.y', 3, batch)]).toEqual([
      false,
      false,
      false,
    ]);
    expect(large.framesOf('raw.x', 3, other)?.count).toBe(2);
    expect(large.has('raw.x', 3, batch)).toBe(false);
  });

  test('does not change with the fetch that it came in, and is nothing where it is corrupt', () => {
    const large = new LargeBatches();
    const batch = batchOf(['first', 'second']);
    const frames = large.framesOf('raw.x', 0, batch);
    batch.bytes.fill(0, 61);
    expect(Buffer.from(frames?.bytes ?? []).includes('second')).toBe(true);
    const damaged = batchOf(['third']);
    damaged.bytes.fill(0, 61);
    expect(large.framesOf('raw.x', 0, damaged)).toBeNull();
    expect(large.has('raw.x', 0, damaged)).toBe(false);
  });

  test('is cut by bytes and by records, and a record that is larger than a part is one', () => {
    const frames = frameRecords(batchOf(['a'.repeat(10), 'b'.repeat(10), 'c'.repeat(100), 'd', 'e', 'f']), 0);
    if (frames === null) throw new Error('not framed');
    expect([0, 1, 2, 3].map((begin) => partEnd(frames, begin, 40, 2))).toEqual([2, 2, 3, 5]);
    expect(partEnd(frames, 3, 1_000, 100)).toBe(6);
  });
});
