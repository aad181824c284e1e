/** A data plane on the test broker with a small feed of patients: publish, direct, read, for tests. */
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { createPartitionsV3, deleteRecordsV2 } from '@platformatic/kafka';
import type { OutRecord, ReadRecord } from '../../libs/adapters/kafka/index.ts';
import {
  Cluster,
  DirectiveLog,
  KafkaAdmin,
  SuppressionLog,
  TopicReader,
  TransactionalProducer,
} from '../../libs/adapters/kafka/index.ts';
import { codecOf, frame, parseSchema } from '../../libs/avro/index.ts';
import type { Failure } from '../../libs/base/index.ts';
import { fail, ok, topicNames, unwrap } from '../../libs/base/index.ts';
import type { DirectedSuppression, Directive, KeyOpener } from '../../libs/catalog/index.ts';
import { subjectDigest, suppressionKey } from '../../libs/catalog/index.ts';
import type { Program } from '../../libs/govern/index.ts';
import { compile } from '../../libs/govern/index.ts';
import type { Receipt } from '../../libs/ledger/index.ts';
import { decodeReceipt } from '../../libs/ledger/index.ts';
import type { StageRule } from '../../libs/odrl/index.ts';
import { BatchBuilder, moveBatch } from '../../libs/records/index.ts';
import { stages } from '../../libs/stages/index.ts';
import { approvingLog, testKafka, testSigner, uniqueId } from '../../libs/testkit/index.ts';
import type { DataPlane, DataPlaneConfig } from './start.ts';
import { startDataPlane } from './start.ts';

const schemaId = 4301;
const governedSchemaId = 4302;
const schema = unwrap(
  parseSchema(
    JSON.stringify({
      type: 'record',
      name: 'Visit',
      fields: [
        { name: 'id', type: 'string' },
        { name: 'number', type: 'int' },
        { name: 'phone', type: 'string' },
      ],
    }),
  ),
);

const rule = (stage: string, at: string, config: Record<string, unknown> = {}): StageRule => ({
  stage,
  at: at === '' ? [] : [at],
  with: config,
  else: 'refuse',
});

/** Tokens for the id, or no keys at all; or tokens, and the phone as it is. */
export function programOf(kind: 'tokens' | 'no keys' | 'long phone'): Program {
  return unwrap(
    compile({
      schema,
      stages,
      terms: {
        channels: { key: 'drop', timestamp: 'keep' },
        rules: [
          rule('filter', '', { where: 'number >= 0' }),
          kind === 'no keys' ? rule('drop', '/id') : rule('pseudonymize', '/id', { length: 32, pattern: '[0-9]{6}' }),
          rule('keep', '/number'),
          kind === 'long phone' ? rule('keep', '/phone') : rule('mask', '/phone', { first: 3, last: 4, width: 4 }),
        ],
      },
    }),
  );
}

export const visit = (number: number, id = String(number % 1_000_000).padStart(6, '0'), phone = '13812345678'): Uint8Array =>
  frame(schemaId, unwrap(codecOf(schema).encode({ id, number, phone })));

function unwrapDefined<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('there is none');
  return value;
}

/** How the topics of a dataset are configured, by Kafka's names; the governed ones in the order of their agreements. */
interface TopicSettings {
  readonly raw?: Readonly<Record<string, string>>;
  readonly governed?: readonly Readonly<Record<string, string>>[];
  /** Whether the governed topics are compacted. */
  readonly compacted?: boolean;
}

export interface Patient {
  readonly id?: string;
  readonly number: number;
  readonly phone: string;
}

export class PlaneFixture {
  readonly kafka;
  readonly failures: Failure[] = [];
  readonly #cluster: Cluster;
  readonly #producer: TransactionalProducer;
  readonly #directives: ReturnType<typeof approvingLog>;
  readonly #sealTo: string;
  readonly #planes: DataPlane[] = [];
  /** `agreement/<id>` and `dataset/<id>` of those whose keys open here. */
  readonly #owners = new Set<string>();
  #suppressions: SuppressionLog | undefined;

  private constructor(
    cluster: Cluster,
    producer: TransactionalProducer,
    directives: ReturnType<typeof approvingLog>,
    sealTo: string,
  ) {
    this.kafka = cluster.options;
    this.#cluster = cluster;
    this.#producer = producer;
    this.#directives = directives;
    this.#sealTo = sealTo;
  }

  static async open(): Promise<PlaneFixture> {
    const { brokers, username, password } = testKafka();
    const cluster = unwrap(await Cluster.open({ brokers, clientId: uniqueId('test'), sasl: { username, password } }));
    unwrap(await new KafkaAdmin(cluster).createTopics([{ name: topicNames.receipts, partitions: 1 }]));
    const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
    const { publicKey } = await suite.kem.generateKeyPair();
    return new PlaneFixture(
      cluster,
      unwrap(await TransactionalProducer.open(cluster, { transactionalId: uniqueId('feed') })),
      approvingLog(unwrap(await DirectiveLog.open(cluster, testSigner(), uniqueId('test'))), testSigner()),
      Buffer.from(await suite.kem.serializePublicKey(publicKey)).toString('base64url'),
    );
  }

  async close(): Promise<void> {
    await this.stopPlanes();
    await this.#producer.close();
    await this.#directives.close();
    await this.#suppressions?.close();
    await this.#cluster.close();
  }

  /** Ends every data plane that was started: else they share the feeds of the next test. */
  async stopPlanes(): Promise<void> {
    for (const plane of this.#planes.splice(0)) await plane.stop();
  }

  async start(config: Partial<DataPlaneConfig> = {}): Promise<DataPlane> {
    const plane = unwrap(
      await startDataPlane({
        kafka: this.kafka,
        vault: this.vault,
        checker: testSigner(),
        registry: { schemaById: (id) => Promise.resolve(fail('schema-unknown', `no schema ${id}`)) },
        instance: uniqueId('one'),
        report: (failure) => this.failures.push(failure),
        ...config,
        // Small as they are, transactions have their digests computed on a thread of their own.
        limits: { digestThreadBytesMin: 1, ...config.limits },
      }),
    );
    this.#planes.push(plane);
    return plane;
  }

  /** Not a real vault: the port's double, with keys in clear. Other tests publish directives too: their agreements have no key here. */
  get vault(): KeyOpener {
    return {
      unwrap: (key, context) => {
        const owner = context.split('/').slice(0, 2).join('/');
        const bound = key.epoch === 1 ? owner : `${owner}/${key.epoch}`;
        const opens = this.#owners.has(owner) && context === bound;
        return Promise.resolve(opens ? ok(Buffer.from(key.wrapped, 'hex')) : fail('key-missing', 'of another test'));
      },
    };
  }

  /** Says of subjects of a dataset that they were erased; answers what directives say of the list from then on. */
  async erase(
    dataset: string,
    subjects: readonly string[],
    count = subjects.length,
  ): Promise<{ suppression: DirectedSuppression }> {
    this.#suppressions ??= unwrap(await SuppressionLog.open(this.#cluster, uniqueId('test')));
    const dataKey = createHash('sha256').update(dataset).digest();
    const key = suppressionKey(dataKey, dataset);
    const digests = subjects.map((subject) => ({ dataset, digest: subjectDigest(key, Buffer.from(subject)) }));
    unwrap(await this.#suppressions.publish(digests));
    return { suppression: { key: { keyId: 'test', epoch: 1, wrapped: dataKey.toString('hex') }, field: '/id', count } };
  }

  /** A dataset with its topics for these agreements. */
  async dataset(
    partitions: number,
    agreements: number,
    { raw = {}, governed = [], compacted = false }: TopicSettings = {},
  ): Promise<[string, ...string[]]> {
    const dataset = uniqueId('visits');
    const ids = Array.from({ length: agreements }, (_, index) => uniqueId(`study-${index}`));
    for (const id of ids) this.#owners.add(`agreement/${id}`);
    this.#owners.add(`dataset/${dataset}`);
    unwrap(
      await this.admin.createTopics([
        { name: topicNames.raw(dataset), partitions, config: raw },
        { name: topicNames.quarantine(dataset), partitions },
        ...ids.map((id, index) => ({
          name: topicNames.governed(dataset, id),
          partitions,
          compacted,
          config: governed[index] ?? {},
        })),
      ]),
    );
    return [dataset, ...ids];
  }

  get admin(): KafkaAdmin {
    return new KafkaAdmin(this.#cluster);
  }

  /** Removes the records of a partition before an offset, as retention does. */
  async truncate(dataset: string, partitionIndex: number, offset: bigint): Promise<void> {
    const name = topicNames.raw(dataset);
    const leader = unwrapDefined((await this.#cluster.topics([name]))[0]?.leaders[partitionIndex]);
    await this.#cluster.call(
      leader,
      'control',
      deleteRecordsV2.api,
      [{ name, partitions: [{ partitionIndex, offset }] }],
      10_000,
    );
  }

  /** Gives a topic one more partition, so that it has `count`. */
  async grow(name: string, count: number): Promise<void> {
    const leader = unwrapDefined((await this.#cluster.topics([name]))[0]?.leaders[0]);
    await this.#cluster.call(
      'any',
      'control',
      createPartitionsV3.api,
      [{ name, count, assignments: [{ brokerIds: [leader] }] }],
      10_000,
      false,
    );
    // A broker that has not heard of it yet would have readers of the topic miss the new partition.
    const grown = await this.until(async () => (await this.partitionsOf(name)) === count);
    if (!grown) throw new Error(`grow: ${name} does not have ${count} partitions`);
  }

  /** Deletes a topic. The broker hears of it from the controller a moment later, and takes records until then; so this waits for it. */
  async remove(name: string): Promise<void> {
    unwrap(await this.admin.deleteTopics([name]));
    const gone = await this.until(async () => (await this.partitionsOf(name)) === 0);
    if (!gone) throw new Error(`remove: ${name} is still there`);
  }

  /** How many partitions the broker knows of a topic now; 0 where it knows no such topic. */
  async partitionsOf(name: string): Promise<number> {
    await this.#cluster.refresh([name]);
    return (await this.#cluster.topics([name]))[0]?.leaders.length ?? 0;
  }

  get cluster(): Cluster {
    return this.#cluster;
  }

  /** Publishes a started directive at revision 1, or what is given. */
  async direct(dataset: string, agreement: string, program: Program, more: Partial<Directive> = {}): Promise<Directive> {
    const directive: Directive = {
      version: 1,
      agreement,
      dataset,
      assigner: 'hospital',
      assignee: 'lab',
      revision: 1,
      state: 'started',
      programs: [
        {
          writerSchemaId: schemaId,
          writerSchema: schema.text,
          governedSchemaId,
          governedSchema: program.governedSchema.text,
          manifest: program.manifest,
          module: Buffer.from(program.module ?? []).toString('base64'),
          programHash: program.hash,
          signature: '',
        },
      ],
      dataKey: { keyId: 'test', epoch: 1, wrapped: randomBytes(32).toString('hex') },
      sealTo: this.#sealTo,
      delivery: { kind: 'kafka' },
      ...more,
    };
    unwrap(await this.#directives.publish(directive));
    return directive;
  }

  /** Publishes records to one partition in one transaction. */
  async publish(dataset: string, partition: number, records: readonly (Uint8Array | OutRecord)[]): Promise<void> {
    this.#producer.begin();
    const out = records.map((record): OutRecord => (record instanceof Uint8Array ? { key: null, value: record } : record));
    unwrap(await this.#producer.send(topicNames.raw(dataset), partition, out));
    unwrap(await this.#producer.commit());
  }

  /** Publishes them as one batch whatever its size, which only compression brings below the topic's limit. */
  async publishPacked(dataset: string, partition: number, records: readonly Uint8Array[]): Promise<void> {
    const topic = topicNames.raw(dataset);
    this.#producer.begin();
    const place = this.#producer.place(topic, partition);
    const builder = new BatchBuilder();
    for (const record of records) builder.append(null, record, [], BigInt(Date.now()));
    const plain = builder.finish(place);
    // Length, attributes (1 is gzip) and records of a RecordBatch. Source: Apache Kafka documentation, "Record Batch".
    const packed = Buffer.concat([plain.subarray(0, 61), gzipSync(plain.subarray(61))]);
    packed.writeInt32BE(packed.length - 12, 8);
    packed.writeInt16BE(packed.readInt16BE(21) | 1, 21);
    moveBatch(packed, place);
    this.#producer.enqueue(topic, partition, packed, records.length);
    unwrap(await this.#producer.flush());
    unwrap(await this.#producer.commit());
  }

  numbers(dataset: string, partition: number, from: number, count: number): Promise<void> {
    return this.publish(
      dataset,
      partition,
      Array.from({ length: count }, (_, index) => visit(from + index)),
    );
  }

  /** Committed records of a topic from its start, until `enough` says so or the time is over. */
  async readAll(topic: string, enough: (records: readonly ReadRecord[]) => boolean, waitMs = 20_000): Promise<ReadRecord[]> {
    const reader = unwrap(await TopicReader.open(this.#cluster, { topic, from: 'earliest' }));
    const records: ReadRecord[] = [];
    const deadline = Date.now() + waitMs;
    while (!enough(records) && Date.now() < deadline) records.push(...unwrap(await reader.poll(250)));
    return records;
  }

  /** The governed records of an agreement once there are `count`; fewer when they do not come. */
  async governed(dataset: string, agreement: string, program: Program, count: number, waitMs?: number): Promise<Patient[]> {
    const topic = topicNames.governed(dataset, agreement);
    const records = await this.readAll(topic, (read) => read.length >= count, waitMs);
    const codec = codecOf(program.governedSchema);
    return records.map(({ value }) => unwrap(codec.decode(value?.subarray(5) ?? new Uint8Array())) as Patient);
  }

  /** The Receipts of a dataset, once they have `inputCount` records of an agreement. */
  async receipts(dataset: string, agreement: string, inputCount: number): Promise<{ receipt: Receipt; value: Uint8Array }[]> {
    const of = (records: readonly ReadRecord[]) =>
      records.flatMap(({ value }) => {
        const receipt = unwrap(decodeReceipt(value ?? new Uint8Array()));
        return receipt.dataset === dataset ? [{ receipt, value: value as Uint8Array }] : [];
      });
    const inputs = (records: readonly ReadRecord[]): bigint =>
      of(records).reduce((sum, { receipt }) => sum + (receipt.agreement === agreement ? receipt.inputCount : 0n), 0n);
    return of(await this.readAll(topicNames.receipts, (records) => inputs(records) >= BigInt(inputCount)));
  }

  /** Waits until something holds; says so when it does not. */
  async until(holds: () => boolean | Promise<boolean>, waitMs = 20_000): Promise<boolean> {
    const deadline = Date.now() + waitMs;
    while (Date.now() < deadline) {
      if (await holds()) return true;
      await sleep(50);
    }
    return holds();
  }
}
