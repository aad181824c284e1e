import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LocalFileVault } from '../../libs/adapters/kms/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import { rotateMasterKey } from './commands/rotate-master-key.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sluice-rotate-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function run(...args: string[]) {
  const lines: string[] = [];
  const ended = await rotateMasterKey.run(args, { write: (line) => lines.push(line), stopped: new AbortController().signal });
  return { ended, said: lines.join('\n') };
}

test('a rotated key file has one key more, and the command says how many and what comes next', async () => {
  const file = path.join(directory, 'master.key');
  const vault = unwrap(await LocalFileVault.open(file));
  const before = unwrap(await vault.newestKeyId());
  const { ended, said } = await run('--key-file', file);
  expect(ended.ok).toBe(true);
  expect(said).toMatch(/2 master keys.*keys\/rewrap/);
  expect((await stat(file)).size).toBe(64);
  expect(unwrap(await vault.newestKeyId())).not.toBe(before);
});

test('a file that is not there, or an option that is none, is refused', async () => {
  expect((await run('--key-file', path.join(directory, 'absent.key'))).ended).toMatchObject({ failure: { code: 'not-found' } });
  expect((await run('--file', 'x')).ended).toMatchObject({ failure: { code: 'request-invalid' } });
});
