/** What holds of many records at once, in the arena: a look at each in JavaScript made an object of each time until V8 had compiled it fully. */
import type { Arena } from '../arena/arena.ts';
import type { RecordFrames } from '../record-frames.ts';
import { batchKernel } from './batch-kernel.ts';

/** How many of `bytes` from index `from` to `to` equal `byte`. */
export function countBytes(arena: Arena, bytes: Uint8Array, from: number, to: number, byte: number): number {
  mustHold(bytes.length, from, to);
  if (bytes.buffer === arena.bytes.buffer) return batchKernel(arena).countBytes(bytes.byteOffset + from, to - from, byte);
  let count = 0;
  for (let index = from; index < to; index += 1) if (bytes[index] === byte) count += 1;
  return count;
}

/** The newest time of the records [from, to), milliseconds since the epoch; 0 where none is later. */
export function newestTime(arena: Arena, { timestampMs }: RecordFrames, from: number, to: number): number {
  mustHold(timestampMs.length, from, to);
  if (timestampMs.buffer === arena.bytes.buffer) return batchKernel(arena).newest(timestampMs.byteOffset + 8 * from, to - from);
  let newest = 0;
  for (let index = from; index < to; index += 1) newest = Math.max(newest, timestampMs[index] as number);
  return newest;
}

/**
 * How many of the first records have values that begin with the same five bytes, where the wire format has the schema id, and take at most `bytesMax`
 * with key and headers. 0 for frames that the arena does not hold, of which nothing is said.
 */
export const alikeRecords = (arena: Arena, frames: RecordFrames, bytesMax: number): number =>
  arena.holds(frames) ? batchKernel(arena).alike(arena.intake.ranges, frames.count, frames.bytes.byteOffset, bytesMax) : 0;

function mustHold(length: number, from: number, to: number): void {
  if (!(from >= 0 && from <= to && to <= length)) throw new RangeError('survey: there are no such records');
}
