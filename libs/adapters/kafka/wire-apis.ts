/**
 * The Kafka requests whose payload must stay bytes, or whose newest version the library does not have: Fetch v17, Produce v12,
 * TxnOffsetCommit v5 and EndTxn v5. Source: Apache Kafka protocol guide. The answers carry error codes; nothing here throws for them.
 */
import type { Reader } from '@platformatic/kafka';
import { createAPI, Writer } from '@platformatic/kafka';
import type { AbortedTransaction } from '../../records/index.ts';

export interface FetchPosition {
  readonly topicId: string;
  readonly partition: number;
  readonly offset: bigint;
}

export interface FetchedPartition {
  readonly topicId: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: bigint;
  readonly lastStableOffset: bigint;
  readonly logStartOffset: bigint;
  readonly aborted: readonly AbortedTransaction[];
  /** Whole and possibly one cut-off RecordBatch, as the broker stores them. */
  readonly records: Buffer;
}

export interface FetchLimits {
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly partitionMaxBytes: number;
}

const readCommitted = 1;

export const fetchRaw = createAPI<
  [positions: readonly FetchPosition[], fetch: FetchLimits],
  { errorCode: number; partitions: FetchedPartition[] }
>(
  1,
  17,
  (positions: readonly FetchPosition[], fetch: FetchLimits) => {
    const topics = new Map<string, FetchPosition[]>();
    for (const position of positions) topics.set(position.topicId, [...(topics.get(position.topicId) ?? []), position]);
    return Writer.create()
      .appendInt32(fetch.maxWaitMs)
      .appendInt32(1)
      .appendInt32(fetch.maxBytes)
      .appendInt8(readCommitted)
      .appendInt32(0)
      .appendInt32(-1)
      .appendArray([...topics], (topic, [topicId, partitions]) => {
        topic.appendUUID(topicId).appendArray(partitions, (writer, position) => {
          writer
            .appendInt32(position.partition)
            .appendInt32(-1)
            .appendInt64(position.offset)
            .appendInt32(-1)
            .appendInt64(-1n)
            .appendInt32(fetch.partitionMaxBytes);
        });
      })
      .appendArray([], () => undefined)
      .appendString('')
      .appendTaggedFields();
  },
  (_correlation, _key, _version, reader) => {
    reader.readInt32();
    const errorCode = reader.readInt16();
    reader.readInt32();
    const partitions: FetchedPartition[] = [];
    reader.readArray((topic) => {
      const topicId = topic.readUUID();
      topic.readArray((partition) => partitions.push(readFetchedPartition(partition, topicId)));
    });
    return { errorCode, partitions };
  },
);

function readFetchedPartition(reader: Reader, topicId: string): FetchedPartition {
  const partition = reader.readInt32();
  const errorCode = reader.readInt16();
  const highWatermark = reader.readInt64();
  const lastStableOffset = reader.readInt64();
  const logStartOffset = reader.readInt64();
  const aborted = reader.readNullableArray((range) => ({ producerId: range.readInt64(), firstOffset: range.readInt64() })) ?? [];
  reader.readInt32();
  const size = reader.readUnsignedVarInt();
  const bytes = Math.max(0, size - 1);
  // `slice` of the library's buffer copies into one Buffer of our own.
  const records = bytes === 0 ? Buffer.alloc(0) : Buffer.from(reader.buffer.slice(reader.position, reader.position + bytes));
  reader.skip(bytes);
  return { topicId, partition, errorCode, highWatermark, lastStableOffset, logStartOffset, aborted, records };
}

export interface ProduceBatch {
  readonly topic: string;
  readonly partition: number;
  readonly bytes: Buffer;
}

export interface ProducedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly baseOffset: bigint;
}

export const produceRaw = createAPI<[transactionalId: string | null, batches: readonly ProduceBatch[]], ProducedPartition[]>(
  0,
  12,
  (transactionalId: string | null, batches: readonly ProduceBatch[]) => {
    const topics = new Map<string, ProduceBatch[]>();
    for (const batch of batches) topics.set(batch.topic, [...(topics.get(batch.topic) ?? []), batch]);
    return Writer.create()
      .appendString(transactionalId)
      .appendInt16(-1)
      .appendInt32(30_000)
      .appendArray([...topics], (writer, [topic, partitions]) => {
        writer.appendString(topic).appendArray(partitions, (entry, batch) => {
          entry
            .appendInt32(batch.partition)
            .appendUnsignedVarInt(batch.bytes.length + 1)
            .append(batch.bytes);
        });
      })
      .appendTaggedFields();
  },
  (_correlation, _key, _version, reader) => {
    const produced: ProducedPartition[] = [];
    reader.readArray((topicReader) => {
      const topic = topicReader.readString();
      topicReader.readArray((entry) => {
        const partition = entry.readInt32();
        const errorCode = entry.readInt16();
        const baseOffset = entry.readInt64();
        entry.readInt64();
        entry.readInt64();
        entry.readArray((error) => {
          error.readInt32();
          error.readNullableString();
        });
        entry.readNullableString();
        produced.push({ topic, partition, errorCode, baseOffset });
      });
    });
    return produced;
  },
);

export interface GroupPlace {
  readonly memberId: string;
  readonly memberEpoch: number;
}

export interface OffsetToCommit {
  readonly topic: string;
  readonly partition: number;
  /** The next offset to read. */
  readonly offset: bigint;
  readonly metadata?: string;
}

interface TransactionPlace {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** Answers the first error code other than 0. */
export const txnOffsetCommit = createAPI<
  [TransactionPlace, group: string, member: GroupPlace | undefined, readonly OffsetToCommit[]],
  number
>(
  28,
  5,
  (place: TransactionPlace, group: string, member: GroupPlace | undefined, offsets: readonly OffsetToCommit[]) => {
    const topics = new Map<string, OffsetToCommit[]>();
    for (const offset of offsets) topics.set(offset.topic, [...(topics.get(offset.topic) ?? []), offset]);
    return Writer.create()
      .appendString(place.transactionalId)
      .appendString(group)
      .appendInt64(place.producerId)
      .appendInt16(place.producerEpoch)
      .appendInt32(member?.memberEpoch ?? -1)
      .appendString(member?.memberId ?? '')
      .appendString(null)
      .appendArray([...topics], (writer, [topic, partitions]) => {
        writer.appendString(topic).appendArray(partitions, (entry, offset) => {
          entry
            .appendInt32(offset.partition)
            .appendInt64(offset.offset)
            .appendInt32(-1)
            .appendString(offset.metadata ?? '');
        });
      })
      .appendTaggedFields();
  },
  (_correlation, _key, _version, reader) => {
    reader.readInt32();
    let first = 0;
    reader.readArray((topic) => {
      topic.readString();
      topic.readArray((partition) => {
        partition.readInt32();
        const errorCode = partition.readInt16();
        if (first === 0) first = errorCode;
      });
    });
    return first;
  },
);

/** Ends a transaction; under protocol v2 the answer carries the producer's next id and epoch. */
export const endTxn = createAPI<
  [TransactionPlace, committed: boolean],
  { errorCode: number; producerId: bigint; producerEpoch: number }
>(
  26,
  5,
  (place: TransactionPlace, committed: boolean) =>
    Writer.create()
      .appendString(place.transactionalId)
      .appendInt64(place.producerId)
      .appendInt16(place.producerEpoch)
      .appendBoolean(committed)
      .appendTaggedFields(),
  (_correlation, _key, _version, reader) => {
    reader.readInt32();
    return { errorCode: reader.readInt16(), producerId: reader.readInt64(), producerEpoch: reader.readInt16() };
  },
);
