/** What is found of many records at once against a look at each of them. */
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Arena } from '../arena/arena.ts';
import type { RecordFrames } from '../record-frames.ts';
import { firstByte, frameArrays } from '../record-frames.ts';
import { alikeRecords, countBytes, newestTime } from './survey.ts';

const arena = new Arena();
const seed = 20_261_129;

interface Made {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Uint8Array;
}

/** Frames over records that stand one behind the other, with a byte between them that belongs to none. */
function framesOf(records: readonly Made[]): RecordFrames {
  const frames = frameArrays(records.length);
  const bytes: number[] = [];
  for (const [index, { key, value, headers }] of records.entries()) {
    bytes.push(0xee);
    for (const [part, start, end] of [
      [key, frames.keyStart, frames.keyEnd],
      [value, frames.valueStart, frames.valueEnd],
      [headers, frames.headersStart, frames.headersEnd],
    ] as const) {
      if (part === null) continue;
      start[index] = bytes.length;
      bytes.push(...part);
      end[index] = bytes.length;
    }
  }
  return { bytes: Uint8Array.from(bytes), count: records.length, partition: 0, baseOffset: 0n, ...frames };
}

function alikeByEach(frames: RecordFrames, bytesMax: number): number {
  const start = (index: number): string =>
    Buffer.from(frames.bytes).toString('hex', frames.valueStart[index], (frames.valueStart[index] as number) + 5);
  for (let index = 0; index < frames.count; index += 1) {
    const value = frames.valueStart[index] as number;
    const taken = (frames.headersEnd[index] as number) - firstByte(frames, index);
    if (value < 0 || (frames.valueEnd[index] as number) - value < 5 || taken > bytesMax || start(index) !== start(0))
      return index;
  }
  return frames.count;
}

afterEach(() => {
  arena.dismiss();
});

describe('bytes that are counted', () => {
  test('are as many as a look at each finds, at every place and length, in the arena and outside of it', () => {
    const outcomes = arena.output.outcome;
    fc.assert(
      fc.property(fc.uint8Array({ max: 4, maxLength: 200 }), fc.nat(70), fc.nat(4), fc.nat(200), (bytes, at, byte, skip) => {
        outcomes.fill(byte, 0, 400);
        outcomes.set(bytes, at);
        const from = Math.min(skip, bytes.length);
        const wanted = bytes.subarray(from).filter((one) => one === byte).length;
        expect(countBytes(arena, outcomes, at + from, at + bytes.length, byte)).toBe(wanted);
        expect(countBytes(arena, bytes, from, bytes.length, byte)).toBe(wanted);
        outcomes.fill(0, 0, 400);
      }),
      { seed, numRuns: 2_000 },
    );
  });

  test('are no others than those that there are', () => {
    const { outcome } = arena.output;
    for (const [from, to] of [
      [-1, 3],
      [4, 3],
      [0, outcome.length + 1],
      [Number.NaN, 3],
    ] as const)
      expect(() => countBytes(arena, outcome, from, to, 0)).toThrow('there are no such records');
  });
});

describe('the newest time', () => {
  const times = fc.array(fc.oneof(fc.constant(0), fc.constant(-1), fc.nat(), fc.integer({ min: 0, max: 2 ** 52 })), {
    minLength: 1,
    maxLength: 60,
  });

  test('is that of the records asked for, in the arena and outside of it', () => {
    fc.assert(
      fc.property(times, fc.nat(60), fc.nat(60), (given, one, other) => {
        const from = Math.min(one, other, given.length);
        const to = Math.min(Math.max(one, other), given.length);
        const frames = framesOf(given.map(() => ({ key: null, value: Buffer.alloc(5), headers: Buffer.alloc(1) })));
        frames.timestampMs.set(given);
        const wanted = Math.max(0, ...given.slice(from, to));
        expect(newestTime(arena, frames, from, to)).toBe(wanted);
        expect(newestTime(arena, arena.admit(frames), from, to)).toBe(wanted);
      }),
      { seed, numRuns: 1_000 },
    );
  });
});

describe('records that are alike', () => {
  const part = (sizes: { minLength?: number; maxLength: number }): fc.Arbitrary<Uint8Array> =>
    fc.uint8Array({ max: 1, ...sizes });
  const usual = Uint8Array.of(0, 0, 0, 0, 7);
  const value = fc.oneof(
    { weight: 12, arbitrary: part({ maxLength: 6 }).map((rest) => Uint8Array.from([...usual, ...rest])) },
    { weight: 1, arbitrary: part({ maxLength: 9 }) },
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.nat(4).map((at) => usual.with(at, 9)) },
  );
  const record = fc.record({ key: fc.option(part({ maxLength: 4 })), value, headers: part({ minLength: 1, maxLength: 3 }) });

  test('are found up to the first that is not, or is too large', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 40 }), fc.integer({ min: 9, max: 20 }), (records, bytesMax) => {
        const frames = framesOf(records);
        expect(alikeRecords(arena, arena.admit(frames), bytesMax)).toBe(alikeByEach(frames, bytesMax));
      }),
      { seed, numRuns: 3_000 },
    );
  });

  test('are all, in a batch of thousands', () => {
    const records = Array.from({ length: 10_000 }, () => ({ key: usual, value: usual, headers: usual }));
    expect(alikeRecords(arena, arena.admit(framesOf(records)), 15)).toBe(records.length);
    expect(alikeRecords(arena, arena.admit(framesOf(records)), 14)).toBe(0);
  });

  test('are none of those that the arena does not hold', () => {
    const frames = framesOf([{ key: null, value: usual, headers: usual }]);
    arena.admit(frames);
    expect(alikeRecords(arena, frames, 100)).toBe(0);
  });
});
