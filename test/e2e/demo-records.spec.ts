/**
 * 100,000 records of the demo through a running Sluice: every governed record is exactly what the policy says, nothing protected is found
 * anywhere behind the gate, and a subscriber reads nothing but its own stream.
 */
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { ApiClient } from '../../deploy/local/demo/api-client.ts';
import { loadDemo } from '../../deploy/local/demo/load.ts';
import { demoCredential } from '../../deploy/local/demo/credentials.ts';
import type { DemoSecrets } from '../../deploy/local/demo/secrets.ts';
import { demoSecrets } from '../../deploy/local/demo/secrets.ts';
import type { ReadRecord } from '../../libs/adapters/kafka/index.ts';
import { Cluster, committedOffsets, DirectiveFeed, TopicReader, topicOffsets } from '../../libs/adapters/kafka/index.ts';
import { LocalFileVault, openChecker } from '../../libs/adapters/kms/index.ts';
import type { AvroSchema } from '../../libs/avro/index.ts';
import { codecOf, frame, fromJson, parseSchema, toJson, unframe } from '../../libs/avro/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import type { Directive } from '../../libs/catalog/index.ts';
import { decodeQuarantined, decodeReceipt } from '../../libs/ledger/index.ts';
import type { Receipt } from '../../libs/ledger/index.ts';
import { canary, formsIn } from './canary.ts';
import { clinicRows, flightRows, orderRows, recordCounts, sensorCsv } from './demo-inputs.ts';
import type { Row } from './expected.ts';
import { expectations } from './expected.ts';
import type { OtlpReceiver } from './otlp-receiver.ts';
import { startOtlpReceiver } from './otlp-receiver.ts';
import type { RunningSluice } from './running-sluice.ts';
import { startSluice } from './running-sluice.ts';

/** Poison among the visits, each with a canary: not framed, unknown schema, truncated, null. */
const poisonEach = 10;
const badOrders = 25;

let sluice: RunningSluice;
let otlp: OtlpReceiver;
let secrets: DemoSecrets;
let operator: Cluster;
let directives: ReadonlyMap<string, Directive>;
/** Every answer of the API in this run. */
const answers: string[] = [];

beforeAll(async () => {
  otlp = await startOtlpReceiver();
  sluice = await startSluice({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: otlp.endpoint } });
  const stateDirectory = path.join(sluice.directory, 'demo');
  mkdirSync(stateDirectory, { recursive: true });
  secrets = demoSecrets(stateDirectory);
  unwrap(
    await loadDemo({
      apiAddress: sluice.address,
      account: sluice.ownAccount,
      secrets,
      // Nobody is there: deliveries wait, which must not hold up the governed topics.
      regional: { brokers: ['127.0.0.1:9'], username: 'sluice-mirror' },
      national: { url: 'http://127.0.0.1:9/' },
    }),
  );
  operator = unwrap(await Cluster.open({ brokers: sluice.brokers, clientId: 'e2e', sasl: sluice.kafkaAdmin }));
  const feed = unwrap(
    await DirectiveFeed.open(operator, unwrap(await openChecker({ keyFile: path.join(sluice.directory, 'keys', 'master.key') }))),
  );
  directives = new Map(feed.current());
  await feedClinic(clinicRows());
  await feedOrders(orderRows());
  feedFolder(
    'machine-sensors',
    sensorCsv().map(({ name, csv }) => [name, csv]),
  );
  feedFolder('flights', [
    [
      'flights.ndjson',
      flightRows()
        .map((row) => JSON.stringify(row))
        .join('\n'),
    ],
  ]);
  await untilGoverned();
}, 400_000);

afterAll(async () => {
  await operator?.close();
  await sluice?.stop();
  await otlp?.stop();
  sluice?.remove();
}, 60_000);

/** An ordinary Kafka producer over SCRAM, as the health department. */
async function feedClinic(rows: readonly Row[]): Promise<void> {
  const account = { username: 'binjiang-health', password: secrets.accounts['binjiang-health'] ?? '' };
  const kafka = new Kafka({
    clientId: 'e2e',
    brokers: [...sluice.brokers],
    sasl: { mechanism: 'scram-sha-512', ...account },
    logLevel: logLevel.NOTHING,
  });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false });
  await producer.connect();
  const [program] = directives.get('clinic-research')?.programs ?? [];
  if (program === undefined) throw new Error('no Program for the visits');
  const schema = unwrap(parseSchema(program.writerSchema));
  const topic = topicNames.raw('clinic-visits');
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  for (let from = 0; from < rows.length; from += 1_000) {
    const messages = rows.slice(from, from + 1_000).map((row, index) => ({
      key: String(row['residentId']),
      partition: (from + index) % 6,
      value: Buffer.from(frame(program.writerSchemaId, unwrap(codecOf(schema).encode(unwrap(fromJson(schema, row)))))),
      headers: { traceparent, clear: canary('header', from + index) },
    }));
    await producer.send({ topic, messages });
  }
  const whole = unwrap(codecOf(schema).encode(unwrap(fromJson(schema, { ...rows[0], notes: canary('poison', 0) }))));
  for (let index = 0; index < poisonEach; index += 1) {
    const key = canary('poisonkey', index);
    const poison = [
      Buffer.from(`{"notes":"${canary('poison', index)}"}`),
      Buffer.from(frame(987_654, Buffer.from(canary('poison', index)))),
      Buffer.from(frame(program.writerSchemaId, whole.subarray(0, whole.length - 7))),
      null,
    ];
    await producer.send({ topic, messages: poison.map((value) => ({ key, partition: index % 6, value })) });
  }
  await producer.disconnect();
}

async function post(
  body: string,
  idempotencyKey: string,
): Promise<{ status: number; replayed: boolean; answer: Record<string, unknown> }> {
  const authorization = `Basic ${Buffer.from(`qiantang-trade:${secrets.accounts['qiantang-trade'] ?? ''}`).toString('base64')}`;
  const headers = { authorization, 'content-type': 'application/x-ndjson', 'idempotency-key': idempotencyKey };
  const response = await fetch(`${sluice.address}/v1/datasets/customs-orders/records`, { method: 'POST', headers, body });
  const text = await response.text();
  answers.push(text);
  return {
    status: response.status,
    replayed: response.headers.get('idempotency-replayed') === 'true',
    answer: JSON.parse(text) as Record<string, unknown>,
  };
}

/** HTTP in four requests; the first is sent twice, the last has bad rows among the good ones. */
async function feedOrders(rows: readonly Row[]): Promise<void> {
  const bodies = [0, 1, 2, 3].map((part) => rows.slice(part * 3_000, (part + 1) * 3_000).map((row) => JSON.stringify(row)));
  const bad = Array.from({ length: badOrders }, (_, index) =>
    index % 2 === 0
      ? JSON.stringify({ ...rows[index], quantity: canary('quantity', index) })
      : `{"${canary('member', index)}": ${canary('broken', index)}`,
  );
  bodies[3]?.splice(10, 0, ...bad);
  for (const [index, lines] of bodies.entries()) {
    const { status } = await post(lines.join('\n'), `orders-${index}`);
    expect(status).toBe(index === 3 ? 207 : 200);
  }
  expect(await post(bodies[0]?.join('\n') ?? '', 'orders-0')).toMatchObject({
    status: 200,
    replayed: true,
    answer: { accepted: 3_000 },
  });
}

function feedFolder(dataset: string, files: readonly (readonly [string, string])[]): void {
  const folder = path.join(sluice.directory, 'intake', dataset);
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of files) {
    writeFileSync(path.join(folder, `.${name}`), text);
    renameSync(path.join(folder, `.${name}`), path.join(folder, name));
  }
}

/** Everything committed in a topic now. */
async function readAll(topic: string): Promise<ReadRecord[]> {
  const ends = unwrap(await topicOffsets(operator, topic, 'latest'));
  const reader = unwrap(await TopicReader.open(operator, { topic, from: 'earliest' }));
  const records: ReadRecord[] = [];
  while (ends.some((end, partition) => reader.position(partition) < end)) records.push(...unwrap(await reader.poll(200)));
  return records;
}

async function receipts(): Promise<Receipt[]> {
  return (await readAll(topicNames.receipts)).map(({ value }) => unwrap(decodeReceipt(value ?? new Uint8Array())));
}

const sum = (
  list: readonly Receipt[],
  field: 'inputCount' | 'reshapeCount' | 'passCount' | 'withholdCount' | 'refuseCount',
): number => list.reduce((total, receipt) => total + Number(receipt[field]), 0);

const poison = poisonEach * 4;
const inputs: Readonly<Record<string, number>> = {
  'clinic-research': recordCounts.clinic + poison,
  'clinic-regional': recordCounts.clinic + poison,
  'orders-national': recordCounts.orders,
  'sensors-quality': recordCounts.sensors,
  'flights-analytics': recordCounts.flights,
};

async function untilGoverned(): Promise<void> {
  const deadline = Date.now() + 240_000;
  for (;;) {
    const all = await receipts();
    const missing = Object.entries(inputs).filter(
      ([agreement, count]) =>
        sum(
          all.filter((receipt) => receipt.agreement === agreement),
          'inputCount',
        ) < count,
    );
    if (missing.length === 0) return;
    if (Date.now() > deadline) throw new Error(`not governed in time: ${missing.map(([agreement]) => agreement).join(', ')}`);
    await sleep(500);
  }
}

const schemas = new Map<string, AvroSchema>();

function schemaOf(text: string): AvroSchema {
  const schema = schemas.get(text) ?? unwrap(parseSchema(text));
  schemas.set(text, schema);
  return schema;
}

const value = (record: ReadRecord, schemaText: string): Row => {
  const schema = schemaOf(schemaText);
  return toJson(schema, unwrap(codecOf(schema).decode(unwrap(unframe(record.value ?? new Uint8Array())).body))) as Row;
};

describe('100,000 records of the demo', () => {
  test('went in exactly once over Kafka, HTTP and files', async () => {
    const counts = await Promise.all(
      ['clinic-visits', 'customs-orders', 'machine-sensors', 'flights'].map(
        async (dataset) => (await readAll(topicNames.raw(dataset))).length,
      ),
    );
    expect(counts).toEqual([recordCounts.clinic + poison, recordCounts.orders, recordCounts.sensors, recordCounts.flights]);
    expect(counts.reduce((total, count) => total + count, 0) - poison).toBe(100_000);
    const orders = await readAll(topicNames.raw('customs-orders'));
    const [program] = directives.get('orders-national')?.programs ?? [];
    const ids = orders.map((record) => value(record, program?.writerSchema ?? '')['orderId']);
    expect(new Set(ids)).toEqual(new Set(orderRows().map((row) => row['orderId'])));
  }, 60_000);

  for (const agreement of Object.keys(inputs)) {
    test(`left under ${agreement} exactly as its policy says, in order, in the same partition`, async () => {
      const vault = unwrap(await LocalFileVault.open(path.join(sluice.directory, 'keys', 'master.key')));
      const directive = directives.get(agreement);
      const [program] = directive?.programs ?? [];
      if (directive === undefined || program === undefined || directive.dataKey === null) throw new Error('no directive');
      const dataKey = unwrap(await vault.unwrap(directive.dataKey, `agreement/${agreement}`));
      const expectation = expectations({ [agreement]: dataKey })[agreement];
      if (expectation === undefined) throw new Error('no expectation');
      const raw = (await readAll(topicNames.raw(expectation.dataset))).filter((record) =>
        isReadable(record, program.writerSchema, program.writerSchemaId),
      );
      const expected = raw.flatMap((record) => {
        const leaves = expectation.expect(value(record, program.writerSchema));
        return leaves === null ? [] : [{ partition: record.partition, timestampMs: record.timestampMs, ...leaves }];
      });
      const governed = (await readAll(topicNames.governed(expectation.dataset, agreement))).map((record) => ({
        partition: record.partition,
        timestampMs: record.timestampMs,
        value: value(record, program.governedSchema),
        key: record.key === null ? null : Buffer.from(record.key).toString(),
      }));
      expect(governed.length).toBe(expected.length);
      for (const partition of new Set(expected.map((record) => record.partition))) {
        const ofPartition = <T extends { partition: number }>(list: readonly T[]): T[] =>
          list.filter((record) => record.partition === partition);
        expect(ofPartition(governed)).toEqual(ofPartition(expected));
      }
      const mine = (await receipts()).filter((receipt) => receipt.agreement === agreement);
      expect(sum(mine, 'inputCount')).toBe(inputs[agreement]);
      expect(sum(mine, 'reshapeCount') + sum(mine, 'passCount')).toBe(expected.length);
      expect(sum(mine, 'withholdCount')).toBe(raw.length - expected.length);
      expect(sum(mine, 'refuseCount')).toBe((inputs[agreement] ?? 0) - raw.length);
    }, 120_000);
  }

  test('poison is in quarantine once for each source record, with its reason', async () => {
    const quarantined = (await readAll(topicNames.quarantine('clinic-visits'))).map(({ value: bytes }) =>
      unwrap(decodeQuarantined(bytes ?? new Uint8Array())),
    );
    const counts: Record<string, number> = {};
    for (const { reason } of quarantined) counts[reason] = (counts[reason] ?? 0) + 1;
    expect(counts).toEqual({
      'frame-invalid': poisonEach,
      'schema-unknown': poisonEach,
      'record-malformed': poisonEach,
      'tombstone-refused': poisonEach,
    });
    expect(quarantined.every(({ sealed }) => sealed !== null)).toBe(true);
  });

  test('nothing protected is in any governed topic, quarantine, receipt, trace, log, report or answer, in any form', async () => {
    const topics = [
      ...Object.entries({
        'clinic-research': 'clinic-visits',
        'clinic-regional': 'clinic-visits',
        'orders-national': 'customs-orders',
      }).map(([agreement, dataset]) => topicNames.governed(dataset, agreement)),
      ...['clinic-visits', 'customs-orders', 'machine-sensors', 'flights'].map(topicNames.quarantine),
      topicNames.receipts,
      topicNames.directives,
      topicNames.intake,
      topicNames.events,
    ];
    for (const topic of topics) {
      for (const record of await readAll(topic)) {
        const parts = [record.key, record.value, ...record.headers.flatMap(([name, bytes]) => [Buffer.from(name), bytes])];
        const found = formsIn(Buffer.concat(parts.map((part) => part ?? Buffer.alloc(0))));
        if (found.length > 0) throw new Error(`${topic}: a canary as ${found.join(', ')} at offset ${record.offset}`);
      }
    }
    expect(formsIn(sluice.written())).toEqual([]);
    expect(formsIn(Buffer.from(answers.join('\n')))).toEqual([]);
    const reports = readdirSync(path.join(sluice.directory, 'intake'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.report.json'),
    );
    expect(reports.length).toBe(sensorCsv().length + 1);
    for (const name of reports) expect(formsIn(readFileSync(path.join(sluice.directory, 'intake', name)))).toEqual([]);
    await sleep(6_000);
    const spans = otlp.received();
    expect(spans.includes('process raw.clinic-visits')).toBe(true);
    expect(spans.includes(Buffer.from('0af7651916cd43dd8448eb211c80319c', 'hex'))).toBe(true);
    expect(formsIn(spans)).toEqual([]);
  }, 120_000);

  test('the search would have found them: they are in the raw topic', async () => {
    const [record] = await readAll(topicNames.raw('clinic-visits'));
    expect(formsIn(record?.value ?? new Uint8Array())).toContain('raw UTF-8');
  });
});

describe('a subscriber', () => {
  test('reads its own stream, and is refused every other topic and every group outside its prefix', async () => {
    const sasl = unwrap(await demoCredential(sluice.address, secrets, { id: 'clinic-research', assignee: 'xinglan-pharma' }));
    const subscriber = unwrap(await Cluster.open({ brokers: sluice.brokers, clientId: 'pharma', sasl }));
    const own = topicNames.governed('clinic-visits', 'clinic-research');
    expect(
      unwrap(await unwrap(await TopicReader.open(subscriber, { topic: own, from: 'earliest' })).poll(1_000)).length,
    ).toBeGreaterThan(0);
    const others = [
      topicNames.raw('clinic-visits'),
      topicNames.quarantine('clinic-visits'),
      topicNames.governed('clinic-visits', 'clinic-regional'),
      topicNames.governed('flights', 'flights-analytics'),
      topicNames.directives,
      topicNames.receipts,
      topicNames.intake,
      topicNames.events,
    ];
    for (const topic of others)
      expect([topic, (await TopicReader.open(subscriber, { topic, from: 'earliest' })).ok]).toEqual([topic, false]);
    expect((await committedOffsets(subscriber, 'clinic-research.app', own)).ok).toBe(true);
    for (const group of ['clinic-research2.app', 'clinic-research', 'clinic-regional.app']) {
      expect([group, (await committedOffsets(subscriber, group, own)).ok]).toEqual([group, false]);
    }
    await subscriber.close();
  }, 60_000);

  test('may not publish, and does not see what belongs to others through the API', async () => {
    const api = new ApiClient(sluice.address, { name: 'xinglan-pharma', secret: secrets.accounts['xinglan-pharma'] ?? '' });
    expect((await api.get('/v1/agreements/clinic-research')).ok).toBe(true);
    expect((await api.get('/v1/agreements/flights-analytics')).ok).toBe(false);
    expect((await api.get('/v1/accounts/yuanhang-analytics')).ok).toBe(false);
    expect(
      (await api.send('POST', '/v1/datasets/customs-orders/records', '{}', { 'content-type': 'application/x-ndjson' })).ok,
    ).toBe(false);
  });
});

describe('stopping', () => {
  test('drains and ends with exit code 0, and its Kafka and PostgreSQL are gone', async () => {
    expect(await sluice.stop()).toBe(0);
    expect((await Cluster.open({ brokers: sluice.brokers, clientId: 'late', sasl: sluice.kafkaAdmin })).ok).toBe(false);
  }, 60_000);
});

function isReadable(record: ReadRecord, schemaText: string, schemaId: number): boolean {
  const framed = unframe(record.value ?? new Uint8Array());
  if (!framed.ok || framed.value.schemaId !== schemaId) return false;
  return codecOf(schemaOf(schemaText)).decode(framed.value.body).ok;
}
