/** Committed records of one topic by their offsets: some of them, or a stretch. Those of aborted transactions are not there. */
import type { Cluster, Fetched } from '../../../libs/adapters/kafka/index.ts';
import { PartitionFetcher, topicOffsets } from '../../../libs/adapters/kafka/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import type { RecordBatch, RecordFrames } from '../../../libs/records/index.ts';
import { frameRecords } from '../../../libs/records/index.ts';
import type { PartitionBatches } from '../fetch-ahead.ts';
import { batchesOf } from '../fetch-ahead.ts';

/** A record, with bytes of its own. */
export interface FoundRecord {
  readonly timestampMs: bigint;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** The header section: a varint count, then name and value of each. */
  readonly headers: Uint8Array;
}

/** Frames, and the batch that they are of; both are valid during the call alone. */
type Visit = (frames: RecordFrames, batch: RecordBatch) => void;

/** A single record comes with its batch, and what is behind it is mostly not wanted; a stretch is wanted as a whole. */
const fetchBytes = { one: 64 * 1024, stretch: 4 * 1024 * 1024 } as const;
const maxWaitMs = 200;
/** A fetch that brings nothing is tried so often: a leader may be changing. */
const emptyMax = 50;

export class PartitionRecords {
  readonly #cluster: Cluster;
  readonly #fetcher: PartitionFetcher;
  readonly #topic: string;

  constructor(cluster: Cluster, topic: string) {
    this.#cluster = cluster;
    this.#fetcher = new PartitionFetcher(cluster, topic);
    this.#topic = topic;
  }

  /** The records at these offsets, ascending; those that the topic does not have, or that stand in a batch that cannot be read, are absent. */
  async at(partition: number, offsets: readonly bigint[]): Promise<Result<Map<bigint, FoundRecord>>> {
    const found = new Map<bigint, FoundRecord>();
    let wanted = [...offsets];
    while (wanted.length > 0) {
      const first = wanted[0] as bigint;
      const places = new Set(wanted);
      const step = await this.#fetch(partition, first, fetchBytes.one, (frames) => {
        for (let index = 0; index < frames.count; index += 1) {
          const offset = frames.baseOffset + BigInt(frames.offsetDelta[index] as number);
          if (places.has(offset)) found.set(offset, recordOf(frames, index));
        }
      });
      if (!step.ok) return step;
      const { outOfRange, next, logStartOffset } = step.value;
      // Behind the end it is not there either: the topic was made anew.
      const until = outOfRange ? (logStartOffset > first ? logStartOffset : first + 1n) : next;
      wanted = wanted.filter((offset) => offset >= until);
    }
    return ok(found);
  }

  /** Visits the frames from one offset to another, exclusive; a batch that cannot be read is left out. */
  async scan(partition: number, from: bigint, to: bigint, visit: Visit): Promise<Result<{ bytes: number }>> {
    let position = from;
    let bytes = 0;
    while (position < to) {
      const step = await this.#fetch(partition, position, fetchBytes.stretch, visit);
      if (!step.ok) return step;
      bytes += step.value.bytes;
      if (!step.value.outOfRange) {
        position = step.value.next;
        continue;
      }
      // The answer does not say where the topic begins.
      const earliest = await topicOffsets(this.#cluster, this.#topic, 'earliest');
      if (!earliest.ok) return earliest;
      const start = earliest.value[partition] ?? 0n;
      if (start <= position) break;
      position = start;
    }
    return ok({ bytes });
  }

  close(): void {
    this.#fetcher.close();
  }

  /** One fetch that moves on, or says that the position is not in the topic. */
  async #fetch(partition: number, position: bigint, maxBytes: number, visit: Visit): Promise<Result<PartitionBatches>> {
    const limits = { maxWaitMs, maxBytes, partitionMaxBytes: maxBytes };
    for (let attempt = 0; attempt < emptyMax; attempt += 1) {
      const fetched = await this.#fetcher.fetch(new Map([[partition, position]]), limits);
      if (!fetched.ok) return fetched;
      const step = this.#read(fetched.value, position, visit);
      if (step !== undefined) return ok(step);
    }
    return fail('broker-unreachable', `reading ${this.#topic}: partition ${partition} brings nothing from ${position} on`);
  }

  #read({ partitions, release }: Fetched, position: bigint, visit: Visit): PartitionBatches | undefined {
    try {
      const [answer] = partitions;
      if (answer === undefined) return undefined;
      const batches = batchesOf(answer, position, answer.errorCode !== 0);
      if (batches.next === position && !batches.outOfRange) return undefined;
      for (const batch of batches.batches) {
        const frames = frameRecords(batch, answer.partition);
        if (frames !== null) visit(frames, batch);
      }
      return batches;
    } finally {
      release();
    }
  }
}

function recordOf(frames: RecordFrames, index: number): FoundRecord {
  const copy = (start: number, end: number): Uint8Array | null =>
    start < 0 ? null : Buffer.from(frames.bytes.subarray(start, end));
  return {
    timestampMs: BigInt(Math.trunc(frames.timestampMs[index] as number)),
    key: copy(frames.keyStart[index] as number, frames.keyEnd[index] as number),
    value: copy(frames.valueStart[index] as number, frames.valueEnd[index] as number),
    headers: Buffer.from(frames.bytes.subarray(frames.headersStart[index] as number, frames.headersEnd[index] as number)),
  };
}
