/** Row-level security on real PostgreSQL: what a reader sees without any WHERE, and that nothing of it stays on a connection. */
import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';

import { fail, ok, unwrap } from '../../base/index.ts';
import type { Result } from '../../base/index.ts';
import type { TestDatabase } from '../../testkit/index.ts';
import { freshDatabase } from '../../testkit/index.ts';
import type { Database, Reader } from './database.ts';
import { openDatabase } from './database.ts';
import { callerRole } from './isolate.ts';
import type { Stores } from './stores/stores.ts';

let place: TestDatabase;
let database: Database;

const none = { creditCode: null, sector: null, region: null, state: 'active' } as const;
const everything = { after: null, most: 100 };
const own = (participant: string): Reader => ({ participant, readsAll: false });
const all: Reader = { participant: 'a', readsAll: true };

beforeAll(async () => {
  place = await freshDatabase();
  database = unwrap(await openDatabase(place.url));
  const { participants, apiKeys, datasets, agreements, events } = database.stores;
  for (const id of ['a', 'b', 'c']) {
    unwrap(await participants.put({ id, name: id, roles: ['publisher', 'subscriber'], ...none }));
    const account = { kind: 'service', displayName: null, roles: null, oidcIssuer: null, oidcSubject: null } as const;
    unwrap(await participants.putAccount({ name: `${id}-1`, participant: id, secretHash: `hash-${id}`, ...account }));
    const times = { createdAt: new Date(), expiresAt: null, lastUsedAt: null };
    unwrap(
      await apiKeys.put({
        id: `key-${id}`,
        account: `${id}-1`,
        participant: id,
        name: 'k',
        scopes: ['admin'],
        digest: 'd',
        ...times,
      }),
    );
  }
  for (const [id, state] of [
    ['draft', 'closed'],
    ['shown', 'open'],
  ] as const) {
    const texts = { titleZh: id, titleEn: id, description: '', licence: '', sealTo: '', subject: id };
    const open = { theme: null, frequency: null, level: null, quality: null, sla: null, retentionDays: null, price: null };
    const catalogued = { ...open, keywords: [], category: 'general', compacted: false } as const;
    unwrap(
      await datasets.put({ id, publisher: 'a', ...texts, ...catalogued, keywords: [], partitions: 1, keyField: null, state }),
    );
  }
  for (const [id, assigner, assignee] of [
    ['a-to-b', 'a', 'b'],
    ['a-to-c', 'a', 'c'],
  ] as const) {
    const more = {
      policy: {},
      delivery: { kind: 'kafka' },
      state: 'started',
      revision: 1,
      publishedRevision: 1,
      holds: [],
    } as const;
    unwrap(await agreements.put({ id, dataset: 'shown', assigner, assignee, expiresAt: null, startsAt: null, ...more }, null));
    const event = { source: 's', time: new Date(), data: {}, sent: true };
    unwrap(await events.add({ id: `event-${id}`, type: 'sluice.agreement.started.v1', subject: id, ...event }));
  }
});

afterAll(async () => {
  await database.close();
  await place.drop();
});

/** Ids of all that each store gives, by queries that ask for everything. */
function seen(reader: Reader): Promise<Result<Record<string, string[]>>> {
  return database.asCaller(reader, async (stores) =>
    ok({
      participants: unwrap(await stores.participants.list(everything)).map(({ id }) => id),
      accounts: unwrap(await stores.participants.listAccounts(null, everything)).map(({ name }) => name),
      apiKeys: unwrap(await stores.apiKeys.list(null, everything)).map(({ id }) => id),
      datasets: unwrap(await stores.datasets.list()).map(({ id }) => id),
      agreements: unwrap(await stores.agreements.list()).map(({ id }) => id),
      events: unwrap(await stores.events.page({ limit: 100 })).map(({ id }) => id),
    }),
  );
}

describe('a caller', () => {
  test('sees only its own rows by a query without a WHERE', async () => {
    expect(unwrap(await seen(own('b')))).toEqual({
      participants: ['b'],
      accounts: ['b-1'],
      apiKeys: ['key-b'],
      datasets: ['shown'],
      agreements: ['a-to-b'],
      events: ['event-a-to-b'],
    });
    expect(unwrap(await seen(own('a')))).toMatchObject({ datasets: ['draft', 'shown'], agreements: ['a-to-b', 'a-to-c'] });
  });

  test('that reads all sees all, and one that is nobody sees nothing but what is open', async () => {
    expect(unwrap(await seen(all))).toMatchObject({
      participants: ['a', 'b', 'c'],
      apiKeys: ['key-a', 'key-b', 'key-c'],
      datasets: ['draft', 'shown'],
      agreements: ['a-to-b', 'a-to-c'],
    });
    for (const nobody of ['', "b' OR 'x' = 'x", 'B'])
      expect(unwrap(await seen(own(nobody)))).toEqual({
        participants: [],
        accounts: [],
        apiKeys: [],
        datasets: ['shown'],
        agreements: [],
        events: [],
      });
  });

  test('cannot write, not even its own, nor read what a secret is checked by', async () => {
    const writes: ((stores: Stores) => Promise<Result<unknown>>)[] = [
      (stores) => stores.participants.put({ id: 'd', name: 'd', roles: ['publisher'], ...none }),
      (stores) => stores.apiKeys.remove('key-a'),
    ];
    for (const write of writes) await expect(database.asCaller(all, write)).rejects.toThrow(/read-only|permission denied/);
    const reads: ((stores: Stores) => Promise<Result<unknown>>)[] = [
      (stores) => stores.participants.findAccount('a-1'),
      (stores) => stores.apiKeys.find('key-a'),
    ];
    for (const read of reads) await expect(database.asCaller(all, read)).rejects.toThrow(/permission denied/);
    expect(unwrap(await database.stores.participants.find('d'))).toBeNull();
  });

  test('leaves the connection as it was, however its work ends', async () => {
    const work = [
      () => Promise.resolve(ok('done')),
      () => Promise.resolve(fail('conflict', 'no')),
      () => Promise.reject(new TypeError('a bug')),
    ];
    const ends = await Promise.allSettled(
      Array.from({ length: 30 }, (_, index) =>
        database.asCaller<string>(own('b'), work[index % 3] ?? (() => Promise.resolve(ok('')))),
      ),
    );
    expect(ends.filter(({ status }) => status === 'rejected')).toHaveLength(10);
    const state = await Promise.all(Array.from({ length: 20 }, () => countAll()));
    expect(new Set(state)).toEqual(new Set(['3 participants']));
    // Written again over the same connections: neither the role nor the read-only mode is left.
    for (let index = 0; index < 10; index += 1)
      unwrap(await database.stores.participants.put({ id: 'c', name: 'c', roles: ['publisher', 'subscriber'], ...none }));
  });
});

async function countAll(): Promise<string> {
  const counted = await database.transaction('counting', async (stores) =>
    ok(unwrap(await stores.participants.list(everything)).length),
  );
  return `${unwrap(counted)} participants`;
}

describe('the role that reads', () => {
  const logins: string[] = [];

  /** A login of its own that owns a fresh database. */
  async function ownerWith(rights: string): Promise<{ url: string; close(): Promise<void> }> {
    const fresh = await freshDatabase();
    const login = `owner_${randomBytes(6).toString('hex')}`;
    logins.push(login);
    const { pathname } = new URL(fresh.url);
    const admin = async (sql: string) => query(fresh.url, sql);
    await admin(`CREATE ROLE ${login} LOGIN PASSWORD 'owner-password' ${rights}`);
    await admin(`ALTER DATABASE ${pathname.slice(1)} OWNER TO ${login}`);
    const url = new URL(fresh.url);
    url.username = login;
    url.password = 'owner-password';
    return {
      url: url.href,
      close: async () => {
        await admin(`REVOKE ${callerRole} FROM ${login}`);
        await fresh.drop();
        await query(place.url, `DROP ROLE ${login}`);
      },
    };
  }

  test('is taken on by an owner of the database that was given it, without being a super user', async () => {
    const owner = await ownerWith('NOSUPERUSER NOCREATEROLE');
    await query(place.url, `GRANT ${callerRole} TO ${logins.at(-1)}`);
    const opened = unwrap(await openDatabase(owner.url));
    unwrap(await opened.stores.participants.put({ id: 'x', name: 'x', roles: ['operator'], ...none }));
    const read = (participant: string) =>
      opened.asCaller(own(participant), async (stores) => ok(unwrap(await stores.participants.list(everything)).length));
    expect([unwrap(await read('x')), unwrap(await read('y'))]).toEqual([1, 0]);
    await opened.close();
    await owner.close();
  });

  test('is asked for in a clear sentence where the account may not take it on', async () => {
    const owner = await ownerWith('NOSUPERUSER NOCREATEROLE');
    expect(await openDatabase(owner.url)).toMatchObject({
      failure: { code: 'config-invalid', message: expect.stringContaining(`GRANT ${callerRole} to it`) },
    });
    await owner.close();
  });
});

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows;
  } finally {
    await client.end();
  }
}
