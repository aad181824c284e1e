/** Reads committed records of a topic as objects, without a consumer group: for directives, receipts, link and tests, not for the record path. */
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import type { RecordBatch } from '../../records/index.ts';
import { abortedFilter, frameRecords, readBatches, readHeaders } from '../../records/index.ts';
import type { Cluster } from './cluster.ts';
import { kafkaCodes } from './kafka-codes.ts';
import { topicOffsets } from './offsets.ts';
import { PartitionFetcher } from './partition-fetcher.ts';
import type { FetchedPartition } from './record-calls.ts';

export interface ReadRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly timestampMs: bigint;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: [string, Uint8Array][];
}

export interface TopicReaderOptions {
  readonly topic: string;
  /** All partitions by default. */
  readonly partitions?: readonly number[];
  readonly from: 'earliest' | 'latest' | ReadonlyMap<number, bigint>;
  /** Bytes of one poll; 4 MiB by default. */
  readonly maxBytes?: number;
}

export class TopicReader {
  readonly #fetcher: PartitionFetcher;
  readonly #topic: string;
  readonly #positions: Map<number, bigint>;
  readonly #maxBytes: number;

  private constructor(fetcher: PartitionFetcher, topic: string, positions: Map<number, bigint>, maxBytes: number) {
    this.#fetcher = fetcher;
    this.#topic = topic;
    this.#positions = positions;
    this.#maxBytes = maxBytes;
  }

  static async open(cluster: Cluster, options: TopicReaderOptions): Promise<Result<TopicReader>> {
    const bounds = await topicOffsets(cluster, options.topic, options.from === 'latest' ? 'latest' : 'earliest');
    if (!bounds.ok) return bounds;
    const positions = new Map<number, bigint>();
    const wanted = options.partitions ?? bounds.value.map((_, partition) => partition);
    for (const partition of wanted) {
      const bound = bounds.value[partition];
      if (bound === undefined) return fail('not-found', `opening a reader: ${options.topic} has no partition ${partition}`);
      positions.set(partition, typeof options.from === 'string' ? bound : (options.from.get(partition) ?? bound));
    }
    const fetcher = new PartitionFetcher(cluster, options.topic);
    return ok(new TopicReader(fetcher, options.topic, positions, options.maxBytes ?? 4 * 1024 * 1024));
  }

  /** The next records, in order within a partition; an empty list after `maxWaitMs` without any. */
  async poll(maxWaitMs: number): Promise<Result<ReadRecord[]>> {
    const limits = { maxWaitMs, maxBytes: this.#maxBytes, partitionMaxBytes: Math.max(1024 * 1024, this.#maxBytes / 4) };
    const fetched = await this.#fetcher.fetch(this.#positions, limits);
    if (!fetched.ok) return fetched;
    const records: ReadRecord[] = [];
    try {
      for (const partition of fetched.value.partitions) {
        const taken = this.#take(partition, records);
        if (!taken.ok) return taken;
      }
    } finally {
      fetched.value.release();
    }
    return ok(records);
  }

  /** The next offset to read. */
  position(partition: number): bigint {
    return this.#positions.get(partition) ?? 0n;
  }

  get partitions(): readonly number[] {
    return [...this.#positions.keys()];
  }

  close(): Promise<void> {
    this.#fetcher.close();
    this.#positions.clear();
    return Promise.resolve();
  }

  #take(fetched: FetchedPartition, records: ReadRecord[]): Result<void> {
    const { partition, logStartOffset } = fetched;
    if (fetched.errorCode === kafkaCodes.offsetOutOfRange) {
      return fail('offset-out-of-range', `reading ${this.#topic}: partition ${partition} starts at ${logStartOffset}`);
    }
    const isAborted = abortedFilter(fetched.aborted);
    let corrupt: bigint | undefined;
    // Records live on with the caller, so they are taken out of the fetcher's buffer.
    readBatches(Buffer.from(fetched.records), (batch) => {
      const drop = isAborted(batch);
      if (corrupt !== undefined) return;
      if (!drop && !this.#takeBatch(partition, batch, records)) corrupt = batch.baseOffset;
      else this.#positions.set(partition, batch.lastOffset + 1n);
    });
    return corrupt === undefined
      ? ok(undefined)
      : fail('batch-corrupt', `reading ${this.#topic}: partition ${partition} at ${corrupt}`);
  }

  #takeBatch(partition: number, batch: RecordBatch, records: ReadRecord[]): boolean {
    const frames = frameRecords(batch, partition);
    if (frames === null) return false;
    const from = this.position(partition);
    const slice = (start: number, end: number): Uint8Array | null => (start < 0 ? null : frames.bytes.subarray(start, end));
    for (let index = 0; index < frames.count; index += 1) {
      const offset = frames.baseOffset + BigInt(frames.offsetDelta[index] as number);
      if (offset < from) continue;
      const headers = readHeaders(frames, index);
      if (headers === null) return false;
      records.push({
        topic: this.#topic,
        partition,
        offset,
        timestampMs: BigInt(Math.trunc(frames.timestampMs[index] as number)),
        key: slice(frames.keyStart[index] as number, frames.keyEnd[index] as number),
        value: slice(frames.valueStart[index] as number, frames.valueEnd[index] as number),
        headers: headers.map(([name, value]) => [name, value ?? new Uint8Array()]),
      });
    }
    return true;
  }
}
