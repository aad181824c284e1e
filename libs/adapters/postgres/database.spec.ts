/** The database on real PostgreSQL: migrations, stores, transactions, locks, and what happens when connections die. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';

import { fail, ok, unwrap } from '../../base/index.ts';
import type { TestDatabase } from '../../testkit/index.ts';
import { freshDatabase } from '../../testkit/index.ts';
import type { Database } from './database.ts';
import { openDatabase } from './database.ts';

let place: TestDatabase;
let database: Database;

beforeAll(async () => {
  place = await freshDatabase();
  database = unwrap(await openDatabase(place.url));
});

afterAll(async () => {
  await database.close();
  await place.drop();
});

async function query(sql: string, url = place.url): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<Record<string, unknown>>(sql);
  await client.end();
  return rows;
}

const tables = (url: string): Promise<Record<string, unknown>[]> =>
  query("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migration'", url);

describe('migrations', () => {
  test('run once when several instances start together, go down to nothing and up again', async () => {
    const own = await freshDatabase();
    const opened = await Promise.all([1, 2, 3].map(() => openDatabase(own.url)));
    const [first, ...others] = opened.map(unwrap);
    expect((await tables(own.url)).length).toBeGreaterThan(8);
    unwrap((await first?.undoLastMigration()) ?? ok(undefined));
    expect(await tables(own.url)).toEqual([]);
    const again = unwrap(await openDatabase(own.url));
    expect((await tables(own.url)).length).toBeGreaterThan(8);
    for (const instance of [first, ...others, again]) await instance?.close();
    await own.drop();
  });

  test('give each database an id of its own', async () => {
    expect(unwrap(await database.installation())).toMatch(/^[0-9a-f]{12}$/);
  });
});

describe('a database', () => {
  test('that cannot be reached or entered is a retriable failure without its URL', async () => {
    for (const url of ['postgres://someone:value-canary@127.0.0.1:1/none', `${place.url}_missing`]) {
      const opened = await openDatabase(url);
      expect(opened).toMatchObject({ ok: false, failure: { code: 'database-unreachable', retriable: true } });
      expect(JSON.stringify(opened)).not.toContain('canary');
    }
  });

  test('whose connections are cut answers with a retriable failure and then again', async () => {
    const cut = (): Promise<unknown> =>
      query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      );
    unwrap(await database.ping());
    const during = database.transaction('being cut', async (stores) => {
      await cut();
      return stores.participants.list();
    });
    expect(await during).toMatchObject({ ok: false, failure: { code: 'database-unreachable', retriable: true } });
    await cut();
    expect(await database.ping()).toEqual({ ok: true, value: undefined });
    expect(await database.locked('after', () => Promise.resolve(ok('held')))).toEqual({ ok: true, value: 'held' });
  });
});

describe('stores', () => {
  test('refuse what refers to nothing or holds a NUL, as values', async () => {
    const { participants } = database.stores;
    expect(await participants.putAccount({ name: 'a', participant: 'nobody', secretHash: '' })).toMatchObject({
      failure: { code: 'not-found' },
    });
    expect(await participants.put({ id: 'p', name: 'a\0b', role: 'publisher' })).toMatchObject({
      failure: { code: 'request-invalid' },
    });
  });

  test('give a schema one id and a subject one version, however many ask at once', async () => {
    const { schemas } = database.stores;
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_, index) => schemas.idOf(`{"n":${index % 4}}`, `fingerprint-${index % 4}`)),
    );
    const distinct = [...new Set(ids.map(unwrap))];
    expect(distinct).toHaveLength(4);
    for (const id of [...distinct, ...distinct]) unwrap(await schemas.addVersion('s', id));
    expect(unwrap(await schemas.versions('s', { deleted: false })).map(({ version, id }) => [version, id])).toEqual(
      distinct.map((id, index) => [index + 1, id]),
    );
    unwrap(await schemas.setDeleted('s', [4]));
    expect(unwrap(await schemas.addVersion('s', distinct[3] ?? 0))).toBe(5);
  });

  test('keep an event once, and a policy as it was written', async () => {
    const event = { id: '1', source: 'x', type: 't', subject: 's', time: new Date(), data: { b: 1, a: '\0' }, sent: false };
    unwrap(await database.stores.events.add(event));
    unwrap(await database.stores.events.add({ ...event, type: 'other' }));
    const events = unwrap(await database.stores.events.latest(10));
    expect(events).toHaveLength(1);
    expect(JSON.stringify(events[0]?.data)).toBe('{"b":1,"a":"\\u0000"}');
  });

  test('change nothing in a transaction whose work fails or throws', async () => {
    const put = { id: 'never', name: 'Never', role: 'publisher' } as const;
    const failed = await database.transaction('failing', async (stores) => {
      unwrap(await stores.participants.put(put));
      return fail('conflict', 'no');
    });
    expect(failed).toMatchObject({ failure: { code: 'conflict', message: 'no' } });
    const thrown = database.transaction('throwing', async (stores) => {
      unwrap(await stores.participants.put(put));
      throw new TypeError('a bug');
    });
    await expect(thrown).rejects.toThrow('a bug');
    expect(unwrap(await database.stores.participants.find('never'))).toBeNull();
  });
});

test('a lock lets one in at a time over all instances, and is given back when the work throws', async () => {
  const other = unwrap(await openDatabase(place.url));
  let inside = 0;
  let most = 0;
  const enter = async () => {
    inside += 1;
    most = Math.max(most, inside);
    await new Promise((resolve) => setTimeout(resolve, 5));
    inside -= 1;
    return ok(undefined);
  };
  await Promise.all(Array.from({ length: 30 }, (_, index) => (index % 2 === 0 ? database : other).locked('one', enter)));
  expect(most).toBe(1);
  const thrown = database.locked('one', () => {
    throw new TypeError('a bug');
  });
  await expect(thrown).rejects.toThrow('a bug');
  unwrap(await other.locked('one', enter));
  await other.close();
});
