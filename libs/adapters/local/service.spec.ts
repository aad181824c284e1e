import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { repositoryRoot } from './repository.ts';
import type { ServiceCommand } from './service.ts';
import { gistOf, startService, stopLeftBehind, untilReady } from './service.ts';

describe('a service process', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'sluice-service-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const command = (name: string, script: string): ServiceCommand => ({
    title: 'The test service',
    program: '/bin/sh',
    args: ['-c', script],
    cwd: directory,
    logFile: path.join(directory, `${name}.log`),
    pidFile: path.join(directory, `${name}.pid`),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 500,
  });

  test('is stopped, by force when it does not listen, and its pid file goes with it', async () => {
    const stubborn = command('stubborn', "trap '' TERM; while :; do sleep 0.1; done");
    const service = startService(stubborn);
    expect(isAlive(service.pid)).toBe(true);
    await service.stop();
    expect(isAlive(service.pid)).toBe(false);
    expect(existsSync(stubborn.pidFile)).toBe(false);
  });

  test('that ends while starting is a failure with the gist of its log', async () => {
    const broken = command(
      'broken',
      'echo "2026-01-01 [main] ERROR kafka.Kafka - the disk is on fire"; echo "  at somewhere"; exit 3',
    );
    const ready = await untilReady(startService(broken), broken, () => false, 10_000);
    expect(ready).toMatchObject({
      ok: false,
      failure: {
        code: 'service-failed',
        message: expect.stringContaining('ended while starting: kafka.Kafka - the disk is on fire'),
      },
    });
    expect(gistOf('nothing telling\n\n')).toBe('nothing telling');
  });

  test('ends when the process that started it is killed', async () => {
    const module = pathToFileURL(path.join(repositoryRoot(), 'dist', 'libs', 'adapters', 'local', 'service.js')).href;
    const orphan = JSON.stringify(command('orphan', 'while :; do sleep 0.1; done'));
    const script = `const { startService } = await import('${module}'); console.log(startService(${orphan}).pid); setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pid = Number(
      await new Promise<string>((resolve) => parent.stdout.once('data', (part: Buffer) => resolve(part.toString('utf8')))),
    );
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    while (isAlive(pid)) await sleep(20);
  });

  test('that was left behind is stopped at the next start, and a foreign process with its pid is left alone', async () => {
    const left = spawn('/bin/sh', ['-c', `: ${directory}; while :; do sleep 0.1; done`], { stdio: 'ignore' });
    const pidFile = path.join(directory, 'left.pid');
    writeFileSync(pidFile, `${left.pid}\n`);
    expect(await stopLeftBehind(pidFile, 'another directory', 'SIGTERM', 1_000)).toBe(false);
    expect(isAlive(left.pid ?? 0)).toBe(true);
    writeFileSync(pidFile, `${left.pid}\n`);
    expect(await stopLeftBehind(pidFile, directory, 'SIGTERM', 1_000)).toBe(true);
    expect(existsSync(pidFile)).toBe(false);
  });
});

/** A zombie that waits for its parent counts as ended. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, 'utf8'));
}
