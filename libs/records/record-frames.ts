/** The records of one batch as ranges in one byte array: numbers side by side, no object per record. */
import { cursorOver, limits, readVarint, readVarlong } from '../base/index.ts';
import { decompress } from './codecs/decompress.ts';
import type { RecordBatch } from './read-batches.ts';

/** Ranges into `bytes`, index = record in offset order. A start of -1 stands for null. */
export interface RecordFrames {
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly partition: number;
  readonly baseOffset: bigint;
  /** Offset less `baseOffset`. */
  readonly offsetDelta: Int32Array;
  /** Milliseconds since the epoch. */
  readonly timestampMs: Float64Array;
  readonly keyStart: Int32Array;
  readonly keyEnd: Int32Array;
  readonly valueStart: Int32Array;
  readonly valueEnd: Int32Array;
  /** Range of the header section: a varint count, then key and value of each with varint lengths. */
  readonly headersStart: Int32Array;
  readonly headersEnd: Int32Array;
}

/** Decompresses and frames a batch. Null when the batch is not intact, over a limit, or its framing is malformed anywhere. */
export function frameRecords(batch: RecordBatch, partition: number): RecordFrames | null {
  if (!batch.intact || batch.recordCount > limits.batchRecordsMax) return null;
  const bytes = decompress(batch.codec, batch.records);
  // A record takes at least 7 bytes, so a lying count costs no memory.
  if (bytes === null || bytes.length > limits.batchBytesMax || batch.recordCount > bytes.length / 7) return null;
  const frames = { bytes, count: batch.recordCount, partition, baseOffset: batch.baseOffset, ...frameArrays(batch.recordCount) };
  const cursor = cursorOver(bytes);
  const lastDelta = Number(batch.lastOffset - batch.baseOffset);
  let previousDelta = -1;
  for (let index = 0; index < batch.recordCount; index += 1) {
    const length = readVarint(cursor);
    const end = cursor.position + length;
    if (cursor.failed || length < 6 || end > bytes.length) return null;
    cursor.position += 1;
    const timestampDelta = readVarlong(cursor);
    const offsetDelta = readVarint(cursor);
    if (cursor.failed || offsetDelta <= previousDelta || offsetDelta > lastDelta) return null;
    previousDelta = offsetDelta;
    frames.offsetDelta[index] = offsetDelta;
    frames.timestampMs[index] = Number(
      batch.logAppendTime ? batch.maxTimestampMs : BigInt.asIntN(64, batch.baseTimestampMs + timestampDelta),
    );
    const keyBytes = readVarint(cursor);
    frames.keyStart[index] = keyBytes < 0 ? -1 : cursor.position;
    cursor.position += Math.max(0, keyBytes);
    frames.keyEnd[index] = keyBytes < 0 ? -1 : cursor.position;
    if (cursor.failed || keyBytes < -1 || cursor.position > end) return null;
    const valueBytes = readVarint(cursor);
    frames.valueStart[index] = valueBytes < 0 ? -1 : cursor.position;
    cursor.position += Math.max(0, valueBytes);
    frames.valueEnd[index] = valueBytes < 0 ? -1 : cursor.position;
    if (cursor.failed || valueBytes < -1 || cursor.position > end) return null;
    frames.headersStart[index] = cursor.position;
    frames.headersEnd[index] = end;
    cursor.position = end;
  }
  return cursor.position === bytes.length ? frames : null;
}

type FrameArrays = Omit<RecordFrames, 'bytes' | 'count' | 'partition' | 'baseOffset'>;

/** The arrays of so many records, in which nothing stands yet: all ranges are null. */
export function frameArrays(count: number): FrameArrays {
  const ranges = (): Int32Array => new Int32Array(count).fill(-1);
  return {
    offsetDelta: ranges(),
    timestampMs: new Float64Array(count),
    keyStart: ranges(),
    keyEnd: ranges(),
    valueStart: ranges(),
    valueEnd: ranges(),
    headersStart: ranges(),
    headersEnd: ranges(),
  };
}

/** Records [from, to) of these, over the same bytes. */
export function sliceFrames(frames: RecordFrames, from: number, to: number): RecordFrames {
  const { bytes, partition, baseOffset, ...arrays } = frames;
  return {
    bytes,
    count: to - from,
    partition,
    baseOffset,
    offsetDelta: arrays.offsetDelta.subarray(from, to),
    timestampMs: arrays.timestampMs.subarray(from, to),
    keyStart: arrays.keyStart.subarray(from, to),
    keyEnd: arrays.keyEnd.subarray(from, to),
    valueStart: arrays.valueStart.subarray(from, to),
    valueEnd: arrays.valueEnd.subarray(from, to),
    headersStart: arrays.headersStart.subarray(from, to),
    headersEnd: arrays.headersEnd.subarray(from, to),
  };
}

/** The index behind the records from `from` on, before `to`, that take at most so many bytes; `from` where the first takes more. */
export function endWithin(frames: RecordFrames, from: number, to: number, bytesMax: number): number {
  const start = firstByte(frames, from);
  const fits = (index: number): boolean => (frames.headersEnd[index] as number) - start <= bytesMax;
  if (fits(to - 1)) return to;
  let end = from;
  while (end < to && fits(end)) end += 1;
  return end;
}

/** The first byte of a record's key, value or headers, whichever it has first. */
export function firstByte(frames: RecordFrames, index: number): number {
  const key = frames.keyStart[index] as number;
  const value = frames.valueStart[index] as number;
  return key >= 0 ? key : value >= 0 ? value : (frames.headersStart[index] as number);
}

/** The headers of one record, or null when the section is malformed. */
export function readHeaders(frames: RecordFrames, index: number): [string, Uint8Array | null][] | null {
  const cursor = cursorOver(frames.bytes, frames.headersStart[index], frames.headersEnd[index]);
  const count = readVarint(cursor);
  if (cursor.failed || count < 0 || count > cursor.end - cursor.position) return null;
  const headers: [string, Uint8Array | null][] = [];
  for (let header = 0; header < count; header += 1) {
    const keyBytes = readVarint(cursor);
    if (cursor.failed || keyBytes < 0 || cursor.position + keyBytes > cursor.end) return null;
    const key = Buffer.from(frames.bytes.buffer, frames.bytes.byteOffset + cursor.position, keyBytes).toString('utf8');
    cursor.position += keyBytes;
    const valueBytes = readVarint(cursor);
    if (cursor.failed || valueBytes < -1 || cursor.position + Math.max(0, valueBytes) > cursor.end) return null;
    headers.push([key, valueBytes < 0 ? null : frames.bytes.subarray(cursor.position, cursor.position + valueBytes)]);
    cursor.position += Math.max(0, valueBytes);
  }
  return cursor.position === cursor.end ? headers : null;
}
