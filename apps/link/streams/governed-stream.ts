/** One reader of one governed topic with the subscriber's own Kafka credential: what its permissions do not show, nobody shows it. */
import type { KafkaOptions } from '../../../libs/adapters/kafka/index.ts';
import { Cluster, TopicReader, topicOffsets } from '../../../libs/adapters/kafka/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok, topicNames } from '../../../libs/base/index.ts';
import type { Directive } from '../../../libs/catalog/index.ts';
import type { WriteEvent } from '../cloud-events.ts';
import { eventWriter } from '../cloud-events.ts';
import { readCursor, writeCursor } from './stream-cursor.ts';

export interface Credential {
  readonly username: string;
  readonly password: string;
}

/** Where a reader without a cursor begins. */
export type StreamStart = 'earliest' | 'latest' | { readonly timestampMs: number } | { readonly cursor: string };

/** A governed record as the text of its CloudEvent, and where the reader stands after it. */
export interface StreamItem {
  readonly event: string;
  readonly cursor: string;
}

/** Memory of one stream for what is fetched and not yet sent, bytes. */
const fetchedBytesMax = 8 * 1024 * 1024;
const pollBytesMax = 512 * 1024;

interface Opened {
  readonly directive: Directive;
  readonly cluster: Cluster;
  readonly reader: TopicReader;
  readonly write: WriteEvent;
  /** The next offset of each partition. */
  readonly positions: Map<number, bigint>;
  /** Where the topic ended when it was opened. */
  readonly ends: readonly bigint[];
}

export class GovernedStream {
  readonly directive: Directive;
  readonly #opened: Opened;

  private constructor(opened: Opened) {
    this.directive = opened.directive;
    this.#opened = opened;
  }

  /**
   * Fails with `unauthenticated`, with `not-found` where there is no such agreement or the account may not read its topic: the credential
   * is looked at in any case, so that a stranger learns nothing. Fails with `offset-out-of-range` for a cursor whose records are gone.
   */
  static async open(
    kafka: KafkaOptions,
    credential: Credential,
    agreement: string,
    directive: Directive | undefined,
    start: StreamStart,
  ): Promise<Result<GovernedStream>> {
    const cluster = await Cluster.open({ ...kafka, clientId: 'sluice-stream', sasl: credential, fetchedBytesMax });
    if (!cluster.ok)
      return cluster.failure.at === 'credentials' ? fail('unauthenticated', 'the credential was refused') : cluster;
    const opened =
      directive === undefined
        ? fail('not-found', `there is no stream ${agreement}`)
        : await openReader(cluster.value, directive, start);
    if (opened.ok) return ok(new GovernedStream(opened.value));
    await cluster.value.close();
    return opened;
  }

  /** Where the reader stands. */
  get cursor(): string {
    return writeCursor(this.directive.agreement, this.#opened.positions);
  }

  /** Whether everything that was there when it was opened has been read. */
  get caughtUp(): boolean {
    const { ends, reader } = this.#opened;
    return ends.every((end, partition) => reader.position(partition) >= end);
  }

  /** The next records as events, in order within a partition; none after `maxWaitMs` without any. */
  async poll(maxWaitMs: number): Promise<Result<StreamItem[]>> {
    const { reader, write, positions } = this.#opened;
    const records = await reader.poll(maxWaitMs);
    if (!records.ok) return records;
    const items: StreamItem[] = [];
    for (const record of records.value) {
      const event = write(record);
      if (!event.ok) return event;
      positions.set(record.partition, record.offset + 1n);
      items.push({ event: event.value, cursor: this.cursor });
    }
    // What a transaction leaves behind its records is passed over too.
    for (const partition of reader.partitions) positions.set(partition, reader.position(partition));
    return ok(items);
  }

  async close(): Promise<void> {
    await this.#opened.reader.close();
    await this.#opened.cluster.close();
  }
}

async function openReader(cluster: Cluster, directive: Directive, start: StreamStart): Promise<Result<Opened>> {
  const { agreement } = directive;
  const topic = topicNames.governed(directive.dataset, agreement);
  const action = `opening the stream of ${agreement}`;
  const first = await topicOffsets(cluster, topic, 'earliest');
  // A topic that the account may not see does not exist for it.
  if (!first.ok)
    return first.failure.code === 'topic-authorization-failed' || first.failure.code === 'not-found'
      ? fail('not-found', `there is no stream ${agreement}`)
      : during(action, first.failure);
  const ends = await topicOffsets(cluster, topic, 'latest');
  if (!ends.ok) return during(action, ends.failure);
  const positions = await startPositions(cluster, topic, agreement, start, first.value, ends.value);
  if (!positions.ok) return positions;
  const write = eventWriter(directive);
  if (!write.ok) return during(action, write.failure);
  const reader = await TopicReader.open(cluster, { topic, from: positions.value, maxBytes: pollBytesMax });
  if (!reader.ok) return during(action, reader.failure);
  return ok({ directive, cluster, reader: reader.value, write: write.value, positions: positions.value, ends: ends.value });
}

async function startPositions(
  cluster: Cluster,
  topic: string,
  agreement: string,
  start: StreamStart,
  first: readonly bigint[],
  ends: readonly bigint[],
): Promise<Result<Map<number, bigint>>> {
  if (start === 'earliest') return ok(new Map(first.entries()));
  if (start === 'latest') return ok(new Map(ends.entries()));
  if ('timestampMs' in start) {
    const offsets = await topicOffsets(cluster, topic, start);
    return offsets.ok ? ok(new Map(offsets.value.entries())) : offsets;
  }
  const read = readCursor(agreement, start.cursor, first.length);
  if (!read.ok) return read;
  for (const [partition, offset] of read.value) {
    if (offset < (first[partition] ?? 0n))
      return fail('offset-out-of-range', `partition ${partition} no longer has the records from this cursor on`, 'cursor');
    if (offset > (ends[partition] ?? 0n))
      return fail(
        'offset-out-of-range',
        `partition ${partition} does not reach as far as this cursor: it was made anew`,
        'cursor',
      );
  }
  return ok(new Map(first.map((offset, partition) => [partition, read.value.get(partition) ?? offset])));
}
