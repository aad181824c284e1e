/** The data plane on a real broker: what comes in leaves governed, exactly once, or is refused with a reason. */
import { randomBytes } from 'node:crypto';
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Cluster, DirectiveLog, KafkaAdmin, TopicReader, TransactionalProducer } from '../../libs/adapters/kafka/index.ts';
import type { OutRecord, ReadRecord } from '../../libs/adapters/kafka/index.ts';
import { codecOf, frame, parseSchema } from '../../libs/avro/index.ts';
import type { AvroSchema } from '../../libs/avro/index.ts';
import { fail, ok, topicNames, unwrap } from '../../libs/base/index.ts';
import type { Directive, KeyOpener } from '../../libs/catalog/index.ts';
import type { Program } from '../../libs/govern/index.ts';
import { compile } from '../../libs/govern/index.ts';
import { decodeQuarantined, decodeReceipt, openSealed } from '../../libs/ledger/index.ts';
import type { ChannelTerms } from '../../libs/odrl/index.ts';
import { stages } from '../../libs/stages/index.ts';
import { approvingLog, testKafka, testSigner, uniqueId } from '../../libs/testkit/index.ts';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import type { DataPlane } from './start.ts';
import { startDataPlane } from './start.ts';

const schemaId = 4101;
/** A record's own time. Not long ago: the broker keeps and deletes by it, and removes what is older than the topic's retention. */
const visitedMs = BigInt(Date.now() - 3_600_000);
const dataset = uniqueId('patients');
const agreement = uniqueId('study');
/** A dataset whose one agreement lets headers out. */
const headed = { dataset: uniqueId('headed'), agreement: uniqueId('headed-study') };
const schema = unwrap(
  parseSchema(
    JSON.stringify({
      type: 'record',
      name: 'Patient',
      fields: [
        { name: 'id', type: 'string' },
        { name: 'phone', type: 'string' },
        { name: 'cost', type: 'double' },
        { name: 'notes', type: ['null', 'string'], default: null },
      ],
    }),
  ),
);
const programWith = (channels: ChannelTerms): Program =>
  unwrap(
    compile({
      schema,
      stages,
      terms: {
        channels,
        rules: [
          { stage: 'filter', at: [], with: { where: 'cost >= 50.0' }, else: 'refuse' },
          { stage: 'pseudonymize', at: ['/id'], with: { length: 32, pattern: '[0-9]{6}' }, else: 'refuse' },
          { stage: 'mask', at: ['/phone'], with: { first: 3, last: 4, width: 4 }, else: 'refuse' },
          { stage: 'keep', at: ['/cost'], with: {}, else: 'refuse' },
          { stage: 'drop', at: ['/notes'], with: {}, else: 'refuse' },
        ],
      },
    }),
  );
const program = programWith({ key: 'drop', timestamp: 'keep' });
/** Not a real vault: the port's double, with the key in clear under a name. */
const vault: KeyOpener = {
  unwrap: (key, context) =>
    Promise.resolve(
      [agreement, headed.agreement].some((id) => context === `agreement/${id}`)
        ? ok(Buffer.from(key.wrapped, 'hex'))
        : fail('key-missing', 'wrong context'),
    ),
};

const approved = ({ governedSchema: { text }, manifest, module, hash }: Program): Directive['programs'][number] => ({
  writerSchemaId: schemaId,
  writerSchema: schema.text,
  governedSchemaId: 4102,
  governedSchema: text,
  manifest,
  module: Buffer.from(module ?? []).toString('base64'),
  programHash: hash,
  signature: '',
});

let cluster: Cluster;
let producer: TransactionalProducer;
let directives: ReturnType<typeof approvingLog>;
let plane: DataPlane;
let privateKey: Uint8Array;
let directive: Directive;
/** Whether the registry's double answers. */
let registryReachable = true;

beforeAll(async () => {
  const { brokers, username, password } = testKafka();
  const kafka = { brokers, clientId: 'record-path-test', sasl: { username, password } };
  cluster = unwrap(await Cluster.open(kafka));
  const admin = new KafkaAdmin(cluster);
  unwrap(
    await admin.createTopics([
      { name: topicNames.raw(dataset), partitions: 2, config: { 'max.message.bytes': '2097152' } },
      { name: topicNames.governed(dataset, agreement), partitions: 2 },
      { name: topicNames.quarantine(dataset), partitions: 2, config: { 'max.message.bytes': '4194304' } },
      { name: topicNames.receipts, partitions: 1 },
    ]),
  );
  producer = unwrap(await TransactionalProducer.open(cluster, { transactionalId: uniqueId('feed') }));
  directives = approvingLog(unwrap(await DirectiveLog.open(cluster, testSigner(), uniqueId('test'))), testSigner());
  const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
  const pair = await suite.kem.generateKeyPair();
  privateKey = new Uint8Array(await suite.kem.serializePrivateKey(pair.privateKey));
  directive = {
    version: 1,
    agreement,
    dataset,
    assigner: 'hospital',
    assignee: 'lab',
    revision: 1,
    state: 'started',
    programs: [approved(program)],
    dataKey: { keyId: 'test', epoch: 1, wrapped: randomBytes(32).toString('hex') },
    sealTo: Buffer.from(await suite.kem.serializePublicKey(pair.publicKey)).toString('base64url'),
    delivery: { kind: 'kafka' },
  };
  unwrap(await directives.publish(directive));
  plane = unwrap(
    await startDataPlane({
      kafka,
      vault,
      checker: testSigner(),
      registry: {
        schemaById: (id) =>
          Promise.resolve(registryReachable ? fail('schema-unknown', `no schema ${id}`) : fail('registry-unreachable', 'down')),
      },
      instance: uniqueId('one'),
    }),
  );
}, 60_000);

afterAll(async () => {
  await plane?.stop();
  await producer?.close();
  await directives?.close();
  await cluster?.close();
}, 60_000);

const patient = (id: number, cost = 60, notes: string | null = 'free text'): Uint8Array =>
  frame(
    schemaId,
    unwrap(
      codecOf(schema).encode({
        id: String(id).padStart(6, '0'),
        phone: '13812345678',
        cost,
        notes: notes === null ? null : { string: notes },
      }),
    ),
  );

async function publish(
  partition: number,
  records: readonly OutRecord[],
  end: 'commit' | 'abort' = 'commit',
  topic = topicNames.raw(dataset),
): Promise<void> {
  producer.begin();
  unwrap(await producer.send(topic, partition, records));
  unwrap(await producer[end]());
}

/** Reads a topic from its start until `enough` says so or nothing has come for a while. */
async function readAll(
  topic: string,
  enough: (records: readonly ReadRecord[]) => boolean,
  waitMs = 20_000,
): Promise<ReadRecord[]> {
  const reader = unwrap(await TopicReader.open(cluster, { topic, from: 'earliest' }));
  const records: ReadRecord[] = [];
  const deadline = Date.now() + waitMs;
  while (!enough(records) && Date.now() < deadline) records.push(...unwrap(await reader.poll(250)));
  return records;
}

const governedRecords = (count: number, waitMs?: number): Promise<ReadRecord[]> =>
  readAll(topicNames.governed(dataset, agreement), (records) => records.length >= count, waitMs);
const governedSchema: AvroSchema = program.governedSchema;

describe('the record path', () => {
  test('a record leaves masked, tokenized, without dropped fields and without its key and headers', async () => {
    await publish(0, [
      {
        key: Buffer.from('000001'),
        value: patient(1),
        headers: [['clear', Buffer.from('000001')]],
        timestampMs: visitedMs,
      },
    ]);
    const [record] = await governedRecords(1);
    expect(record?.key).toBeNull();
    expect(record?.headers).toEqual([]);
    expect(record?.timestampMs).toBe(visitedMs);
    expect(Buffer.from(record?.value?.subarray(0, 5) ?? []).toString('hex')).toBe('0000001006');
    const value = unwrap(codecOf(governedSchema).decode(record?.value?.subarray(5) ?? new Uint8Array())) as Record<
      string,
      unknown
    >;
    expect(value).toEqual({ id: expect.stringMatching(/^[0-9a-f]{32}$/), phone: '138****5678', cost: 60 });
  }, 30_000);

  test('rows that the condition excludes are withheld, and order and partition are kept', async () => {
    const records = Array.from({ length: 500 }, (_, index) => ({
      key: null,
      value: patient(1000 + index, index % 5 === 0 ? 10 : 100 + index),
    }));
    await publish(1, records);
    const governed = (await governedRecords(401)).filter(({ partition }) => partition === 1);
    const costs = governed.map(
      ({ value }) => (unwrap(codecOf(governedSchema).decode(value?.subarray(5) ?? new Uint8Array())) as { cost: number }).cost,
    );
    expect(costs).toEqual(records.flatMap((_, index) => (index % 5 === 0 ? [] : [100 + index])));
  }, 30_000);

  test('records of an aborted transaction never leave', async () => {
    await publish(0, [{ key: Buffer.alloc(4), value: patient(666, 666) }], 'abort');
    await publish(0, [{ key: null, value: patient(667, 667) }]);
    const governed = await governedRecords(402);
    const costs = governed.map(
      ({ value }) => (unwrap(codecOf(governedSchema).decode(value?.subarray(5) ?? new Uint8Array())) as { cost: number }).cost,
    );
    expect(costs).toContain(667);
    expect(costs).not.toContain(666);
  }, 30_000);

  test('bad input is quarantined with its reason, the original sealed to the publisher, and the feed goes on', async () => {
    const bad = [
      { value: null, reason: 'tombstone-refused' },
      { value: Buffer.from('not framed'), reason: 'frame-invalid' },
      { value: frame(999_999, Buffer.from([0])), reason: 'schema-unknown' },
      { value: frame(schemaId, Buffer.from([2, 0x61, 0xff])), reason: 'record-malformed' },
      { value: patient(1_234_567), reason: 'value-unfit' },
    ];
    for (const { value } of bad) await publish(0, [{ key: Buffer.from('k'), value }]);
    await publish(0, [{ key: null, value: patient(42, 4242) }]);
    await governedRecords(403);
    const quarantined = (await readAll(topicNames.quarantine(dataset), (records) => records.length >= 5)).map(({ value }) =>
      unwrap(decodeQuarantined(value ?? new Uint8Array())),
    );
    expect(quarantined.map(({ reason }) => reason)).toEqual(bad.map(({ reason }) => reason));
    const ruled = quarantined.at(-1);
    expect(ruled).toMatchObject({ agreement, field: '/id', programHash: program.hash });
    expect(quarantined[0]).toMatchObject({ agreement: null, field: null });
    const original = unwrap(
      await openSealed(privateKey, ruled?.sealed ?? { encapsulatedKey: new Uint8Array(), ciphertext: new Uint8Array() }, {
        dataset,
        partition: 0,
        offset: ruled?.offsetFirst ?? -1n,
      }),
    );
    expect(Buffer.from(original).includes(Buffer.from('1234567'))).toBe(true);
  }, 40_000);

  test('an oversized record is refused, its original sealed, and the feed goes on', async () => {
    const big = Buffer.concat([frame(schemaId, Buffer.alloc(0)), Buffer.alloc(1_060_000, 1)]);
    const { brokers, username, password } = testKafka();
    const kafka = new Kafka({
      brokers: [...brokers],
      sasl: { mechanism: 'scram-sha-512', username, password },
      logLevel: logLevel.NOTHING,
    });
    const ordinary = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await ordinary.connect();
    await ordinary.send({ topic: topicNames.raw(dataset), messages: [{ partition: 0, key: null, value: big }] });
    await ordinary.disconnect();
    await publish(0, [{ key: null, value: patient(43, 4343) }]);
    await governedRecords(404);
    const quarantined = (await readAll(topicNames.quarantine(dataset), (records) => records.length >= 6)).map(({ value }) =>
      unwrap(decodeQuarantined(value ?? new Uint8Array())),
    );
    expect(quarantined.at(-1)).toMatchObject({ reason: 'record-too-large', agreement: null });
    expect(quarantined.at(-1)?.sealed?.ciphertext.length).toBeGreaterThan(1_060_000);
  }, 40_000);

  test('while the registry is down an unknown schema id holds up its partition alone, and nothing is refused or lost', async () => {
    registryReachable = false;
    await publish(1, [
      { key: null, value: patient(50, 5001) },
      { key: null, value: frame(888_888, Buffer.from([0])) },
      { key: null, value: patient(51, 5002) },
    ]);
    await publish(0, [{ key: null, value: patient(52, 5003) }]);
    await governedRecords(405);
    const before = await governedRecords(408, 2_000);
    const costs = (records: readonly ReadRecord[]): number[] =>
      records.map(
        ({ value }) => (unwrap(codecOf(governedSchema).decode(value?.subarray(5) ?? new Uint8Array())) as { cost: number }).cost,
      );
    expect(costs(before)).toContain(5003);
    expect(costs(before)).not.toContain(5002);
    registryReachable = true;
    expect(costs(await governedRecords(407)).filter((cost) => cost > 5000)).toEqual(expect.arrayContaining([5001, 5002, 5003]));
  }, 60_000);

  test('receipts add up to the input, and their digest is that of the governed records', async () => {
    const mine = (records: readonly ReadRecord[]) =>
      records.flatMap(({ value }) => {
        const receipt = unwrap(decodeReceipt(value ?? new Uint8Array()));
        return receipt.agreement === agreement ? [receipt] : [];
      });
    const input = (records: readonly ReadRecord[]): bigint => mine(records).reduce((sum, { inputCount }) => sum + inputCount, 0n);
    const receipts = mine(await readAll(topicNames.receipts, (records) => input(records) >= 514n));
    const total = (field: 'inputCount' | 'passCount' | 'reshapeCount' | 'withholdCount' | 'refuseCount'): bigint =>
      receipts.reduce((sum, receipt) => sum + receipt[field], 0n);
    expect(total('inputCount')).toBe(514n);
    expect(total('passCount') + total('reshapeCount') + total('withholdCount') + total('refuseCount')).toBe(514n);
    expect(total('reshapeCount')).toBe(407n);
    expect(total('withholdCount')).toBe(100n);
    expect(receipts.every(({ programHashes }) => programHashes.every((hash) => hash === program.hash))).toBe(true);
  }, 40_000);

  test('headers leave as the terms say, and one that does not repeat the key refuses its record', async () => {
    const topics = [topicNames.raw(headed.dataset), topicNames.governed(headed.dataset, headed.agreement)] as const;
    unwrap(
      await new KafkaAdmin(cluster).createTopics(
        [...topics, topicNames.quarantine(headed.dataset)].map((name) => ({ name, partitions: 1 })),
      ),
    );
    const open = programWith({
      key: { repeats: '/id' },
      timestamp: 'keep',
      headers: [
        { name: 'patient', repeats: 'key' },
        { name: 'source', keep: true },
      ],
    });
    unwrap(await directives.publish({ ...directive, ...headed, programs: [approved(open)] }));
    const record = (id: string, headers: [string, string][]): OutRecord => ({
      key: Buffer.from(id),
      value: patient(Number(id)),
      headers: headers.map(([name, text]) => [name, Buffer.from(text)]),
    });
    const good = record('000001', [
      ['source', 'ward 1'],
      ['clear', '000001'],
      ['patient', '000001'],
      ['traceparent', `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`],
      ['source', 'ward 2'],
    ]);
    await publish(
      0,
      [good, record('000002', [['patient', '000001']]), record('000003', [['patient', '000003']])],
      'commit',
      topics[0],
    );
    const governed = await readAll(topics[1], (records) => records.length >= 2);
    const texts = governed.map(({ headers }) => headers.map(([name, value]) => [name, Buffer.from(value ?? []).toString()]));
    const keys = governed.map(({ key }) => Buffer.from(key ?? []).toString());
    expect(keys).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), expect.stringMatching(/^[0-9a-f]{32}$/)]);
    expect(texts).toEqual([
      [
        ['source', 'ward 1'],
        ['patient', keys[0]],
        ['source', 'ward 2'],
      ],
      [['patient', keys[1]]],
    ]);
    const [refused] = await readAll(topicNames.quarantine(headed.dataset), (records) => records.length >= 1);
    expect(unwrap(decodeQuarantined(refused?.value ?? new Uint8Array()))).toMatchObject({
      reason: 'header-unfit',
      agreement: headed.agreement,
      field: '(header patient)',
      offsetFirst: 1n,
    });
  }, 40_000);

  test('a suspended agreement receives nothing more, and the rest of the feed is not produced to it', async () => {
    unwrap(await directives.publish({ ...directive, revision: 2, state: 'suspended' }));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await publish(0, [{ key: null, value: patient(7, 7777) }]);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await governedRecords(408, 2_000)).toHaveLength(407);
  }, 30_000);
});
