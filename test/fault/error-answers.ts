/** Answers that a broker did not give: the request's own topics and partitions, each with an error code. Source: Apache Kafka protocol guide. */
import type { ApiName, RequestHead } from './kafka-frames.ts';
import { FieldReader, FieldWriter, knownApi } from './kafka-frames.ts';

/** The answer's frame without its size; undefined for an api or version that is not known here. */
export function errorAnswer(head: RequestHead, frame: Buffer, code: number): Buffer | undefined {
  const api = knownApi(head);
  if (api === undefined) return undefined;
  const request = new FieldReader(frame, head.end);
  request.tags();
  const answer = new FieldWriter().int32(head.correlation).tags();
  bodies[api](request, answer, code);
  return answer.tags().done();
}

const bodies: Record<ApiName, (request: FieldReader, answer: FieldWriter, code: number) => void> = {
  /** Produce v9 to v12. */
  produce: (request, answer, code) => {
    request.compact();
    request.skip(2 + 4);
    const topics = request.array(() => {
      const name = request.compact();
      const partitions = request.array(() => {
        const partition = request.int32();
        request.compact();
        request.tags();
        return partition;
      });
      request.tags();
      return { name, partitions };
    });
    answer.array(topics, ({ name, partitions }) => {
      answer.compact(name).array(partitions, (partition) => {
        answer.int32(partition).int16(code).int64(-1n).int64(-1n).int64(-1n);
        answer.array([], () => undefined).varint(0);
        answer.tags();
      });
      answer.tags();
    });
    answer.int32(0);
  },

  /** Fetch v13 to v17. */
  fetch: (request, answer, code) => {
    request.skip(4 + 4 + 4 + 1 + 4 + 4);
    const topics = request.array(() => {
      const id = request.bytes(16);
      const partitions = request.array(() => {
        const partition = request.int32();
        request.skip(4 + 8 + 4 + 8 + 4);
        request.tags();
        return partition;
      });
      request.tags();
      return { id, partitions };
    });
    answer.int32(0).int16(0).int32(0);
    answer.array(topics, ({ id, partitions }) => {
      answer.raw(id).array(partitions, (partition) => {
        answer.int32(partition).int16(code).int64(-1n).int64(-1n).int64(-1n);
        // No aborted transactions, no preferred replica, no records.
        answer.varint(0).int32(-1).varint(1).tags();
      });
      answer.tags();
    });
  },

  /** InitProducerId v2 to v5. */
  initProducerId: (_request, answer, code) => {
    answer.int32(0).int16(code).int64(-1n).int16(-1);
  },

  /** EndTxn v3 to v5; v5 alone has the producer's next id and epoch, and the reader of an older one stops before them. */
  endTxn: (_request, answer, code) => {
    answer.int32(0).int16(code).int64(-1n).int16(-1);
  },

  /** TxnOffsetCommit v3 to v5. */
  txnOffsetCommit: (request, answer, code) => {
    request.compact();
    request.compact();
    request.skip(8 + 2 + 4);
    request.compact();
    request.compact();
    const topics = request.array(() => {
      const name = request.compact();
      const partitions = request.array(() => {
        const partition = request.int32();
        request.skip(8 + 4);
        request.compact();
        request.tags();
        return partition;
      });
      request.tags();
      return { name, partitions };
    });
    answer.int32(0).array(topics, ({ name, partitions }) => {
      answer.compact(name).array(partitions, (partition) => {
        answer.int32(partition).int16(code).tags();
      });
      answer.tags();
    });
  },

  /** ConsumerGroupHeartbeat v0 and v1: no message, member, epoch or assignment. */
  consumerGroupHeartbeat: (_request, answer, code) => {
    answer
      .int32(0)
      .int16(code)
      .varint(0)
      .varint(0)
      .int32(0)
      .int32(0)
      .raw(Buffer.from([0xff]));
  },
};

/** A fetched topic by its id in hex, and how many bytes of records came. Of an answer to Fetch v13 to v17. */
export function fetchedBytes(answer: Buffer): Map<string, number> {
  const reader = new FieldReader(answer, 4);
  reader.tags();
  reader.skip(4 + 2 + 4);
  const bytes = new Map<string, number>();
  reader.array(() => {
    const id = reader.bytes(16).toString('hex');
    reader.array(() => {
      reader.skip(4 + 2 + 8 + 8 + 8);
      reader.array(() => {
        reader.skip(16);
        reader.tags();
      });
      reader.skip(4);
      bytes.set(id, (bytes.get(id) ?? 0) + reader.compact().length);
      reader.tags();
    });
    reader.tags();
  });
  return bytes;
}

/** The number of partitions that a heartbeat's answer assigns; undefined when it says nothing of an assignment. ConsumerGroupHeartbeat v0 and v1. */
export function assignedPartitions(answer: Buffer): number | undefined {
  const reader = new FieldReader(answer, 4);
  reader.tags();
  reader.skip(4);
  if (reader.int16() !== 0) return undefined;
  reader.compact();
  reader.compact();
  reader.skip(4 + 4);
  if (reader.int8() < 0) return undefined;
  const counts = reader.array(() => {
    reader.skip(16);
    const partitions = reader.array(() => reader.int32());
    reader.tags();
    return partitions.length;
  });
  return counts.reduce((sum, count) => sum + count, 0);
}
