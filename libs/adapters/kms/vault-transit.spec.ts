import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from '@jest/globals';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { unwrap } from '../../base/index.ts';
import type { KeyVault } from '../../catalog/index.ts';
import type { TransitOptions } from './index.ts';
import { LocalFileVault, openVault, vaultSettingsOf } from './index.ts';
import { TransitServer } from './transit-server-fixture.ts';

let directory: string;
let server: TransitServer;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sluice-transit-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});
beforeEach(async () => {
  server = await TransitServer.start(directory);
});
afterEach(() => server.close());

const plain = new TextEncoder().encode('a data key of thirty-two bytes!!');

async function open(more: Partial<TransitOptions> = {}): Promise<KeyVault> {
  const { address, tokenFile } = server;
  const transit = { address, tokenFile, timeoutMs: 30_000, retryPauseMs: 1, ...more };
  return unwrap(await openVault({ keyFile: path.join(directory, 'absent.key'), transit }));
}

describe('VaultTransit', () => {
  test.each([[500], [502], [429], [412], [473], ['cut'], ['hang'], ['no json']] as const)(
    'tries again after %s, which passes',
    async (answer) => {
      const vault = await open(answer === 'hang' ? { timeoutMs: 1_000 } : {});
      server.next.push(answer);
      const key = unwrap(await vault.wrap(plain, 'c'));
      expect(server.asked.length).toBe(2);
      expect(unwrap(await vault.unwrap(key, 'c'))).toEqual(plain);
    },
  );

  test('says of a sealed or absent Vault that it may be asked again, and answers once it is back', async () => {
    const vault = await open();
    const key = unwrap(await vault.wrap(plain, 'c'));
    server.isSealed = true;
    const sealed = { ok: false, failure: { code: 'key-service-unreachable', retriable: true } };
    expect(await vault.unwrap(key, 'c')).toMatchObject({ ...sealed, failure: { message: expect.stringContaining('sealed') } });
    server.isSealed = false;
    expect(unwrap(await vault.unwrap(key, 'c'))).toEqual(plain);
    await server.close();
    expect(await vault.unwrap(key, 'c')).toMatchObject(sealed);
    server = await TransitServer.start(directory);
  });

  test('takes a token that was replaced, before it is refused and after', async () => {
    const vault = await open();
    const key = unwrap(await vault.wrap(plain, 'c'));
    await server.giveToken('s.second-one');
    expect(unwrap(await vault.unwrap(key, 'c'))).toEqual(plain);
    server.meanwhile = () => server.giveToken('s.third-of-them');
    expect(unwrap(await vault.unwrap(key, 'c'))).toEqual(plain);
    await rm(server.tokenFile);
    expect(unwrap(await vault.unwrap(key, 'c'))).toEqual(plain);
    expect(new Set(server.asked.map(({ token }) => token))).toEqual(new Set(['s.first', 's.second-one', 's.third-of-them']));
  });

  test('says plainly that it is refused, once, and tells neither token nor key nor what was asked', async () => {
    const vault = await open();
    const key = unwrap(await vault.wrap(plain, 'agreement/a'));
    server.tokens.clear();
    const before = server.asked.length;
    const refused = await vault.unwrap(key, 'agreement/a');
    expect(refused).toMatchObject({ ok: false, failure: { code: 'key-service-refused', retriable: true } });
    expect(server.asked.length - before).toBe(1);
    server.tokens.add('s.first');
    const elsewhere = await (await open({ key: 'other' })).wrap(plain, 'agreement/a');
    expect(elsewhere).toMatchObject({ ok: false, failure: { code: 'key-service-refused' } });
    const unmounted = await (await open({ mount: 'nowhere/else' })).wrap(plain, 'agreement/a');
    expect(unmounted).toMatchObject({ ok: false, failure: { code: 'key-service-refused' } });
    const told = JSON.stringify([refused, elsewhere, unmounted]);
    for (const secret of ['s.first', key.wrapped, Buffer.from(plain).toString('base64'), Buffer.from(plain).toString()])
      expect(told).not.toContain(secret);
  });

  test('asks in its namespace', async () => {
    server.namespace = 'city/health';
    expect((await (await open()).wrap(plain, 'c')).ok).toBe(false);
    expect((await (await open({ namespace: 'city/health' })).wrap(plain, 'c')).ok).toBe(true);
  });

  test('refuses plain http to another machine, and files that do not serve', async () => {
    const bad = (more: Partial<TransitOptions>) =>
      openVault({
        keyFile: path.join(directory, 'absent.key'),
        transit: { address: server.address, tokenFile: server.tokenFile, ...more },
      });
    const invalid = { ok: false, failure: { code: 'config-invalid' } };
    for (const address of [
      'http://vault.example:8200',
      'ftp://127.0.0.1',
      'https://user@vault.example',
      'https://vault.example/ui',
      'vault',
    ])
      expect(await bad({ address })).toMatchObject(invalid);
    for (const more of [{ mount: '../sys' }, { key: 'a/b' }, { tokenFile: path.join(directory, 'none') }])
      expect(await bad(more)).toMatchObject(invalid);
    expect(await bad({ address: 'https://vault.example', caFile: path.join(directory, 'none') })).toMatchObject(invalid);
    const open = path.join(directory, 'open-token');
    await writeFile(open, 's.open', { mode: 0o600 });
    await chmod(open, 0o604);
    expect(await bad({ tokenFile: open })).toMatchObject(invalid);
    const empty = path.join(directory, 'empty-token');
    await writeFile(empty, '\n', { mode: 0o600 });
    expect(await bad({ tokenFile: empty })).toMatchObject(invalid);
  });
});

describe('openVault', () => {
  test('moves keys from the file to Vault: what the file wrapped opens, and is of Vault when it is wrapped anew', async () => {
    const keyFile = path.join(directory, 'moved.key');
    const file = unwrap(await LocalFileVault.open(keyFile));
    const before = { ...unwrap(await file.wrap(plain, 'agreement/a')), epoch: 4 };
    const { address, tokenFile } = server;
    const vault = unwrap(await openVault({ keyFile, transit: { address, tokenFile } }));
    expect(unwrap(await vault.unwrap(before, 'agreement/a'))).toEqual(plain);
    const after = unwrap(await vault.rewrap(before, 'agreement/a'));
    expect(after).toMatchObject({ keyId: 'transit/sluice:v1', epoch: 4 });
    expect(await vault.newestKeyId()).toEqual({ ok: true, value: 'transit/sluice:v1' });
    const alone = await open();
    expect(unwrap(await alone.unwrap(after, 'agreement/a'))).toEqual(plain);
    expect(await alone.unwrap(before, 'agreement/a')).toMatchObject({ ok: false, failure: { code: 'key-missing' } });
  });

  test('makes no key file for whoever would only open with it, and none beside Vault', async () => {
    const keyFile = path.join(directory, 'not-there.key');
    expect(await openVault({ keyFile, mustExist: true })).toMatchObject({ ok: false, failure: { code: 'not-found' } });
    const { address, tokenFile } = server;
    unwrap(await openVault({ keyFile, transit: { address, tokenFile } }));
    expect(await openVault({ keyFile, mustExist: true })).toMatchObject({ ok: false, failure: { code: 'not-found' } });
  });

  test('reads the settings of a role, and wants a file or an address, and the token with it', () => {
    const invalid = { ok: false, failure: { code: 'config-invalid' } };
    expect(vaultSettingsOf({})).toMatchObject(invalid);
    expect(vaultSettingsOf({ SLUICE_VAULT_ADDR: 'https://v' })).toMatchObject(invalid);
    expect(unwrap(vaultSettingsOf({}, 'd.key'))).toEqual({ keyFile: 'd.key' });
    expect(unwrap(vaultSettingsOf({ SLUICE_KMS_KEY_FILE: 'f.key' }, 'd.key'))).toEqual({ keyFile: 'f.key' });
    const address = { SLUICE_VAULT_ADDR: 'https://v', SLUICE_VAULT_TOKEN_FILE: 't' };
    expect(unwrap(vaultSettingsOf({ ...address, SLUICE_VAULT_CA_FILE: 'c' }, 'd.key'))).toEqual({
      keyFile: 'd.key',
      transit: { address: 'https://v', tokenFile: 't', caFile: 'c' },
    });
  });
});
