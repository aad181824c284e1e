/** Walks the RecordBatches in the bytes of one partition of a fetch; each checks its magic, CRC-32C and counts when it is asked. */
import { crc32c } from '@node-rs/crc32';
import type { CodecName } from './batch-layout.ts';
import { attributeBits, batchLayout, batchPrefixBytes, codecNames } from './batch-layout.ts';

/**
 * One batch of a partition, read from the fetch when it is asked. Offsets, counts and attributes hold for ever, the rest while the fetch's buffer is held.
 */
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
   * decides nothing. Found when it is first asked for, so that the bytes are warm in the cache when they are copied next.
   */
  readonly intact: boolean;
  /** The same where the records stand elsewhere too: `checksum` goes on over them from the CRC-32C that it is given. It is asked at most once. */
  intactBy(checksum: (previous: number) => number): boolean;
}

/** Batches in order, such as an array of them. */
export interface Batches extends Iterable<RecordBatch> {
  readonly length: number;
  at(index: number): RecordBatch | undefined;
}

/**
 * Batches of one fetch that wait to be governed. There are thousands, and V8 moves what lives for so long to where it collects last: each is a number that says
 * where it begins, and its object is made when it is asked for. To be asked while the fetch is held.
 */
export class WaitingBatches implements Batches {
  readonly #fetch: Uint8Array;
  readonly #view: DataView;
  readonly #starts: number[] = [];
  #last: { readonly index: number; readonly batch: RecordBatch } | undefined;

  constructor(fetch: Uint8Array) {
    this.#fetch = fetch;
    this.#view = viewOf(fetch);
  }

  get length(): number {
    return this.#starts.length;
  }

  /** `start` is what `readBatches` says of the batch. */
  push(start: number): void {
    this.#starts.push(start);
  }

  /** The same object as long as no other is asked for. */
  at(index: number): RecordBatch | undefined {
    const start = this.#starts[index];
    if (start === undefined) return undefined;
    if (this.#last?.index !== index) {
      const end = start + batchPrefixBytes + this.#view.getInt32(start + batchLayout.batchLength);
      this.#last = { index, batch: new FetchedBatch(this.#fetch, this.#view, start, end) };
    }
    return this.#last.batch;
  }

  *[Symbol.iterator](): IterableIterator<RecordBatch> {
    for (let index = 0; index < this.length; index += 1) yield this.at(index) as RecordBatch;
  }
}

/**
 * Calls `visit` for each complete batch and where it begins; a batch cut off by the fetch's size limit is left for the next fetch. Returns how many were whole.
 */
export function readBatches(bytes: Uint8Array, visit: (batch: RecordBatch, start: number) => void): number {
  const view = viewOf(bytes);
  return walkBatches(view, (start, end) => visit(new FetchedBatch(bytes, view, start, end), start));
}

/** Calls `visit` for each run of whole batches that one leader wrote, with its epoch and their first and last offsets. */
export function readEpochs(bytes: Uint8Array, visit: (epoch: number, first: bigint, last: bigint) => void): void {
  const view = viewOf(bytes);
  let run: { epoch: number; first: bigint; last: bigint } | undefined;
  walkBatches(view, (at) => {
    const epoch = view.getInt32(at + batchLayout.partitionLeaderEpoch);
    const first = view.getBigInt64(at + batchLayout.baseOffset);
    const last = first + BigInt(Math.max(0, view.getInt32(at + batchLayout.lastOffsetDelta)));
    if (run?.epoch === epoch) run.last = last;
    else {
      if (run !== undefined) visit(run.epoch, run.first, run.last);
      run = { epoch, first, last };
    }
  });
  if (run !== undefined) visit(run.epoch, run.first, run.last);
}

/** Calls `visit` with where each whole batch begins and the byte behind it; returns how many there are. */
function walkBatches(view: DataView, visit: (start: number, end: number) => void): number {
  let position = 0;
  let count = 0;
  while (position + batchLayout.records <= view.byteLength) {
    const length = view.getInt32(position + batchLayout.batchLength);
    const end = position + batchPrefixBytes + length;
    if (length < batchLayout.records - batchPrefixBytes || end > view.byteLength) break;
    visit(position, end);
    count += 1;
    position = end;
  }
  return count;
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView => new DataView(buffer, byteOffset, byteLength);

class FetchedBatch implements RecordBatch {
  readonly baseOffset: bigint;
  readonly recordCount: number;
  readonly #fetch: Uint8Array;
  readonly #view: DataView;
  readonly #at: number;
  readonly #end: number;
  readonly #attributes: number;
  readonly #lastOffsetDelta: number;
  #intact: boolean | undefined;

  constructor(fetch: Uint8Array, view: DataView, at: number, end: number) {
    this.#fetch = fetch;
    this.#view = view;
    this.#at = at;
    this.#end = end;
    this.baseOffset = view.getBigInt64(at + batchLayout.baseOffset);
    this.recordCount = view.getInt32(at + batchLayout.recordCount);
    this.#attributes = view.getInt16(at + batchLayout.attributes);
    this.#lastOffsetDelta = view.getInt32(at + batchLayout.lastOffsetDelta);
  }

  get lastOffset(): bigint {
    return this.baseOffset + BigInt(Math.max(0, this.#lastOffsetDelta));
  }

  get codec(): CodecName {
    return codecNames[this.#attributes & attributeBits.codecMask] ?? 'none';
  }

  get transactional(): boolean {
    return (this.#attributes & attributeBits.transactional) !== 0;
  }

  get control(): boolean {
    return (this.#attributes & attributeBits.control) !== 0;
  }

  get logAppendTime(): boolean {
    return (this.#attributes & attributeBits.logAppendTime) !== 0;
  }

  get producerId(): bigint {
    return this.#view.getBigInt64(this.#at + batchLayout.producerId);
  }

  get baseTimestampMs(): bigint {
    return this.#view.getBigInt64(this.#at + batchLayout.baseTimestamp);
  }

  get maxTimestampMs(): bigint {
    return this.#view.getBigInt64(this.#at + batchLayout.maxTimestamp);
  }

  get bytes(): Uint8Array {
    return this.#fetch.subarray(this.#at, this.#end);
  }

  get records(): Uint8Array {
    return this.#fetch.subarray(this.#at + batchLayout.records, this.#end);
  }

  get intact(): boolean {
    return this.intactBy((previous) => crc32c(this.records, previous));
  }

  intactBy(checksum: (previous: number) => number): boolean {
    this.#intact ??= this.#isIntact(checksum);
    return this.#intact;
  }

  #isIntact(checksum: (previous: number) => number): boolean {
    const [view, at] = [this.#view, this.#at];
    const header = (): Uint8Array => this.#fetch.subarray(at + batchLayout.attributes, at + batchLayout.records);
    return (
      view.getInt8(at + batchLayout.magic) === 2 &&
      codecNames[this.#attributes & attributeBits.codecMask] !== undefined &&
      this.#lastOffsetDelta >= 0 &&
      this.recordCount >= 0 &&
      this.recordCount <= this.#lastOffsetDelta + 1 &&
      view.getUint32(at + batchLayout.crc) === checksum(crc32c(header()))
    );
  }
}
