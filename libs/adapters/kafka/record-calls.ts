/** Fetch v17 and Produce v12: batches in and out as bytes. Source: Apache Kafka protocol guide. Error codes are part of the answers. */
import type { AbortedTransaction } from '../../records/index.ts';
import type { WireCall } from './wire-call.ts';
import type { WireReader } from './wire-reader.ts';

export interface FetchPosition {
  readonly topicId: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Epoch of the leader that wrote the record before; -1 where it is not known. */
  readonly epochBefore: number;
}

export interface FetchedPartition {
  readonly topicId: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: bigint;
  readonly lastStableOffset: bigint;
  readonly logStartOffset: bigint;
  readonly aborted: readonly AbortedTransaction[];
  /** The log is not the one that was read up to this position: it was cut off before it, and written anew. */
  readonly diverges: boolean;
  /** Whole and possibly one cut-off RecordBatch, as the broker stores them. */
  readonly records: Buffer;
}

export interface FetchLimits {
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly partitionMaxBytes: number;
}

export interface FetchQuestion {
  readonly positions: readonly FetchPosition[];
  readonly limits: FetchLimits;
  readonly committedOnly: boolean;
}

export interface FetchAnswer {
  readonly errorCode: number;
  readonly partitions: readonly FetchedPartition[];
  /** Gives the buffer back that `records` are views of. */
  readonly release: () => void;
}

export const fetchCall: WireCall<FetchQuestion, FetchAnswer> = {
  name: 'Fetch',
  key: 1,
  version: 17,
  header: 2,
  keeps: true,
  write: (writer, { positions, limits, committedOnly }) => {
    writer
      .int32(limits.maxWaitMs)
      .int32(1)
      .int32(limits.maxBytes)
      .int8(committedOnly ? 1 : 0)
      .int32(0)
      .int32(-1);
    writer.array(
      grouped(positions, ({ topicId }) => topicId),
      ([topicId, partitions]) => {
        writer.uuid(topicId).array(partitions, ({ partition, offset, epochBefore }) => {
          writer.int32(partition).int32(-1).int64(offset).int32(epochBefore).int64(-1n).int32(limits.partitionMaxBytes);
        });
      },
    );
    writer
      .array([], () => undefined)
      .string('')
      .tags();
  },
  read: (reader, lease) => {
    const throttleMs = reader.int32();
    const errorCode = reader.int16();
    reader.int32();
    const partitions = reader
      .array(() => {
        const topicId = reader.uuid();
        return reader.array(
          () => readFetched(reader, topicId),
          (fetched, tag) => {
            if (tag === divergingEpochTag) fetched.diverges = true;
          },
        );
      })
      .flat();
    return { throttleMs, value: { errorCode, partitions, release: lease.release } };
  },
};

/** Of a partition in the answer to Fetch: where the log of the leader and what was read part. */
const divergingEpochTag = 0;

function readFetched(reader: WireReader, topicId: string): FetchedPartition & { diverges: boolean } {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64();
  const lastStableOffset = reader.int64();
  const logStartOffset = reader.int64();
  const aborted = reader.array(() => ({ producerId: reader.int64(), firstOffset: reader.int64() }));
  reader.int32();
  const records = reader.bytes();
  return { topicId, partition, errorCode, highWatermark, lastStableOffset, logStartOffset, aborted, diverges: false, records };
}

export interface ProduceBatch {
  readonly topic: string;
  readonly partition: number;
  readonly bytes: Buffer;
}

export interface ProduceQuestion {
  readonly transactionalId: string | null;
  /** How long the broker may wait for its followers before it answers REQUEST_TIMED_OUT. */
  readonly timeoutMs: number;
  readonly batches: readonly ProduceBatch[];
}

export interface ProducedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly baseOffset: bigint;
}

export const produceCall: WireCall<ProduceQuestion, readonly ProducedPartition[]> = {
  name: 'Produce',
  key: 0,
  version: 12,
  header: 2,
  write: (writer, { transactionalId, timeoutMs, batches }) => {
    writer.string(transactionalId).int16(-1).int32(timeoutMs);
    writer.array(
      grouped(batches, ({ topic }) => topic),
      ([topic, partitions]) => {
        writer.string(topic).array(partitions, ({ partition, bytes }) => {
          writer.int32(partition).bytes(bytes);
        });
      },
    );
    writer.tags();
  },
  read: (reader) => {
    const produced = reader
      .array(() => {
        const topic = reader.string() ?? '';
        return reader.array(() => {
          const partition = reader.int32();
          const errorCode = reader.int16();
          const baseOffset = reader.int64();
          reader.int64();
          reader.int64();
          reader.array(() => {
            reader.int32();
            reader.string();
          });
          reader.string();
          return { topic, partition, errorCode, baseOffset };
        });
      })
      .flat();
    return { throttleMs: reader.int32(), value: produced };
  },
};

/** The values of each key, in order of first appearance. */
export function grouped<T>(values: readonly T[], keyOf: (value: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return [...groups];
}
