/** Datasets as a catalogue: what is said of them, search, DCAT, rights; on real PostgreSQL and Kafka. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { KafkaAdmin } from '../../libs/adapters/kafka/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import { uniqueId } from '../../libs/testkit/index.ts';
import { rightOf } from './catalog-fixture.ts';
import type { Feed, Fixture } from './control-plane-fixture.ts';
import { datasetBody, expectStatus, makeFeed, startFixture, visitFields, visitSchema } from './control-plane-fixture.ts';

let fixture: Fixture;
let feed: Feed;

beforeAll(async () => {
  fixture = await startFixture();
  feed = await makeFeed(fixture.call, { agreement: false });
});
afterAll(() => fixture.close());

const put = (id: string, more: object) =>
  fixture.call('PUT', `/v1/datasets/${id}`, { json: datasetBody(feed.publisher.name, more), as: feed.publisher });

const described = {
  theme: 'health',
  frequency: 'daily',
  keywords: ['门诊', 'outpatient'],
  level: 'L2',
  category: 'important',
  quality: { statement: 'complete but for paidBy', completeness: 0.98 },
  sla: { availabilityPercent: 99.5, lagSecondsMax: 30 },
  retentionDays: 365,
  price: { model: 'per-record', amount: '0.0125', currency: 'CNY', per: '1000 records' },
};

describe('a dataset', () => {
  test('says what it is, and its fields with their tags, and stays as it is when put again', async () => {
    const id = uniqueId('described');
    const [first, phone, ...rest] = visitFields;
    const fields = [
      { ...first, 'sluice.tags': ['direct-identifier'] },
      { ...phone, 'sluice.tags': ['plain', 'sensitive'], doc: 'mobile' },
      ...rest,
    ];
    const body = expectStatus(await put(id, { ...described, schema: visitSchema(fields) }), 200).body;
    expect(body).toMatchObject({ ...described, id, state: 'open', compacted: false, topic: `raw.${id}` });
    expect(body.fields).toEqual([
      { path: '/id', type: 'string', tag: 'direct-identifier', doc: null },
      { path: '/phone', type: 'string', tag: 'sensitive', doc: 'mobile' },
      { path: '/cost', type: 'double', tag: null, doc: null },
      { path: '/day', type: 'int (date)', tag: null, doc: null },
      { path: '/count', type: 'long?', tag: null, doc: null },
    ]);
    const read = expectStatus(await fixture.call('GET', `/v1/datasets/${id}`, { as: feed.subscriber }), 200);
    expect(read.body).toEqual(body);
    const again = expectStatus(await put(id, { ...described, schema: visitSchema(fields) }), 200);
    expect(again.headers.get('etag')).toBe(read.headers.get('etag'));
    const stale = await fixture.call('PUT', `/v1/datasets/${id}`, {
      json: datasetBody(feed.publisher.name),
      as: feed.publisher,
      headers: { 'if-match': '"other"' },
    });
    expect([stale.status, stale.body.code]).toEqual([412, 'precondition-failed']);
  });

  for (const [why, at, more] of [
    ['a level of its own', '/level', { level: 'L5' }],
    ['a frequency in other words', '/frequency', { frequency: 'often' }],
    ['a title that turns around', '/title/zh', { title: { zh: '门诊\u202e', en: 'Visits' } }],
    ['a title that is not composed', '/title/en', { title: { zh: '门诊', en: 'Cafe\u0301' } }],
    ['a keyword without width', '/keywords/0', { keywords: ['门\u200b诊'] }],
    ['many keywords', '/keywords', { keywords: Array.from({ length: 21 }, (_, index) => `k${index}`) }],
    ['a price without an amount', '/price/amount', { price: { model: 'subscription' } }],
    ['an amount that is no decimal', '/price/amount', { price: { model: 'subscription', amount: '1e3', per: 'month' } }],
    ['compaction without a key', '/keyField', { compacted: true }],
  ] as const) {
    test(`is refused with ${why}`, async () => {
      const { status, body } = await put(uniqueId('refused'), more);
      expect([status, body.code, body.at ?? body.detail]).toEqual([400, 'request-invalid', expect.stringContaining(at)]);
    });
  }

  test('that is compacted has a compacted topic, gives its agreements compacted ones, and stays so', async () => {
    const id = uniqueId('compacted');
    expectStatus(await put(id, { compacted: true, keyField: '/id' }), 200);
    const admin = new KafkaAdmin(fixture.cluster);
    expect(unwrap(await admin.topicConfig(topicNames.raw(id), 'cleanup.policy'))).toBe('compact');
    const policy = JSON.parse(JSON.stringify(feed.policy).replaceAll(feed.dataset, id).replaceAll(feed.agreement, `${id}-a`));
    const agreement = (key: unknown) => {
      policy.permission[0].duty[0].channels = { key };
      return fixture.call('PUT', `/v1/agreements/${id}-a`, { json: { policy, delivery: { kind: 'kafka' } } });
    };
    expect((await agreement('drop')).body.code).toBe('plan-invalid');
    expectStatus(await agreement({ repeats: '/id' }), 200);
    expect(unwrap(await admin.topicConfig(topicNames.governed(id, `${id}-a`), 'cleanup.policy'))).toBe('compact');
    expect(expectStatus(await fixture.call('GET', `/v1/agreements/${id}-a/explain`), 200).body.programs[0].rows).toContainEqual(
      expect.objectContaining({ field: '(tombstones)' }),
    );
    expect((await put(id, { keyField: '/id' })).body.code).toBe('conflict');
  });

  test('that is a draft is seen by its publisher and the operator alone, and gets no agreement', async () => {
    const id = uniqueId('draft');
    expectStatus(await put(id, { state: 'draft' }), 200);
    expectStatus(await fixture.call('GET', `/v1/datasets/${id}`, { as: feed.publisher }), 200);
    expectStatus(await fixture.call('GET', `/v1/datasets/${id}`), 200);
    for (const path of [`/v1/datasets/${id}`, `/v1/datasets/${id}/rights`, `/v1/datasets/${id}/baseline`])
      expectStatus(await fixture.call('GET', path, { as: feed.subscriber }), 404);
    const found = expectStatus(
      await fixture.call('GET', `/v1/datasets?publisher=${feed.publisher.name}&limit=200`, { as: feed.subscriber }),
      200,
    );
    expect(found.body.items.map((item: { id: string }) => item.id)).not.toContain(id);
    const policy = JSON.parse(JSON.stringify(feed.policy).replaceAll(feed.dataset, id));
    const agreement = await fixture.call('PUT', `/v1/agreements/${feed.agreement}`, {
      json: { policy, delivery: { kind: 'kafka' } },
    });
    expect([agreement.status, agreement.body.code]).toEqual([409, 'conflict']);
  });

  test('is DCAT in JSON-LD for whoever asks for that', async () => {
    const id = uniqueId('linked');
    expectStatus(await put(id, described), 200);
    const answer = expectStatus(
      await fixture.call('GET', `/v1/datasets/${id}`, { headers: { accept: 'application/ld+json' } }),
      200,
    );
    expect(answer.headers.get('content-type')).toMatch(/^application\/ld\+json/);
    expect(answer.body).toMatchObject({
      '@id': `/v1/datasets/${id}`,
      '@type': 'dcat:Dataset',
      'dct:title': [
        { '@value': '就诊', '@language': 'zh' },
        { '@value': 'Visits', '@language': 'en' },
      ],
      'dct:publisher': { '@id': `/v1/participants/${feed.publisher.name}` },
      'dct:accrualPeriodicity': { '@id': 'http://purl.org/cld/freq/daily' },
      'dcat:theme': { '@id': 'urn:sluice:theme:health' },
      'dcat:keyword': ['门诊', 'outpatient'],
      'odrl:hasPolicy': [],
      'dcat:distribution': [{ '@type': 'dcat:Distribution' }],
    });
  });
});

describe('a search', () => {
  const ids: string[] = [];
  const search = async (query: string): Promise<string[]> => {
    const { body } = expectStatus(await fixture.call('GET', `/v1/datasets?limit=200&${query}`, { as: feed.subscriber }), 200);
    return body.items.map(({ id }: { id: string }) => id).filter((id: string) => ids.includes(id));
  };

  beforeAll(async () => {
    for (const [name, more] of [
      [
        'sensors',
        { title: { zh: '车间环境传感器读数', en: 'Workshop sensors' }, keywords: ['humidity'], level: 'L1', theme: 'industry' },
      ],
      [
        'weather',
        {
          title: { zh: '气象观测', en: 'Weather' },
          description: 'Readings of sensors on roofs: 温度和湿度',
          theme: 'environment',
        },
      ],
      ['tickets', { title: { zh: '地铁闸机', en: 'Metro gates' }, keywords: ['Sensors', '客流'] }],
    ] as const) {
      const id = uniqueId(name);
      ids.push(id);
      expectStatus(await put(id, more), 200);
    }
  });

  test('finds words of both languages, parts of words and single characters, the title before the text', async () => {
    const [sensors, weather, tickets] = ids;
    expect(await search('q=sensor')).toEqual([sensors, tickets, weather]);
    expect(await search('q=SENSORS%20roofs')).toEqual([weather]);
    expect(await search(`q=${encodeURIComponent('传感器')}`)).toEqual([sensors]);
    expect(await search(`q=${encodeURIComponent('湿度')}`)).toEqual([weather]);
    expect(await search(`q=${encodeURIComponent('闸')}`)).toEqual([tickets]);
    expect(await search(`q=${encodeURIComponent('ｓｅｎｓｏｒ')}`)).toEqual([sensors, tickets, weather]);
    expect(await search(`q=${encodeURIComponent('度湿')}`)).toEqual([]);
    expect(await search('q=%25_%27;--')).toEqual(expect.arrayContaining(ids));
  });

  test('narrows by theme, level, publisher and keyword', async () => {
    const [sensors, weather, tickets] = ids;
    expect(await search('theme=environment')).toEqual([weather]);
    expect(await search('level=L1')).toEqual([sensors]);
    expect(await search(`keyword=${encodeURIComponent('客流')}`)).toEqual([tickets]);
    expect(await search(`publisher=${feed.subscriber.name}`)).toEqual([]);
    expect((await fixture.call('GET', '/v1/datasets?level=L9')).status).toBe(400);
  });

  test('goes on with a cursor where it was, while others come and go', async () => {
    const pages: string[] = [];
    let next = '';
    do {
      const { body } = expectStatus(await fixture.call('GET', `/v1/datasets?q=sensor&limit=1${next}`), 200);
      pages.push(...body.items.map(({ id }: { id: string }) => id));
      if (pages.length === 1) expectStatus(await put(uniqueId('sensor-between'), {}), 200);
      next = body.next === null ? '' : `&cursor=${body.next}`;
    } while (next !== '');
    expect(new Set(pages).size).toBe(pages.length);
    expect(pages.filter((id) => ids.includes(id))).toEqual([ids[0], ids[2], ids[1]]);
    expect((await fixture.call('GET', '/v1/datasets?cursor=e30')).body.code).toBe('request-invalid');
  });
});

describe('a right', () => {
  test('is said with its evidence by the publisher, and read by whoever sees the dataset', async () => {
    const path = `/v1/datasets/${feed.dataset}/rights/holder`;
    const until = '2099-01-01T00:00:00.000Z';
    expectStatus(await fixture.call('GET', path), 404);
    const body = expectStatus(
      await fixture.call('PUT', path, { json: rightOf('滨江区卫健局', { validUntil: until }), as: feed.publisher }),
      200,
    ).body;
    expect(body).toEqual({
      dataset: feed.dataset,
      kind: 'holder',
      holder: '滨江区卫健局',
      evidence: { title: '数据产权登记证书', uri: null, sha256: 'a'.repeat(64) },
      registrationNumber: 'ZJ-2026-0001',
      validUntil: until,
    });
    expect(expectStatus(await fixture.call('GET', path, { as: feed.subscriber }), 200).body).toEqual(body);
    expect(
      expectStatus(await fixture.call('GET', `/v1/datasets/${feed.dataset}/rights`, { as: feed.subscriber }), 200).body,
    ).toEqual([body]);
    expectStatus(await fixture.call('PUT', path, { json: rightOf('me'), as: feed.subscriber }), 403);
    const other = await fixture.call('PUT', `/v1/datasets/${feed.dataset}/rights/owner`, { json: rightOf('me') });
    expect([other.status, other.body.code]).toEqual([400, 'request-invalid']);
  });
});
