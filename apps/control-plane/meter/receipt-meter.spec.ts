/** The meter on real Kafka and PostgreSQL: each Receipt counts once, whoever follows and whatever dies. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';

import { Cluster, KafkaAdmin, receiptsTopic, TransactionalProducer } from '../../../libs/adapters/kafka/index.ts';
import type { Database } from '../../../libs/adapters/postgres/index.ts';
import { openDatabase } from '../../../libs/adapters/postgres/index.ts';
import { ok, unwrap } from '../../../libs/base/index.ts';
import type { Receipt } from '../../../libs/ledger/index.ts';
import { chainStart, decodeReceipt, encodeReceipt } from '../../../libs/ledger/index.ts';
import type { TestDatabase } from '../../../libs/testkit/index.ts';
import { freshDatabase, testKafka, uniqueId } from '../../../libs/testkit/index.ts';
import { readAll } from '../control-plane-fixture.ts';
import { ReceiptMeter } from './receipt-meter.ts';

let place: TestDatabase;
let database: Database;
let cluster: Cluster;
let producer: TransactionalProducer;
let client: pg.Client;
let topicId: string;
const said: string[] = [];
const running = new Set<ReceiptMeter>();

/** Of this test alone: others read every Receipt of theirs, and here are some that are none. */
const topic = uniqueId('receipts');
const agreements = [uniqueId('metered-a'), uniqueId('metered-b')];
const [first = '', second = ''] = agreements;

beforeAll(async () => {
  place = await freshDatabase();
  database = unwrap(await openDatabase(place.url));
  const { brokers, username, password } = testKafka();
  cluster = unwrap(
    await Cluster.open({
      brokers,
      clientId: uniqueId('meter'),
      sasl: { username, password },
    }),
  );
  unwrap(await new KafkaAdmin(cluster).createTopics([{ ...receiptsTopic, name: topic }]));
  producer = unwrap(
    await TransactionalProducer.open(cluster, {
      transactionalId: uniqueId('receipts'),
    }),
  );
  topicId = (await cluster.topics([topic]))[0]?.topicId ?? '';
  client = new pg.Client({ connectionString: place.url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query(`INSERT INTO participant (id, name, roles, state) VALUES ('p', 'P', '{publisher,subscriber}', 'active')`);
  await client.query(`INSERT INTO dataset (id, title_zh, title_en, publisher, description, licence, seal_to, subject, partitions, state)
    VALUES ('d', 'd', 'd', 'p', '', '', '', 'raw.d-value', 1, 'open')`);
  for (const id of agreements)
    await client.query(
      `INSERT INTO agreement (id, dataset, assigner, assignee, policy, delivery, state, revision, published_revision)
        VALUES ($1, 'd', 'p', 'p', '{}', '{"kind":"kafka"}', 'started', 1, 1)`,
      [id],
    );
});

afterAll(async () => {
  await Promise.all([...running].map((meter) => meter.stop()));
  await client.end();
  await producer.close();
  await cluster.close();
  await database.close();
  await place.drop();
});

function follow(pollBytesMax?: number): ReceiptMeter {
  const warn = (sentence: string): void => void said.push(sentence);
  const more = pollBytesMax === undefined ? {} : { pollBytesMax };
  const meter = new ReceiptMeter({
    database,
    cluster,
    topic,
    suspend: () => Promise.resolve(ok(undefined)),
    warn,
    ...more,
  });
  running.add(meter);
  meter.start();
  return meter;
}

async function end(meter: ReceiptMeter): Promise<void> {
  running.delete(meter);
  await meter.stop();
}

const receipt = (agreement: string, more: Partial<Receipt> = {}): Receipt => ({
  agreement,
  dataset: 'd',
  partition: 0,
  kind: 'governed',
  apart: false,
  previous: chainStart,
  directiveRevision: 1n,
  programHashes: [],
  inputFrom: 0n,
  inputTo: 9n,
  inputCount: 10n,
  passCount: 2n,
  reshapeCount: 5n,
  withholdCount: 2n,
  refuseCount: 1n,
  refusals: {},
  otherwise: {},
  inputTimestampMsMax: 0n,
  governedDigest: new Uint8Array(32),
  issuedAtMs: BigInt(Date.UTC(2026, 10, 28, 12)),
  keyEpoch: 1,
  suppressCount: 0n,
  ...more,
});

/** In one transaction, which is taken back where it is told to. */
async function write(values: readonly (Receipt | Uint8Array)[], keep = true): Promise<void> {
  producer.begin();
  const records = values.map((value) => ({
    key: null,
    value: value instanceof Uint8Array ? value : encodeReceipt(value),
  }));
  unwrap(await producer.send(topic, 0, records));
  unwrap(await (keep ? producer.commit() : producer.abort()));
}

/** Until everything that is in the topic now is counted. */
async function caughtUp(): Promise<void> {
  const last = (await readAll(cluster, topic)).at(-1)?.offset ?? -1n;
  const deadline = Date.now() + 30_000;
  for (;;) {
    const positions = await database.stores.meters.positions(topicId);
    if (positions.ok && (positions.value.get(0) ?? 0n) > last) return;
    if (Date.now() > deadline) throw new Error(`the meter does not come to ${last}: ${said.join('; ')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What is wrong with the counts, by a reader of the topic that knows nothing of the meter; null for nothing. */
async function fault(): Promise<string | null> {
  const records = await readAll(cluster, topic);
  for (const agreement of agreements) {
    let delivered = 0;
    for (const { value } of records) {
      const read = value === null ? null : decodeReceipt(value);
      if (read?.ok === true && read.value.agreement === agreement)
        delivered += Number(read.value.passCount) + Number(read.value.reshapeCount);
    }
    const { meters } = database.stores;
    const total = unwrap(await meters.total(agreement));
    const days = unwrap(await meters.days(agreement, { before: null, limit: 200 }));
    const byDay = days.reduce((sum, day) => sum + day.delivered, 0);
    if (total.delivered !== delivered || byDay !== delivered)
      return `${agreement} has ${total.delivered} (${byDay} by days), and ${delivered} are in the Receipts`;
    if (total.input + total.replayed !== total.delivered + total.withheld + total.refused) return `${agreement} does not add up`;
  }
  return null;
}

test('what a redrive delivers counts, a gap and what is no Receipt do not, nor what is of another database or was taken back', async () => {
  const meter = follow();
  const day = BigInt(Date.UTC(2026, 10, 28, 23, 59, 59, 999));
  await write([receipt(first, { issuedAtMs: day }), receipt(first, { issuedAtMs: day + 1n }), receipt('of-somebody-else')]);
  await write([receipt(first, { inputCount: 1_000n })], false);
  await write([
    receipt(first, {
      kind: 'gap',
      inputCount: 0n,
      passCount: 0n,
      reshapeCount: 0n,
      withholdCount: 0n,
      refuseCount: 0n,
    }),
    receipt(first, {
      kind: 'replayed',
      inputCount: 2n,
      passCount: 1n,
      reshapeCount: 0n,
      withholdCount: 0n,
      refuseCount: 1n,
    }),
    Buffer.from('no Receipt'),
    receipt(first, { inputCount: 11n }),
  ]);
  await caughtUp();
  const { meters } = database.stores;
  expect(unwrap(await meters.total(first))).toEqual({
    input: 20,
    delivered: 15,
    withheld: 4,
    refused: 2,
    replayed: 1,
    used: 15,
    recordsMax: null,
  });
  expect(unwrap(await meters.days(first, { before: null, limit: 9 }))).toEqual([
    {
      day: '2026-11-29',
      input: 10,
      delivered: 7,
      withheld: 2,
      refused: 1,
      replayed: 0,
    },
    {
      day: '2026-11-28',
      input: 10,
      delivered: 8,
      withheld: 2,
      refused: 1,
      replayed: 1,
    },
  ]);
  expect(unwrap(await meters.total('of-somebody-else')).delivered).toBe(0);
  expect(
    said.filter((sentence) => /^a Receipt at 0\/\d+ cannot be read: it is not counted$/.test(sentence)).length,
  ).toBeGreaterThanOrEqual(2);
  // The one that does not add up is left out by the meter, and by this: `fault` would count what it says.
  await client.query(
    'UPDATE meter SET input = input + 10, delivered = delivered + 7, withheld = withheld + 2, refused = refused + 1 WHERE agreement = $1',
    [first],
  );
  await client.query(
    "UPDATE meter_day SET input = input + 10, delivered = delivered + 7, withheld = withheld + 2, refused = refused + 1 WHERE agreement = $1 AND day = '2026-11-28'",
    [first],
  );
  expect(await fault()).toBeNull();
  await end(meter);
}, 60_000);

test('three instances that are stopped and lose their connections again and again count everything once, and a planted fault is found', async () => {
  let meters = [follow(4_096), follow(4_096), follow(4_096)];
  const day = 24 * 3_600_000;
  for (let round = 0; round < 40; round += 1) {
    const receipts = Array.from({ length: 5 }, (_, index) =>
      receipt(index % 2 === 0 ? first : second, {
        issuedAtMs: BigInt(Date.UTC(2026, 10, 1) + ((round * 5 + index) % 9) * day),
      }),
    );
    await write(receipts, round % 7 !== 3);
    // As a killed process leaves it: whether the transaction under way is committed, its instance never learns.
    if (round % 3 === 0)
      await client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      );
    if (round % 10 === 5) {
      const [oldest, ...others] = meters;
      if (oldest !== undefined) await end(oldest);
      meters = [...others, follow(4_096)];
    }
  }
  await caughtUp();
  expect(await fault()).toBeNull();
  expect(said.filter((sentence) => sentence.includes('are not there'))).toEqual([]);
  await Promise.all(meters.map(end));

  // What a position that is not stored with the counts would come to.
  await client.query('UPDATE meter_position SET next = next - 10 WHERE topic_id = $1', [topicId]);
  const faulty = follow();
  await caughtUp();
  expect(await fault()).toMatch(/ has \d+ \(\d+ by days\), and \d+ are in the Receipts/);
  await end(faulty);
}, 120_000);

test('a place that the topic does not have any more is said, and counting goes on behind it', async () => {
  await client.query('UPDATE meter_position SET next = 1000000 WHERE topic_id = $1', [topicId]);
  const before = unwrap(await database.stores.meters.total(second)).delivered;
  const meter = follow();
  const deadline = Date.now() + 20_000;
  while (!said.some((sentence) => sentence.includes('between 1000000 and')) && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 20));
  expect(said.join('\n')).toMatch(/Receipts of partition 0 between 1000000 and \d+ are not there/);
  await write([receipt(second)]);
  await caughtUp();
  expect(unwrap(await database.stores.meters.total(second)).delivered).toBe(before + 7);
  await end(meter);
}, 60_000);
