/** Which raw records an agreement had at all, by its Receipts: one that began later must not get what was published before. */
import type { Cluster } from '../../../libs/adapters/kafka/index.ts';
import { TopicReader, topicOffsets } from '../../../libs/adapters/kafka/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, ok, topicNames } from '../../../libs/base/index.ts';
import { decodeReceipt } from '../../../libs/ledger/index.ts';

/** Both inclusive. */
interface Range {
  readonly from: bigint;
  readonly to: bigint;
}

/** A Receipt and the refusals of its transaction carry times that differ by what a transaction may take; this is far more, milliseconds. */
const apartMs = 600_000;
const pollWaitMs = 200;

export class TakenRanges {
  readonly #ranges: ReadonlyMap<number, readonly Range[]>;

  private constructor(ranges: ReadonlyMap<number, readonly Range[]>) {
    this.#ranges = ranges;
  }

  /** Reads `sluice.receipts` from shortly before `sinceMs`, when the first of the refusals in question was written, to the end seen now. */
  static async read(cluster: Cluster, dataset: string, agreement: string, sinceMs: number): Promise<Result<TakenRanges>> {
    const action = `reading the Receipts of ${agreement}`;
    const topic = topicNames.receipts;
    const end = await topicOffsets(cluster, topic, 'latest', 'read_uncommitted');
    if (!end.ok) return during(action, end.failure);
    const start = await topicOffsets(cluster, topic, { timestampMs: Math.max(0, sinceMs - apartMs) });
    if (!start.ok) return during(action, start.failure);
    const reader = await TopicReader.open(cluster, { topic, from: new Map(start.value.entries()) });
    if (!reader.ok) return during(action, reader.failure);
    const ranges = new Map<number, Range[]>();
    try {
      while (reader.value.partitions.some((partition) => reader.value.position(partition) < (end.value[partition] ?? 0n))) {
        const records = await reader.value.poll(pollWaitMs);
        if (!records.ok) return during(action, records.failure);
        for (const { value } of records.value) {
          const receipt = decodeReceipt(value ?? new Uint8Array());
          if (!receipt.ok) return during(action, receipt.failure);
          const { kind, partition, inputFrom, inputTo } = receipt.value;
          if (kind !== 'governed' || receipt.value.dataset !== dataset || receipt.value.agreement !== agreement) continue;
          const of = ranges.get(partition) ?? [];
          ranges.set(partition, of);
          of.push({ from: inputFrom, to: inputTo });
        }
      }
    } finally {
      await reader.value.close();
    }
    for (const of of ranges.values()) of.sort((one, other) => (one.from < other.from ? -1 : one.from > other.from ? 1 : 0));
    return ok(new TakenRanges(ranges));
  }

  /** Ranges of one agreement do not overlap. */
  has(partition: number, offset: bigint): boolean {
    const ranges = this.#ranges.get(partition) ?? [];
    let [low, high] = [0, ranges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ranges[middle] as Range).to < offset) low = middle + 1;
      else high = middle;
    }
    const range = ranges[low];
    return range !== undefined && range.from <= offset;
  }
}
