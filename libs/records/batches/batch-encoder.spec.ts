/** Batches that the arena encodes against BatchBuilder, byte for byte, and compressed ones against the decoders. */
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Arena } from '../arena/arena.ts';
import { codecNames } from '../batch-layout.ts';
import type { HeaderList, ProducerPlace } from '../build-batch.ts';
import { BatchBuilder, moveBatch } from '../build-batch.ts';
import type { RecordBatch } from '../read-batches.ts';
import { readBatches } from '../read-batches.ts';
import type { RecordFrames } from '../record-frames.ts';
import { frameRecords, readHeaders } from '../record-frames.ts';
import { admitBatch } from './admit-batch.ts';
import type { EncodeOptions } from './batch-encoder.ts';
import { BatchEncoder } from './batch-encoder.ts';
import { layOut } from './lay-out.ts';

interface Governed {
  readonly key: Uint8Array | null;
  /** Null for a record that is left out. */
  readonly value: Uint8Array | null;
  readonly timestampMs: bigint;
}

const arena = new Arena();
const encoder = new BatchEncoder();
const { outlet, output } = arena;
const seed = 20_260_216;
const noProducer: ProducerPlace = {
  producerId: -1n,
  producerEpoch: -1,
  baseSequence: -1,
  transactional: false,
};
const plain: EncodeOptions = {
  codec: 'none',
  timestamp: 'keep',
  headers: [],
  place: noProducer,
  bytesMax: 1 << 20,
};

const bytes = fc.oneof(
  { weight: 20, arbitrary: fc.uint8Array({ maxLength: 100 }) },
  fc.constantFrom(8_190, 8_191, 8_192, 20_000).map((length) => new Uint8Array(length).fill(length)),
);
const records: fc.Arbitrary<Governed[]> = fc.array(
  fc.record({
    key: fc.option(bytes, { nil: null }),
    value: fc.option(bytes, { nil: null, freq: 4 }),
    // Whole numbers that a double holds.
    timestampMs: fc.oneof(
      fc.bigInt({ min: 1_767_600_000_000n, max: 1_767_600_000_200n }),
      fc.bigInt({ min: -(2n ** 53n), max: 2n ** 53n }),
    ),
  }),
  { minLength: 1, maxLength: 200 },
);
const headerList: fc.Arbitrary<HeaderList> = fc.array(fc.tuple(fc.string({ maxLength: 20 }), fc.uint8Array({ maxLength: 40 })), {
  maxLength: 3,
});
const place: fc.Arbitrary<ProducerPlace> = fc.record({
  producerId: fc.bigInt({ min: -1n, max: 2n ** 62n }),
  producerEpoch: fc.integer({ min: -1, max: 32_767 }),
  baseSequence: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
  transactional: fc.boolean(),
});

/** Puts records into the arena as a run of a Program would: frames with the timestamps, ranges with the rest. */
function govern(items: readonly Governed[]): RecordFrames {
  const builder = new BatchBuilder();
  for (const { timestampMs } of items) builder.append(null, new Uint8Array(), [], timestampMs);
  const frames = admitBatch(arena, only(builder.finish(noProducer)), 0);
  if (!frames) throw new Error('the batch is not framed');
  let used = 0;
  const put = (data: Uint8Array | null): [number, number] => {
    if (data === null) return [-1, -1];
    output.bytes.set(data, used);
    used += data.length;
    return [used - data.length, used];
  };
  for (const [index, { key, value }] of items.entries()) {
    [output.valueStart[index], output.valueEnd[index]] = put(value);
    [output.keyStart[index], output.keyEnd[index]] = put(key);
  }
  output.length = used;
  return frames;
}

function build(items: readonly Governed[], headers: HeaderList = [], at: ProducerPlace = noProducer, nowMs?: number): Buffer {
  const builder = new BatchBuilder();
  for (const { key, value, timestampMs } of items)
    if (value !== null) builder.append(key, value, headers, nowMs === undefined ? timestampMs : BigInt(nowMs));
  return builder.finish(at);
}

function only(batch: Uint8Array): RecordBatch {
  const found: RecordBatch[] = [];
  readBatches(batch, (read) => found.push(read));
  const [first] = found;
  if (first === undefined || found.length !== 1 || !first.intact) throw new Error('the batch is not one intact batch');
  return first;
}

/** Where two batches differ first, or -1. */
function difference(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) if (a[at] !== b[at]) return at;
  return -1;
}

const record = (value: string | Uint8Array | null, key: string | null = null): Governed => ({
  key: key === null ? null : Buffer.from(key),
  value: typeof value === 'string' ? Buffer.from(value) : value,
  timestampMs: 7n,
});

afterEach(() => {
  encoder.dismiss(arena);
  arena.dismiss();
  output.bytes.fill(0, 0, output.length);
  output.length = 0;
});

describe('a batch that the arena encodes', () => {
  test('is byte for byte what BatchBuilder builds', () => {
    fc.assert(
      fc.property(records, headerList, place, fc.option(fc.nat(), { nil: undefined }), (items, headers, at, nowMs) => {
        const frames = govern(items);
        const timestamp = nowMs === undefined ? 'keep' : { nowMs };
        const made = encoder.encode(arena, frames, output, 0, items.length, {
          ...plain,
          timestamp,
          headers,
          place: at,
        });
        const kept = items.filter(({ value }) => value !== null);
        expect(made.count).toBe(kept.length);
        expect(made.next).toBe(items.length);
        if (kept.length === 0) expect(made.batch).toHaveLength(0);
        else expect(difference(made.batch, build(items, headers, at, nowMs))).toBe(-1);
      }),
      { seed, numRuns: 300 },
    );
  });

  test('holds more records than offsets of one and two bytes count, and lengths of one to four', () => {
    const items = Array.from({ length: 16_384 }, (_, index) =>
      record(index % 3 === 0 ? '' : 'x'.repeat(index % 90), index % 2 === 0 ? 'k' : null),
    );
    items[9_000] = record(new Uint8Array(1_100_000));
    const frames = govern(items);
    const made = encoder.encode(arena, frames, output, 0, items.length, {
      ...plain,
      bytesMax: 1 << 22,
    });
    expect(made.count).toBe(items.length);
    expect(difference(made.batch, build(items))).toBe(-1);
  });

  test('has only the records from and to, and is empty when none of them has a value', () => {
    const items = [record('a'), record(null), record('c', 'k'), record('d')];
    const frames = govern(items);
    expect(difference(encoder.encode(arena, frames, output, 1, 3, plain).batch, build(items.slice(1, 3)))).toBe(-1);
    expect(encoder.encode(arena, frames, output, 1, 2, plain)).toMatchObject({
      count: 0,
      next: 2,
      batch: Buffer.alloc(0),
    });
    expect(encoder.encode(arena, frames, output, 2, 2, plain)).toMatchObject({
      count: 0,
      next: 2,
    });
  });

  test('ends before it would pass its largest size, and those that follow have the rest', () => {
    fc.assert(
      fc.property(records, fc.integer({ min: 200, max: 3_000 }), headerList, (items, bytesMax, headers) => {
        const frames = govern(items);
        for (let from = 0; from < items.length; ) {
          const made = encoder.encode(arena, frames, output, from, items.length, { ...plain, headers, bytesMax });
          expect(made.next).toBeGreaterThan(from);
          if (made.count > 1) expect(made.batch.length).toBeLessThanOrEqual(bytesMax);
          const taken = items.slice(from, made.next);
          if (made.count > 0) {
            expect(difference(made.batch, build(taken, headers))).toBe(-1);
            // One more would have been too much.
            const more = items.slice(from, made.next + 1);
            if (made.next < items.length) expect(build(more, headers).length).toBeGreaterThan(bytesMax);
          }
          from = made.next;
        }
      }),
      { seed, numRuns: 200 },
    );
  });

  test('may be exactly as large as it should be at most', () => {
    const items = ['a', 'b', 'c'].map((text) => record(text.repeat(70)));
    const frames = govern(items);
    const two = build(items.slice(0, 2)).length;
    const counts = [two - 1, two, two + 1].map(
      (bytesMax) => encoder.encode(arena, frames, output, 0, 3, { ...plain, bytesMax }).count,
    );
    expect(counts).toEqual([1, 2, 2]);
  });

  test('takes a first record alone that is larger than a batch should be', () => {
    const items = [record('x'.repeat(5_000)), record('y')];
    const made = encoder.encode(arena, govern(items), output, 0, 2, {
      ...plain,
      bytesMax: 1_000,
    });
    expect(made).toMatchObject({ count: 1, next: 1 });
    expect(difference(made.batch, build(items.slice(0, 1)))).toBe(-1);
  });

  test('reads back the same whatever its codec, with its headers, and says its codec', () => {
    fc.assert(
      fc.property(records, headerList, fc.constantFrom(...codecNames), (items, headers, codec) => {
        const kept = items.filter(({ value }) => value !== null);
        fc.pre(kept.length > 0);
        const made = encoder.encode(arena, govern(items), output, 0, items.length, { ...plain, codec, headers });
        const batch = only(made.batch);
        const expected = build(items, headers);
        expect(made.batch.length).toBeLessThanOrEqual(expected.length);
        expect(batch.codec).toBe(made.batch.length < expected.length ? codec : 'none');
        const frames = frameRecords(batch, 0);
        if (frames === null) throw new Error('the batch is not framed');
        expect(difference(frames.bytes, only(expected).records)).toBe(-1);
        expect([batch.baseTimestampMs, batch.maxTimestampMs]).toEqual([
          only(expected).baseTimestampMs,
          only(expected).maxTimestampMs,
        ]);
        expect(readHeaders(frames, 0)?.map(([name]) => name)).toEqual(headers.map(([name]) => name));
      }),
      { seed, numRuns: 300 },
    );
  });

  test('is smaller with every codec when its records repeat, and not compressed at all when that would gain nothing', () => {
    const repeating = Array.from({ length: 900 }, (_, index) =>
      record(`visit ${index} of the ward for children`, `key-${index}`),
    );
    const noise = Array.from({ length: 900 }, () => record(randomBytes(100)));
    for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
      const made = encoder.encode(arena, govern(repeating), output, 0, 900, {
        ...plain,
        codec,
      });
      expect(only(made.batch).codec).toBe(codec);
      expect(made.batch.length).toBeLessThan(build(repeating).length / 2);
    }
    for (const codec of ['snappy', 'lz4', 'zstd'] as const) {
      const few = noise.slice(0, 1);
      expect(only(encoder.encode(arena, govern(few), output, 0, 1, { ...plain, codec }).batch).codec).toBe('none');
    }
  });

  test('is refused when its ranges are not of the arena, reach out of the output, or belong to frames that are gone', () => {
    const items = [record('a'), record('b', 'k')];
    const frames = govern(items);
    const encode = (): unknown => encoder.encode(arena, frames, output, 0, 2, plain);
    expect(() => encoder.encode(arena, frames, { ...output }, 0, 2, plain)).toThrow('not those of the arena');
    expect(() => encoder.encode(arena, frames, output, 0, 3, plain)).toThrow('frames');
    expect(() =>
      encoder.encode(arena, frames, output, 0, 20_000, {
        ...plain,
        timestamp: { nowMs: 1 },
      }),
    ).toThrow('no such');
    expect(() =>
      encoder.encode(arena, frames, output, 0, 2, {
        ...plain,
        headers: [['h', new Uint8Array(70_000)]],
      }),
    ).toThrow('headers');
    for (const [name, index, wrong] of [
      ['valueEnd', 1, output.length + 1],
      ['valueEnd', 0, -5],
      ['valueStart', 0, 2],
      ['keyEnd', 1, 0x7fff_ffff],
      ['keyStart', 1, output.length + 9],
    ] as const) {
      const right = output[name][index] as number;
      output[name][index] = wrong;
      expect(encode).toThrow('outside of the output');
      output[name][index] = right;
    }
    expect(difference((encode() as { batch: Uint8Array }).batch, build(items))).toBe(-1);
    arena.dismiss();
    expect(encode).toThrow('frames');
    expect(
      encoder.encode(arena, frames, output, 0, 2, {
        ...plain,
        timestamp: { nowMs: 4 },
      }).count,
    ).toBe(2);
  });
});

describe('the room of batches in the arena', () => {
  const roomBytes = outlet.encodedBytesMax + 4_096;
  const zeros = Buffer.alloc(roomBytes);
  const dirty = (start: number, from: number): boolean =>
    zeros.compare(arena.bytes, start + from, start + roomBytes, 0, roomBytes - from) !== 0;

  test('holds nothing behind the last batch, and nothing at all once it is dismissed', () => {
    for (const codec of codecNames) {
      for (const size of [400, 30, 1]) {
        const items = Array.from({ length: size }, (_, index) => record(randomBytes(200 + (index % 50)), 'the same key'));
        const made = encoder.encode(arena, govern(items), output, 0, size, {
          ...plain,
          codec,
          headers: [['name', Buffer.alloc(90, 7)]],
        });
        const encodedBytes = build(items, [['name', Buffer.alloc(90, 7)]]).length;
        expect(dirty(outlet.encoded, encodedBytes)).toBe(false);
        // The checker sees the batch itself.
        expect(dirty(made.batch.byteOffset, 0)).toBe(true);
        expect(dirty(outlet.packed, codec === 'none' ? 0 : encodedBytes + 400)).toBe(false);
      }
      encoder.dismiss(arena);
      expect(dirty(outlet.encoded, 0) || dirty(outlet.packed, 0)).toBe(false);
    }
  });

  test('is clean after a call that failed', () => {
    const frames = govern([record('x'.repeat(300)), record('y')]);
    output.valueEnd[1] = output.length + 1;
    expect(() =>
      encoder.encode(arena, frames, output, 0, 2, {
        ...plain,
        headers: [['a', Buffer.alloc(50, 1)]],
      }),
    ).toThrow('outside');
    expect(dirty(outlet.encoded, 0) || dirty(outlet.packed, 0)).toBe(false);
  });
});

describe('the comparison of batches', () => {
  test('finds a byte that differs, and one that is too many', () => {
    const batch = build([record('a')]);
    const wrong = Buffer.from(batch);
    wrong[65] = (wrong[65] as number) ^ 1;
    expect(difference(batch, wrong)).toBe(65);
    expect(difference(batch, Buffer.concat([batch, Buffer.of(0)]))).toBe(batch.length);
  });
});

describe('records that are laid out for a digest', () => {
  test('stand behind their lengths, without those that have no value (written here one by one)', () => {
    fc.assert(
      fc.property(records, fc.nat(199), fc.nat(199), (items, one, other) => {
        const [from, to] = [Math.min(one, other, items.length), Math.min(Math.max(one, other), items.length)];
        govern(items);
        const expected = items.slice(from, to).flatMap(({ key, value }) =>
          value === null
            ? []
            : [key, value].flatMap((part) => {
                const length = Buffer.alloc(4);
                length.writeInt32BE(part?.length ?? -1);
                return [length, part ?? new Uint8Array()];
              }),
        );
        let seen: Buffer | undefined;
        layOut(arena, from, to, (laid) => (seen = Buffer.from(laid)));
        expect(seen).toEqual(Buffer.concat(expected));
        expect(arena.bytes.subarray(outlet.encoded, outlet.encoded + (seen?.length ?? 0) + 64).every((byte) => byte === 0)).toBe(
          true,
        );
      }),
      { seed, numRuns: 200 },
    );
  });

  test('are refused when a range goes on behind the output', () => {
    govern([{ key: null, value: Buffer.from('value'), timestampMs: 1n }]);
    output.length = 3;
    expect(() => layOut(arena, 0, 1, () => undefined)).toThrow('outside of the output');
  });
});

describe('a batch that is moved to another place', () => {
  test('is the one that would have been built there', () => {
    fc.assert(
      fc.property(records, place, place, (items, here, there) => {
        const moved = build(items, [], here);
        moveBatch(moved, { ...there, transactional: here.transactional });
        expect(moved).toEqual(build(items, [], { ...there, transactional: here.transactional }));
      }),
      { seed, numRuns: 50 },
    );
  });
});
