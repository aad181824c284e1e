/** Records over HTTP, on real Kafka: what goes in, what is refused, and that a retry never doubles. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { TransactionalProducer } from '../../libs/adapters/kafka/index.ts';
import { openDatabase } from '../../libs/adapters/postgres/index.ts';
import { codecOf, parseSchema, unframe } from '../../libs/avro/index.ts';
import { ok, topicNames, unwrap } from '../../libs/base/index.ts';
import { uniqueId } from '../../libs/testkit/index.ts';
import type { Answer, Feed, Fixture } from './control-plane-fixture.ts';
import { datasetBody, eventually, expectStatus, makeFeed, readAll, startFixture, visitSchema } from './control-plane-fixture.ts';
import { IntakeLedger, slotOf, slotTransactionalId } from './intake/intake-ledger.ts';
import { entryKey } from './intake/ledger-entry.ts';
import { partitionOfKey } from './intake/partition-choice.ts';
import { transact } from './intake/transact.ts';

let fixture: Fixture;
let feed: Feed;

beforeAll(async () => {
  fixture = await startFixture();
  await fixture.addInstance();
});

afterAll(async () => {
  await fixture.close();
});

const visit = (id: string, more: object = {}): Record<string, unknown> => ({
  id,
  phone: '13800138000',
  cost: 12.5,
  day: '2024-02-29',
  ...more,
});

const ndjson = 'application/x-ndjson';

interface Post {
  readonly type?: string;
  readonly key?: string;
  readonly headers?: Record<string, string>;
  readonly instance?: number;
  readonly to?: Feed;
}

function post(text: string, { type = ndjson, key, headers = {}, instance = 0, to = feed }: Post = {}): Promise<Answer> {
  const query = key === undefined ? '' : `?key=${encodeURIComponent(key)}`;
  const options = { as: to.publisher, instance, text, headers: { 'content-type': type, ...headers } };
  return fixture.call('POST', `/v1/datasets/${to.dataset}/records${query}`, options);
}

const lines = (...rows: unknown[]): string => rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n');

const codec = codecOf(unwrap(parseSchema(JSON.stringify(visitSchema()))));

interface Stored {
  readonly id: string;
  readonly key: string | null;
  readonly partition: number;
  readonly value: Record<string, unknown>;
  readonly headers: Record<string, string>;
}

/** A commit is durable a little before readers see it. */
const stored = (count: number, from: Feed = feed): Promise<Stored[]> =>
  eventually(async () => {
    const records = await readAll(fixture.cluster, topicNames.raw(from.dataset));
    if (records.length < count) return null;
    return records.map(({ key, value, partition, headers }) => {
      const decoded = unwrap(codec.decode(unwrap(unframe(value ?? new Uint8Array())).body)) as Record<string, unknown>;
      return {
        id: String(decoded['id']),
        key: key === null ? null : Buffer.from(key).toString('utf8'),
        partition,
        value: decoded,
        headers: Object.fromEntries(headers.map(([name, bytes]) => [name, Buffer.from(bytes).toString('latin1')])),
      };
    });
  });

describe('rows', () => {
  beforeAll(async () => {
    feed = await makeFeed(fixture.call, { agreement: false });
  });

  test('of NDJSON go in when they are good and are reported by line and field without their value when not', async () => {
    const { status, body } = await post(
      lines(
        visit('1'),
        visit('value-canary', { cost: 'value-canary' }),
        '',
        '{"id":"value-canary',
        visit('5', { count: 7 }),
        '[1]',
      ),
    );
    expect(status).toBe(207);
    expect(body).toMatchObject({ accepted: 2, refused: 3 });
    expect(body.problems.map(({ line, field }: { line: number; field: string | null }) => [line, field])).toEqual([
      [2, '/cost'],
      [4, null],
      [6, null],
    ]);
    expect(JSON.stringify(body) + fixture.logged()).not.toContain('value-canary');
    expect((await stored(2)).map(({ value }) => value)).toEqual(
      expect.arrayContaining([expect.objectContaining({ id: '5', day: 19_782, count: { long: 7n } })]),
    );
  });

  test('of a JSON array are told apart even when one is not JSON', async () => {
    const deep = `${'['.repeat(100)}${']'.repeat(100)}`;
    const { body } = await post(
      `\uFEFF [ ${JSON.stringify(visit('a'))}, {"id":}, ${deep}, ${JSON.stringify(visit('b, ]"\\'))} ] `,
      { type: 'application/json' },
    );
    expect(body).toMatchObject({ accepted: 2, refused: 2 });
    expect(body.problems.map(({ line }: { line: number }) => line)).toEqual([2, 3]);
    for (const text of ['', '{}', '[1,2', '[]]', '[1] x', '"x"']) {
      expect(await post(text, { type: 'application/json' })).toMatchObject({ status: 400, body: { code: 'request-invalid' } });
    }
    expect(await post('[]', { type: 'application/json' })).toMatchObject({ status: 200, body: { accepted: 0 } });
  });

  test('of CSV go in by the names of the header; a bad line spoils no other', async () => {
    const { body } = await post(
      '\uFEFFid,phone,cost,day\r\n"c,1",138,1.5,2024-01-01\r\nc2,138\r\nc3,"13"8,1,2024-01-01\r\nc4,138,abc,2024-01-01\r\n"c""5",138,2,2024-01-01',
      { type: 'text/csv; charset=utf-8' },
    );
    expect(body).toMatchObject({ accepted: 2, refused: 3 });
    expect(body.problems.map(({ line }: { line: number }) => line)).toEqual([3, 4, 5]);
    const refused = await post('value-canary,138,1,2024-01-01\n', { type: 'text/csv' });
    expect(refused).toMatchObject({ status: 400, body: { code: 'request-invalid' } });
    expect(JSON.stringify(refused.body)).not.toContain('value-canary');
    for (const text of ['', 'id,id,phone,cost,day\n', 'id,phone,cost\n', 'id,phone,cost,day,__proto__\n']) {
      expect((await post(text, { type: 'text/csv' })).status).toBe(400);
    }
  });

  test('may hold whole numbers beyond 2^53 exactly, and huge or hostile ones are refused', async () => {
    const own = await makeFeed(fixture.call, { agreement: false });
    const count = (number: string): string => `${JSON.stringify(visit('n')).slice(0, -1)},"count":${number}}`;
    const { body } = await post(
      lines(count('9223372036854775807'), count('9223372036854775808'), count('1e400'), count('9'.repeat(5_000))),
      { to: own },
    );
    expect(body).toMatchObject({ accepted: 1, refused: 3 });
    expect((await stored(1, own))[0]?.value['count']).toEqual({ long: 9_223_372_036_854_775_807n });
  });

  test('with prototype names, unknown members or deep nesting are refused one by one', async () => {
    const proto = '{"id":"x","phone":"1","cost":1,"day":1,"__proto__":{"polluted":true}}';
    const missing = '{"__proto__":{"id":"x","phone":"1","cost":1,"day":1}}';
    const { body } = await post(
      lines(proto, missing, visit('x', { constructor: 1 }), '['.repeat(100_000), `{"id":${'{"a":'.repeat(50_000)}`),
    );
    expect(body).toMatchObject({ accepted: 0, refused: 5 });
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  test('over the size limit are refused alone; a body over the limit is refused whole', async () => {
    const own = await makeFeed(fixture.call, { agreement: false });
    const { body } = await post(lines(visit('x'.repeat(1_100_000)), 'y'.repeat(5_000_000), visit('small')), { to: own });
    expect(body).toMatchObject({ accepted: 1, refused: 2 });
    expect(body.problems.map(({ code }: { code: string }) => code)).toEqual(['record-too-large', 'record-too-large']);
    expect(await post('z'.repeat(33 * 1024 * 1024), { to: own })).toMatchObject({
      status: 413,
      body: { code: 'request-too-large' },
    });
  });

  test('of another encoding or type are refused', async () => {
    expect((await post('<a/>', { type: 'text/xml' })).status).toBe(415);
    expect((await post('[]', { type: 'application/json; charset=gbk' })).status).toBe(415);
    expect((await post('x', { headers: { 'content-encoding': 'gzip' } })).status).toBe(415);
  });

  test('are taken from their publisher only', async () => {
    const other = await makeFeed(fixture.call, { agreement: false });
    const path = `/v1/datasets/${feed.dataset}/records`;
    const options = { text: '', headers: { 'content-type': ndjson } };
    expect((await fixture.call('POST', path, { ...options, as: other.publisher })).status).toBe(403);
    expect((await fixture.call('POST', path, { ...options, as: feed.subscriber })).status).toBe(403);
    expect((await fixture.call('POST', `/v1/datasets/${uniqueId('none')}/records`, options)).status).toBe(404);
  });
});

describe('keys', () => {
  test('come from the query or the dataset, choose the partition as Kafka does, and carry the trace of the request', async () => {
    const own = await makeFeed(fixture.call, { agreement: false });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await post(lines(...Array.from({ length: 50 }, (_, index) => visit(`id-${index}`))), {
      to: own,
      key: '/id',
      headers: { traceparent },
    });
    const records = await stored(50, own);
    for (const { id, key, partition, headers } of records) {
      expect(key).toBe(id);
      expect(partition).toBe(partitionOfKey(Buffer.from(id), 3));
      expect(headers['traceparent']).toContain('0af7651916cd43dd8448eb211c80319c');
    }
    expect(new Set(records.map(({ partition }) => partition)).size).toBe(3);
    const body = datasetBody(own.publisher.name, { keyField: '/phone' });
    expectStatus(await fixture.call('PUT', `/v1/datasets/${own.dataset}`, { json: body }), 200);
    await post(lines(visit('last')), { to: own });
    expect((await stored(51, own)).find(({ id }) => id === 'last')?.key).toBe('13800138000');
    for (const key of ['/nothing', '/cost', 'id', '/__proto__'])
      expect((await post(lines(visit('x')), { to: own, key })).status).toBe(400);
  });
});

describe('an Idempotency-Key', () => {
  beforeAll(async () => {
    feed = await makeFeed(fixture.call, { agreement: false });
  });

  test('makes a retry safe, on any instance; with another body it is refused', async () => {
    const headers = { 'idempotency-key': uniqueId('retry') };
    const first = await post(lines(visit('1'), visit('2', { cost: null })), { headers });
    expect(first.status).toBe(207);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    for (const instance of [0, 1]) {
      const again = await post(lines(visit('1'), visit('2', { cost: null })), { headers, instance });
      expect(again).toMatchObject({ status: 207, body: first.body });
      expect(again.headers.get('idempotency-replayed')).toBe('true');
    }
    expect(await post(lines(visit('3')), { headers, instance: 1 })).toMatchObject({
      status: 422,
      body: { code: 'idempotency-key-reused' },
    });
    expect((await post(lines(visit('1')), { headers: { 'idempotency-key': 'x'.repeat(300) } })).status).toBe(400);
    expect(await stored(1)).toHaveLength(1);
  });

  test('is of its participant and dataset: others may use the same', async () => {
    const other = await makeFeed(fixture.call, { agreement: false });
    const headers = { 'idempotency-key': 'the same for everyone' };
    for (const to of [feed, other])
      expect((await post(lines(visit('own')), { to, headers })).headers.get('idempotency-replayed')).toBeNull();
  });

  test('used by many requests at once on two instances lets exactly one in', async () => {
    const own = await makeFeed(fixture.call, { agreement: false });
    const headers = { 'idempotency-key': uniqueId('many') };
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) => post(lines(visit('a'), visit('b')), { to: own, headers, instance: index % 2 })),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(answers.filter((answer) => answer.headers.get('idempotency-replayed') === null)).toHaveLength(1);
    expect(await stored(2, own)).toHaveLength(2);
  });

  test('whose instance dies between the rows and the answer leaves nothing; the retry goes in once', async () => {
    const own = await makeFeed(fixture.call, { agreement: false });
    const idempotencyKey = uniqueId('crash');
    const database = unwrap(await openDatabase(fixture.databaseUrl));
    const ledger = new IntakeLedger(fixture.cluster, database, unwrap(await database.installation()));
    const key = entryKey('request', own.publisher.name, own.dataset, idempotencyKey);
    // Rows and answer are sent, but the process ends before it commits: the transaction stays open.
    await ledger.hold(key, 'request', async (slot) => {
      slot.producer.begin();
      unwrap(await slot.producer.send(topicNames.raw(own.dataset), 0, [{ key: null, value: Buffer.from('half') }]));
      unwrap(await slot.put(key, { kind: 'request', at: Date.now(), digest: 'x', accepted: 1, refused: 0, problems: [] }));
      Reflect.set(slot.producer, 'close', () => Promise.resolve());
      return ok(undefined);
    });
    const headers = { 'idempotency-key': idempotencyKey };
    expect(await post(lines(visit('whole')), { to: own, headers })).toMatchObject({ status: 200, body: { accepted: 1 } });
    expect((await stored(1, own)).map(({ id }) => id)).toEqual(['whole']);
    await database.close();
  });

  test('whose holder lost its lock unawares cannot commit after another has taken the place', async () => {
    const own = await makeFeed(fixture.call, { agreement: false });
    const database = unwrap(await openDatabase(fixture.databaseUrl));
    const installation = unwrap(await database.installation());
    const key = entryKey('request', own.publisher.name, own.dataset, 'fenced');
    const ledger = new IntakeLedger(fixture.cluster, database, installation);
    const outcome = await ledger.hold(key, 'request', (slot) =>
      transact(slot.producer, async () => {
        const sent = await slot.producer.send(topicNames.raw(own.dataset), 0, [{ key: null, value: Buffer.from('zombie') }]);
        unwrap(sent);
        // What the next holder does first, as it would after this one's connection to PostgreSQL broke.
        const transactionalId = slotTransactionalId(installation, slotOf(key, 'request'));
        unwrap(await TransactionalProducer.open(fixture.cluster, { transactionalId }));
        return ok(undefined);
      }),
    );
    expect(outcome).toMatchObject({ ok: false, failure: { code: 'transaction-failed', retriable: true } });
    expect(await readAll(fixture.cluster, topicNames.raw(own.dataset))).toHaveLength(0);
    await database.close();
  });
});

test('an input that turns out to be wrong as a whole leaves nothing of its earlier chunks', async () => {
  const own = await makeFeed(fixture.call, { agreement: false });
  const rows = `id,phone,cost,day\n${'x,1,1,2024-01-01\n'.repeat(10_000)}`;
  const notUtf8 = new Uint8Array(Buffer.concat([Buffer.from(rows), Buffer.from([0xff])]));
  const options = { as: own.publisher, headers: { 'content-type': 'text/csv' } };
  const path = `/v1/datasets/${own.dataset}/records`;
  expect(await fixture.call('POST', path, { ...options, text: notUtf8 })).toMatchObject({
    status: 400,
    body: { code: 'request-invalid' },
  });
  expect(await readAll(fixture.cluster, topicNames.raw(own.dataset))).toHaveLength(0);
  expect((await fixture.call('POST', path, { ...options, text: rows })).body).toMatchObject({ accepted: 10_000 });
  expect(await stored(10_000, own)).toHaveLength(10_000);
});
