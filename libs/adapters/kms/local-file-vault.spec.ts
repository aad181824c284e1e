import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { unwrap } from '../../base/index.ts';
import { LocalFileVault, rotateMasterKey } from './index.ts';

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

  test('names the master key, so that a key of another one is told apart', async () => {
    const one = unwrap(await LocalFileVault.open(path.join(directory, 'one.key')));
    const two = unwrap(await LocalFileVault.open(path.join(directory, 'two.key')));
    const key = unwrap(await one.wrap(plain, 'c'));
    const opened = await two.unwrap(key, 'c');
    expect(opened).toMatchObject({ ok: false, failure: { code: 'key-missing', message: expect.stringContaining(key.keyId) } });
  });

  test('a rotation replaces the file whole, readable by its owner alone, and is taken by whoever has it open', async () => {
    const file = path.join(directory, 'rotated', 'master.key');
    const [one, two] = [unwrap(await LocalFileVault.open(file)), unwrap(await LocalFileVault.open(file))];
    const first = unwrap(await one.wrap(plain, 'c'));
    expect(unwrap(await rotateMasterKey(file))).toEqual({ keys: 2 });
    expect(unwrap(await rotateMasterKey(file))).toEqual({ keys: 3 });
    const stats = await stat(file);
    expect([stats.size, stats.mode & 0o777]).toEqual([96, 0o600]);
    expect(await readdir(path.dirname(file))).toEqual(['master.key']);
    const newest = unwrap(await one.wrap(plain, 'c'));
    expect(newest.keyId).not.toBe(first.keyId);
    expect(unwrap(await two.unwrap(newest, 'c'))).toEqual(plain);
    expect(unwrap(await two.unwrap(first, 'c'))).toEqual(plain);
  });

  test('two rotations at once do not lose a key, and none is made where there is no file', async () => {
    const file = path.join(directory, 'contended.key');
    unwrap(await LocalFileVault.open(file));
    const rotated = await Promise.all(Array.from({ length: 8 }, () => rotateMasterKey(file)));
    const done = rotated.filter(({ ok }) => ok).length;
    expect(done).toBeGreaterThan(0);
    expect((await stat(file)).size).toBe(32 * (1 + done));
    for (const refused of rotated.filter(({ ok }) => !ok)) expect(refused).toMatchObject({ failure: { code: 'conflict' } });
    expect(await rotateMasterKey(path.join(directory, 'none.key'))).toMatchObject({ ok: false, failure: { code: 'not-found' } });
    expect(await readdir(directory)).not.toContain('none.key.new');
  });

  test('wraps nothing when its file was spoilt or is gone', async () => {
    const file = path.join(directory, 'spoilt.key');
    const vault = unwrap(await LocalFileVault.open(file));
    await writeFile(file, 'not a key');
    expect(await vault.wrap(plain, 'c')).toMatchObject({ ok: false, failure: { code: 'config-invalid' } });
    await rm(file);
    expect(await vault.wrap(plain, 'c')).toMatchObject({ ok: false, failure: { code: 'config-invalid' } });
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
