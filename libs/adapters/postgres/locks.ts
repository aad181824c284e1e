/** Named locks over all instances of the control plane: PostgreSQL advisory locks, each held by a connection of its own pool. */
import { createHash } from 'node:crypto';

import pg from 'pg';

import type { Result } from '../../base/index.ts';
import { fail } from '../../base/index.ts';
import { attempt } from './attempt.ts';
import { DurableClient } from './durable-client.ts';

/** Most locks held or waited for at once by one process; more wait for a connection. */
const connectionsMax = 16;
/** Longest wait for a lock, milliseconds. */
const waitMs = 30_000;

export class Locks {
  readonly #pool: pg.Pool;

  constructor(url: string, connectTimeoutMs: number) {
    this.#pool = new pg.Pool({
      connectionString: url,
      Client: DurableClient,
      max: connectionsMax,
      connectionTimeoutMillis: Math.max(connectTimeoutMs, waitMs),
      application_name: 'sluice-locks',
      keepAlive: true,
    });
    this.#pool.on('error', () => undefined);
  }

  /**
   * Runs `work` with the lock held. Locks do not nest: one held inside another could wait for a connection that waits for it.
   * Fails with the retriable `database-unreachable` when the lock is not got within 30 seconds.
   */
  async hold<T>(name: string, work: () => Promise<Result<T>>): Promise<Result<T>> {
    const connected = await attempt(`taking the lock ${name}`, () => this.#pool.connect());
    if (!connected.ok) return connected;
    const client = connected.value;
    let broken = false;
    const onError = (): void => {
      broken = true;
    };
    client.on('error', onError);
    const key = lockKey(name);
    try {
      const locked = await attempt(`taking the lock ${name}`, async () => {
        await client.query(`SET lock_timeout = ${waitMs}`);
        await client.query('SELECT pg_advisory_lock($1)', [key]);
      });
      if (!locked.ok) {
        broken = true;
        return fail('database-unreachable', locked.failure.message);
      }
      return await work();
    } finally {
      const unlocked = broken
        ? false
        : await client.query('SELECT pg_advisory_unlock($1)', [key]).then(
            () => true,
            () => false,
          );
      client.off('error', onError);
      // A connection in doubt is closed, which gives its locks back.
      client.release(!unlocked);
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

/** 64 bits of the name's SHA-256 as the signed integer that PostgreSQL takes. */
function lockKey(name: string): string {
  return createHash('sha256').update(name).digest().readBigInt64BE(0).toString();
}
