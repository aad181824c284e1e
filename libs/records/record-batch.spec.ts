/** Building, walking and framing RecordBatches: what is built is read back, and what is wrong is refused. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cursorOver, readVarint, readVarlong, varintBytes, writeVarint, writeVarlong } from '../base/index.ts';
import type { RecordBatch } from './index.ts';
import { abortedFilter, BatchBuilder, frameRecords, readBatches, readHeaders, WaitingBatches } from './index.ts';

const place = {
  producerId: -1n,
  producerEpoch: -1,
  baseSequence: -1,
  transactional: false,
};
const bytesOrNull = fc.option(fc.uint8Array({ maxLength: 300 }), { nil: null });
const record = fc.record({
  key: bytesOrNull,
  value: bytesOrNull,
  headers: fc.array(fc.tuple(fc.string({ maxLength: 20 }), fc.uint8Array({ maxLength: 20 })), { maxLength: 3 }),
  timestampMs: fc.bigInt({ min: 0n, max: 4_102_444_800_000n }),
});

function batchOf(
  records: readonly {
    key: Uint8Array | null;
    value: Uint8Array | null;
    headers: [string, Uint8Array][];
    timestampMs: bigint;
  }[],
): Buffer {
  const builder = new BatchBuilder(64);
  for (const item of records) builder.append(item.key, item.value, item.headers, item.timestampMs);
  return builder.finish(place);
}

function only(bytes: Uint8Array): RecordBatch {
  const batches: RecordBatch[] = [];
  readBatches(bytes, (batch) => batches.push(batch));
  const [batch] = batches;
  if (batch === undefined || batches.length !== 1) throw new Error(`${batches.length} batches`);
  return batch;
}

/** The batch, of which these things are said instead of what its bytes say. */
const changed = (batch: RecordBatch, changes: Partial<RecordBatch>): RecordBatch =>
  Object.defineProperties(batch, Object.getOwnPropertyDescriptors(changes));

const plainRecord = (value: Uint8Array) => ({
  key: null,
  value,
  headers: [] as [string, Uint8Array][],
  timestampMs: 5n,
});

describe('a record batch', () => {
  test('gives back the records it was built from', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), (records) => {
        const frames = frameRecords(only(batchOf(records)), 0);
        if (frames === null) throw new Error('not framed');
        const part = (start: number, end: number): Uint8Array | null =>
          start < 0 ? null : new Uint8Array(frames.bytes.subarray(start, end));
        records.forEach((item, index) => {
          expect(part(frames.keyStart[index] as number, frames.keyEnd[index] as number)).toEqual(item.key);
          expect(part(frames.valueStart[index] as number, frames.valueEnd[index] as number)).toEqual(item.value);
          expect(BigInt(frames.timestampMs[index] as number)).toBe(item.timestampMs);
          expect(readHeaders(frames, index)?.map(([name, data]) => [name, new Uint8Array(data ?? [])])).toEqual(item.headers);
        });
        expect(frames.count).toBe(records.length);
      }),
    );
  });

  test('is not intact when any byte of its checked part is flipped', () => {
    const bytes = batchOf([plainRecord(Buffer.from('value'))]);
    for (let at = 17; at < bytes.length; at += 1) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] as number) ^ 1;
      expect(only(flipped).intact).toBe(false);
      expect(frameRecords(only(flipped), 0)).toBeNull();
    }
  });

  test('that a fetch cut off is left for the next fetch', () => {
    const bytes = batchOf([plainRecord(Buffer.from('value'))]);
    const seen: RecordBatch[] = [];
    expect(readBatches(Buffer.concat([bytes, bytes.subarray(0, bytes.length - 1)]), (batch) => seen.push(batch))).toBe(1);
    expect(seen).toHaveLength(1);
  });

  test('keeps its offsets, count and attributes when the buffer of the fetch is used again', () => {
    const bytes = batchOf([plainRecord(Buffer.from('a')), plainRecord(Buffer.from('b'))]);
    bytes.writeBigInt64BE(40n, 0);
    const batch = only(bytes);
    const told = (): unknown[] => {
      const { baseOffset, lastOffset, recordCount, codec, transactional, control, logAppendTime } = batch;
      return [baseOffset, lastOffset, recordCount, codec, transactional, control, logAppendTime];
    };
    const before = told();
    bytes.fill(0xff);
    expect(told()).toEqual(before);
    expect(before).toEqual([40n, 41n, 2, 'none', place.transactional, false, false]);
  });

  test('that waits in its fetch is the one that was visited, in whatever order it is asked for', () => {
    const fetch = Buffer.concat(['a', 'bb', 'ccc', 'dd'].map((value) => batchOf([plainRecord(Buffer.from(value))])));
    const [visited, waiting]: [Uint8Array[], WaitingBatches] = [[], new WaitingBatches(fetch)];
    readBatches(fetch, ({ bytes }, start) => {
      if (visited.push(bytes) !== 2) waiting.push(start);
    });
    const kept = visited.filter((_, index) => index !== 1);
    expect([...waiting].map(({ bytes }) => bytes)).toEqual(kept);
    for (const index of [2, 0, 0, 1]) expect(waiting.at(index)?.bytes).toEqual(kept[index]);
    expect([waiting.length, waiting.at(3), waiting.at(-1)]).toEqual([3, undefined, undefined]);
    expect([...waiting].every(({ intact }) => intact)).toBe(true);
  });

  test('with a wrong record count or trailing bytes is refused as a whole', () => {
    const bytes = batchOf([plainRecord(Buffer.from('a')), plainRecord(Buffer.from('b'))]);
    const framed = (changes: Partial<RecordBatch>) => frameRecords(changed(only(bytes), changes), 0);
    expect(framed({})?.count).toBe(2);
    expect(framed({ recordCount: 1 })).toBeNull();
    expect(framed({ recordCount: 3, lastOffset: only(bytes).lastOffset + 1n })).toBeNull();
    expect(framed({ recordCount: 1_000_000, lastOffset: 1_000_000n })).toBeNull();
  });

  test('of mutated record bytes never throws and never reads outside itself', () => {
    const bytes = batchOf([
      plainRecord(Buffer.from('a value of some length')),
      { ...plainRecord(Buffer.from('b')), headers: [['h', Buffer.from('x')]] },
    ]);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 0, max: 255 })), {
          minLength: 1,
          maxLength: 5,
        }),
        (mutations) => {
          const batch = only(bytes);
          const records = Buffer.from(batch.records);
          for (const [at, value] of mutations) records[at % records.length] = value;
          const frames = frameRecords(changed(batch, { records }), 0);
          if (frames === null) return;
          for (let index = 0; index < frames.count; index += 1) {
            expect(frames.valueEnd[index]).toBeLessThanOrEqual(records.length);
            readHeaders(frames, index);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('the aborted filter', () => {
  const at = (baseOffset: bigint, more: Partial<RecordBatch> = {}): RecordBatch =>
    changed(only(batchOf([plainRecord(Buffer.from('x'))])), {
      baseOffset,
      lastOffset: baseOffset,
      transactional: true,
      producerId: 7n,
      ...more,
    });

  test('drops several aborted ranges of one producer and keeps the committed one between them', () => {
    const isAborted = abortedFilter([
      { producerId: 7n, firstOffset: 20n },
      { producerId: 7n, firstOffset: 0n },
    ]);
    const control = { control: true };
    const verdicts = [at(0n), at(1n, control), at(10n), at(11n, control), at(20n), at(21n, control), at(30n)].map(isAborted);
    expect(verdicts).toEqual([true, true, false, true, true, true, false]);
  });

  test('drops to the end of the fetch when the marker is outside of it, and other producers pass', () => {
    const isAborted = abortedFilter([{ producerId: 7n, firstOffset: 5n }]);
    expect([at(5n), at(6n, { producerId: 8n }), at(7n), at(8n, { transactional: false })].map(isAborted)).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  test('drops nothing for what a damaged header says', () => {
    const sound = new BatchBuilder(64);
    sound.append(null, Buffer.from('value'), [], 0n);
    const bytes = sound.finish({ producerId: 7n, producerEpoch: 0, baseSequence: 0, transactional: true });
    const isAborted = (damage: (copy: Buffer) => unknown, producerId: bigint): boolean => {
      const copy = Buffer.from(bytes);
      damage(copy);
      return abortedFilter([{ producerId, firstOffset: 0n }])(only(copy));
    };
    expect(isAborted(() => undefined, 7n)).toBe(true);
    expect(isAborted(() => undefined, 8n)).toBe(false);
    // The control bit of the attributes, and the producer's id.
    expect(isAborted((copy) => copy.writeUInt8((copy[22] as number) ^ 0x20, 22), 8n)).toBe(false);
    expect(isAborted((copy) => copy.writeBigInt64BE(8n, 43), 8n)).toBe(false);
  });
});

describe('varints', () => {
  test('are written and read back, and their size is known', () => {
    fc.assert(
      fc.property(fc.integer(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (int, long) => {
        const bytes = new Uint8Array(20);
        const end = writeVarint(bytes, 0, int);
        expect(end).toBe(varintBytes(int));
        expect(readVarint(cursorOver(bytes, 0, end))).toBe(int);
        expect(readVarlong(cursorOver(bytes, 0, end))).toBe(BigInt(int));
        const longEnd = writeVarlong(bytes, 0, long);
        expect(readVarlong(cursorOver(bytes, 0, longEnd))).toBe(long);
      }),
    );
  });

  test('that are truncated or overflow fail', () => {
    for (const bytes of [[], [0x80], [0xff, 0xff, 0xff, 0xff, 0x10], Array.from({ length: 6 }, () => 0x80)]) {
      const cursor = cursorOver(new Uint8Array(bytes));
      readVarint(cursor);
      expect(cursor.failed).toBe(true);
    }
    for (const bytes of [Array.from({ length: 10 }, () => 0xff), Array.from({ length: 11 }, () => 0x80)]) {
      const cursor = cursorOver(new Uint8Array(bytes));
      readVarlong(cursor);
      expect(cursor.failed).toBe(true);
    }
  });
});
