/** Walks the RecordBatches in the bytes of one partition of a fetch; each checks its magic, CRC-32C and counts when it is asked. */
import { crc32c } from '@node-rs/crc32';
import type { CodecName } from './batch-layout.ts';
import { attributeBits, batchLayout, batchPrefixBytes, codecNames } from './batch-layout.ts';

/** One batch of a partition: header fields, and its bytes as a view of the fetch. */
export interface RecordBatch {
  readonly baseOffset: bigint;
  /** Offset of the last record the batch stands for; the next batch starts behind it. */
  readonly lastOffset: bigint;
  readonly recordCount: number;
  readonly codec: CodecName;
  readonly transactional: boolean;
  readonly control: boolean;
  readonly logAppendTime: boolean;
  readonly producerId: bigint;
  readonly baseTimestampMs: bigint;
  readonly maxTimestampMs: bigint;
  /** The whole batch. */
  readonly bytes: Uint8Array;
  /** The records part, compressed as `codec` says. */
  readonly records: Uint8Array;
  /**
   * False when the CRC, the magic, the codec or the counts are wrong: nothing of the batch may be read, and what its header says
   * decides nothing. Found when it is first asked for, so that the bytes are warm in the cache when they are copied next; ask while
   * the fetch's buffer is held.
   */
  readonly intact: boolean;
  /** The same where the records stand elsewhere too: `checksum` goes on over them from the CRC-32C that it is given. It is asked at most once. */
  intactBy(checksum: (previous: number) => number): boolean;
}

/** Calls `visit` for each complete batch; a batch cut off by the fetch's size limit is left for the next fetch. Returns how many were whole. */
export function readBatches(bytes: Uint8Array, visit: (batch: RecordBatch) => void): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let position = 0;
  let count = 0;
  while (position + batchLayout.records <= bytes.length) {
    const length = view.getInt32(position + batchLayout.batchLength);
    const end = position + batchPrefixBytes + length;
    if (length < batchLayout.records - batchPrefixBytes || end > bytes.length) break;
    visit(readHeader(bytes.subarray(position, end)));
    count += 1;
    position = end;
  }
  return count;
}

function readHeader(bytes: Uint8Array): RecordBatch {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const attributes = view.getInt16(batchLayout.attributes);
  const baseOffset = view.getBigInt64(batchLayout.baseOffset);
  const lastOffsetDelta = view.getInt32(batchLayout.lastOffsetDelta);
  const recordCount = view.getInt32(batchLayout.recordCount);
  const codec = codecNames[attributes & attributeBits.codecMask];
  let intact: boolean | undefined;
  return {
    baseOffset,
    lastOffset: baseOffset + BigInt(Math.max(0, lastOffsetDelta)),
    recordCount,
    codec: codec ?? 'none',
    transactional: (attributes & attributeBits.transactional) !== 0,
    control: (attributes & attributeBits.control) !== 0,
    logAppendTime: (attributes & attributeBits.logAppendTime) !== 0,
    producerId: view.getBigInt64(batchLayout.producerId),
    baseTimestampMs: view.getBigInt64(batchLayout.baseTimestamp),
    maxTimestampMs: view.getBigInt64(batchLayout.maxTimestamp),
    bytes,
    records: bytes.subarray(batchLayout.records),
    get intact() {
      return this.intactBy((previous) => crc32c(bytes.subarray(batchLayout.records), previous));
    },
    intactBy(checksum) {
      intact ??=
        view.getInt8(batchLayout.magic) === 2 &&
        codec !== undefined &&
        lastOffsetDelta >= 0 &&
        recordCount >= 0 &&
        recordCount <= lastOffsetDelta + 1 &&
        view.getUint32(batchLayout.crc) === checksum(crc32c(bytes.subarray(batchLayout.attributes, batchLayout.records)));
      return intact;
    },
  };
}
