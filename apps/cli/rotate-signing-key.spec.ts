import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openSigner } from '../../libs/adapters/kms/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import type { Command } from './command.ts';
import { retireSigningKeys, rotateSigningKey } from './commands/rotate-signing-key.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sluice-rotate-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function run(command: Command, ...args: string[]) {
  const lines: string[] = [];
  const ended = await command.run(args, { write: (line) => lines.push(line), stopped: new AbortController().signal });
  return { ended, said: lines.join('\n') };
}

test('a rotated file has a new key that signs, and trusts the earlier one until that is retired', async () => {
  const file = path.join(directory, 'signing.json');
  const { signer, checker } = unwrap(await openSigner({ signingKeyFile: file }));
  const payload = Buffer.from('said before');
  const earlier = unwrap(await signer.sign('directive', payload));
  const rotated = await run(rotateSigningKey, '--key-file', file);
  expect(rotated).toMatchObject({ ended: { ok: true }, said: expect.stringMatching(/2 are trusted.*reconciliation/) });
  expect((await checker.check('directive', payload, earlier)).ok).toBe(true);
  const later = unwrap(await signer.sign('directive', payload));
  expect(await run(retireSigningKeys, '--key-file', file)).toMatchObject({ ended: { ok: true } });
  expect((await checker.check('directive', payload, earlier)).ok).toBe(false);
  expect((await checker.check('directive', payload, later)).ok).toBe(true);
});

test('a file that is not there, or an option that is none, is refused', async () => {
  for (const command of [rotateSigningKey, retireSigningKeys]) {
    const absent = await run(command, '--key-file', path.join(directory, 'absent.json'));
    expect(absent.ended).toMatchObject({ failure: { code: 'not-found' } });
    expect((await run(command, '--file', 'x')).ended).toMatchObject({ failure: { code: 'request-invalid' } });
  }
});
