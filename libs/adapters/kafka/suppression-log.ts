/** The topic `sluice.suppressions`: the control plane writes it, the data plane reads it. Compacted, one partition, one record for each erased subject. */
import type { Result } from '../../base/index.ts';
import { during, ok, topicNames } from '../../base/index.ts';
import type { Suppression, SuppressionPublisher } from '../../catalog/index.ts';
import { parseSuppression, suppressionRecord } from '../../catalog/index.ts';
import type { Cluster } from './cluster.ts';
import { KafkaAdmin } from './kafka-admin.ts';
import { topicOffsets } from './offsets.ts';
import { TopicReader } from './topic-reader.ts';
import { TransactionalProducer } from './transactional-producer.ts';

const topicConfig = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.1' };

/** Writes suppressions. The transactional id is the instance's own, so a restarted instance fences what it left behind. */
export class SuppressionLog implements SuppressionPublisher {
  readonly #cluster: Cluster;
  readonly #transactionalId: string;
  #producer: TransactionalProducer | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(cluster: Cluster, instance: string) {
    this.#cluster = cluster;
    this.#transactionalId = `sluice.suppressions.${instance}`;
  }

  /** Makes sure that the topic exists. */
  static async open(cluster: Cluster, instance: string): Promise<Result<SuppressionLog>> {
    const topics = [{ name: topicNames.suppressions, partitions: 1, config: topicConfig }];
    const created = await new KafkaAdmin(cluster).createTopics(topics);
    return created.ok ? ok(new SuppressionLog(cluster, instance)) : created;
  }

  /** All of them or none. */
  publish(suppressions: readonly Suppression[]): Promise<Result<void>> {
    const published = this.#tail.then(() => this.#publish(suppressions));
    this.#tail = published.catch(() => undefined);
    return published;
  }

  async close(): Promise<void> {
    await this.#tail;
    await this.#producer?.close();
  }

  async #publish(suppressions: readonly Suppression[]): Promise<Result<void>> {
    if (suppressions.length === 0) return ok(undefined);
    // Opened when the first subject is erased: few installations ever have one.
    if (this.#producer?.usable !== true) {
      const opened = await TransactionalProducer.open(this.#cluster, { transactionalId: this.#transactionalId });
      if (!opened.ok) return opened;
      this.#producer = opened.value;
    }
    this.#producer.begin();
    const sent = await this.#producer.send(topicNames.suppressions, 0, suppressions.map(suppressionRecord));
    return sent.ok ? this.#producer.commit() : sent;
  }
}

/** Follows suppressions. */
export class SuppressionFeed {
  readonly #reader: TopicReader;

  private constructor(reader: TopicReader) {
    this.#reader = reader;
  }

  /** Answers everything up to the end offset seen now. Fails where any of it cannot be read: a list with a hole is not known. */
  static async open(
    cluster: Cluster,
  ): Promise<Result<{ readonly feed: SuppressionFeed; readonly known: readonly Suppression[] }>> {
    const action = 'opening the erased subjects';
    const end = await topicOffsets(cluster, topicNames.suppressions, 'latest', 'read_uncommitted');
    if (!end.ok) return during(action, end.failure);
    const reader = await TopicReader.open(cluster, { topic: topicNames.suppressions, from: 'earliest' });
    if (!reader.ok) return during(action, reader.failure);
    const feed = new SuppressionFeed(reader.value);
    const known: Suppression[] = [];
    while (reader.value.position(0) < (end.value[0] ?? 0n)) {
      const polled = await feed.poll(200);
      if (!polled.ok) {
        await feed.close();
        return during(action, polled.failure);
      }
      known.push(...polled.value);
    }
    return ok({ feed, known });
  }

  /** What came since; an empty list after `maxWaitMs` without any. After a failure it is of no more use: what it was about is not read again. */
  async poll(maxWaitMs: number): Promise<Result<Suppression[]>> {
    const records = await this.#reader.poll(maxWaitMs);
    if (!records.ok) return records;
    const suppressions: Suppression[] = [];
    for (const { key, value } of records.value) {
      const parsed = parseSuppression(key, value);
      if (!parsed.ok) return parsed;
      suppressions.push(parsed.value);
    }
    return ok(suppressions);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}
