/** Answers come out whole however the network cuts them. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BufferPool } from './buffer-pool.ts';
import { FrameReader } from './frame-reader.ts';

interface Frame {
  readonly size: number;
  readonly keeps: boolean;
}

/** One stream of frames, each filled with its number. */
function streamOf(frames: readonly Frame[]): Buffer {
  return Buffer.concat(
    frames.map(({ size }, index) => {
      const frame = Buffer.alloc(4 + size, index + 1);
      frame.writeInt32BE(size, 0);
      return frame;
    }),
  );
}

interface Run {
  readonly sizes: number[];
  readonly wrong: number;
  readonly broken: string[];
  readonly leasedBytes: number;
}

/** Delivers the stream in pieces that end at these places, as a socket would; kept frames are released `holdFor` frames later. */
function deliver(frames: readonly Frame[], ends: readonly number[], poolBytes: number, holdFor: number): Run {
  const stream = streamOf(frames);
  const pool = new BufferPool(poolBytes);
  const held: (() => void)[] = [];
  const run = { sizes: [] as number[], wrong: 0, broken: [] as string[], leasedBytes: 0 };
  const socket = { paused: false };
  const reader = new FrameReader(
    pool,
    {
      keeps: () => frames[run.sizes.length]?.keeps === true,
      frame: (bytes, lease) => {
        run.sizes.push(bytes.length);
        if (!bytes.every((byte) => byte === run.sizes.length)) run.wrong += 1;
        if (frames[run.sizes.length - 1]?.keeps === true) held.push(() => lease?.release());
        else lease?.release();
      },
      resume: () => (socket.paused = false),
      broken: (why) => run.broken.push(why),
    },
    poolBytes,
  );
  let at = 0;
  for (const end of [...ends].sort((a, b) => a - b).concat(stream.length)) {
    while (at < end && run.broken.length === 0) {
      while (held.length > holdFor || (socket.paused && held.length > 0)) held.shift()?.();
      const target = reader.next();
      const count = stream.copy(target, 0, at, Math.min(end, at + target.length));
      at += count;
      if (!reader.take(count)) socket.paused = true;
    }
  }
  while (held.length > 0) held.shift()?.();
  run.leasedBytes = pool.leasedBytes;
  return run;
}

const whole = (frames: readonly Frame[]): Run => ({
  sizes: frames.map(({ size }) => size),
  wrong: 0,
  broken: [],
  leasedBytes: 0,
});

describe('a stream of answers', () => {
  test('cut in two at every byte gives every answer whole', () => {
    const frames = [4, 60, 5, 9, 130].map((size, index) => ({ size, keeps: index % 2 === 1 }));
    const bytes = streamOf(frames).length;
    for (let cut = 0; cut <= bytes; cut += 1) expect(deliver(frames, [cut], 1024 * 1024, 1)).toEqual(whole(frames));
  });

  test('delivered byte by byte gives every answer whole', () => {
    const frames = [4, 60, 5, 9, 130].map((size, index) => ({ size, keeps: index % 2 === 0 }));
    const ends = Array.from({ length: streamOf(frames).length }, (_, index) => index);
    expect(deliver(frames, ends, 1024 * 1024, 2)).toEqual(whole(frames));
  });

  test('cut anywhere, of small and large answers that live on or not, gives every answer whole and all room back', () => {
    const frame = fc.record({
      size: fc.oneof(fc.integer({ min: 4, max: 300 }), fc.integer({ min: 4, max: 150_000 })),
      keeps: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(frame, { minLength: 1, maxLength: 8 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
        fc.integer({ min: 0, max: 3 }),
        (frames, places, holdFor) => {
          const bytes = streamOf(frames).length;
          const ends = places.map((place) => Math.floor(place * bytes));
          // So little room that kept answers have to wait for each other.
          expect(deliver(frames, ends, 400_000, holdFor)).toEqual(whole(frames));
        },
      ),
      { numRuns: 200 },
    );
  });

  test('with a length that cannot be ends the reading', () => {
    for (const size of [-1, 0, 3, 2_000_000]) {
      const stream = Buffer.alloc(8);
      stream.writeInt32BE(size, 0);
      const broken: string[] = [];
      const sink = {
        keeps: () => false,
        frame: () => undefined,
        resume: () => undefined,
        broken: (why: string) => broken.push(why),
      };
      const reader = new FrameReader(new BufferPool(1024 * 1024), sink, 1024 * 1024);
      stream.copy(reader.next());
      expect(reader.take(stream.length)).toBe(false);
      expect(broken).toEqual([`an answer of ${size} bytes`]);
    }
  });
});

describe('the pool', () => {
  test('never gives out more than it has, serves in order, and makes room from other sizes', () => {
    const pool = new BufferPool(64 * 1024);
    const first = pool.lease(33_000);
    expect(pool.lease(10)).toBeUndefined();
    const served: number[] = [];
    pool.whenRoom(40_000, (lease) => {
      served.push(40_000);
      lease.release();
    });
    const withdraw = pool.whenRoom(50_000, () => served.push(50_000));
    pool.whenRoom(100, () => served.push(100));
    withdraw();
    expect(served).toEqual([]);
    first?.release();
    expect(served).toEqual([40_000, 100]);
    expect(pool.leasedBytes).toBe(4096);
    expect(pool.fits(70_000)).toBe(false);
  });
});
