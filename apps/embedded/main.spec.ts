import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { repositoryRoot, wipePostgres } from '../../libs/adapters/local/index.ts';

const main = path.join(repositoryRoot(), 'dist', 'apps', 'embedded', 'main.js');

describe('the embedded Sluice as a process', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'sluice-embedded-'));
  afterAll(() => {
    wipePostgres(path.join(directory, 'postgres'));
    rmSync(directory, { recursive: true, force: true });
  });

  test('refuses an unknown setting or option in one sentence', async () => {
    const setting = await finished(run(directory, [], { SLUICE_API_PROT: '1' }));
    expect(setting).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'Sluice cannot start: there is no setting SLUICE_API_PROT; did you mean SLUICE_API_PORT? docs/config.md lists all.\n',
    });
    const option = await finished(run(directory, ['--quick'], {}));
    expect(option).toMatchObject({
      code: 1,
      stderr: 'Sluice cannot start: there is no option --quick; the options are --fresh and --no-demo.\n',
    });
  });

  test('refuses the demo with an external registry, which does not know its accounts', async () => {
    const refused = await finished(run(directory, [], { SLUICE_REGISTRY_URL: 'http://127.0.0.1:1' }));
    expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('--no-demo') });
  });

  test('refuses a busy port in one sentence, with nothing half-started', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    const refused = await finished(run(directory, ['--no-demo'], { SLUICE_API_PORT: String(port) }));
    server.close();
    expect(refused).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^Sluice cannot start: port \d+ is in use .*\.\n$/),
    });
    expect(['broker', 'postgres', 'sluice.pid'].filter((name) => existsSync(path.join(directory, name)))).toEqual([]);
  });

  test('refuses an unreachable broker in one sentence', async () => {
    const environment = { SLUICE_API_PORT: String(await freePort()), SLUICE_KAFKA_BROKERS: `127.0.0.1:${await freePort()}` };
    const refused = await finished(run(directory, ['--no-demo'], environment));
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Sluice cannot start: .*no broker answered.*\.\n$/),
    });
    expect(existsSync(path.join(directory, 'postgres', 'server.pid'))).toBe(false);
  });

  test('starts bare, answers, refuses a second one on the same data, and leaves nothing running', async () => {
    const port = String(await freePort());
    const child = run(directory, ['--no-demo'], { SLUICE_API_PORT: port });
    const first = finished(child);
    await said(child, 'Sluice is up in');
    expect(await (await fetch(`http://127.0.0.1:${port}/health`)).json()).toEqual({ status: 'ok' });
    const second = await finished(run(directory, ['--no-demo'], { SLUICE_API_PORT: String(await freePort()) }));
    expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('another Sluice (process') });

    const pids = ['broker/broker.pid', 'postgres/server.pid'].map((file) =>
      Number(readFileSync(path.join(directory, file), 'utf8')),
    );
    child.kill('SIGTERM');
    expect(await first).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('Sluice has stopped; its data is kept.'),
    });
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

function run(directory: string, args: readonly string[], environment: Readonly<Record<string, string>>): ChildProcess {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(SLUICE_|OTEL_|NODE_OPTIONS$)/.test(name)),
  );
  return spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', main, ...args], {
    env: { ...inherited, SLUICE_DATA_DIR: directory, SLUICE_LINK_PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function finished(child: ChildProcess): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (part: Buffer) => {
      said[name] += part.toString('utf8');
    });
  }
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...said })));
}

/** Resolves when the process has printed the text; rejects when it ends before. */
function said(child: ChildProcess, text: string): Promise<void> {
  let heard = '';
  return new Promise((resolve, reject) => {
    child.once('close', () => reject(new Error(`it ended without saying "${text}": ${heard}`)));
    child.stdout?.on('data', (part: Buffer) => {
      heard += part.toString('utf8');
      if (heard.includes(text)) resolve();
    });
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
