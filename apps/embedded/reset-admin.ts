/** A new password for `admin`, beside a running Sluice as well as without one. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { DirectoryLock } from '../../libs/adapters/local/index.ts';
import { keptPostgresUrl, lockDirectory, startPostgres } from '../../libs/adapters/local/index.ts';
import { openDatabase } from '../../libs/adapters/postgres/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { during, fail } from '../../libs/base/index.ts';
import { resetOperator } from '../control-plane/commands/ensure-operator.ts';
import type { EmbeddedSettings } from './config.ts';
import { marker } from './start.ts';

/**
 * Answers the password, of which only the hash is kept. A running Sluice takes it from the next request on. Where none runs, the
 * embedded PostgreSQL is started for it and stopped again. Fails with `not-found` where there was no first start.
 */
export async function resetAdmin(settings: EmbeddedSettings): Promise<Result<string>> {
  const done = await reset(settings);
  return done.ok ? done : during('making a new password for admin', done.failure);
}

async function reset({ databaseUrl, directory, databasePort }: EmbeddedSettings): Promise<Result<string>> {
  if (databaseUrl !== undefined) return setPassword(databaseUrl);
  const postgres = path.join(directory, 'postgres');
  if (!existsSync(postgres)) return fail('not-found', `there is no Sluice in ${directory} yet; its first start makes a password`);
  const lock = lockDirectory(directory, marker);
  if (lock.ok) return resetStopped(lock.value, postgres, databasePort);
  const url = keptPostgresUrl(postgres);
  return url === null ? lock : setPassword(url);
}

async function resetStopped(lock: DirectoryLock, directory: string, port: number | undefined): Promise<Result<string>> {
  try {
    const server = await startPostgres({ directory, ...(port === undefined ? {} : { port }) });
    if (!server.ok) return server;
    try {
      return await setPassword(server.value.url);
    } finally {
      await server.value.stop();
    }
  } finally {
    lock.release();
  }
}

async function setPassword(url: string): Promise<Result<string>> {
  const database = await openDatabase(url);
  if (!database.ok) return database;
  try {
    return await resetOperator(database.value);
  } finally {
    await database.value.close();
  }
}
