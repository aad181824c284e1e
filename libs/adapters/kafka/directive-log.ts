/** The topic `sluice.directives`: the control plane writes it, the data plane and link read it. Compacted, one partition, full state per agreement. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure, Result } from '../../base/index.ts';
import { during, fail, ok, topicNames } from '../../base/index.ts';
import type { Directive, DirectivePublisher, SignatureChecker, Signer } from '../../catalog/index.ts';
import { parseDirective, programPayload } from '../../catalog/index.ts';
import type { Cluster } from './cluster.ts';
import { KafkaAdmin } from './kafka-admin.ts';
import { topicOffsets } from './offsets.ts';
import type { ReadRecord } from './topic-reader.ts';
import { TopicReader } from './topic-reader.ts';
import type { OutRecord } from './transactional-producer.ts';
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

/** The header of a directive's record that has its signature: a detached JWS over the record's value. */
const signatureHeader = 'sluice-jws';

/** Between two attempts to get at the keys that signatures are checked by, milliseconds. */
const keysPauseMs = 500;

interface Waiting {
  readonly directive: Directive;
  readonly done: (published: Result<void>) => void;
}

/** Writes directives, each signed. The transactional id is the instance's own, so a restarted instance fences what it left behind. */
export class DirectiveLog implements DirectivePublisher {
  readonly #cluster: Cluster;
  readonly #signer: Signer;
  readonly #transactionalId: string;
  #producer: TransactionalProducer | undefined;
  readonly #waiting: Waiting[] = [];
  #tail: Promise<void> = Promise.resolve();

  private constructor(cluster: Cluster, signer: Signer, instance: string) {
    this.#cluster = cluster;
    this.#signer = signer;
    this.#transactionalId = `sluice.directives.${instance}`;
  }

  /** Makes sure that the topic exists. */
  static async open(cluster: Cluster, signer: Signer, instance = cluster.options.clientId): Promise<Result<DirectiveLog>> {
    const topics = [{ name: topicNames.directives, partitions: 1, config: topicConfig }];
    const admin = new KafkaAdmin(cluster);
    const created = await admin.createTopics(topics);
    if (!created.ok) return created;
    const limited = await admin.setTopicConfig(topicNames.directives, 'max.compaction.lag.ms', compactionLagMsMax);
    return limited.ok ? ok(new DirectiveLog(cluster, signer, instance)) : limited;
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
    const records: OutRecord[] = [];
    for (const directive of directives) {
      const value = Buffer.from(JSON.stringify(directive));
      const signature = await this.#signer.sign('directive', value);
      if (!signature.ok) return during('signing directives', signature.failure);
      const headers: OutRecord['headers'] = [[signatureHeader, Buffer.from(signature.value)]];
      records.push({ key: Buffer.from(directive.agreement), value, headers });
    }
    this.#producer.begin();
    const sent = await this.#producer.send(topicNames.directives, 0, records);
    return sent.ok ? this.#producer.commit() : sent;
  }
}

/** Follows directives. Opens only after everything up to the end offset seen at the start has been read. */
export class DirectiveFeed {
  readonly #reader: TopicReader;
  readonly #checker: SignatureChecker;
  readonly #onMalformed: (failure: Failure) => void;
  readonly #current = new Map<string, Directive>();
  /** Agreements whose last word could not be read. */
  readonly #unread = new Set<string>();
  #closed = false;

  private constructor(reader: TopicReader, checker: SignatureChecker, onMalformed: (failure: Failure) => void) {
    this.#reader = reader;
    this.#checker = checker;
    this.#onMalformed = onMalformed;
  }

  /** `onMalformed` is told of records that are no directive of ours; what they mean is said at `poll`. */
  static async open(
    cluster: Cluster,
    checker: SignatureChecker,
    onMalformed: (failure: Failure) => void = () => undefined,
  ): Promise<Result<DirectiveFeed>> {
    // The end of everything written, open transactions included: a directive committed a moment ago must not be missed.
    const end = await topicOffsets(cluster, topicNames.directives, 'latest', 'read_uncommitted');
    if (!end.ok) return end;
    const reader = await TopicReader.open(cluster, {
      topic: topicNames.directives,
      from: 'earliest',
    });
    if (!reader.ok) return reader;
    const feed = new DirectiveFeed(reader.value, checker, onMalformed);
    while (reader.value.position(0) < (end.value[0] ?? 0n)) {
      const polled = await feed.poll(200);
      if (!polled.ok) return polled;
    }
    return ok(feed);
  }

  /** The newest directive of each agreement; of one that does not run, without its Programs. */
  current(): ReadonlyMap<string, Directive> {
    return this.#current;
  }

  /**
   * The directives that changed since the last poll. A lower or equal revision than one seen is ignored. A record that cannot be read as a
   * directive, or is not signed as one, suspends the agreement that its key names: its last word is unknown, so it must not go on under an earlier one.
   * The same revision said again makes that good.
   */
  async poll(maxWaitMs: number): Promise<Result<Directive[]>> {
    const records = await this.#reader.poll(maxWaitMs);
    if (!records.ok) return records;
    const changed = new Map<string, Directive>();
    for (const record of records.value) {
      const agreement = record.key === null ? '' : Buffer.from(record.key).toString('utf8');
      const known = this.#current.get(agreement);
      const directive = await this.#read(record, agreement);
      if (directive.ok) {
        const { revision } = directive.value;
        const isOld = known !== undefined && known.revision >= revision;
        if (isOld && !(known.revision === revision && this.#unread.has(agreement))) continue;
        this.#unread.delete(agreement);
        this.#take(directive.value, changed);
      } else {
        const { code, message } = directive.failure;
        // A key that nobody knows may hold anything.
        const whose = known === undefined ? '' : ` of ${agreement}`;
        this.#onMalformed(fail(code, `the directive${whose} at offset ${record.offset} cannot be read: ${message}`).failure);
        // What is over stays over.
        if (known?.state !== 'started') continue;
        this.#unread.add(agreement);
        this.#take({ ...known, state: 'suspended' }, changed);
      }
    }
    return ok([...changed.values()]);
  }

  /** The signature is looked at before anything is made of the bytes. */
  async #read({ value, headers }: ReadRecord, agreement: string): Promise<Result<Directive>> {
    if (value === null) return fail('policy-invalid', 'it has no value');
    const signature = await this.#check('directive', value, signatureIn(headers));
    if (!signature.ok) return signature;
    const directive = parseDirective(Buffer.from(value).toString('utf8'));
    if (!directive.ok) return directive;
    if (directive.value.agreement !== agreement) return fail('policy-invalid', 'its key names another agreement');
    for (const program of directive.value.programs) {
      const approved = await this.#check('program', programPayload(agreement, program), program.signature);
      if (!approved.ok) return during(`the Program of schema ${program.writerSchemaId}`, approved.failure);
    }
    return directive;
  }

  /**
   * While the keys cannot be had nothing is known of the record: it is waited for, with everything behind it, until the directives are too old to be governed by.
   */
  async #check(...signed: Parameters<SignatureChecker['check']>): Promise<Result<unknown>> {
    for (;;) {
      const checked = await this.#checker.check(...signed);
      if (checked.ok || checked.failure.code === 'signature-invalid' || this.#closed) return checked;
      this.#onMalformed(during('checking a signature', checked.failure).failure);
      await sleep(keysPauseMs);
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.#reader.close();
  }

  /** Agreements that are over stay on the topic for ever: what they would run is not kept with them, and they say it again if they start again. */
  #take(directive: Directive, changed: Map<string, Directive>): void {
    const kept = directive.state === 'started' ? directive : { ...directive, programs: [] };
    this.#current.set(directive.agreement, kept);
    changed.set(directive.agreement, kept);
  }
}

/** The signature of a directive's record; undefined where it has none, or several. */
export function signatureIn(headers: ReadRecord['headers']): string | undefined {
  const [first, ...more] = headers.filter(([name]) => name === signatureHeader);
  return first === undefined || more.length > 0 ? undefined : Buffer.from(first[1]).toString('latin1');
}
