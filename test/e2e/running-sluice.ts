/** An embedded Sluice as a child process on a directory of its own: started, watched from outside, stopped. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { repositoryRoot } from '../../libs/adapters/local/index.ts';

export interface RunningSluice {
  readonly address: string;
  readonly directory: string;
  /** The service account by which Sluice calls itself; it may do what the operator may. */
  readonly ownAccount: { readonly name: string; readonly secret: string };
  readonly brokers: readonly string[];
  readonly kafkaAdmin: { readonly username: string; readonly password: string };
  /** Everything it wrote to its terminal and its log files. */
  written(): Buffer;
  /** SIGTERM, then its exit code. */
  stop(): Promise<number | null>;
  /** Removes the directory. */
  remove(): void;
}

export async function startSluice(
  more: { args?: readonly string[]; environment?: Readonly<Record<string, string>>; directory?: string } = {},
): Promise<RunningSluice> {
  const directory = more.directory ?? mkdtempSync(path.join(os.tmpdir(), 'sluice-e2e-'));
  const port = await freePort();
  const { SLUICE_DATA_DIR: _outer, ...environment } = process.env;
  const child = spawn(
    process.execPath,
    [path.join(repositoryRoot(), 'dist', 'apps', 'embedded', 'main.js'), ...(more.args ?? ['--no-demo'])],
    {
      cwd: repositoryRoot(),
      env: {
        ...environment,
        NODE_OPTIONS: '',
        SLUICE_DATA_DIR: directory,
        SLUICE_API_PORT: String(port),
        SLUICE_LINK_PORT: '0',
        ...more.environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const output: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => output.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => output.push(bytes));
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const address = `http://127.0.0.1:${port}`;
  await untilReady(child, address, output);
  const read = (...names: string[]): string => readFileSync(path.join(directory, ...names), 'utf8').trim();
  const { client } = JSON.parse(read('broker', 'ports.json')) as { client: number };
  return {
    address,
    directory,
    ownAccount: { name: 'sluice-own', secret: read('keys', 'own-account.key') },
    brokers: [`127.0.0.1:${client}`],
    kafkaAdmin: { username: 'admin', password: read('broker', 'admin.secret') },
    written: () => Buffer.concat([...output, ...filesBelow(path.join(directory, 'logs')).map((file) => readFileSync(file))]),
    stop: async () => {
      child.kill('SIGTERM');
      return ended;
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

async function untilReady(child: ChildProcess, address: string, output: readonly Buffer[]): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (Date.now() < deadline) {
    if (child.exitCode !== null)
      throw new Error(`Sluice ended with code ${child.exitCode}: ${Buffer.concat(output).toString().slice(-2_000)}`);
    const ready = await fetch(`${address}/ready`).catch(() => undefined);
    if (ready?.ok === true && Buffer.concat(output).includes(address)) return;
    await sleep(200);
  }
  child.kill('SIGKILL');
  throw new Error(`Sluice was not ready in time: ${Buffer.concat(output).toString().slice(-2_000)}`);
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => statSync(file).isFile());
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
