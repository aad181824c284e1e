import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { unwrap } from '../../base/index.ts';
import { LocalFileVault } from './index.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sluice-kms-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

const plain = new TextEncoder().encode('a data key of thirty-two bytes!!');

describe('LocalFileVault', () => {
  test('makes a 32-byte key file that only its owner may read, and leaves no draft beside it', async () => {
    const file = path.join(directory, 'made', 'master.key');
    unwrap(await LocalFileVault.open(file));
    const stats = await stat(file);
    expect(stats.size).toBe(32);
    expect(stats.mode & 0o777).toBe(0o600);
    expect(await readdir(path.dirname(file))).toEqual(['master.key']);
  });

  test('opens after a restart what it wrapped before, and never wraps to the same bytes twice', async () => {
    const file = path.join(directory, 'restart.key');
    const before = unwrap(await LocalFileVault.open(file));
    const key = unwrap(await before.wrap(plain, 'agreement/a'));
    const again = unwrap(await before.wrap(plain, 'agreement/a'));
    const after = unwrap(await LocalFileVault.open(file));
    expect(unwrap(await after.unwrap(key, 'agreement/a'))).toEqual(plain);
    expect(again.wrapped).not.toBe(key.wrapped);
    expect(Buffer.from(key.wrapped, 'base64url').includes(Buffer.from(plain))).toBe(false);
  });

  test('two openers of a missing file end with the same key', async () => {
    const file = path.join(directory, 'race.key');
    const [one, two] = await Promise.all([LocalFileVault.open(file), LocalFileVault.open(file)]);
    const key = unwrap(await unwrap(one).wrap(plain, 'c'));
    expect(unwrap(await unwrap(two).unwrap(key, 'c'))).toEqual(plain);
  });

  test('does not open a key for another context', async () => {
    const vault = unwrap(await LocalFileVault.open(path.join(directory, 'context.key')));
    const key = unwrap(await vault.wrap(plain, 'agreement/a'));
    const opened = await vault.unwrap(key, 'agreement/b');
    expect(opened).toMatchObject({ ok: false, failure: { code: 'key-missing' } });
  });

  test('does not open a key with any one byte changed, or truncated', async () => {
    const vault = unwrap(await LocalFileVault.open(path.join(directory, 'tamper.key')));
    const key = unwrap(await vault.wrap(plain, 'c'));
    const bytes = Buffer.from(key.wrapped, 'base64url');
    for (let index = 0; index < bytes.length; index += 1) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      const opened = await vault.unwrap({ ...key, wrapped: changed.toString('base64url') }, 'c');
      expect(opened.ok).toBe(false);
    }
    for (const length of [0, 5, 27, bytes.length - 1]) {
      const opened = await vault.unwrap({ ...key, wrapped: bytes.subarray(0, length).toString('base64url') }, 'c');
      expect(opened.ok).toBe(false);
    }
  });

  test('names the master key, so that a key of another one is told apart', async () => {
    const one = unwrap(await LocalFileVault.open(path.join(directory, 'one.key')));
    const two = unwrap(await LocalFileVault.open(path.join(directory, 'two.key')));
    const key = unwrap(await one.wrap(plain, 'c'));
    const opened = await two.unwrap(key, 'c');
    expect(opened).toMatchObject({ ok: false, failure: { code: 'key-missing', message: expect.stringContaining(key.keyId) } });
  });

  test('refuses a file that others may read, one of another length, and a directory', async () => {
    const shared = path.join(directory, 'shared.key');
    await writeFile(shared, new Uint8Array(32), { mode: 0o600 });
    await chmod(shared, 0o640);
    expect(await LocalFileVault.open(shared)).toMatchObject({ ok: false, failure: { code: 'config-invalid' } });
    const short = path.join(directory, 'short.key');
    await writeFile(short, new Uint8Array(31), { mode: 0o600 });
    expect(await LocalFileVault.open(short)).toMatchObject({ ok: false, failure: { code: 'config-invalid' } });
    expect(await LocalFileVault.open(directory)).toMatchObject({ ok: false, failure: { code: 'config-invalid' } });
  });
});
