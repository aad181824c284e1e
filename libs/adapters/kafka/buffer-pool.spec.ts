import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Lease } from './buffer-pool.ts';
import { BufferPool } from './buffer-pool.ts';

const mebibyte = 1024 * 1024;
const memoryOf = (lease: Lease | undefined): ArrayBufferLike | undefined => lease?.bytes.buffer;

describe('BufferPool', () => {
  test('leases exactly as many bytes as were asked for, and gives the same memory again', () => {
    const pool = new BufferPool(64 * mebibyte);
    const first = pool.lease(8 * mebibyte + 100);
    expect(first?.bytes.length).toBe(8 * mebibyte + 100);
    expect(pool.leasedBytes).toBe(16 * mebibyte);
    first?.release();
    first?.release();
    expect(pool.leasedBytes).toBe(0);
    expect(memoryOf(pool.lease(9 * mebibyte))).toBe(memoryOf(first));
  });

  test('takes a larger buffer that is free for a smaller answer, and counts the whole of it', () => {
    const pool = new BufferPool(64 * mebibyte);
    const large = pool.lease(16 * mebibyte);
    large?.release();
    const smaller = pool.lease(3 * mebibyte);
    expect(memoryOf(smaller)).toBe(memoryOf(large));
    expect(smaller?.bytes.length).toBe(3 * mebibyte);
    expect(pool.leasedBytes).toBe(16 * mebibyte);
    smaller?.release();
    expect(memoryOf(pool.lease(16 * mebibyte))).toBe(memoryOf(large));
  });

  test('leaves one that is much larger to answers of its own size', () => {
    const pool = new BufferPool(64 * mebibyte);
    const large = pool.lease(16 * mebibyte);
    large?.release();
    expect(memoryOf(pool.lease(mebibyte))).not.toBe(memoryOf(large));
    expect(pool.leasedBytes).toBe(mebibyte);
  });

  test('gives none that would be over its bound, and a smaller one that is not', () => {
    const pool = new BufferPool(10 * mebibyte);
    const large = pool.lease(8 * mebibyte);
    large?.release();
    const held = pool.lease(8 * mebibyte);
    expect(pool.lease(4 * mebibyte)).toBeUndefined();
    expect(pool.lease(2 * mebibyte)?.bytes.buffer.byteLength).toBe(2 * mebibyte);
    held?.release();
    expect(pool.leasedBytes).toBe(2 * mebibyte);
  });

  test('never holds more than its bound, whatever is asked for and given back, and serves whoever waits in turn', () => {
    const step = fc.record({ size: fc.integer({ min: 1, max: 40_000 }), gives: fc.nat({ max: 5 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const bytesMax = 64 * 1024;
        const pool = new BufferPool(bytesMax);
        const held: Lease[] = [];
        const memory = new Set<ArrayBufferLike>();
        const served: number[] = [];
        let asked = 0;
        const keep = (lease: Lease): void => {
          for (const other of held) expect(other.bytes.buffer).not.toBe(lease.bytes.buffer);
          held.push(lease);
          memory.add(lease.bytes.buffer);
        };
        for (const { size, gives } of steps) {
          const number = (asked += 1);
          const lease = pool.lease(size);
          if (lease !== undefined) {
            served.push(number);
            keep(lease);
          } else
            pool.whenRoom(size, (later) => {
              served.push(number);
              keep(later);
            });
          for (const given of held.splice(0, gives)) given.release();
          expect(pool.leasedBytes).toBe(held.reduce((sum, { bytes }) => sum + bytes.buffer.byteLength, 0));
          expect(pool.leasedBytes).toBeLessThanOrEqual(bytesMax);
        }
        while (held.length > 0) held.shift()?.release();
        expect(served).toEqual(served.toSorted((a, b) => a - b));
        expect(served.length).toBe(asked);
        expect(pool.leasedBytes).toBe(0);
      }),
    );
  });
});
