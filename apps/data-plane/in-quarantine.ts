/** Input that nobody can read and that is in quarantine already, as it stands there: for whoever comes by long after it was put there. */
import type { Cluster } from '../../libs/adapters/kafka/index.ts';
import { TopicReader, topicOffsets } from '../../libs/adapters/kafka/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { during, ok, topicNames } from '../../libs/base/index.ts';
import { decodeQuarantined } from '../../libs/ledger/index.ts';

export interface QuarantineQuestion {
  readonly cluster: Cluster;
  readonly dataset: string;
  /** Partition -> the first raw offset that is asked about. */
  readonly from: ReadonlyMap<number, bigint>;
  readonly stopping: () => boolean;
}

/** Offset -> the record's time, milliseconds since the epoch: a topic that was made anew has other records at the same offsets. */
export type InQuarantine = ReadonlyMap<bigint, bigint>;

/** Any more would be put there again. */
const foundMax = 10_000;
const lookMsMax = 30_000;
const pollWaitMs = 200;

/** By partition. Reads the quarantine up to the end seen now, or until it has found, or taken, as much as it may. */
export async function unreadableInQuarantine(question: QuarantineQuestion): Promise<Result<ReadonlyMap<number, InQuarantine>>> {
  const { cluster, dataset, from, stopping } = question;
  const topic = topicNames.quarantine(dataset);
  const action = `reading ${topic}`;
  const found = new Map<number, Map<bigint, bigint>>();
  // A transaction that is open now may be committed: it is waited for.
  const end = await topicOffsets(cluster, topic, 'latest', 'read_uncommitted');
  if (!end.ok) return end.failure.code === 'not-found' ? ok(found) : during(action, end.failure);
  const partitions = [...from.keys()].filter((partition) => partition < end.value.length);
  const reader = await TopicReader.open(cluster, { topic, partitions, from: 'earliest' });
  if (!reader.ok) return during(action, reader.failure);
  const deadline = performance.now() + lookMsMax;
  const unread = (partition: number): boolean => reader.value.position(partition) < (end.value[partition] ?? 0n);
  let count = 0;
  try {
    while (partitions.some(unread) && count < foundMax && !stopping() && performance.now() < deadline) {
      const records = await reader.value.poll(pollWaitMs);
      if (!records.ok) return during(action, records.failure);
      for (const { partition, value } of records.value) {
        const quarantined = decodeQuarantined(value ?? new Uint8Array());
        if (!quarantined.ok || quarantined.value.agreement !== null) continue;
        const { offsetFirst, timestampMs } = quarantined.value;
        if (offsetFirst < (from.get(partition) ?? 0n)) continue;
        let offsets = found.get(partition);
        if (offsets === undefined) found.set(partition, (offsets = new Map()));
        offsets.set(offsetFirst, timestampMs);
        count += 1;
      }
    }
  } finally {
    await reader.value.close();
  }
  return ok(found);
}
