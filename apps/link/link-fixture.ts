/** What the tests of link share: a governed topic on real Kafka, directives from memory, a vault that wraps nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Cluster,
  deadLettersTopic,
  KafkaAdmin,
  TopicReader,
  topicOffsets,
  TransactionalProducer,
} from '../../libs/adapters/kafka/index.ts';
import type { AclGrant, OutRecord, ReadRecord } from '../../libs/adapters/kafka/index.ts';
import { codecOf, frame, parseSchema } from '../../libs/avro/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { ok, topicNames, unwrap } from '../../libs/base/index.ts';
import type { Delivery, Directive, KeyOpener, WrappedKey } from '../../libs/catalog/index.ts';
import { Deliveries } from './deliveries.ts';
import { Freshness } from './freshness.ts';
import type { DeliveryStatus, Pace } from './delivery.ts';
import type { TrustedTargets } from './target-guard.ts';
import { pace } from './delivery.ts';

const dataset = 'fixture';
const governedSchemaId = 77;
const governedSchema = JSON.stringify({
  type: 'record',
  name: 'Governed',
  fields: [
    { name: 'number', type: 'int' },
    { name: 'text', type: ['null', 'string'] },
  ],
});
const schema = unwrap(parseSchema(governedSchema));

export const partitions = 3;
export const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

/** Plain text in place of ciphertext: the vault has its own tests. */
export const wrapPlain = (text: string): WrappedKey => ({
  keyId: 'plain',
  epoch: 1,
  wrapped: Buffer.from(text).toString('base64url'),
});
const vault: KeyOpener = {
  unwrap: (key) => Promise.resolve(ok(Buffer.from(key.wrapped, 'base64url'))),
};

export function governedRecord(number: number): OutRecord {
  const value = unwrap(codecOf(schema).encode({ number, text: number % 2 === 0 ? null : { string: `第${number}条` } }));
  return {
    key: Buffer.from(`key-${number}`),
    value: frame(governedSchemaId, value),
    headers: [['traceparent', Buffer.from(traceparent)]],
    timestampMs: BigInt(1_767_571_200_000 + number),
  };
}

/** Directives as a test hands them out. */
export class MemoryFeed {
  readonly #current = new Map<string, Directive>();
  #changed: Directive[] = [];
  #held: Promise<void> | undefined;

  put(directive: Directive): void {
    this.#current.set(directive.agreement, directive);
    this.#changed.push(directive);
  }

  current(): ReadonlyMap<string, Directive> {
    return this.#current;
  }

  async poll(): Promise<Result<Directive[]>> {
    await sleep(10);
    const changed = this.#changed.splice(0);
    await this.#held;
    return ok(changed);
  }

  /** Answers are read late from now on, as by a process that is frozen, until the function that comes back is called. */
  hold(): () => void {
    let release = (): void => undefined;
    this.#held = new Promise((resolve) => (release = resolve));
    return () => {
      this.#held = undefined;
      release();
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

interface KafkaPlace {
  readonly brokers: readonly string[];
  readonly username: string;
  readonly password: string;
}

interface RunningLink {
  status(): DeliveryStatus;
  put(change: Partial<Directive>): void;
  /** Directives are read late until the function that comes back is called. */
  hold(): () => void;
  stop(): Promise<void>;
}

/** A governed topic with a writer, and link over it as often as a test starts it. */
export class GovernedFixture {
  readonly cluster: Cluster;
  readonly admin: KafkaAdmin;
  readonly agreement: string;
  readonly topic: string;
  readonly vault = vault;
  #writer: TransactionalProducer | undefined;
  #written = 0;
  readonly #links = new Set<Deliveries>();

  private constructor(cluster: Cluster, agreement: string) {
    this.cluster = cluster;
    this.admin = new KafkaAdmin(cluster);
    this.agreement = agreement;
    this.topic = topicNames.governed(dataset, agreement);
  }

  /** The agreement's id must be one that no other test uses. */
  static async open({ brokers, username, password }: KafkaPlace, agreement: string): Promise<GovernedFixture> {
    const cluster = unwrap(await Cluster.open({ brokers, clientId: 'link-test', sasl: { username, password } }));
    const fixture = new GovernedFixture(cluster, agreement);
    unwrap(await fixture.admin.createTopics([{ name: fixture.topic, partitions }, deadLettersTopic]));
    return fixture;
  }

  /** Writes the next `count` records round the partitions in one transaction, which may be aborted. */
  async write(count: number, outcome: 'commit' | 'abort' = 'commit'): Promise<void> {
    this.#writer ??= unwrap(await TransactionalProducer.open(this.cluster, { transactionalId: `writer.${this.agreement}` }));
    const numbers = Array.from({ length: count }, (_, index) => this.#written + index);
    this.#writer.begin();
    for (let partition = 0; partition < partitions; partition += 1) {
      const records = numbers.filter((number) => number % partitions === partition).map(governedRecord);
      unwrap(await this.#writer.send(this.topic, partition, records));
    }
    unwrap(await this.#writer[outcome]());
    if (outcome === 'commit') this.#written += count;
  }

  /** Trusts the delivery's own target unless told otherwise: everything here is on the loopback. */
  start(delivery: Delivery, changes: Partial<Pace> = {}, trusted: TrustedTargets = targetsOf(delivery)): RunningLink {
    const feed = new MemoryFeed();
    let directive = this.directiveOf(delivery);
    feed.put(directive);
    const quick = { ...pace, pollMs: 50, retryBaseMs: 20, retryCapMs: 100, brokenCapMs: 200, ...changes };
    const fresh = new Freshness(quick.directiveAgeMsMax);
    const deliveries = new Deliveries({ source: this.cluster, feed, vault, log: () => undefined, pace: quick, fresh, trusted });
    deliveries.start();
    this.#links.add(deliveries);
    return {
      status: () =>
        deliveries.status()[0] ?? { agreement: this.agreement, kind: 'mirror', state: 'waiting', delivered: 0, lagRecords: 0 },
      put: (change) => {
        directive = { ...directive, ...change, revision: directive.revision + 1 };
        feed.put(directive);
      },
      hold: () => feed.hold(),
      stop: () => {
        this.#links.delete(deliveries);
        return deliveries.stop();
      },
    };
  }

  /** A SCRAM account with these rights and no others. */
  async account(name: string, password: string, grants: readonly Omit<AclGrant, 'principal'>[]): Promise<void> {
    unwrap(await this.admin.setScramUser(name, password));
    unwrap(await this.admin.allow(grants.map((grant) => ({ principal: name, ...grant }))));
  }

  /** Every committed record of a topic, in order within its partition. */
  async readAll(topic: string): Promise<ReadRecord[]> {
    const ends = unwrap(await topicOffsets(this.cluster, topic, 'latest'));
    const reader = unwrap(await TopicReader.open(this.cluster, { topic, from: 'earliest' }));
    const records: ReadRecord[] = [];
    while (ends.some((end, partition) => reader.position(partition) < end)) records.push(...unwrap(await reader.poll(100)));
    return records;
  }

  /** Also ends what a failed test left running. */
  async close(): Promise<void> {
    await Promise.all([...this.#links].map((link) => link.stop()));
    await this.#writer?.close();
    await this.cluster.close();
  }

  directiveOf(delivery: Delivery): Directive {
    return directiveFor(this.agreement, delivery);
  }
}

export function directiveFor(agreement: string, delivery: Delivery): Directive {
  const program = {
    writerSchemaId: 1,
    writerSchema: governedSchema,
    governedSchemaId,
    governedSchema,
    manifest: '{}',
    module: '',
    programHash: '0'.repeat(64),
    signature: '',
  };
  return {
    version: 1,
    agreement,
    dataset,
    assigner: 'publisher',
    assignee: 'platform',
    revision: 1,
    state: 'started',
    programs: [program],
    dataKey: wrapPlain('unused'),
    sealTo: '',
    delivery,
  };
}

function targetsOf(delivery: Delivery): TrustedTargets {
  if (delivery.kind === 'mirror') return new Set(delivery.brokers);
  return new Set(delivery.kind === 'webhook' ? [new URL(delivery.url).host] : []);
}

/** Waits for a condition; fails after half a minute with what was seen last. */
export async function until(condition: () => boolean, seen: () => unknown): Promise<void> {
  for (let waits = 0; !condition(); waits += 1) {
    if (waits > 1_500) throw new Error(`waited for half a minute: ${JSON.stringify(seen())}`);
    await sleep(20);
  }
}
