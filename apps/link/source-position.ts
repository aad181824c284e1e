/** Where a delivery reads on in its governed topic, and how far behind it is. */
import { TopicReader, topicOffsets } from '../../libs/adapters/kafka/index.ts';
import type { Cluster } from '../../libs/adapters/kafka/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { fail, ok } from '../../libs/base/index.ts';

/** A reader at these positions; a partition without one starts at its first record. A position that the topic no longer has is a failure. */
export async function readFrom(
  source: Cluster,
  topic: string,
  positions: ReadonlyMap<number, bigint>,
): Promise<Result<TopicReader>> {
  const earliest = await topicOffsets(source, topic, 'earliest');
  if (!earliest.ok) return earliest;
  for (const [partition, position] of positions) {
    const first = earliest.value[partition];
    if (first === undefined || position < first) {
      return fail(
        'offset-out-of-range',
        `reading ${topic}: partition ${partition} no longer has the records from offset ${position} on`,
      );
    }
  }
  return TopicReader.open(source, { topic, from: positions.size === 0 ? 'earliest' : new Map(positions) });
}

/** Tells the distance to the end of the topic, at most once in `everyMs`. */
export class LagMeter {
  readonly #source: Cluster;
  readonly #reader: TopicReader;
  readonly #topic: string;
  readonly #everyMs: number;
  #nextMs = 0;

  constructor(source: Cluster, reader: TopicReader, topic: string, everyMs = 1_000) {
    this.#source = source;
    this.#reader = reader;
    this.#topic = topic;
    this.#everyMs = everyMs;
  }

  async tell(lag: (records: number) => void): Promise<Result<void>> {
    if (performance.now() < this.#nextMs) return ok(undefined);
    this.#nextMs = performance.now() + this.#everyMs;
    const ends = await topicOffsets(this.#source, this.#topic, 'latest');
    if (!ends.ok) return ends;
    let records = 0n;
    for (const partition of this.#reader.partitions) {
      const behind = (ends.value[partition] ?? 0n) - this.#reader.position(partition);
      if (behind > 0n) records += behind;
    }
    lag(Number(records));
    return ok(undefined);
  }
}
