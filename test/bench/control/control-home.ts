/** What the control plane of the bench stands on: PostgreSQL and Kafka of the bench's own, and the control plane as a process. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { openSigner } from '../../../libs/adapters/kms/index.ts';
import type { KafkaService, PostgresService } from '../../../libs/adapters/local/index.ts';
import {
  kafkaJarsDirectory,
  repositoryRoot,
  startKafka,
  startPostgres,
  wipePostgres,
} from '../../../libs/adapters/local/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import type { Signer } from '../../../libs/catalog/index.ts';
import { cpuMicros, startPath } from '../pipeline/path-run.ts';

export const operator = { name: 'admin', secret: 'operator-secret-of-the-bench' };

export interface ControlHome {
  readonly directory: string;
  readonly kafka: { readonly brokers: readonly string[]; readonly username: string; readonly password: string };
  /** Of the control plane's own signing key. */
  readonly signer: Signer;
  /** A new database of this name. */
  createDatabase(name: string): Promise<string>;
  /** Stops both and removes what they kept. */
  close(): Promise<void>;
}

/** Both as the embedded Sluice starts them. */
export async function openControlHome(): Promise<ControlHome> {
  const directory = mkdtempSync(path.join(tmpdir(), 'sluice-control-bench-'));
  // PostgreSQL may have to run under another account, which must be able to enter.
  chmodSync(directory, 0o711);
  const stops: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(stops.map((stop) => stop()));
    wipePostgres(path.join(directory, 'postgres'));
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const [kafka, postgres]: [KafkaService, PostgresService] = await Promise.all([
      startKafka({ directory: path.join(directory, 'broker'), jarsDirectory: kafkaJarsDirectory() })
        .then(unwrap)
        .then(kept(stops)),
      startPostgres({ directory: path.join(directory, 'postgres') })
        .then(unwrap)
        .then(kept(stops)),
    ]);
    const { signer } = unwrap(await openSigner({ keyFile: path.join(dataDirectory(directory), 'keys', 'master.key') }));
    return {
      directory,
      signer,
      kafka: { brokers: kafka.brokers, username: kafka.adminUsername, password: kafka.adminPassword },
      createDatabase: async (name) => {
        await withClient(postgres.url, (client) => client.query(`CREATE DATABASE ${name}`));
        const url = new URL(postgres.url);
        url.pathname = `/${name}`;
        return url.href;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const dataDirectory = (directory: string): string => path.join(directory, 'data');

const kept =
  (stops: (() => Promise<void>)[]) =>
  <T extends { stop(): Promise<void> }>(service: T): T => {
    stops.push(service.stop);
    return service;
  };

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export interface ControlProcess {
  /** `http://host:port` */
  readonly address: string;
  /** From its start until it answered that it is ready, and its CPU time by then, seconds. */
  readonly startSeconds: number;
  readonly startCpuSeconds: number;
  /** CPU time of all its threads so far, microseconds. */
  cpuMicros(): number;
  /** SIGTERM; or, when it may wait for a lock that somebody holds, SIGKILL. */
  stop(how?: 'at once'): Promise<void>;
}

export interface ControlProcessOptions {
  readonly databaseUrl: string;
  /** Where it is told that Kafka is. */
  readonly brokers: readonly string[];
  readonly readyWithinSeconds: number;
}

export async function startControlProcess(home: ControlHome, options: ControlProcessOptions): Promise<ControlProcess> {
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const { username, password } = home.kafka;
  const began = performance.now();
  const run = startPath({
    title: 'the control plane',
    program: process.execPath,
    args: [path.join(repositoryRoot(), 'dist', 'apps', 'control-plane', 'main.js')],
    logFile: path.join(home.directory, `control-plane-${port}.log`),
    environment: {
      SLUICE_INSTANCE: 'bench',
      SLUICE_API_PORT: String(port),
      SLUICE_DATABASE_URL: options.databaseUrl,
      SLUICE_KAFKA_BROKERS: options.brokers.join(','),
      SLUICE_KAFKA_USERNAME: username,
      SLUICE_KAFKA_PASSWORD: password,
      SLUICE_OPERATOR_SECRET: operator.secret,
      SLUICE_DATA_DIR: dataDirectory(home.directory),
      SLUICE_INTAKE_DIR: 'off',
      // Who measures is not to be kept waiting.
      SLUICE_API_REQUESTS_PER_SECOND_MAX: '1000000',
      SLUICE_LOG_LEVEL: 'error',
    },
  });
  const stop = async (how?: 'at once'): Promise<void> => {
    if (how === 'at once') process.kill(run.pid, 'SIGKILL');
    await run.stop();
  };
  try {
    const deadline = Date.now() + options.readyWithinSeconds * 1_000;
    for (;;) {
      run.mustLive();
      const ready = await fetch(`${address}/ready`).catch(() => undefined);
      await ready?.body?.cancel();
      if (ready?.ok === true) break;
      if (Date.now() > deadline) throw new Error(`the control plane was not ready within ${options.readyWithinSeconds} s`);
      await sleep(20);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    address,
    startSeconds: (performance.now() - began) / 1_000,
    startCpuSeconds: cpuMicros(run.pid) / 1e6,
    cpuMicros: () => cpuMicros(run.pid),
    stop,
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
