/** The topic `sluice.directives`: the control plane writes it, the data plane and link read it. Compacted, one partition, full state per agreement. */
import type { Failure, Result } from '../../base/index.ts';
import { fail, ok, topicNames } from '../../base/index.ts';
import type { Directive, DirectivePublisher } from '../../catalog/index.ts';
import { parseDirective } from '../../catalog/index.ts';
import type { Cluster } from './cluster.ts';
import { KafkaAdmin } from './kafka-admin.ts';
import { topicOffsets } from './offsets.ts';
import { TopicReader } from './topic-reader.ts';
import { TransactionalProducer } from './transactional-producer.ts';

/**
 * How long a directive that was replaced may stay on the brokers, milliseconds, beside what their cleaner takes for a round: it carries a wrapped key, which a
 * shredded agreement must not leave behind. Source: Apache Kafka, KIP-354.
 */
const compactionLagMsMax = '3600000';

const topicConfig = {
  'cleanup.policy': 'compact',
  'min.cleanable.dirty.ratio': '0.1',
  'max.compaction.lag.ms': compactionLagMsMax,
  'max.message.bytes': String(4 * 1024 * 1024),
};

/** Directives of one transaction. */
const directivesAtOnceMax = 100;

interface Waiting {
  readonly directive: Directive;
  readonly done: (published: Result<void>) => void;
}

/** Writes directives. The transactional id is the instance's own, so a restarted instance fences what it left behind. */
export class DirectiveLog implements DirectivePublisher {
  readonly #cluster: Cluster;
  readonly #transactionalId: string;
  #producer: TransactionalProducer | undefined;
  readonly #waiting: Waiting[] = [];
  #tail: Promise<void> = Promise.resolve();

  private constructor(cluster: Cluster, instance: string) {
    this.#cluster = cluster;
    this.#transactionalId = `sluice.directives.${instance}`;
  }

  /** Makes sure that the topic exists. */
  static async open(cluster: Cluster, instance = cluster.options.clientId): Promise<Result<DirectiveLog>> {
    const topics = [{ name: topicNames.directives, partitions: 1, config: topicConfig }];
    const admin = new KafkaAdmin(cluster);
    const created = await admin.createTopics(topics);
    if (!created.ok) return created;
    const limited = await admin.setTopicConfig(topicNames.directives, 'max.compaction.lag.ms', compactionLagMsMax);
    return limited.ok ? ok(new DirectiveLog(cluster, instance)) : limited;
  }

  /** In the order of the calls. What waits while a transaction commits goes with the next one together. */
  publish(directive: Directive): Promise<Result<void>> {
    const published = new Promise<Result<void>>((done) => this.#waiting.push({ directive, done }));
    this.#tail = this.#tail.then(() => this.#flush());
    return published;
  }

  async close(): Promise<void> {
    await this.#tail;
    await this.#producer?.close();
  }

  async #flush(): Promise<void> {
    const part = this.#waiting.splice(0, directivesAtOnceMax);
    if (part.length === 0) return;
    const published = await this.#send(part.map(({ directive }) => directive)).catch(() =>
      fail('broker-unreachable', 'publishing directives: the producer ended'),
    );
    for (const { done } of part) done(published);
  }

  async #send(directives: readonly Directive[]): Promise<Result<void>> {
    if (this.#producer?.usable !== true) {
      const opened = await TransactionalProducer.open(this.#cluster, {
        transactionalId: this.#transactionalId,
      });
      if (!opened.ok) return opened;
      this.#producer = opened.value;
    }
    const records = directives.map((directive) => ({
      key: Buffer.from(directive.agreement),
      value: Buffer.from(JSON.stringify(directive)),
    }));
    this.#producer.begin();
    const sent = await this.#producer.send(topicNames.directives, 0, records);
    return sent.ok ? this.#producer.commit() : sent;
  }
}

/** Follows directives. Opens only after everything up to the end offset seen at the start has been read. */
export class DirectiveFeed {
  readonly #reader: TopicReader;
  readonly #onMalformed: (failure: Failure) => void;
  readonly #current = new Map<string, Directive>();

  private constructor(reader: TopicReader, onMalformed: (failure: Failure) => void) {
    this.#reader = reader;
    this.#onMalformed = onMalformed;
  }

  /** `onMalformed` is told of records that are no directive; what they mean is said at `poll`. */
  static async open(cluster: Cluster, onMalformed: (failure: Failure) => void = () => undefined): Promise<Result<DirectiveFeed>> {
    // The end of everything written, open transactions included: a directive committed a moment ago must not be missed.
    const end = await topicOffsets(cluster, topicNames.directives, 'latest', 'read_uncommitted');
    if (!end.ok) return end;
    const reader = await TopicReader.open(cluster, {
      topic: topicNames.directives,
      from: 'earliest',
    });
    if (!reader.ok) return reader;
    const feed = new DirectiveFeed(reader.value, onMalformed);
    while (reader.value.position(0) < (end.value[0] ?? 0n)) {
      const polled = await feed.poll(200);
      if (!polled.ok) return polled;
    }
    return ok(feed);
  }

  /** The newest directive of each agreement. */
  current(): ReadonlyMap<string, Directive> {
    return this.#current;
  }

  /**
   * The directives that changed since the last poll. A lower or equal revision than one seen is ignored. A record that cannot be read as a
   * directive suspends the agreement that its key names: its last word is unknown, so it must not go on under an earlier one.
   */
  async poll(maxWaitMs: number): Promise<Result<Directive[]>> {
    const records = await this.#reader.poll(maxWaitMs);
    if (!records.ok) return records;
    const changed = new Map<string, Directive>();
    for (const { key, value, offset } of records.value) {
      const agreement = key === null ? '' : Buffer.from(key).toString('utf8');
      const known = this.#current.get(agreement);
      const directive = parseDirective(value === null ? '' : Buffer.from(value).toString('utf8'));
      if (directive.ok && directive.value.agreement === agreement) {
        if (known !== undefined && known.revision >= directive.value.revision) continue;
        this.#take(directive.value, changed);
      } else {
        const why = directive.ok ? 'its key names another agreement' : directive.failure.message;
        this.#onMalformed(fail('policy-invalid', `the directive at offset ${offset} cannot be read: ${why}`).failure);
        if (known !== undefined) this.#take({ ...known, state: 'suspended' }, changed);
      }
    }
    return ok([...changed.values()]);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  #take(directive: Directive, changed: Map<string, Directive>): void {
    this.#current.set(directive.agreement, directive);
    changed.set(directive.agreement, directive);
  }
}
