/** An embedded PostgreSQL 18: initialized once, then one server process on the loopback address with SCRAM. */
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Result } from '../../base/index.ts';
import { during, fail, ok } from '../../base/index.ts';
import { choosePorts } from './ports.ts';
import type { PostgresPlace } from './postgres-place.ts';
import { choosePlace } from './postgres-place.ts';
import { keptSecret } from './secrets.ts';
import type { ServiceCommand } from './service.ts';
import { gistOf, startService, stopLeftBehind, untilReady } from './service.ts';

export { wipePostgres } from './postgres-place.ts';

export interface PostgresServiceOptions {
  /** Holds data, port, password and, unless `logFile` says otherwise, the log. Made when missing. */
  readonly directory: string;
  /** An explicit port; a busy one is the failure `port-busy`. Otherwise the port of the last start, or a free one. */
  readonly port?: number;
  readonly logFile?: string;
  readonly connectionsMax?: number;
  /** False gives up durability for speed: for tests alone. */
  readonly durable?: boolean;
  readonly startTimeoutMs?: number;
  /** Told what a person may want to know. */
  readonly log?: (sentence: string) => void;
}

export interface PostgresService {
  /** `postgres://` URL of the super user's database, password included. */
  readonly url: string;
  readonly adminUsername: string;
  /** Random for each data directory. */
  readonly adminPassword: string;
  readonly pid: number;
  /** Resolves when the server has ended, also by itself. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

const adminUsername = 'sluice';
const stopTimeoutMs = 20_000;

/** Starts a server on the directory. Data survives restarts. Failures: `port-busy`, `service-failed`. */
export async function startPostgres(options: PostgresServiceOptions): Promise<Result<PostgresService>> {
  const directory = path.resolve(options.directory);
  const place = choosePlace(directory);
  if (!place.ok) return during('starting PostgreSQL', place.failure);
  const pidFile = path.join(directory, 'server.pid');
  // SIGINT is PostgreSQL's fast shutdown: it does not wait for clients.
  if (await stopLeftBehind(pidFile, place.value.data, 'SIGINT', stopTimeoutMs)) {
    options.log?.('Stopped a PostgreSQL server that an interrupted run had left behind.');
  }
  const attemptsMax = options.port === undefined ? 3 : 1;
  for (let attempt = 1; ; attempt++) {
    const started = await startOnce(options, directory, place.value, pidFile);
    const raced = !started.ok && /could not (bind|create any)/.test(started.failure.message);
    if (raced && attempt < attemptsMax) continue;
    if (raced) return fail('port-busy', started.failure.message);
    return started;
  }
}

/** The URL of a server that another process runs on the directory; null where none was started yet. It says nothing about one running now. */
export function keptPostgresUrl(directory: string): string | null {
  const [secret, ports] = ['admin.secret', 'port.json'].map((name) => path.join(path.resolve(directory), name));
  if (secret === undefined || ports === undefined || !existsSync(secret) || !existsSync(ports)) return null;
  const { port } = JSON.parse(readFileSync(ports, 'utf8')) as { readonly port: number };
  return urlOf(readFileSync(secret, 'utf8').trim(), port);
}

const urlOf = (password: string, port: number): string => `postgres://${adminUsername}:${password}@127.0.0.1:${port}/postgres`;

async function startOnce(
  options: PostgresServiceOptions,
  directory: string,
  place: PostgresPlace,
  pidFile: string,
): Promise<Result<PostgresService>> {
  const ports = await choosePorts(
    path.join(directory, 'port.json'),
    ['port'],
    options.port === undefined ? {} : { port: options.port },
  );
  if (!ports.ok) return during('starting PostgreSQL', ports.failure);
  const { port } = ports.value;
  const adminPassword = keptSecret(path.join(directory, 'admin.secret'));
  const initialized = initialize(place, adminPassword);
  if (!initialized.ok) return during('starting PostgreSQL', initialized.failure);

  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    password_encryption: 'scram-sha-256',
    max_connections: String(options.connectionsMax ?? 60),
    shared_buffers: '64MB',
    log_min_messages: 'warning',
    log_line_prefix: '%m ',
    ...(options.durable === false ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } : {}),
  };
  const command: ServiceCommand = {
    title: 'PostgreSQL',
    program: path.join(place.bin, 'postgres'),
    args: ['-D', place.data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    cwd: '/',
    ...identity(place),
    logFile: options.logFile ?? path.join(directory, 'server.log'),
    pidFile,
    stopSignal: 'SIGINT',
    stopTimeoutMs,
  };
  rmSync(path.join(place.data, 'postmaster.pid'), { force: true });
  const service = startService(command);
  const ready = await untilReady(service, command, () => isReady(place.data, service.pid), options.startTimeoutMs ?? 60_000);
  if (!ready.ok) return ready;
  return ok({
    url: urlOf(adminPassword, port),
    adminUsername,
    adminPassword,
    pid: service.pid,
    ended: service.ended,
    stop: service.stop,
  });
}

/** Makes the data directory once. The mark is written last, so an interrupted initdb is done again from nothing. */
function initialize(place: PostgresPlace, password: string): Result<void> {
  const mark = path.join(place.data, '..', 'initialized');
  if (existsSync(mark)) return ok(undefined);
  rmSync(place.data, { recursive: true, force: true });
  mkdirSync(place.data, { recursive: true, mode: 0o700 });
  const passwordFile = path.join(place.data, '..', 'initdb.secret');
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (place.uid !== undefined && place.gid !== undefined) {
    chownSync(place.data, place.uid, place.gid);
    chownSync(passwordFile, place.uid, place.gid);
  }
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const access = ['--auth=scram-sha-256', `--username=${adminUsername}`, `--pwfile=${path.resolve(passwordFile)}`];
  const made = spawnSync(
    path.join(place.bin, 'initdb'),
    ['-D', place.data, ...locale, ...access, '--no-sync', '--no-instructions'],
    {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
      encoding: 'utf8',
      ...identity(place),
    },
  );
  rmSync(passwordFile, { force: true });
  if (made.status !== 0)
    return fail('service-failed', `initdb failed: ${gistOf(`${made.stdout ?? ''}\n${made.stderr ?? ''}`) || String(made.error)}`);
  writeFileSync(mark, '18\n');
  return ok(undefined);
}

/** PostgreSQL writes its state as the eighth line of postmaster.pid; `pg_ctl --wait` reads the same line. */
function isReady(data: string, pid: number): boolean {
  const file = path.join(data, 'postmaster.pid');
  if (!existsSync(file)) return false;
  const lines = readFileSync(file, 'utf8').split('\n');
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
}

const identity = ({ uid, gid }: PostgresPlace): { uid?: number; gid?: number } => ({
  ...(uid === undefined ? {} : { uid }),
  ...(gid === undefined ? {} : { gid }),
});
