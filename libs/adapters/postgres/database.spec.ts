/** The database on real PostgreSQL: migrations, stores, transactions, locks, and what happens when connections die. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';

import { fail, ok, unwrap } from '../../base/index.ts';
import type { TestDatabase } from '../../testkit/index.ts';
import { freshDatabase } from '../../testkit/index.ts';
import type { Database } from './database.ts';
import { openDatabase } from './database.ts';
import { DurableClient } from './durable-client.ts';
import type { AccountEntity as Account } from './entities/account.entity.ts';
import type { ParticipantEntity as Participant } from './entities/participant.entity.ts';

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

const participant: Participant = {
  id: 'p',
  name: 'P',
  creditCode: null,
  roles: ['publisher'],
  sector: null,
  region: null,
  state: 'active',
};

const account: Account = {
  name: 'a',
  participant: 'p',
  kind: 'service',
  displayName: null,
  roles: null,
  secretHash: '',
  oidcIssuer: null,
  oidcSubject: null,
};

async function query(sql: string, url = place.url): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<Record<string, unknown>>(sql);
  await client.end();
  return rows;
}

/** Undoes the last migrations until so many are left. */
async function undoTo(opened: Database | undefined, url: string, left: number): Promise<void> {
  for (;;) {
    const [row] = await query('SELECT count(*)::integer AS count FROM migration', url);
    if (row?.['count'] === left || opened === undefined) return;
    unwrap(await opened.undoLastMigration());
  }
}

const tables = (url: string): Promise<Record<string, unknown>[]> =>
  query("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migration'", url);

describe('migrations', () => {
  test('run once when several instances start together, go down to nothing and up again', async () => {
    const own = await freshDatabase();
    const opened = await Promise.all([1, 2, 3].map(() => openDatabase(own.url)));
    const [first, ...others] = opened.map(unwrap);
    expect((await tables(own.url)).length).toBeGreaterThan(8);
    await undoTo(first, own.url, 0);
    expect(await tables(own.url)).toEqual([]);
    const again = unwrap(await openDatabase(own.url));
    expect((await tables(own.url)).length).toBeGreaterThan(8);
    for (const instance of [first, ...others, again]) await instance?.close();
    await own.drop();
  });

  test('keep participants and accounts on the way to several roles and back, with the first role of the old order', async () => {
    const own = await freshDatabase();
    const opened = unwrap(await openDatabase(own.url));
    await undoTo(opened, own.url, 1);
    const rows = [
      ['pub', 'publisher'],
      ['sub', 'subscriber'],
      ['plat', 'platform'],
      ['op', 'operator'],
    ];
    for (const [id, role] of rows) await query(`INSERT INTO participant VALUES ('${id}', 'Name of ${id}', '${role}')`, own.url);
    await query("INSERT INTO account VALUES ('pub-1', 'pub', 'hash')", own.url);
    await opened.close();

    const upgraded = unwrap(await openDatabase(own.url));
    const { participants } = upgraded.stores;
    expect(unwrap(await participants.find('pub'))).toEqual({
      ...participant,
      id: 'pub',
      name: 'Name of pub',
    });
    expect(unwrap(await participants.list({ after: null, most: 10 })).map(({ id, roles }) => [id, roles])).toEqual([
      ['op', ['operator']],
      ['plat', ['platform']],
      ['pub', ['publisher']],
      ['sub', ['subscriber']],
    ]);
    expect(unwrap(await participants.findAccount('pub-1'))).toEqual({
      ...account,
      name: 'pub-1',
      participant: 'pub',
      secretHash: 'hash',
    });
    const several: [string, Participant['roles']][] = [
      ['all', ['publisher', 'subscriber', 'operator', 'auditor', 'platform']],
      ['both', ['subscriber', 'publisher']],
      ['looks', ['auditor']],
      ['passes', ['platform', 'auditor', 'subscriber']],
    ];
    for (const [id, roles] of several) unwrap(await participants.put({ ...participant, id, roles, creditCode: id }));
    const oidc = { oidcIssuer: 'https://id', oidcSubject: 's' };
    unwrap(
      await participants.putAccount({
        ...account,
        name: 'token-only',
        participant: 'both',
        secretHash: null,
        ...oidc,
      }),
    );
    expect(
      await participants.put({
        ...participant,
        id: 'other',
        creditCode: 'both',
      }),
    ).toMatchObject({
      failure: { code: 'conflict' },
    });
    expect(
      await participants.putAccount({
        ...account,
        name: 'second',
        participant: 'both',
        ...oidc,
      }),
    ).toMatchObject({
      failure: { code: 'conflict' },
    });
    await expect(participants.put({ ...participant, id: 'none', roles: [] })).rejects.toThrow(/check constraint/);

    await undoTo(upgraded, own.url, 1);
    expect(await query('SELECT id, role FROM participant ORDER BY id', own.url)).toEqual(
      [
        ['all', 'operator'],
        ['both', 'publisher'],
        ['looks', 'subscriber'],
        ['op', 'operator'],
        ['passes', 'platform'],
        ['plat', 'platform'],
        ['pub', 'publisher'],
        ['sub', 'subscriber'],
      ].map(([id, role]) => ({ id, role })),
    );
    expect(await query('SELECT * FROM account', own.url)).toEqual([{ name: 'pub-1', participant: 'pub', secret_hash: 'hash' }]);
    expect(await query('SELECT policyname FROM pg_policies', own.url)).toEqual([]);
    await upgraded.close();
    const again = unwrap(await openDatabase(own.url));
    expect(unwrap(await again.stores.participants.find('all'))?.roles).toEqual(['operator']);
    await again.close();
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
      expect(opened).toMatchObject({
        ok: false,
        failure: { code: 'database-unreachable', retriable: true },
      });
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
      return stores.participants.list({ after: null, most: 10 });
    });
    expect(await during).toMatchObject({
      ok: false,
      failure: { code: 'database-unreachable', retriable: true },
    });
    await cut();
    expect(await database.ping()).toEqual({ ok: true, value: undefined });
    expect(await database.locked('after', () => Promise.resolve(ok('held')))).toEqual({ ok: true, value: 'held' });
  });
});

describe('stores', () => {
  test('refuse what refers to nothing or holds a NUL, as values', async () => {
    const { participants } = database.stores;
    expect(await participants.putAccount({ ...account, participant: 'nobody' })).toMatchObject({
      failure: { code: 'not-found' },
    });
    expect(await participants.put({ ...participant, name: 'a\0b' })).toMatchObject({
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
    const event = {
      id: '1',
      source: 'x',
      type: 't',
      subject: 's',
      time: new Date(),
      data: { b: 1, a: '\0' },
      sent: false,
    };
    unwrap(await database.stores.events.add(event));
    unwrap(await database.stores.events.add({ ...event, type: 'other' }));
    const events = unwrap(await database.stores.events.page({ limit: 10 }));
    expect(events).toHaveLength(1);
    expect(JSON.stringify(events[0]?.data)).toBe('{"b":1,"a":"\\u0000"}');
  });

  test('change nothing in a transaction whose work fails or throws', async () => {
    const put = { ...participant, id: 'never' };
    const failed = await database.transaction('failing', async (stores) => {
      unwrap(await stores.participants.put(put));
      return fail('conflict', 'no');
    });
    expect(failed).toMatchObject({
      failure: { code: 'conflict', message: 'no' },
    });
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

test('a connection that dies while nobody listens to it ends by itself, and nothing else with it', async () => {
  const client = new DurableClient(place.url);
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const ended = new Promise<void>((resolve) => void client.once('end', resolve));
  await query(`SELECT pg_terminate_backend(${rows[0]?.pid})`);
  await ended;
  await expect(client.query('SELECT 1')).rejects.toThrow(/not queryable/);
});
