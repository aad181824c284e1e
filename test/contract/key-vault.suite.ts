/** What every KeyVault promises, as checks that throw. */
import assert from 'node:assert/strict';

import { unwrap } from '../../libs/base/index.ts';
import type { KeyVault } from '../../libs/catalog/index.ts';

/** An implementation with a master key of its own for each check. */
export interface VaultUnderTest {
  readonly vault: KeyVault;
  /** Another object over the same master keys, as after a restart. */
  reopened(): Promise<KeyVault>;
  /** Over master keys that have nothing to do with these. */
  foreign(): Promise<KeyVault>;
  /** A newer master key wraps from now on. */
  rotate(): Promise<void>;
  close(): Promise<void>;
}

interface Check {
  readonly name: string;
  run(under: VaultUnderTest): Promise<void>;
}

const plain = new TextEncoder().encode('a data key of thirty-two bytes!!');

export const keyVaultChecks: readonly Check[] = [
  {
    name: 'what was wrapped opens to the same bytes, also after a restart',
    async run({ vault, reopened }) {
      const key = unwrap(await vault.wrap(plain, 'agreement/a'));
      assert.deepEqual(Buffer.from(unwrap(await vault.unwrap(key, 'agreement/a'))), Buffer.from(plain));
      assert.deepEqual(Buffer.from(unwrap(await (await reopened()).unwrap(key, 'agreement/a'))), Buffer.from(plain));
    },
  },
  {
    name: 'any bytes are wrapped: none, many, and such as are no text',
    async run({ vault }) {
      for (const bytes of [new Uint8Array(0), new Uint8Array(100_000).fill(0xff), new Uint8Array([0, 0x80, 0xc3, 0x28])])
        assert.deepEqual(Buffer.from(unwrap(await vault.unwrap(unwrap(await vault.wrap(bytes, 'c')), 'c'))), Buffer.from(bytes));
    },
  },
  {
    name: 'what is wrapped shows nothing, and is never the same twice',
    async run({ vault }) {
      const [one, two] = [unwrap(await vault.wrap(plain, 'c')), unwrap(await vault.wrap(plain, 'c'))];
      assert.notEqual(one.wrapped, two.wrapped);
      for (const encoding of ['base64', 'base64url', 'hex', 'utf8'] as const)
        assert.ok(!one.wrapped.includes(Buffer.from(plain).toString(encoding)));
      assert.ok(!Buffer.from(one.wrapped, 'base64url').includes(Buffer.from(plain)));
    },
  },
  {
    name: 'a key opens for its own context alone',
    async run({ vault }) {
      const key = unwrap(await vault.wrap(plain, 'agreement/a'));
      for (const context of ['agreement/b', 'agreement/a/2', 'agreement/A', ''])
        assert.equal(codeOf(await vault.unwrap(key, context)), 'key-missing');
    },
  },
  {
    name: 'a key with a changed or missing part does not open',
    async run({ vault }) {
      const key = unwrap(await vault.wrap(plain, 'c'));
      for (let index = 0; index < key.wrapped.length; index += 3) {
        const other = key.wrapped[index] === 'A' ? 'B' : 'A';
        const wrapped = key.wrapped.slice(0, index) + other + key.wrapped.slice(index + 1);
        assert.equal((await vault.unwrap({ ...key, wrapped }, 'c')).ok, false, `with another character at ${index}`);
      }
      for (const length of [0, 1, 20, key.wrapped.length - 4])
        assert.equal((await vault.unwrap({ ...key, wrapped: key.wrapped.slice(0, length) }, 'c')).ok, false);
    },
  },
  {
    name: 'a key of other master keys does not open, and the failure names both',
    async run({ vault, foreign }) {
      const key = unwrap(await (await foreign()).wrap(plain, 'c'));
      const opened = await vault.unwrap(key, 'c');
      assert.equal(codeOf(opened), 'key-missing');
      assert.ok(!opened.ok && !opened.failure.message.includes(key.wrapped));
    },
  },
  {
    name: 'after a rotation the newest master key wraps, and the older ones still open',
    async run({ vault, rotate, reopened }) {
      const before = unwrap(await vault.wrap(plain, 'c'));
      assert.equal(before.keyId, unwrap(await vault.newestKeyId()));
      await rotate();
      const after = unwrap(await vault.wrap(plain, 'c'));
      assert.notEqual(after.keyId, before.keyId);
      assert.equal(after.keyId, unwrap(await vault.newestKeyId()));
      for (const opener of [vault, await reopened()])
        for (const key of [before, after])
          assert.deepEqual(Buffer.from(unwrap(await opener.unwrap(key, 'c'))), Buffer.from(plain));
    },
  },
  {
    name: 'a key that is wrapped anew is under the newest master key, with its epoch and its context',
    async run({ vault, rotate }) {
      const before = { ...unwrap(await vault.wrap(plain, 'agreement/a/7')), epoch: 7 };
      await rotate();
      const after = unwrap(await vault.rewrap(before, 'agreement/a/7'));
      assert.equal(after.keyId, unwrap(await vault.newestKeyId()));
      assert.equal(after.epoch, 7);
      assert.deepEqual(Buffer.from(unwrap(await vault.unwrap(after, 'agreement/a/7'))), Buffer.from(plain));
      assert.equal(codeOf(await vault.unwrap(after, 'agreement/a/8')), 'key-missing');
    },
  },
  {
    name: 'a key under the newest master key stays as it is when it is wrapped anew',
    async run({ vault }) {
      const key = { ...unwrap(await vault.wrap(plain, 'c')), epoch: 3 };
      assert.deepEqual(unwrap(await vault.rewrap(key, 'c')), key);
    },
  },
  {
    name: 'a key is wrapped anew for its own context alone',
    async run({ vault, rotate }) {
      const key = unwrap(await vault.wrap(plain, 'agreement/a'));
      await rotate();
      assert.equal(codeOf(await vault.rewrap(key, 'agreement/b')), 'key-missing');
    },
  },
];

const codeOf = (result: { readonly ok: boolean; readonly failure?: { readonly code: string } }): string | undefined =>
  result.ok ? undefined : result.failure?.code;
