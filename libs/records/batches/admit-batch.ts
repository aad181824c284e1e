/** Takes batches into the arena: decompresses and frames them there, with no buffer of its own and no object per record. */
import { limits } from '../../base/index.ts';
import type { Arena } from '../arena/arena.ts';
import { recordsMax } from '../arena/arena-layout.ts';
import { decompressedBytesMax } from '../codecs/decompress.ts';
import type { Batches, RecordBatch } from '../read-batches.ts';
import type { RecordFrames } from '../record-frames.ts';
import { batchKernel } from './batch-kernel.ts';
import { checksum, foldBytesMin } from './checksum.ts';
import { strayBytes } from './copy-code.ts';
import { readInArena, tooLarge, unpackRecords } from './unpack-records.ts';

/** Consecutive batches of a partition as one. */
export interface Admission {
  /** Their records. `baseOffset` is that of the first batch. */
  readonly frames: RecordFrames;
  /** How many of the batches are in it. */
  readonly taken: number;
}

/** Where an admission ends: a first batch is taken even if it has more. */
export interface AdmissionLimits {
  /** Decompressed. */
  readonly bytesMax: number;
  readonly recordsMax: number;
}

/**
 * What `frameRecords` says of the batch, with the frames as views of the arena that are valid until something else is admitted there or
 * `arena.dismiss()`. What was admitted before is wiped. Null when the batch is not intact, over a limit or malformed, and undefined when it has
 * more records or bytes than the arena takes at once: nothing stays behind then, and `frameRecords` has to judge.
 */
export function admitBatch(arena: Arena, batch: RecordBatch, partition: number): RecordFrames | null | undefined {
  const admission = admitBatches(arena, [batch], 0, partition);
  return admission && admission.frames;
}

/**
 * The same for the batches from index `from` on, as many as fit the limits and the arena, up to one that cannot be taken: that one comes
 * first in a later call, which answers null or undefined for it.
 */
export function admitBatches(
  arena: Arena,
  batches: Batches,
  from: number,
  partition: number,
  most: AdmissionLimits = { bytesMax: Infinity, recordsMax },
): Admission | null | undefined {
  arena.release();
  const first = batches.at(from);
  if (first === undefined) throw new RangeError('admit batches: there is no such batch');
  let [bytes, records, taken] = [0, 0, 0];
  for (let index = from; index < batches.length; index += 1) {
    const batch = batches.at(index) as RecordBatch;
    const delta = batch.baseOffset - first.baseOffset;
    if (taken > 0 && (bytes >= most.bytesMax || records + batch.recordCount > most.recordsMax)) break;
    // Offsets count from the first batch in 32 bits; they never go back.
    if (taken > 0 && (delta < 0n || batch.lastOffset - first.baseOffset > 0x7fff_ffffn)) break;
    const length = take(arena, batch, bytes, records, Number(delta));
    if (length < 0) {
      if (taken > 0) break;
      arena.dismiss();
      return length === tooLarge ? undefined : null;
    }
    bytes += length;
    records += batch.recordCount;
    taken += 1;
  }
  return { frames: arena.admitWritten(bytes, records, partition, first.baseOffset), taken };
}

/** Puts a batch behind `used` bytes and `before` records; its bytes, or a fault, and then nothing of it stays. */
function take(arena: Arena, batch: RecordBatch, used: number, before: number, firstDelta: number): number {
  const { records } = batch;
  // Long bytes are checked where they are copied to, others where they came.
  const copied = records.length >= foldBytesMin && readInArena(batch.codec);
  if ((!copied && !batch.intact) || batch.recordCount < 0 || batch.recordCount > limits.batchRecordsMax) return malformed;
  const { intake } = arena;
  const left = intake.bytesMax - used;
  if (before + batch.recordCount > recordsMax || records.length > left) return tooLarge;
  const allowed = batch.codec === 'none' ? records.length : decompressedBytesMax(records.length);
  const room = Math.min(allowed, left);
  const input = intake.input + used;
  const length = unpackRecords(
    arena,
    batch.codec,
    records,
    input,
    room,
    (at) => !copied || batch.intactBy((previous) => checksum(arena, at, records.length, previous)),
  );
  // A record takes at least 7 bytes.
  if (length >= 0 && batch.recordCount <= length / 7) {
    const ranges = intake.ranges + 4 * before;
    const lastDelta = Math.max(-1, Math.min(Number(batch.lastOffset - batch.baseOffset), 0x7fff_ffff));
    const [base, mask] = batch.logAppendTime ? [batch.maxTimestampMs, 0n] : [batch.baseTimestampMs, -1n];
    const framed = batchKernel(arena).frame(
      input,
      length,
      batch.recordCount,
      lastDelta,
      ranges,
      intake.timestamps + 8 * before,
      base,
      mask,
      intake.input,
      firstDelta,
    );
    if (framed === 1) return length;
  }
  arena.bytes.fill(0, input, input + room + strayBytes);
  return length === tooLarge && room < allowed ? tooLarge : malformed;
}

const malformed = -1;
