/**
 * InitProducerId v5, TxnOffsetCommit v5, EndTxn v5 and, outside of transactions, OffsetCommit v9. Source: Apache Kafka protocol guide.
 * Error codes are part of the answers.
 */
import { grouped } from './record-calls.ts';
import type { Answered, WireCall } from './wire-call.ts';
import type { WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

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
  /** Epoch of the leader that wrote the record before; -1, unless given, where it is not known. */
  readonly leaderEpoch?: number;
}

/** Who produces: an id that the broker gave out, and its epoch. */
export interface ProducerIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

interface IdentityAnswer extends ProducerIdentity {
  readonly errorCode: number;
}

/** `transactionalId` null asks for an id that is idempotent only. */
export const initProducerIdCall: WireCall<{ transactionalId: string | null; timeoutMs: number }, IdentityAnswer> = {
  name: 'InitProducerId',
  key: 22,
  version: 5,
  header: 2,
  write: (writer, { transactionalId, timeoutMs }) => writer.string(transactionalId).int32(timeoutMs).int64(-1n).int16(-1).tags(),
  read: readIdentity,
};

interface TransactionOffsets extends ProducerIdentity {
  readonly transactionalId: string;
  readonly group: string;
  readonly member: GroupPlace | undefined;
  readonly offsets: readonly OffsetToCommit[];
}

/** Answers the first error code other than 0. */
export const txnOffsetCommitCall: WireCall<TransactionOffsets, number> = {
  name: 'TxnOffsetCommit',
  key: 28,
  version: 5,
  header: 2,
  write: (writer, { transactionalId, group, producerId, producerEpoch, member, offsets }) => {
    writer.string(transactionalId).string(group).int64(producerId).int16(producerEpoch);
    writeOffsets(writer, member, offsets);
  },
  read: readFirstError,
};

/** The same outside of a transaction. */
export const offsetCommitCall: WireCall<Pick<TransactionOffsets, 'group' | 'member' | 'offsets'>, number> = {
  name: 'OffsetCommit',
  key: 8,
  version: 9,
  header: 2,
  write: (writer, { group, member, offsets }) => {
    writer.string(group);
    writeOffsets(writer, member, offsets);
  },
  read: readFirstError,
};

/** Ends a transaction; under protocol v2 the answer carries the producer's next id and epoch. */
export const endTxnCall: WireCall<ProducerIdentity & { transactionalId: string; committed: boolean }, IdentityAnswer> = {
  name: 'EndTxn',
  key: 26,
  version: 5,
  header: 2,
  write: (writer, { transactionalId, producerId, producerEpoch, committed }) =>
    writer
      .string(transactionalId)
      .int64(producerId)
      .int16(producerEpoch)
      .int8(committed ? 1 : 0)
      .tags(),
  read: readIdentity,
};

/** The member's place, no static instance, and the offsets by topic. */
function writeOffsets(writer: WireWriter, member: GroupPlace | undefined, offsets: readonly OffsetToCommit[]): void {
  writer
    .int32(member?.memberEpoch ?? -1)
    .string(member?.memberId ?? '')
    .string(null);
  writer.array(
    grouped(offsets, ({ topic }) => topic),
    ([topic, partitions]) => {
      writer.string(topic).array(partitions, ({ partition, offset, metadata, leaderEpoch }) => {
        writer
          .int32(partition)
          .int64(offset)
          .int32(leaderEpoch ?? -1)
          .string(metadata ?? '');
      });
    },
  );
  writer.tags();
}

function readFirstError(reader: WireReader): Answered<number> {
  const throttleMs = reader.int32();
  let first = 0;
  reader.array(() => {
    reader.string();
    reader.array(() => {
      reader.int32();
      const errorCode = reader.int16();
      if (first === 0) first = errorCode;
    });
  });
  return { throttleMs, value: first };
}

function readIdentity(reader: WireReader): Answered<IdentityAnswer> {
  const throttleMs = reader.int32();
  const errorCode = reader.int16();
  return { throttleMs, value: { errorCode, producerId: reader.int64(), producerEpoch: reader.int16() } };
}
