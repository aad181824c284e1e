/** The meter's tables on real PostgreSQL: counts that add up, whose limit is reached, what a caller sees, and the migration with data. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';

import { unwrap } from '../../base/index.ts';
import type { TestDatabase } from '../../testkit/index.ts';
import { freshDatabase } from '../../testkit/index.ts';
import type { Database } from './database.ts';
import { openDatabase } from './database.ts';

let place: TestDatabase;
let database: Database;
let client: pg.Client;

const counted = (delivered: number, more: object = {}) => ({
  input: delivered,
  delivered,
  withheld: 0,
  refused: 0,
  replayed: 0,
  ...more,
});
const addAgreement = (id: string, state = 'started', holds: unknown[] = []) =>
  client.query(
    `INSERT INTO agreement (id, dataset, assigner, assignee, policy, delivery, state, revision, published_revision, holds)
      VALUES ($1, 'd', 'p', 's', '{}', '{"kind":"kafka"}', $2, 1, 1, $3)`,
    [id, state, JSON.stringify(holds)],
  );

beforeAll(async () => {
  place = await freshDatabase();
  database = unwrap(await openDatabase(place.url));
  client = new pg.Client({ connectionString: place.url });
  await client.connect();
  for (const id of ['p', 's', 'other'])
    await client.query(`INSERT INTO participant (id, name, roles, state) VALUES ($1, $1, '{publisher,subscriber}', 'active')`, [
      id,
    ]);
  await client.query(`INSERT INTO dataset (id, title_zh, title_en, publisher, description, licence, seal_to, subject, partitions, state)
    VALUES ('d', 'd', 'd', 'p', '', '', '', 'raw.d-value', 1, 'open')`);
  for (const id of ['free', 'limited', 'ended']) await addAgreement(id, id === 'ended' ? 'terminated' : 'started');
});
afterAll(async () => {
  await client.end();
  await database.close();
  await place.drop();
});

test('counts are added by day and in all, for agreements that are here alone', async () => {
  const { meters } = database.stores;
  unwrap(
    await meters.add([
      {
        agreement: 'free',
        day: '2026-11-27',
        ...counted(5, { input: 9, withheld: 3, refused: 1 }),
      },
      { agreement: 'elsewhere', day: '2026-11-27', ...counted(5) },
      { agreement: 'free', day: '2026-11-28', ...counted(2) },
    ]),
  );
  unwrap(
    await meters.add([
      {
        agreement: 'free',
        day: '2026-11-28',
        ...counted(1, { input: 0, replayed: 1 }),
      },
    ]),
  );
  expect(unwrap(await meters.total('free'))).toEqual({
    input: 11,
    delivered: 8,
    withheld: 3,
    refused: 1,
    replayed: 1,
    used: 8,
    recordsMax: null,
  });
  expect(unwrap(await meters.total('elsewhere'))).toMatchObject({
    input: 0,
    delivered: 0,
  });
  const days = (before: string | null, limit: number) => meters.days('free', { before, limit }).then(unwrap);
  expect((await days(null, 1)).map(({ day, delivered }) => [day, delivered])).toEqual([['2026-11-28', 3]]);
  expect((await days('2026-11-28', 5)).map(({ day, delivered }) => [day, delivered])).toEqual([['2026-11-27', 5]]);
  const uneven = {
    agreement: 'free',
    day: '2026-11-29',
    ...counted(1, { input: 2 }),
  };
  await expect(meters.add([uneven])).rejects.toThrow(/check constraint/);
});

test('a stretch is counted by whoever finds it uncounted, and by nobody after that', async () => {
  const { meters } = database.stores;
  const stretch = { topicId: 't', partition: 0, from: 0n, to: 10n };
  const both = await Promise.all([meters.advance(stretch), meters.advance(stretch)]);
  expect(both.map(unwrap)).toEqual(expect.arrayContaining([false, true]));
  expect(unwrap(await meters.advance({ ...stretch, from: 9n, to: 20n }))).toBe(false);
  expect(unwrap(await meters.advance({ ...stretch, from: 10n, to: 20n }))).toBe(true);
  expect(unwrap(await meters.positions('t'))).toEqual(new Map([[0, 20n]]));
  expect(unwrap(await meters.positions('another of its name'))).toEqual(new Map());
});

test('a limit is reached at its number, counts from the last renewal, and is not asked of what is over', async () => {
  const { meters } = database.stores;
  const reached = async (): Promise<string[]> => unwrap(await meters.exhausted()).map(({ id }) => id);
  for (const id of ['limited', 'ended']) unwrap(await meters.setLimit(id, 10));
  const add = (agreement: string, delivered: number) => meters.add([{ agreement, day: '2026-11-28', ...counted(delivered) }]);
  for (const id of ['limited', 'ended']) unwrap(await add(id, 9));
  expect(await reached()).toEqual([]);
  for (const id of ['limited', 'ended']) unwrap(await add(id, 1));
  expect(await reached()).toEqual(['limited']);
  unwrap(await meters.setLimit('limited', 11));
  expect(await reached()).toEqual([]);
  unwrap(await add('limited', 1));
  unwrap(await meters.beginPeriod('limited'));
  expect(await reached()).toEqual([]);
  unwrap(await add('limited', 11));
  expect(await reached()).toEqual(['limited']);
  expect(unwrap(await meters.total('limited'))).toMatchObject({
    delivered: 22,
    used: 11,
    recordsMax: 11,
  });
});

test('a caller reads the meters of its own agreements', async () => {
  const read = (participant: string) =>
    database.asCaller({ participant, readsAll: false }, ({ meters }) => meters.days('free', { before: null, limit: 9 }));
  expect(unwrap(await read('s'))).toHaveLength(2);
  expect(unwrap(await read('p'))).toHaveLength(2);
  expect(unwrap(await read('other'))).toEqual([]);
  const total = await database.asCaller({ participant: 'other', readsAll: false }, ({ meters }) => meters.total('free'));
  expect(unwrap(total).delivered).toBe(0);
});

test('the migration goes down suspending what nothing would keep to its limit or its beginning, and up again', async () => {
  await addAgreement('spent', 'suspended', [{ kind: 'meter', of: 'spent', reason: '', at: '' }]);
  unwrap(await database.stores.meters.setLimit('spent', 1));
  await addAgreement('early', 'suspended', [
    { kind: 'party', of: 'p', reason: '', at: '' },
    { kind: 'period', of: 'early', reason: '', at: '' },
  ]);
  await client.query(`INSERT INTO kill (scope, reason, account, at, was) VALUES
    ('participant/s', '', 'a', now(), 'suspended'), ('dataset/d', '', 'a', now(), NULL)`);
  const present = async (): Promise<boolean> =>
    (await client.query("SELECT FROM migration WHERE name = 'Meter1790900000000'")).rowCount === 1;
  while (await present()) unwrap(await database.undoLastMigration());
  const { rows } = await client.query<{
    id: string;
    state: string;
    revision: number;
    kinds: string[];
  }>(
    `SELECT id, state, revision, ARRAY(SELECT hold->>'kind' FROM json_array_elements(holds) AS hold) AS kinds FROM agreement ORDER BY id`,
  );
  expect(rows.map(({ id, state, revision, kinds }) => [id, state, revision, kinds])).toEqual([
    ['early', 'suspended', 1, ['party', 'policy']],
    ['ended', 'terminated', 1, []],
    ['free', 'started', 1, []],
    ['limited', 'suspended', 2, ['policy']],
    ['spent', 'suspended', 1, ['policy']],
  ]);
  const again = unwrap(await openDatabase(place.url));
  expect(unwrap(await again.stores.meters.total('free'))).toMatchObject({
    delivered: 0,
  });
  expect(unwrap(await again.stores.agreements.find('early'))).toMatchObject({
    startsAt: null,
    state: 'suspended',
  });
  const kills = unwrap(await again.stores.kills.among(['participant/s', 'dataset/d']));
  expect(kills.map(({ scope, was }) => [scope, was])).toEqual([
    ['dataset/d', null],
    ['participant/s', 'active'],
  ]);
  await again.close();
});
