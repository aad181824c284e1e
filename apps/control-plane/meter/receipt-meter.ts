/**
 * Follows `sluice.receipts` and counts what was delivered under each agreement. Where it stands is stored in the transaction that adds the counts, under the
 * condition that nobody else has counted the same: each Receipt counts once, whoever dies and however many instances follow.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Cluster, ReadRecord } from '../../../libs/adapters/kafka/index.ts';
import { TopicReader, topicOffsets } from '../../../libs/adapters/kafka/index.ts';
import type { Database, MeteredStretch } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok, topicNames } from '../../../libs/base/index.ts';
import { countReceipts } from './count-receipts.ts';

interface MeterOptions {
  readonly database: Database;
  readonly cluster: Cluster;
  /** Suspends what has had all that it may have: asked after a look at the topic, once at a time. */
  readonly suspend: () => Promise<Result<void>>;
  /** Told of a failure once, until another one or a success comes. */
  readonly warn: (sentence: string) => void;
  /** `sluice.receipts` unless given. */
  readonly topic?: string;
  /** Bytes of one poll; 4 MiB by default. */
  readonly pollBytesMax?: number;
}

/** Longest wait for new Receipts, and the pause after a failure, milliseconds. */
const waitMs = 500;

/** What is read and not counted yet, of the topic that had this id when it was opened. */
interface Reading {
  readonly topicId: string;
  readonly reader: TopicReader;
  /** Next offset that is not counted, by partition. */
  stored: ReadonlyMap<number, bigint>;
  pending: ReadRecord[];
}

export class ReceiptMeter {
  readonly #options: MeterOptions;
  readonly #topic: string;
  readonly #stopping = new AbortController();
  #told = '';
  #loop: Promise<void> = Promise.resolve();
  #suspending: Promise<void> | undefined;

  constructor(options: MeterOptions) {
    this.#options = options;
    this.#topic = options.topic ?? topicNames.receipts;
  }

  start(): void {
    this.#loop = this.#follow();
  }

  /** Ends after what is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    await this.#suspending;
  }

  async #follow(): Promise<void> {
    let reading: Reading | undefined;
    while (!this.#stopping.signal.aborted) {
      const turned = await this.#turn(reading).catch((error: unknown) =>
        fail('internal', `metering failed: ${error instanceof Error ? error.name : 'unknown'}`),
      );
      if (turned.ok) {
        this.#told = '';
        reading = turned.value;
        continue;
      }
      this.#tell(turned.failure.message);
      await reading?.reader.close();
      reading = undefined;
      await sleep(waitMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
    await reading?.reader.close();
  }

  /** Fails with nothing left half counted; what was read is then read again. */
  async #turn(known: Reading | undefined): Promise<Result<Reading>> {
    const opened = known === undefined ? await this.#open() : ok(known);
    if (!opened.ok) return opened;
    const reading = opened.value;
    const records = await reading.reader.poll(reading.pending.length > 0 ? 1 : waitMs);
    if (!records.ok) {
      await reading.reader.close();
      return records;
    }
    reading.pending.push(...records.value);
    const counted = await this.#count(reading);
    if (!counted.ok) {
      await reading.reader.close();
      return counted;
    }
    this.#suspend();
    return ok(reading);
  }

  /** Beside the counting: one agreement whose dataset is locked for long must not keep the others from being counted. */
  #suspend(): void {
    this.#suspending ??= this.#options
      .suspend()
      .then(
        (done) => (done.ok ? undefined : this.#tell(done.failure.message)),
        () => this.#tell('suspending what has had its volume failed'),
      )
      .finally(() => {
        this.#suspending = undefined;
      });
  }

  async #open(): Promise<Result<Reading>> {
    const { cluster, database } = this.#options;
    const action = 'opening the meter';
    const topicId = await this.#topicId();
    if (!topicId.ok) return during(action, topicId.failure);
    // Read before the end is: others may be counting, and what they have counted must not look like more than there is.
    const positions = await database.stores.meters.positions(topicId.value);
    if (!positions.ok) return positions;
    const first = await topicOffsets(cluster, this.#topic, 'earliest');
    if (!first.ok) return during(action, first.failure);
    const end = await topicOffsets(cluster, this.#topic, 'latest', 'read_uncommitted');
    if (!end.ok) return during(action, end.failure);
    const stored = new Map(first.value.map((_, partition) => [partition, positions.value.get(partition) ?? 0n]));
    const moved = await this.#passLost(topicId.value, stored, first.value, end.value);
    if (!moved.ok) return moved;
    const reader = await TopicReader.open(cluster, {
      topic: this.#topic,
      from: stored,
      ...this.#pollBytes(),
    });
    return reader.ok
      ? ok({
          topicId: topicId.value,
          reader: reader.value,
          stored,
          pending: [],
        })
      : during(action, reader.failure);
  }

  /** A topic that was made anew has another id: counting it begins at its beginning, and what the one before had stays counted. */
  async #topicId(): Promise<Result<string>> {
    const { cluster } = this.#options;
    try {
      await cluster.refresh([this.#topic]);
      const [topic] = await cluster.topics([this.#topic]);
      return topic === undefined ? fail('not-found', `there is no topic ${this.#topic}`) : ok(topic.topicId);
    } catch (error) {
      return cluster.failureOf(error, 'asking for metadata');
    }
  }

  /** Receipts are kept for ever; what somebody removed, or an unclean election lost, cannot be counted, and is said. */
  async #passLost(
    topicId: string,
    stored: Map<number, bigint>,
    first: readonly bigint[],
    end: readonly bigint[],
  ): Promise<Result<void>> {
    for (const [partition, from] of stored) {
      const [least = from, most = from] = [first[partition], end[partition]];
      const to = from < least ? least : from > most ? most : from;
      if (to === from) continue;
      const moved = await this.#store([{ topicId, partition, from, to }], []);
      if (!moved.ok) return moved;
      stored.set(partition, to);
      this.#options.warn(`Receipts of partition ${partition} between ${from} and ${to} are not there: they are not counted`);
    }
    return ok(undefined);
  }

  async #count(reading: Reading): Promise<Result<void>> {
    const { topicId, reader, stored } = reading;
    const next = (partition: number): bigint => stored.get(partition) ?? 0n;
    reading.pending = reading.pending.filter(({ partition, offset }) => offset >= next(partition));
    if (reading.pending.length === 0) return ok(undefined);
    const partitions = [...new Set(reading.pending.map(({ partition }) => partition))].sort((a, b) => a - b);
    const stretches = partitions.map((partition) => ({
      topicId,
      partition,
      from: next(partition),
      to: reader.position(partition),
    }));
    const { counts, unreadable } = countReceipts(reading.pending);
    const done = await this.#store(stretches, counts);
    if (!done.ok && done.failure.code !== 'conflict') return done;
    if (!done.ok) {
      // Another instance was faster. What it has not counted stays pending.
      const positions = await this.#options.database.stores.meters.positions(topicId);
      if (!positions.ok) return positions;
      reading.stored = positions.value;
      return ok(undefined);
    }
    reading.stored = new Map([...stored, ...stretches.map(({ partition, to }) => [partition, to] as const)]);
    reading.pending = [];
    for (const place of unreadable) this.#options.warn(`a Receipt at ${place} cannot be read: it is not counted`);
    return ok(undefined);
  }

  /** Fails with `conflict`, and nothing stored, where one of the stretches does not begin where counting stands. */
  #store(
    stretches: readonly MeteredStretch[],
    counts: Parameters<Database['stores']['meters']['add']>[0],
  ): Promise<Result<void>> {
    return this.#options.database.transaction('counting Receipts', async ({ meters }) => {
      for (const stretch of stretches) {
        const advanced = await meters.advance(stretch);
        if (!advanced.ok) return advanced;
        if (!advanced.value) return fail('conflict', 'another instance counts');
      }
      return counts.length === 0 ? ok(undefined) : meters.add(counts);
    });
  }

  #pollBytes(): { maxBytes?: number } {
    const { pollBytesMax } = this.#options;
    return pollBytesMax === undefined ? {} : { maxBytes: pollBytesMax };
  }

  #tell(sentence: string): void {
    if (sentence !== this.#told) this.#options.warn(sentence);
    this.#told = sentence;
  }
}
