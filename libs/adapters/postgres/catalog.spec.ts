/** Datasets, rights and policies on real PostgreSQL: the migration with data, search under many datasets, and what a caller reads. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';

import { ok, unwrap } from '../../base/index.ts';
import type { TestDatabase } from '../../testkit/index.ts';
import { freshDatabase } from '../../testkit/index.ts';
import type { Database } from './database.ts';
import { openDatabase } from './database.ts';
import type { DatasetRow as Dataset } from './entities/dataset.entity.ts';
import type { PolicyEntity as Policy } from './entities/policy.entity.ts';

let place: TestDatabase;
let database: Database;

beforeAll(async () => {
  place = await freshDatabase();
  database = unwrap(await openDatabase(place.url));
  for (const id of ['a', 'b'])
    unwrap(
      await database.stores.participants.put({
        id,
        name: id,
        creditCode: null,
        roles: ['publisher'],
        sector: null,
        region: null,
        state: 'active',
      }),
    );
});
afterAll(async () => {
  await database.close();
  await place.drop();
});

async function query(sql: string, url: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<Record<string, unknown>>(sql);
  await client.end();
  return rows;
}

const dataset = (id: string, more: Partial<Dataset> = {}): Dataset => ({
  id,
  titleZh: '就诊',
  titleEn: 'Visits',
  publisher: 'a',
  description: '',
  licence: '',
  theme: null,
  frequency: null,
  keywords: [],
  level: null,
  category: 'general',
  quality: null,
  sla: null,
  retentionDays: null,
  price: null,
  sealTo: '',
  subject: id,
  partitions: 1,
  compacted: false,
  keyField: null,
  state: 'open',
  ...more,
});

const everyone = { participant: 'b', readsAll: false };
const search = async (text: string, more: object = {}): Promise<string[]> =>
  unwrap(await database.stores.datasets.search(everyone, { text, after: null, most: 10, ...more })).map(({ id }) => id);

describe('the migration', () => {
  const present = async (url: string): Promise<boolean> =>
    (await query("SELECT FROM migration WHERE name = 'Catalog1790200000000'", url)).length > 0;

  test('makes datasets that were there searchable, and goes back without losing one', async () => {
    const own = await freshDatabase();
    const opened = unwrap(await openDatabase(own.url));
    const down = async (): Promise<void> => {
      while (await present(own.url)) unwrap(await opened.undoLastMigration());
    };
    await down();
    await query("INSERT INTO participant (id, name, roles) VALUES ('p', 'P', '{publisher}')", own.url);
    await query(
      "INSERT INTO dataset VALUES ('old', '车间传感器', 'Workshop sensors', 'p', 'readings', '', '', 'raw.old-value', 3, null, 'open')",
      own.url,
    );
    const upgraded = unwrap(await openDatabase(own.url));
    const { datasets, policies } = upgraded.stores;
    const found = unwrap(await datasets.search(everyone, { text: '传感器 workshop', after: null, most: 10 }));
    expect(found).toEqual([{ id: 'old', score: 10 }]);
    const known = unwrap(await datasets.find('old'));
    expect(known).toMatchObject({ level: null, category: 'general', keywords: [], compacted: false, state: 'open' });
    unwrap(await datasets.put({ ...(known as Dataset), state: 'draft', level: 'L2' }));
    unwrap(await policies.add(policy('baseline', 'old', 1, 'old')));
    await down();
    expect(await query('SELECT id, title_zh, state FROM dataset', own.url)).toEqual([
      { id: 'old', title_zh: '车间传感器', state: 'closed' },
    ]);
    unwrap(await openDatabase(own.url).then((again) => (again.ok ? again.value.close().then(() => again) : again)));
    await opened.close();
    await upgraded.close();
    await own.drop();
  });
});

const policy = (kind: Policy['kind'], id: string, version: number, of: string): Policy => ({
  kind,
  id,
  version,
  dataset: of,
  body: { version },
  createdBy: 'someone',
  createdAt: new Date(version * 1_000),
  withdrawnAt: null,
});

describe('datasets', () => {
  test('are found by words of both languages, and again after they have changed, through pages', async () => {
    const { datasets } = database.stores;
    unwrap(await datasets.put(dataset('sensors', { titleZh: '车间传感器读数', titleEn: 'Sensors', keywords: ['湿度'] })));
    unwrap(
      await datasets.put(dataset('weather', { titleEn: 'Weather', description: 'sensors on roofs', keywords: ['Sensors'] })),
    );
    unwrap(await datasets.put(dataset('roofs', { titleEn: 'Roofs', description: 'without a sensor' })));
    unwrap(await datasets.put(dataset('secret', { titleEn: 'Sensors', state: 'draft' })));
    expect(await search('sensor')).toEqual(['sensors', 'weather', 'roofs']);
    expect(await search('湿')).toEqual(['sensors']);
    expect(await search('感器读')).toEqual(['sensors']);
    expect(await search('sensors roof')).toEqual(['weather']);
    expect(await search('sensor', { after: { score: 5, id: 'sensors' } })).toEqual(['weather', 'roofs']);
    expect(await search('', { most: 2 })).toEqual(['roofs', 'sensors']);
    unwrap(await datasets.put(dataset('weather', { titleEn: 'Climate' })));
    expect(await search('sensor')).toEqual(['sensors', 'roofs']);
    const seen = unwrap(await datasets.search({ participant: 'a', readsAll: false }, { text: 'sensor', after: null, most: 10 }));
    expect(seen.map(({ id }) => id)).toEqual(['secret', 'sensors', 'roofs']);
  });

  test('of which there are many are found by the index of grams, which one without it would not be', async () => {
    await query(
      `INSERT INTO dataset (id, title_zh, title_en, publisher, description, licence, seal_to, subject, partitions, state, search_text, search_grams)
        SELECT 'many-' || i, '', '', 'a', '', '', '', 'many-' || i, 1, 'open', md5(i::text), ARRAY[left(md5(i::text), 2), 'zq']
        FROM generate_series(1, 5000) i`,
      place.url,
    );
    await query('ANALYZE dataset', place.url);
    const plan = await query(
      "EXPLAIN SELECT id FROM dataset WHERE search_grams @> ARRAY['感器', '器读'] AND state = 'open'",
      place.url,
    );
    expect(JSON.stringify(plan)).toContain('dataset_search');
    expect(await search('感器读')).toEqual(['sensors']);
    await query("DELETE FROM dataset WHERE id LIKE 'many-%'", place.url);
  });
});

describe('policies and rights', () => {
  test('have versions of which only the newest of an offer is open, until it is withdrawn', async () => {
    const { policies, datasets } = database.stores;
    unwrap(await datasets.put(dataset('offered')));
    for (const version of [1, 2]) unwrap(await policies.add(policy('offer', 'o', version, 'offered')));
    expect(await policies.add(policy('offer', 'o', 2, 'offered'))).toMatchObject({ failure: { code: 'conflict' } });
    expect(unwrap(await policies.newest('offer', 'o'))).toEqual(policy('offer', 'o', 2, 'offered'));
    expect(unwrap(await policies.versions('offer', 'o', { before: 2, most: 5 })).map(({ version }) => version)).toEqual([1]);
    const open = async () =>
      unwrap(await policies.openOffers('offered', { after: null, most: null })).map(({ version }) => version);
    expect(await open()).toEqual([2]);
    unwrap(await policies.withdraw('o', 2, new Date()));
    expect(await open()).toEqual([]);
    unwrap(await policies.add(policy('offer', 'o', 3, 'offered')));
    expect(await open()).toEqual([3]);
  });

  test('of a draft are read by its publisher alone', async () => {
    const { policies, datasets } = database.stores;
    unwrap(await datasets.put(dataset('hidden', { state: 'draft' })));
    unwrap(await policies.add(policy('baseline', 'hidden', 1, 'hidden')));
    const evidence = { title: 't', uri: null, sha256: '0' };
    unwrap(
      await policies.putRight({
        dataset: 'hidden',
        kind: 'holder',
        holder: 'a',
        evidence,
        registrationNumber: 'n',
        validUntil: null,
      }),
    );
    const read = (participant: string, readsAll = false) =>
      database.asCaller({ participant, readsAll }, async (stores) =>
        ok([
          unwrap(await stores.policies.newest('baseline', 'hidden'))?.version ?? null,
          unwrap(await stores.policies.rights('hidden')).length,
        ]),
      );
    expect(unwrap(await read('a'))).toEqual([1, 1]);
    expect(unwrap(await read('b'))).toEqual([null, 0]);
    expect(unwrap(await read('b', true))).toEqual([1, 1]);
  });
});
