/** Counts the redriven records behind which the feed has a newer one with the same key: a subscriber that keeps the last one sees it overtaken. */
import { createHash } from 'node:crypto';
import type { Cluster } from '../../../libs/adapters/kafka/index.ts';
import { topicOffsets } from '../../../libs/adapters/kafka/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, ok, topicNames } from '../../../libs/base/index.ts';
import { PartitionRecords } from './partition-records.ts';

/** A record's place, and the SHA-256 of its raw key. */
export interface KeyedPlace {
  readonly partition: number;
  readonly offset: bigint;
  readonly keyHash: string;
}

export interface NewerKeys {
  readonly records: number;
  /** What the answer cost: records and bytes of the raw topic that were read. */
  readonly scannedRecords: number;
  readonly scannedBytes: number;
}

export const keyHashOf = (key: Uint8Array): string => createHash('sha256').update(key).digest('base64');

/** Reads the raw topic from the first of these places of each partition to its end as it is now. */
export async function countNewer(cluster: Cluster, dataset: string, places: readonly KeyedPlace[]): Promise<Result<NewerKeys>> {
  const topic = topicNames.raw(dataset);
  const action = `looking for newer keys in ${topic}`;
  const first = new Map<number, bigint>();
  const newest = new Map<string, bigint>();
  const nameOf = (partition: number, hash: string): string => `${partition}/${hash}`;
  for (const { partition, offset, keyHash } of places) {
    const before = first.get(partition);
    if (before === undefined || offset < before) first.set(partition, offset);
    newest.set(nameOf(partition, keyHash), -1n);
  }
  if (places.length === 0) return ok({ records: 0, scannedRecords: 0, scannedBytes: 0 });
  const end = await topicOffsets(cluster, topic, 'latest');
  if (!end.ok) return during(action, end.failure);
  const raw = new PartitionRecords(cluster, topic);
  let [scannedRecords, scannedBytes] = [0, 0];
  try {
    for (const [partition, from] of first) {
      const scanned = await raw.scan(partition, from, end.value[partition] ?? 0n, (frames) => {
        scannedRecords += frames.count;
        for (let index = 0; index < frames.count; index += 1) {
          const start = frames.keyStart[index] as number;
          if (start < 0) continue;
          const name = nameOf(partition, keyHashOf(frames.bytes.subarray(start, frames.keyEnd[index])));
          if (newest.has(name)) newest.set(name, frames.baseOffset + BigInt(frames.offsetDelta[index] as number));
        }
      });
      if (!scanned.ok) return during(action, scanned.failure);
      scannedBytes += scanned.value.bytes;
    }
  } finally {
    raw.close();
  }
  const overtaken = places.filter(({ partition, offset, keyHash }) => (newest.get(nameOf(partition, keyHash)) ?? -1n) > offset);
  return ok({ records: overtaken.length, scannedRecords, scannedBytes });
}
