/** CRC-32C by folding against the library's, at every length and place, and batches that were damaged on the way against it. */
import { randomFillSync } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { crc32c } from '@node-rs/crc32';
import fc from 'fast-check';
import { Arena } from '../arena/arena.ts';
import { kernelSpace, batchSpace } from '../arena/arena-layout.ts';
import { batchLayout } from '../batch-layout.ts';
import { BatchBuilder } from '../build-batch.ts';
import type { RecordBatch } from '../read-batches.ts';
import { readBatches } from '../read-batches.ts';
import { admitBatch } from './admit-batch.ts';
import { BatchEncoder } from './batch-encoder.ts';
import { checksum, foldBytesMin } from './checksum.ts';
import { foldDistances } from './fold-code.ts';

const arena = new Arena();
const { intake } = arena;
const seed = 20_261_129;
const noise = randomFillSync(Buffer.alloc(320 * 1024));
const zeros = Buffer.alloc(intake.bytesMax + 64);

/** The working space of folding and the arena's places for bytes that come in: whether they are all zero. */
const clean = (): boolean =>
  zeros.compare(arena.bytes, batchSpace.ring, kernelSpace.end, 0, kernelSpace.end - batchSpace.ring) === 0 &&
  [intake.input, intake.packed].every((start) => zeros.compare(arena.bytes, start, start + zeros.length) === 0);

/** The register of CRC-32C times x^-n, lowest bit first. */
function timesInverse(register: number, times: number): number {
  let value = register;
  for (let step = 0; step < times; step += 1)
    value = value >>> 31 === 1 ? (((value ^ 0x82f6_3b78) << 1) | 1) >>> 0 : (value << 1) >>> 0;
  return value;
}

afterEach(() => {
  arena.bytes.fill(0, intake.input, intake.input + noise.length + 64);
});

describe('the checksum of bytes in the arena', () => {
  test('folds along a multiple of the generator: one vector equals those that it is moved to', () => {
    const one = 0x8000_0000;
    expect(foldDistances.reduce((sum, distance) => (sum ^ timesInverse(one, distance)) >>> 0, 0)).toBe(one);
    // The relation that one of them breaks is seen.
    expect([1, 117, 132, 212, 305].reduce((sum, distance) => (sum ^ timesInverse(one, distance)) >>> 0, 0)).not.toBe(one);
  });

  test('is that of the library for all lengths and places, from the start and going on', () => {
    const length = fc.oneof(
      fc.nat(300_000),
      fc.integer({ min: foldBytesMin - 200, max: foldBytesMin + 400 }),
      fc.integer({ min: 262_000, max: 262_400 }),
    );
    arena.bytes.set(noise, intake.input);
    fc.assert(
      fc.property(length, fc.nat(300), fc.option(fc.nat(0xffff_ffff), { nil: undefined }), (bytes, at, previous) => {
        const start = intake.input + at;
        expect(checksum(arena, start, bytes, previous)).toBe(crc32c(arena.bytes.subarray(start, start + bytes), previous));
      }),
      { seed, numRuns: 2_000 },
    );
  });

  test('is that of each length of a step', () => {
    arena.bytes.set(noise, intake.input);
    for (let bytes = 40_000; bytes < 40_000 + 257; bytes += 1)
      expect(checksum(arena, intake.input, bytes)).toBe(crc32c(noise.subarray(0, bytes)));
  });

  test('says nothing of bytes behind them, and leaves nothing in the working space', () => {
    arena.bytes.set(noise, intake.input);
    const before = checksum(arena, intake.input, 50_001);
    arena.bytes.fill(0xaa, intake.input + 50_001, intake.input + 51_000);
    expect(checksum(arena, intake.input, 50_001)).toBe(before);
    arena.bytes.fill(0, intake.input, intake.input + noise.length);
    expect(clean()).toBe(true);
  });

  test('is wrong where the working space was not clean: what is left there would be found', () => {
    arena.bytes.set(noise, intake.input);
    arena.bytes[batchSpace.ring + 5_000] = 1;
    expect(checksum(arena, intake.input, 50_000)).not.toBe(crc32c(noise.subarray(0, 50_000)));
    expect(checksum(arena, intake.input, 50_000)).toBe(crc32c(noise.subarray(0, 50_000)));
  });
});

const place = { producerId: 7n, producerEpoch: 1, baseSequence: 0, transactional: true };

/** A batch of 64 KiB that no codec makes much smaller. */
function longBatch(): Buffer {
  const builder = new BatchBuilder();
  for (let index = 0; index < 64; index += 1)
    builder.append(Buffer.from(`key ${index}`), noise.subarray(index * 1_024, (index + 1) * 1_024), [], 1_000n + BigInt(index));
  return builder.finish(place);
}

/** The same records as the encoder compresses them. */
function encoded(codec: 'lz4' | 'snappy' | 'zstd'): Buffer {
  const frames = admitBatch(arena, only(longBatch()), 0);
  if (!frames) throw new Error('the batch is not framed');
  const { output } = arena;
  let used = 0;
  for (let index = 0; index < frames.count; index += 1) {
    // Half of each value can be made smaller, or the batch would be left as it is.
    output.bytes.set(noise.subarray(index * 512, index * 512 + 512), used);
    output.bytes.fill(0, used + 512, used + 1_024);
    output.valueStart[index] = used;
    used += 1_024;
    output.valueEnd[index] = used;
  }
  output.length = used;
  const encoder = new BatchEncoder();
  const options = { codec, timestamp: 'keep', headers: [], place, bytesMax: 900_000 } as const;
  const { batch, count } = encoder.encode(arena, frames, output, 0, frames.count, options);
  if (count !== frames.count) throw new Error('the batch is cut');
  const copy = Buffer.from(batch);
  encoder.dismiss(arena);
  output.recycle?.(frames.count);
  arena.dismiss();
  return copy;
}

function only(bytes: Uint8Array): RecordBatch {
  const found: RecordBatch[] = [];
  readBatches(bytes, (batch) => found.push(batch));
  if (found.length !== 1) throw new Error('this is not one batch');
  return found[0] as RecordBatch;
}

describe('a long batch', () => {
  const forms = { none: longBatch, lz4: () => encoded('lz4'), snappy: () => encoded('snappy'), zstd: () => encoded('zstd') };

  test.each(Object.entries(forms))('that was encoded with %s has the CRC of the library', (codec, form) => {
    const batch = only(form());
    expect(batch.codec).toBe(codec);
    expect(batch.records.length).toBeGreaterThan(foldBytesMin);
    expect(batch.intact).toBe(true);
  });

  test.each(Object.entries(forms))(
    'in %s is admitted whole, and refused when any bit of it is flipped, without a trace',
    (_, form) => {
      const whole = form();
      expect(admitBatch(arena, only(whole), 0)?.count).toBe(64);
      arena.dismiss();
      const checked = fc.integer({ min: batchLayout.crc, max: whole.length - 1 });
      fc.assert(
        fc.property(checked, fc.nat(7), (at, bit) => {
          const damaged = Buffer.from(whole);
          damaged[at] = (damaged[at] as number) ^ (1 << bit);
          expect(admitBatch(arena, only(damaged), 0)).toBeNull();
          expect(clean()).toBe(true);
        }),
        { seed, numRuns: 100 },
      );
    },
  );

  test('that is refused once is not asked about again', () => {
    const damaged = longBatch();
    damaged[damaged.length - 1] = (damaged.at(-1) as number) ^ 1;
    const batch = only(damaged);
    expect(admitBatch(arena, batch, 0)).toBeNull();
    expect(batch.intactBy(() => 0)).toBe(false);
    expect(batch.intact).toBe(false);
  });
});
