/** The suite of the port on every implementation, and on ones with a planted fault. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { keyVaultChecks } from '../../../test/contract/key-vault.suite.ts';
import type { VaultUnderTest } from '../../../test/contract/key-vault.suite.ts';
import { ok, unwrap } from '../../base/index.ts';
import type { KeyVault } from '../../catalog/index.ts';
import { LocalFileVault, openVault, rotateMasterKey } from './index.ts';
import { TransitServer } from './transit-server-fixture.ts';

let directory: string;
let made = 0;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sluice-vaults-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

const newFile = (): string => path.join(directory, `master-${(made += 1)}.key`);

async function localFile(): Promise<VaultUnderTest> {
  const file = newFile();
  return {
    vault: unwrap(await LocalFileVault.open(file)),
    reopened: async () => unwrap(await LocalFileVault.open(file)),
    foreign: async () => unwrap(await LocalFileVault.open(newFile())),
    rotate: async () => void unwrap(await rotateMasterKey(file)),
    close: () => Promise.resolve(),
  };
}

async function transit(): Promise<VaultUnderTest> {
  const server = await TransitServer.start(directory);
  const other = await TransitServer.start(directory);
  const open = async ({ address, tokenFile }: TransitServer): Promise<KeyVault> =>
    unwrap(await openVault({ keyFile: path.join(directory, 'absent.key'), transit: { address, tokenFile, retryPauseMs: 1 } }));
  return {
    vault: await open(server),
    reopened: () => open(server),
    foreign: () => open(other),
    rotate: () => Promise.resolve(server.rotate()),
    close: async () => {
      await server.close();
      await other.close();
    },
  };
}

describe.each([
  ['LocalFileVault', localFile],
  ['VaultTransit', transit],
])('%s', (_, make) => {
  test.each(keyVaultChecks.map((check) => [check.name, check] as const))('%s', async (__, check) => {
    const under = await make();
    try {
      await check.run(under);
    } finally {
      await under.close();
    }
  });
});

describe('a vault with a planted fault', () => {
  const faults: readonly [string, (vault: KeyVault) => Partial<KeyVault>][] = [
    [
      'a key opens for its own context alone',
      (vault) => ({ wrap: (plain) => vault.wrap(plain, ''), unwrap: (key) => vault.unwrap(key, '') }),
    ],
    [
      'what is wrapped shows nothing, and is never the same twice',
      (vault) => ({
        wrap: async (plain) =>
          ok({ keyId: unwrap(await vault.newestKeyId()), epoch: 1, wrapped: Buffer.from(plain).toString('base64url') }),
      }),
    ],
    [
      'a key with a changed or missing part does not open',
      (vault) => ({
        unwrap: async (key, context) => {
          const opened = await vault.unwrap(key, context);
          return opened.ok ? opened : ok(new Uint8Array(32));
        },
      }),
    ],
    [
      'a key that is wrapped anew is under the newest master key, with its epoch and its context',
      () => ({ rewrap: (key) => Promise.resolve(ok(key)) }),
    ],
    [
      'a key under the newest master key stays as it is when it is wrapped anew',
      (vault) => ({ rewrap: async (key, context) => vault.wrap(unwrap(await vault.unwrap(key, context)), context) }),
    ],
    [
      'after a rotation the newest master key wraps, and the older ones still open',
      () => ({ newestKeyId: () => Promise.resolve(ok('the first')) }),
    ],
  ];

  test.each(faults)('is found: %s', async (name, plant) => {
    const under = await localFile();
    const { vault } = under;
    const sound: KeyVault = {
      wrap: (plain, context) => vault.wrap(plain, context),
      unwrap: (key, context) => vault.unwrap(key, context),
      rewrap: (key, context) => vault.rewrap(key, context),
      newestKeyId: () => vault.newestKeyId(),
    };
    const check = keyVaultChecks.find((candidate) => candidate.name === name);
    await check?.run({ ...under, vault: sound });
    await expect(check?.run({ ...under, vault: { ...sound, ...plant(vault) } })).rejects.toThrow();
  });
});
