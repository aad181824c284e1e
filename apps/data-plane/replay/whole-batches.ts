/**
 * Batches that could not be read when they were refused, as a whole, and can be read now: because a broker had a damaged copy and has another one, or
 * because this release reads what an earlier one did not. Each of their records becomes a candidate of its own.
 */
import type { Cluster } from '../../../libs/adapters/kafka/index.ts';
import { topicOffsets } from '../../../libs/adapters/kafka/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok, topicNames } from '../../../libs/base/index.ts';
import type { RecordBatch, RecordFrames } from '../../../libs/records/index.ts';
import type { Dispositions } from './disposition-log.ts';
import { PartitionRecords } from './partition-records.ts';
import type { Candidate } from './selection.ts';
import { byPlace, candidatesMax } from './selection.ts';

/**
 * The candidates, with the records of each batch that the raw topic has and that can be read in its place. What was sealed is of no use here: those are
 * the bytes that could not be read. A record that was refused since for itself is left to its own entry of the quarantine.
 */
export async function recordsOfBatches(
  cluster: Cluster,
  dataset: string,
  candidates: readonly Candidate[],
  dispositions: Dispositions,
): Promise<Result<readonly Candidate[]>> {
  if (!candidates.some(({ wholeBatch }) => wholeBatch)) return ok(candidates);
  const topic = topicNames.raw(dataset);
  const end = await topicOffsets(cluster, topic, 'latest');
  if (!end.ok) return end;
  const raw = new PartitionRecords(cluster, topic);
  const found: Candidate[] = [];
  try {
    for (const candidate of candidates) {
      const records: Candidate[] = [];
      let isThere = false;
      const { partition, offset, wholeBatch } = candidate;
      if (wholeBatch && offset < (end.value[partition] ?? 0n)) {
        // It comes whole with its first offset; where it said that it ends may be what was damaged.
        const scanned = await raw.scan(partition, offset, offset + 1n, (frames, batch) => {
          if (!isSame(candidate, batch)) return;
          isThere = true;
          records.push(...recordsOf(candidate, frames, dispositions));
        });
        if (!scanned.ok) return during(`reading ${topic}`, scanned.failure);
      }
      found.push(...(isThere ? records : [candidate]));
      if (found.length > candidatesMax)
        return fail(
          'request-too-large',
          `reading ${topic}: more than ${candidatesMax} records; select fewer, for example by partition`,
        );
    }
  } finally {
    raw.close();
  }
  // What was refused for itself may stand among the records of a batch.
  return ok(found.sort(byPlace));
}

/** A topic that was made anew has other batches at the same offsets. */
const isSame = ({ offset, offsetLast, timestampMs }: Candidate, batch: RecordBatch): boolean =>
  batch.baseOffset === offset && batch.lastOffset === offsetLast && batch.maxTimestampMs === timestampMs;

function recordsOf(batch: Candidate, frames: RecordFrames, dispositions: Dispositions): Candidate[] {
  const records: Candidate[] = [];
  for (let index = 0; index < frames.count; index += 1) {
    const offset = frames.baseOffset + BigInt(frames.offsetDelta[index] as number);
    const timestampMs = BigInt(Math.trunc(frames.timestampMs[index] as number));
    const disposition = dispositions.of(batch.partition, offset);
    if (disposition?.outcome === 'refused' && disposition.timestampMs === timestampMs) continue;
    records.push({ ...batch, offset, offsetLast: offset, timestampMs, wholeBatch: false, sealedAt: undefined });
  }
  return records;
}
