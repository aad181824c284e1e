/** Takes a batch into the arena: decompresses and frames it there, with no buffer of its own and no object per record. */
import { limits } from '../../base/index.ts';
import type { Arena } from '../arena/arena.ts';
import { recordsMax } from '../arena/arena-layout.ts';
import { decompressedBytesMax } from '../codecs/decompress.ts';
import type { RecordBatch } from '../read-batches.ts';
import type { RecordFrames } from '../record-frames.ts';
import { batchKernel } from './batch-kernel.ts';
import { strayBytes } from './copy-code.ts';
import { tooLarge, unpackRecords } from './unpack-records.ts';

/**
 * What `frameRecords` says of the batch, with the frames as views of the arena that are valid until something else is admitted there or
 * `arena.dismiss()`. What was admitted before is wiped. Null when the batch is not intact, over a limit or malformed, and undefined when it has
 * more records or bytes than the arena takes at once: nothing stays behind then, and `frameRecords` has to judge.
 */
export function admitBatch(arena: Arena, batch: RecordBatch, partition: number): RecordFrames | null | undefined {
  const frames = admitted(arena, batch, partition);
  if (!frames) arena.dismiss();
  return frames;
}

function admitted(arena: Arena, batch: RecordBatch, partition: number): RecordFrames | null | undefined {
  arena.release();
  if (!batch.intact || batch.recordCount < 0 || batch.recordCount > limits.batchRecordsMax) return null;
  const { intake } = arena;
  if (batch.recordCount > recordsMax || batch.records.length > intake.bytesMax) return undefined;
  const allowed = batch.codec === 'none' ? batch.records.length : decompressedBytesMax(batch.records.length);
  const room = Math.min(allowed, intake.bytesMax);
  const length = unpackRecords(arena, batch.codec, batch.records, room);
  // A record takes at least 7 bytes.
  if (length >= 0 && batch.recordCount <= length / 7 && frame(arena, batch, length))
    return arena.admitWritten(length, batch.recordCount, partition, batch.baseOffset);
  arena.bytes.fill(0, intake.input, intake.input + room + strayBytes);
  return length === tooLarge && room < allowed ? undefined : null;
}

function frame(arena: Arena, batch: RecordBatch, length: number): boolean {
  const { input, ranges, timestamps } = arena.intake;
  const lastDelta = Math.max(-1, Math.min(Number(batch.lastOffset - batch.baseOffset), 0x7fff_ffff));
  const [base, mask] = batch.logAppendTime ? [batch.maxTimestampMs, 0n] : [batch.baseTimestampMs, -1n];
  return batchKernel(arena).frame(input, length, batch.recordCount, lastDelta, ranges, timestamps, base, mask) === 1;
}
