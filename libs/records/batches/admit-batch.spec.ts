/** Batches that are taken into the arena against the framing in JavaScript: the same frames, the same refusals, and nothing left behind. */
import { randomBytes } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Arena } from '../arena/arena.ts';
import { rangeStride, recordsMax } from '../arena/arena-layout.ts';
import type { RecordBatch } from '../read-batches.ts';
import type { RecordFrames } from '../record-frames.ts';
import { frameRecords } from '../record-frames.ts';
import { admitBatch, admitBatches } from './admit-batch.ts';
import type { Choose } from './plain-packers-fixture.ts';
import type { Packing } from './wire-records-fixture.ts';
import { arrayNames, batchFields, differences, packings, wireBatch, wireRecord } from './wire-records-fixture.ts';

const arena = new Arena();
const { intake } = arena;
const seed = 20_260_215;
const records = fc.array(wireRecord, { maxLength: 12 });
const packing = fc.constantFrom(...(Object.keys(packings) as Packing[]));
const choices = fc.infiniteStream(fc.nat(1 << 20)).map((stream): Choose => {
  return (below) => Number(stream.next().value) % below;
});
const never: Choose = () => 1;
const plainFields = {
  baseOffset: 5n,
  baseTimestampMs: 1_000n,
  maxTimestampMs: 2_000n,
  logAppendTime: false,
};
const marker = Buffer.from('a text that must not stay in the arena');
const one = {
  key: marker,
  value: marker,
  timestampDelta: 1n,
  gap: 0,
  headers: Uint8Array.of(0),
};

/** What both say of a batch; what they agree on. */
function both(batch: RecordBatch): RecordFrames | null {
  const frames = admitBatch(arena, batch, 3);
  const expected = frameRecords(batch, 3);
  if (frames === undefined) throw new Error('the batch was not too large');
  if (frames === null || expected === null) expect(frames).toBe(expected);
  else expect(differences(frames, expected)).toEqual([]);
  return frames;
}

/** Of the input and of where compressed bytes stand: the start of one that is not all 0, or -1. */
const residue = (): number => {
  const zeros = Buffer.alloc(intake.bytesMax + 64);
  return [intake.input, intake.packed].find((start) => zeros.compare(arena.bytes, start, start + zeros.length) !== 0) ?? -1;
};

afterEach(() => arena.dismiss());

describe('a batch that is admitted', () => {
  test('has the frames of frameRecords, whatever its codec', () => {
    fc.assert(
      fc.property(records, packing, choices, batchFields, (items, form, choose, fields) => {
        expect(both(wireBatch(items, form, choose, fields))?.count).toBe(items.length);
      }),
      { seed, numRuns: 500 },
    );
  });

  test('that follows a longer one leaves nothing of it, and one that follows a refused one neither', () => {
    const long = wireBatch([one, one, one], 'none', never, plainFields);
    expect(admitBatch(arena, long, 0)).toBeTruthy();
    expect(admitBatch(arena, { ...long, intact: false }, 0)).toBeNull();
    expect(residue()).toBe(-1);
    expect(admitBatch(arena, long, 0)).toBeTruthy();
    expect(admitBatch(arena, { ...long, recordCount: recordsMax + 1, lastOffset: 100_000n }, 0)).toBeUndefined();
    expect(residue()).toBe(-1);
  });

  test('is refused exactly when frameRecords refuses it, whatever is damaged in its records, its compressed bytes and its counts', () => {
    const places = fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff))), { maxLength: 3 });
    const damaged = (bytes: Uint8Array, at: readonly (readonly [number, number])[]): Uint8Array => {
      const copy = Uint8Array.from(bytes);
      for (const [place, byte] of at) if (copy.length > 0) copy[place % copy.length] = byte;
      return copy;
    };
    const lie = fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: -2, max: 2 }));
    let [refused, taken] = [0, 0];
    fc.assert(
      fc.property(
        records,
        packing,
        choices,
        batchFields,
        places,
        places,
        lie,
        lie,
        (items, form, choose, fields, inner, outer, more, later) => {
          const batch = wireBatch(items, form, choose, fields, (plain) => damaged(plain, inner));
          const wrong = {
            ...batch,
            records: damaged(batch.records, choose(3) === 0 ? outer : []),
            recordCount: Math.max(0, batch.recordCount + more),
            lastOffset: batch.lastOffset + BigInt(later),
          };
          if (both(wrong) === null) refused += 1;
          else taken += 1;
        },
      ),
      { seed, numRuns: 2_000 },
    );
    expect(refused).toBeGreaterThan(200);
    expect(taken).toBeGreaterThan(200);
  });

  test('is refused when a length or a varint goes on behind the last byte, at every place where it can be cut', () => {
    const batch = wireBatch([one, { ...one, key: null }, { ...one, value: null }], 'none', never, plainFields);
    for (let length = 0; length < batch.records.length; length += 1)
      expect(both({ ...batch, records: batch.records.subarray(0, length) })).toBeNull();
    for (let at = 0; at < batch.records.length; at += 1) {
      for (const byte of [0x80, 0xff, 0xfe, 0x01]) {
        const long = Uint8Array.from(batch.records);
        long.fill(byte, at, at + 5);
        both({ ...batch, records: long });
      }
    }
  });

  test('is refused when a length is as large as can be, a record as short as none can be, or a varint too long by a bit', () => {
    const most = [0xfe, 0xff, 0xff, 0xff, 0x0f];
    const whole = [14, 0, 0, 0, 1, 2, 0x61, 0];
    const batch = wireBatch([one, one], 'none', never, plainFields);
    const says = (...bytes: number[]): boolean => both({ ...batch, records: Uint8Array.from(bytes) }) !== null;
    const second = [14, 0, 0, 2, 1, 2, 0x61, 0];
    expect(says(...whole, ...second)).toBe(true);
    // Of the record, its key and its value.
    for (const at of [0, 4, 5]) {
      const wrong = [...whole.slice(0, at), ...most, ...whole.slice(at + 1)];
      if (at > 0) wrong[0] = 22;
      expect(says(...wrong, ...second)).toBe(false);
    }
    expect(says(10, 0, 0, 0, 1, 1, ...second)).toBe(false);
    expect(says(12, 0, 0, 0, 1, 1, 0, ...second)).toBe(true);
    for (const last of [0, 1, 2, 3, 0x80]) {
      const long = [...Array.from({ length: 9 }, () => 0xff), last];
      expect(says(14 + 18, 0, ...long, 0, 1, 2, 0x61, 0, ...second)).toBe(last < 2);
    }
  });

  test('that is not intact, or says it has more records than any batch may have, is refused', () => {
    const batch = wireBatch([one], 'none', never, plainFields);
    expect(admitBatch(arena, { ...batch, intact: false }, 0)).toBeNull();
    expect(admitBatch(arena, { ...batch, recordCount: 1_000_001 }, 0)).toBeNull();
    expect(admitBatch(arena, { ...batch, recordCount: -1 }, 0)).toBeNull();
  });

  test('is held until it is dismissed, and its arrays are the ones that Programs read', () => {
    const batch = wireBatch([one, one], 'none', never, plainFields);
    const frames = admitBatch(arena, batch, 0);
    if (!frames) throw new Error('not framed');
    expect(arena.holds(frames)).toBe(true);
    expect(arena.holds(frameRecords(batch, 0) as RecordFrames)).toBe(false);
    arena.dismiss();
    expect(arena.holds(frames)).toBe(false);
    const byCopy = arena.admit(frameRecords(batch, 0) as RecordFrames);
    for (const name of arrayNames) expect(byCopy[name].byteOffset).toBe(frames[name].byteOffset);
    expect(frames.bytes.byteOffset).toBe(intake.input);
    expect(frames.headersEnd.byteOffset - frames.offsetDelta.byteOffset).toBe(6 * rangeStride);
    expect(arena.holds(admitBatch(arena, batch, 0) as RecordFrames)).toBe(true);
    expect(arena.holds(byCopy)).toBe(false);
  });

  test('leaves nothing of itself behind once it is dismissed, and nothing at all when it is refused', () => {
    for (const form of Object.keys(packings) as Packing[]) {
      const batch = wireBatch([one, one], form, never, plainFields);
      expect(admitBatch(arena, batch, 0)).toBeTruthy();
      // The checker sees what is still there.
      expect(residue()).toBe(intake.input);
      expect(arena.bytes.includes(marker)).toBe(true);
      const shorter = { ...one, key: null, value: Buffer.from('short') };
      expect(admitBatch(arena, wireBatch([shorter], form, never, plainFields), 0)?.count).toBe(1);
      expect(arena.bytes.includes(marker.subarray(8))).toBe(false);
      expect(admitBatch(arena, batch, 0)).toBeTruthy();
      arena.dismiss();
      expect(residue()).toBe(-1);
      expect(arena.bytes.includes(marker)).toBe(false);
      // What was there before goes with a refusal too, whoever left it.
      expect(admitBatch(arena, batch, 0)).toBeTruthy();
      const refused = wireBatch([one, one], form, never, plainFields, (plain) => plain.fill(0xff, plain.length - 40));
      expect(admitBatch(arena, refused, 0)).toBeNull();
      const cut = {
        ...batch,
        records: batch.records.subarray(0, batch.records.length - 2),
      };
      expect(admitBatch(arena, cut, 0)).toBeNull();
      expect(residue()).toBe(-1);
    }
  });
});

describe('several batches that are admitted at once', () => {
  const near = fc.array(fc.record({ items: records, form: packing, gap: fc.nat(5_000), logAppendTime: fc.boolean() }), {
    minLength: 1,
    maxLength: 6,
  });
  const follow = (
    given: readonly { items: Parameters<typeof wireBatch>[0]; form: Packing; gap: number; logAppendTime: boolean }[],
    choose: Choose,
  ): RecordBatch[] => {
    let next = 70n;
    return given.map(({ items, form, gap, logAppendTime }) => {
      const batch = wireBatch(items, form, choose, { ...plainFields, baseOffset: next + BigInt(gap), logAppendTime });
      next = batch.lastOffset + 1n;
      return batch;
    });
  };

  test('have the records of each of them, one behind the other, with the offsets and times that they have alone', () => {
    fc.assert(
      fc.property(near, choices, (given, choose) => {
        const batches = follow(given, choose);
        const admission = admitBatches(arena, batches, 0, 3);
        if (!admission) throw new Error('not admitted');
        expect(admission.taken).toBe(batches.length);
        expect(recordsOf([admission.frames])).toEqual(recordsOf(batches.map((batch) => frameRecords(batch, 3) as RecordFrames)));
      }),
      { seed, numRuns: 300 },
    );
  });

  test('end at the limits, at a damaged one, and where an offset is too far: the rest is for a later call, and nothing of it stays', () => {
    const [first, second] = follow(
      [0, 0].map((gap) => ({ items: [one, one], form: 'none' as const, gap, logAppendTime: false })),
      never,
    ) as [RecordBatch, RecordBatch];
    const taken = (batches: RecordBatch[], most = { bytesMax: 1_000_000, recordsMax: 1_000 }): number =>
      (admitBatches(arena, batches, 0, 0, most) ?? { taken: -1 }).taken;
    expect(taken([first, second])).toBe(2);
    expect(taken([first, second], { bytesMax: 1, recordsMax: 1_000 })).toBe(1);
    expect(taken([first, second], { bytesMax: 1_000_000, recordsMax: 3 })).toBe(1);
    expect(taken([first, second], { bytesMax: 0, recordsMax: 0 })).toBe(1);
    expect(taken([first, { ...second, baseOffset: first.baseOffset - 1n }])).toBe(1);
    expect(taken([first, { ...second, lastOffset: first.baseOffset + 0x8000_0000n }])).toBe(1);
    expect(taken([first, { ...second, intact: false }])).toBe(1);
    const cut = { ...second, records: second.records.subarray(0, second.records.length - 3) };
    expect(taken([first, cut])).toBe(1);
    const { length } = first.records;
    expect(arena.bytes.subarray(intake.input + length, intake.input + length * 3).every((byte) => byte === 0)).toBe(true);
    expect(admitBatches(arena, [first, cut], 1, 0)).toBeNull();
    expect(residue()).toBe(-1);
    expect(() => admitBatches(arena, [first], 1, 0)).toThrow(RangeError);
  });
});

/** Every record of these frames with all that it has. */
function recordsOf(all: readonly RecordFrames[]): unknown[] {
  return all.flatMap((frames) => {
    const slice = (start: number, end: number): string | null =>
      start < 0 ? null : Buffer.from(frames.bytes.subarray(start, end)).toString('hex');
    return Array.from({ length: frames.count }, (_, index) => ({
      offset: frames.baseOffset + BigInt(frames.offsetDelta[index] as number),
      timestampMs: frames.timestampMs[index],
      key: slice(frames.keyStart[index] as number, frames.keyEnd[index] as number),
      value: slice(frames.valueStart[index] as number, frames.valueEnd[index] as number),
      headers: slice(frames.headersStart[index] as number, frames.headersEnd[index] as number),
    }));
  });
}

describe('a batch that is larger than the arena takes', () => {
  const many = Buffer.alloc(intake.bytesMax + 1);
  // Zeros would be over the cap on the ratio with some codecs.
  const noise = Buffer.concat([randomBytes(1 << 16), many.subarray(1 << 16)]);

  test('in records is left to the caller', () => {
    const batch = wireBatch([one], 'none', never, plainFields);
    expect(admitBatch(arena, { ...batch, recordCount: recordsMax + 1, lastOffset: 100_000n }, 0)).toBeUndefined();
    expect(admitBatch(arena, { ...batch, recordCount: recordsMax, lastOffset: 100_000n }, 0)).toBeNull();
  });

  test('in bytes is left to the caller, and nothing of it stays', () => {
    const batch = wireBatch([one], 'none', never, plainFields);
    const sizes = {
      none: many,
      gzip: gzipSync(noise),
      zstd: zstdCompressSync(noise),
      lz4: lz4OfZeros(intake.bytesMax + 1),
      // The length, then enough that it might be true.
      snappy: Buffer.concat([Buffer.from([0x80, 0x80, 0x80, 0x03]), Buffer.alloc(120_000)]),
    };
    for (const [codec, packed] of Object.entries(sizes))
      expect(admitBatch(arena, { ...batch, codec: codec as RecordBatch['codec'], records: packed }, 0)).toBeUndefined();
    expect(residue()).toBe(-1);
  });

  test('over the cap on the ratio is refused', () => {
    const batch = wireBatch([one], 'none', never, plainFields);
    const bomb = zstdCompressSync(Buffer.alloc(3_000_000));
    expect(bomb.length * 1024).toBeLessThan(3_000_000);
    expect(both({ ...batch, codec: 'zstd', records: bomb })).toBeNull();
  });
});

describe('the comparison of frames', () => {
  test('finds a number that is off by one in any array, and a byte', () => {
    const batch = wireBatch([one, one], 'none', never, plainFields);
    const expected = frameRecords(batch, 0) as RecordFrames;
    for (const name of arrayNames) {
      const wrong = {
        ...expected,
        [name]: expected[name].map((value, index) => (index === 1 ? value + 1 : value)),
      };
      expect(differences(wrong, expected)).toEqual([name]);
    }
    expect(differences({ ...expected, bytes: Uint8Array.from(expected.bytes).fill(0, 3, 4) }, expected)).toEqual(['bytes']);
    expect(differences({ ...expected, partition: 1 }, expected)).toEqual(['partition']);
  });
});

/** An LZ4 frame of one block, a zero and a match as long as that, with a skippable frame before it that keeps the ratio low. */
function lz4OfZeros(length: number): Uint8Array {
  const skipped = Buffer.alloc(8 + 100_000);
  skipped.writeUInt32LE(0x184d2a50);
  skipped.writeUInt32LE(skipped.length - 8, 4);
  const less = length - 1 - 4 - 15;
  const block = [0x1f, 0, 1, 0, ...Array.from({ length: Math.floor(less / 255) }, () => 255), less % 255, 0];
  const header = Buffer.alloc(4);
  header.writeUInt32LE(block.length);
  return Buffer.concat([
    skipped,
    Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0]),
    header,
    Buffer.from(block),
    Buffer.alloc(4),
  ]);
}
