/** Reads committed records of a topic as objects, without a consumer group: for directives, receipts, link and tests, not for the record path. */
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import type { RecordBatch } from '../../records/index.ts';
import { abortedFilter, frameRecords, readBatches, readHeaders } from '../../records/index.ts';
import type { Cluster } from './cluster.ts';
import { topicOffsets } from './offsets.ts';
import { PartitionFetcher } from './partition-fetcher.ts';
import type { FetchedPartition } from './wire-apis.ts';

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

let readers = 0;

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
    readers += 1;
    const fetcher = new PartitionFetcher(cluster, options.topic, `reader-${readers}`);
    return ok(new TopicReader(fetcher, options.topic, positions, options.maxBytes ?? 4 * 1024 * 1024));
  }

  /** The next records, in order within a partition; an empty list after `maxWaitMs` without any. */
  async poll(maxWaitMs: number): Promise<Result<ReadRecord[]>> {
    const limits = { maxWaitMs, maxBytes: this.#maxBytes, partitionMaxBytes: Math.max(1024 * 1024, this.#maxBytes / 4) };
    const fetched = await this.#fetcher.fetch(this.#positions, limits);
    if (!fetched.ok) return fetched;
    const records: ReadRecord[] = [];
    for (const partition of fetched.value) {
      const corrupt = this.#take(partition, records);
      if (corrupt !== undefined)
        return fail('batch-corrupt', `reading ${this.#topic}: partition ${partition.partition} at ${corrupt}`);
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

  /** The reader holds no resources of its own; its connection closes with the cluster. */
  close(): Promise<void> {
    this.#positions.clear();
    return Promise.resolve();
  }

  #take(fetched: FetchedPartition, records: ReadRecord[]): bigint | undefined {
    const isAborted = abortedFilter(fetched.aborted);
    let corrupt: bigint | undefined;
    readBatches(fetched.records, (batch) => {
      const drop = isAborted(batch);
      if (corrupt !== undefined) return;
      if (!drop && !this.#takeBatch(fetched.partition, batch, records)) corrupt = batch.baseOffset;
      else this.#positions.set(fetched.partition, batch.lastOffset + 1n);
    });
    return corrupt;
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
