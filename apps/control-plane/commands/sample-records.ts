/** The newest records of a dataset's raw topic, for a dry run. What they say is clear: whoever is shown it must be allowed to see the feed. */
import type { Cluster, ReadRecord } from '../../../libs/adapters/kafka/index.ts';
import { TopicReader, topicOffsets } from '../../../libs/adapters/kafka/index.ts';
import { unframe } from '../../../libs/avro/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, ok, topicNames } from '../../../libs/base/index.ts';
import type { TrialRecord } from '../../../libs/govern/index.ts';

/** Offsets that are looked back in each partition, markers of transactions included. */
const lookBack = 200n;
const readWithinMs = 3_000;
const pollMs = 200;

/** At most `count` records of this writer schema, and deletes, the newest first. None for a topic without any. */
export async function sampleRecords(
  cluster: Cluster,
  dataset: string,
  writerSchemaId: number,
  count: number,
): Promise<Result<TrialRecord[]>> {
  const topic = topicNames.raw(dataset);
  const action = `reading a sample of ${dataset}`;
  const [first, ends] = [await topicOffsets(cluster, topic, 'earliest'), await topicOffsets(cluster, topic, 'latest')];
  if (!first.ok) return during(action, first.failure);
  if (!ends.ok) return during(action, ends.failure);
  const from = new Map(
    ends.value.map((end, partition) => {
      const start = first.value[partition] ?? 0n;
      return [partition, end - lookBack > start ? end - lookBack : start];
    }),
  );
  const reader = await TopicReader.open(cluster, { topic, from });
  if (!reader.ok) return during(action, reader.failure);
  const found: ReadRecord[] = [];
  try {
    const deadlineMs = performance.now() + readWithinMs;
    while (ends.value.some((end, partition) => reader.value.position(partition) < end) && performance.now() < deadlineMs) {
      const records = await reader.value.poll(pollMs);
      if (!records.ok) return during(action, records.failure);
      found.push(...records.value);
    }
  } finally {
    await reader.value.close();
  }
  return ok(
    found
      .toSorted((a, b) => Number(b.timestampMs - a.timestampMs))
      .flatMap((record) => trialRecord(record, writerSchemaId))
      .slice(0, count),
  );
}

function trialRecord({ key, value }: ReadRecord, writerSchemaId: number): TrialRecord[] {
  if (value === null) return [{ key, value }];
  const framed = unframe(value);
  return framed.ok && framed.value.schemaId === writerSchemaId ? [{ key, value: framed.value.body }] : [];
}
