import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { repositoryRoot } from '../../libs/adapters/local/index.ts';

const root = repositoryRoot();

/** A copy of the start script in a repository of its own, and a PATH with nothing but what a test puts there. */
describe('the start script', () => {
  const place = mkdtempSync(path.join(tmpdir(), 'sluice-bootstrap-'));
  const tools = path.join(place, 'tools');
  const copy = path.join(place, 'repository');
  afterAll(() => rmSync(place, { recursive: true, force: true }));

  beforeEach(() => {
    rmSync(tools, { recursive: true, force: true });
    rmSync(copy, { recursive: true, force: true });
    mkdirSync(tools);
    for (const part of ['bootstrap.mjs', 'bootstrap', 'kafka']) {
      cpSync(path.join(root, 'deploy', 'local', part), path.join(copy, 'deploy', 'local', part), { recursive: true });
    }
    for (const file of ['package.json', 'package-lock.json']) cpSync(path.join(root, file), path.join(copy, file));
    symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
  });

  const tool = (name: string, script: string): void => {
    writeFileSync(path.join(tools, name), `#!/bin/sh\n${script}\n`);
    chmodSync(path.join(tools, name), 0o755);
  };
  const run = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, [path.join(copy, 'deploy', 'local', 'bootstrap.mjs'), ...args], {
      encoding: 'utf8',
      env: { PATH: tools },
    });

  test('says that Java is missing and starts nothing', () => {
    expect(run('start')).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^Java was not found\. Install a JDK 17 .*\n$/),
    });
    expect(run('test')).toMatchObject({ status: 1, stderr: expect.stringMatching(/^Java was not found\./) });
    expect(existsSync(path.join(copy, '.sluice'))).toBe(false);
  });

  test('says that Java is too old', () => {
    tool('java', 'echo \'openjdk version "11.0.2" 2019-01-15\' >&2');
    expect(run('start')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^Java 11\.0\.2 is too old\. Install a JDK 17 .*\n$/),
    });
    tool('java', 'echo \'java version "1.8.0_392"\' >&2');
    expect(run('start').stderr).toMatch(/^Java 1\.8\.0_392 is too old\./);
  });

  test('says that Maven is missing when it is needed for the jars', () => {
    tool('java', 'echo \'openjdk version "21.0.1" 2023-10-17\' >&2');
    expect(run('start')).toMatchObject({ status: 1, stdout: '', stderr: expect.stringMatching(/^Maven was not found; .*\n$/) });
    expect(existsSync(path.join(copy, '.sluice'))).toBe(false);
  });

  test('says why the jars could not be fetched, and fetches them again the next time', () => {
    tool('java', 'echo \'openjdk version "21.0.1" 2023-10-17\' >&2');
    tool('mvn', '[ "$1" = -v ] && exit 0; echo "[ERROR] the repository did not answer"; exit 1');
    const failed = run('start');
    expect(failed.status).toBe(1);
    expect(failed.stderr).toContain('Maven could not fetch the Kafka jars. It said: the repository did not answer');
    // The last run's file is proof that nothing incomplete has the final name.
    expect(existsSync(path.join(copy, '.sluice', 'kafka', kafkaVersion()))).toBe(false);
    expect(run('start').stderr).toContain('Fetching Kafka');
  });

  test('says how much disk space is missing', () => {
    const script = [
      `import { needDisk } from ${JSON.stringify(path.join(copy, 'deploy', 'local', 'bootstrap', 'requirements.mjs'))};`,
      'try { needDisk(300 * 1024 ** 2, () => ({ bavail: 10, bsize: 1024 ** 2 })); } catch (error) { console.error(error.message); }',
      'needDisk(10 * 1024 ** 2, () => ({ bavail: 10, bsize: 1024 ** 2 }));',
    ].join('\n');
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: 'There is too little free disk space: 10 MB free, 300 MB needed. Free some and run the command again.\n',
    });
  });

  test('knows its commands', () => {
    expect(run('fly')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('There is no command "fly". Use one of: start, test, '),
    });
  });
});

const kafkaVersion = (): string =>
  /<kafka\.version>([^<]+)</.exec(readFileSync(path.join(root, 'deploy', 'local', 'kafka', 'pom.xml'), 'utf8'))?.[1] ?? '';
