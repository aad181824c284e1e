import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { unwrap } from '../../base/index.ts';
import { startPostgres, wipePostgres } from './index.ts';

describe('an embedded PostgreSQL', () => {
  const parent = mkdtempSync(path.join(tmpdir(), 'sluice-postgres-'));
  chmodSync(parent, 0o711);
  afterAll(() => rmSync(parent, { recursive: true, force: true }));

  test('keeps its rows, its port and its password over a restart, and takes no one without the password', async () => {
    const directory = path.join(parent, 'kept');
    const first = unwrap(await startPostgres({ directory }));
    try {
      expect(await query(first.url, 'SHOW server_version')).toMatchObject([{ server_version: expect.stringMatching(/^18/) }]);
      await query(first.url, "CREATE TABLE kept AS SELECT 'one' AS word");
      const wrong = new URL(first.url);
      wrong.password = 'wrong';
      await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
    } finally {
      await first.stop();
    }
    const second = unwrap(await startPostgres({ directory }));
    try {
      expect(second.url).toBe(first.url);
      expect(await query(second.url, 'SELECT word FROM kept')).toEqual([{ word: 'one' }]);
      const other = await startPostgres({ directory: path.join(parent, 'other'), port: Number(new URL(second.url).port) });
      expect(other).toMatchObject({ ok: false, failure: { code: 'port-busy' } });
    } finally {
      await second.stop();
    }
  });

  test('runs from a directory that only root may enter, and leaves nothing when it is wiped', async () => {
    const closed = path.join(parent, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    const directory = path.join(closed, 'postgres');
    const server = unwrap(await startPostgres({ directory }));
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await server.stop();
    wipePostgres(directory);
    expect(existsSync(directory)).toBe(false);
  });
});

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as unknown[];
  } finally {
    await client.end();
  }
}
