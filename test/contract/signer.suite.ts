/** What every signer and every checker of its signatures promise, as checks that throw. */
import assert from 'node:assert/strict';
import type { Result } from '../../libs/base/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import type { SignatureChecker, Signer } from '../../libs/catalog/index.ts';

/** An implementation with keys of its own for each check. */
export interface SignerUnderTest {
  readonly signer: Signer;
  readonly checker: SignatureChecker;
  /** Of keys that have nothing to do with these. */
  readonly foreign: Signer;
  /** A newer key signs from now on. */
  rotate(): Promise<void>;
  /** The newest key alone is trusted from now on. */
  retire(): Promise<void>;
  close(): Promise<void>;
}

interface Check {
  readonly name: string;
  run(under: SignerUnderTest): Promise<void>;
}

const payload = Buffer.from('{"agreement":"a","revision":1}');
const codeOf = (result: Result<unknown>): string => (result.ok ? 'none' : result.failure.code);

/** `header..signature` with another member in the header. */
function withHeader(signature: string, change: (header: Record<string, unknown>) => object): string {
  const [header = '', , bytes = ''] = signature.split('.');
  const changed = change(JSON.parse(Buffer.from(header, 'base64url').toString()) as Record<string, unknown>);
  return `${Buffer.from(JSON.stringify(changed)).toString('base64url')}..${bytes}`;
}

export const signerChecks: readonly Check[] = [
  {
    name: 'what was signed is known by the key that signed it, whatever the bytes are',
    async run({ signer, checker }) {
      for (const bytes of [payload, Buffer.alloc(0), Buffer.from([0, 0xff, 0x2e]), Buffer.alloc(200_000, 7)]) {
        const signature = unwrap(await signer.sign('directive', bytes));
        assert.deepEqual(unwrap(await checker.check('directive', bytes, signature)), {
          keyId: unwrap(await signer.newestKeyId()),
        });
      }
    },
  },
  {
    name: 'a changed, longer or shorter payload is refused',
    async run({ signer, checker }) {
      const signature = unwrap(await signer.sign('directive', payload));
      for (const bytes of [
        Buffer.concat([payload, Buffer.from(' ')]),
        payload.subarray(1),
        payload.subarray(0, -1),
        Buffer.alloc(0),
      ])
        assert.equal(codeOf(await checker.check('directive', bytes, signature)), 'signature-invalid');
    },
  },
  {
    name: 'a signature of another kind is refused',
    async run({ signer, checker }) {
      const signature = unwrap(await signer.sign('program', payload));
      assert.equal(codeOf(await checker.check('directive', payload, signature)), 'signature-invalid');
    },
  },
  {
    name: 'no signature, half of one, and one of another form are refused',
    async run({ signer, checker }) {
      const signature = unwrap(await signer.sign('directive', payload));
      const [header = '', , bytes = ''] = signature.split('.');
      const forms = [
        undefined,
        '',
        '..',
        header,
        `${header}..`,
        `${header}..${bytes.slice(0, -4)}`,
        `${header}.${payload.toString('base64url')}.${bytes}`,
        `${signature}.${bytes}`,
        withHeader(signature, (all) => ({ ...all, alg: 'none' })),
        withHeader(signature, (all) => ({ ...all, b64: undefined })),
        withHeader(signature, (all) => ({ ...all, jwk: { kty: 'OKP' } })),
        withHeader(signature, (all) => ({ ...all, kid: undefined })),
      ];
      for (const form of forms) assert.equal(codeOf(await checker.check('directive', payload, form)), 'signature-invalid');
    },
  },
  {
    name: 'a key that is not trusted is refused, also when it names one that is',
    async run({ signer, checker, foreign }) {
      const theirs = unwrap(await foreign.sign('directive', payload));
      assert.equal(codeOf(await checker.check('directive', payload, theirs)), 'signature-invalid');
      const kid = unwrap(await signer.newestKeyId());
      const disguised = withHeader(theirs, (all) => ({ ...all, kid }));
      assert.equal(codeOf(await checker.check('directive', payload, disguised)), 'signature-invalid');
    },
  },
  {
    name: 'after a rotation the new key signs, and what the earlier one signed is still known',
    async run({ signer, checker, rotate }) {
      const [before, earlier] = [unwrap(await signer.newestKeyId()), unwrap(await signer.sign('directive', payload))];
      await rotate();
      const later = unwrap(await signer.sign('directive', payload));
      const keyId = unwrap(await signer.newestKeyId());
      assert.notEqual(keyId, before);
      assert.deepEqual(unwrap(await checker.check('directive', payload, later)), { keyId });
      assert.deepEqual(unwrap(await checker.check('directive', payload, earlier)), { keyId: before });
    },
  },
  {
    name: 'what a retired key signed is refused',
    async run({ signer, checker, rotate, retire }) {
      const earlier = unwrap(await signer.sign('directive', payload));
      await rotate();
      await retire();
      const later = unwrap(await signer.sign('directive', payload));
      assert.equal(codeOf(await checker.check('directive', payload, earlier)), 'signature-invalid');
      assert.equal(codeOf(await checker.check('directive', payload, later)), 'none');
    },
  },
];
