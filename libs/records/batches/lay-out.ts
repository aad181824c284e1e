/** Lays governed records out in the arena as a digest over them reads them, so that one update of a hash takes a whole run. */
import type { Arena } from '../arena/arena.ts';
import { batchKernel } from './batch-kernel.ts';
import { strayBytes } from './copy-code.ts';

/**
 * Hands `take` the bytes of the records [from, to) of the arena's output that have a value: key and value, each behind its length in 4 bytes
 * big endian, -1 for a null key. A view that is valid during the call and wiped after it. Throws when a range lies outside of the output.
 */
export function layOut(arena: Arena, from: number, to: number, take: (bytes: Uint8Array) => void): void {
  const { outlet, output } = arena;
  if (from < 0 || to > output.valueStart.length) throw new RangeError('lay out: there are no such records');
  const start = outlet.encoded;
  const end = batchKernel(arena).layOut(
    outlet.ranges,
    from,
    to,
    outlet.output,
    output.length,
    start,
    start + outlet.encodedBytesMax,
  );
  if (end < 0) {
    arena.bytes.fill(0, start, start + outlet.encodedBytesMax + strayBytes);
    throw new Error('lay out: a range is outside of the output');
  }
  take(arena.bytes.subarray(start, end));
  arena.bytes.fill(0, start, end + strayBytes);
}
