/**
 * Follows the raw topic of a compacted feed for newer records of the keys that are redriven. A subscriber keeps the last record of each key, so what
 * was overtaken must not be written behind what overtook it.
 */
import type { Cluster } from '../../../libs/adapters/kafka/index.ts';
import { topicOffsets } from '../../../libs/adapters/kafka/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, ok, topicNames } from '../../../libs/base/index.ts';
import type { RecordFrames } from '../../../libs/records/index.ts';
import { keyHashOf } from './newer-keys.ts';
import { PartitionRecords } from './partition-records.ts';
import type { Candidate } from './selection.ts';

type Place = Pick<Candidate, 'partition' | 'offset' | 'timestampMs'>;

/** One partition, as far as it was read. */
interface Followed {
  readTo: bigint;
  readonly offsets: ReadonlySet<bigint>;
  /** Hash of the key by offset and time of the candidates that were met, null for none. */
  readonly keys: Map<string, string | null>;
  /** Offset of the newest record of each of those keys. */
  readonly newest: Map<string, bigint>;
}

/** A topic that was made anew has other records at the same offsets. */
const nameOf = (offset: bigint, timestampMs: bigint): string => `${offset}/${timestampMs}`;

export class NewestRecords {
  readonly #cluster: Cluster;
  readonly #topic: string;
  readonly #raw: PartitionRecords;
  readonly #partitions = new Map<number, Followed>();

  /** Memory is that of the candidates, whatever the topic has. */
  constructor(cluster: Cluster, dataset: string, candidates: readonly Place[]) {
    this.#cluster = cluster;
    this.#topic = topicNames.raw(dataset);
    this.#raw = new PartitionRecords(cluster, this.#topic);
    const byPartition = new Map<number, bigint[]>();
    for (const { partition, offset } of candidates) {
      const offsets = byPartition.get(partition);
      if (offsets === undefined) byPartition.set(partition, [offset]);
      else offsets.push(offset);
    }
    for (const [partition, offsets] of byPartition) {
      const readTo = offsets.reduce((first, offset) => (offset < first ? offset : first));
      this.#partitions.set(partition, { readTo, offsets: new Set(offsets), keys: new Map(), newest: new Map() });
    }
  }

  /** Reads to the end of what is committed now: of all partitions of the candidates, or of one. */
  async readOn(only?: number): Promise<Result<void>> {
    const action = `looking for newer records in ${this.#topic}`;
    const end = await topicOffsets(this.#cluster, this.#topic, 'latest');
    if (!end.ok) return during(action, end.failure);
    for (const [partition, followed] of this.#partitions) {
      const to = end.value[partition] ?? 0n;
      if ((only !== undefined && only !== partition) || to <= followed.readTo) continue;
      const scanned = await this.#raw.scan(partition, followed.readTo, to, (frames) => take(followed, frames));
      if (!scanned.ok) return during(action, scanned.failure);
      followed.readTo = to;
    }
    return ok(undefined);
  }

  /**
   * Whether a newer record of the candidate's key was read. Also where the topic does not have the candidate any more: compaction removes a record only
   * when there is a newer one, and that may be a delete that is removed by now as well.
   */
  overtook({ partition, offset, timestampMs }: Place): boolean {
    const followed = this.#partitions.get(partition);
    const key = followed?.keys.get(nameOf(offset, timestampMs));
    if (followed === undefined || key === undefined) return true;
    return key !== null && (followed.newest.get(key) ?? offset) > offset;
  }

  close(): void {
    this.#raw.close();
  }
}

function take({ readTo, offsets, keys, newest }: Followed, frames: RecordFrames): void {
  for (let index = 0; index < frames.count; index += 1) {
    const offset = frames.baseOffset + BigInt(frames.offsetDelta[index] as number);
    // A batch is visited as a whole, also what was read of it before.
    if (offset < readTo) continue;
    const start = frames.keyStart[index] as number;
    const key = start < 0 ? null : keyHashOf(frames.bytes.subarray(start, frames.keyEnd[index]));
    if (offsets.has(offset)) {
      keys.set(nameOf(offset, BigInt(Math.trunc(frames.timestampMs[index] as number))), key);
      if (key !== null) newest.set(key, offset);
    } else if (key !== null && newest.has(key)) newest.set(key, offset);
  }
}
