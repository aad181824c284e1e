/** Data keys on real PostgreSQL: the migration with data, both ways, and what the table itself does not allow. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';

import { unwrap } from '../../base/index.ts';
import type { WrappedKey } from '../../catalog/index.ts';
import type { TestDatabase } from '../../testkit/index.ts';
import { freshDatabase } from '../../testkit/index.ts';
import type { Database } from './database.ts';
import { openDatabase } from './database.ts';

let place: TestDatabase;
let database: Database;
let client: pg.Client;

beforeAll(async () => {
  place = await freshDatabase();
  database = unwrap(await openDatabase(place.url));
  client = new pg.Client({ connectionString: place.url });
  await client.connect();
  await client.query(`INSERT INTO participant (id, name, roles, state) VALUES ('p', 'P', '{publisher,subscriber}', 'active')`);
  const row = {
    id: 'd',
    titleZh: 'd',
    titleEn: 'd',
    publisher: 'p',
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
    subject: 'raw.d-value',
    partitions: 1,
    compacted: false,
    keyField: null,
    state: 'open',
  } as const;
  unwrap(await database.stores.datasets.put({ ...row, keywords: [] }));
  for (const id of ['kept', 'rotated', 'shredded'])
    unwrap(
      await database.stores.agreements.put(
        {
          id,
          dataset: 'd',
          assigner: 'p',
          assignee: 'p',
          policy: {},
          delivery: { kind: 'kafka' },
          state: 'terminated',
          holds: [],
          revision: 1,
          publishedRevision: 1,
          expiresAt: null,
          startsAt: null,
        },
        null,
      ),
    );
});
afterAll(async () => {
  await client.end();
  await database.close();
  await place.drop();
});

const key = (epoch: number): WrappedKey => ({ keyId: 'k', epoch, wrapped: `bytes-${epoch}` });
const owner = (id: string) => ({ kind: 'agreement', id }) as const;

test('one epoch of an owner is active, an earlier one is kept, and a shredded one has no bytes', async () => {
  const { dataKeys } = database.stores;
  for (const id of ['kept', 'rotated', 'shredded']) unwrap(await dataKeys.add(owner(id), key(1)));
  expect(await dataKeys.add(owner('rotated'), key(2))).toMatchObject({ ok: false, failure: { code: 'conflict' } });
  unwrap(await dataKeys.retire(owner('rotated')));
  unwrap(await dataKeys.add(owner('rotated'), key(2)));
  expect(unwrap(await dataKeys.openable(owner('rotated')))).toEqual([key(1), key(2)]);
  unwrap(await dataKeys.shred('agreement', ['shredded']));
  expect(unwrap(await dataKeys.active('agreement', ['kept', 'rotated', 'shredded']))).toEqual(
    new Map([
      ['kept', key(1)],
      ['rotated', key(2)],
    ]),
  );
  // A key that was shredded while it was being wrapped anew stays shredded.
  const shredded = { ownerKind: 'agreement', owner: 'shredded', epoch: 1 } as const;
  expect(unwrap(await dataKeys.rewrapped(shredded, key(1), { ...key(1), wrapped: 'anew' }))).toBe(false);
  await expect(client.query("UPDATE data_key SET wrapped = '{}' WHERE owner = 'shredded'")).rejects.toThrow(/check constraint/);
  await expect(client.query("UPDATE data_key SET state = 'shredded' WHERE owner = 'kept'")).rejects.toThrow(/check constraint/);
});

test('a caller sees epochs of its own agreements, and no key', async () => {
  const own = { participant: 'p', readsAll: false };
  const seen = unwrap(await database.asCaller(own, ({ dataKeys }) => dataKeys.epochs('agreement', ['kept', 'rotated'])));
  expect(seen.map((row) => [row.owner, row.epoch, row.state])).toEqual([
    ['kept', 1, 'active'],
    ['rotated', 1, 'retired'],
    ['rotated', 2, 'active'],
  ]);
  const other = { participant: 'q', readsAll: false };
  expect(unwrap(await database.asCaller(other, ({ dataKeys }) => dataKeys.epochs('agreement', ['kept'])))).toEqual([]);
  await expect(database.asCaller(own, ({ dataKeys }) => dataKeys.openable(owner('kept')))).rejects.toThrow(/permission denied/);
});

test('the migration takes keys out of the agreements and puts the active ones back, as the release before has them', async () => {
  const present = async (): Promise<boolean> =>
    (await client.query("SELECT FROM migration WHERE name = 'Keys1790500000000'")).rowCount === 1;
  while (await present()) unwrap(await database.undoLastMigration());
  const { rows } = await client.query('SELECT id, data_key FROM agreement ORDER BY id');
  expect(rows).toEqual([
    { id: 'kept', data_key: key(1) },
    { id: 'rotated', data_key: key(2) },
    { id: 'shredded', data_key: { keyId: 'shredded', epoch: 1, wrapped: '' } },
  ]);
  const again = unwrap(await openDatabase(place.url));
  const keys = unwrap(await again.stores.dataKeys.active('agreement', ['kept', 'rotated']));
  expect([...keys.keys()].sort()).toEqual(['kept', 'rotated']);
  expect(keys.get('kept')).toEqual(key(1));
  await again.close();
});
