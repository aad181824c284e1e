/** The suite of the port on every implementation, and on ones with a planted fault. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { SignerUnderTest } from '../../../test/contract/signer.suite.ts';
import { signerChecks } from '../../../test/contract/signer.suite.ts';
import { ok, unwrap } from '../../base/index.ts';
import type { SignatureChecker } from '../../catalog/index.ts';
import { openChecker, openSigner, retireSigningKeys, rotateSigningKey } from './index.ts';
import { TransitServer } from './transit-server-fixture.ts';

let directory: string;
let made = 0;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sluice-signers-'));
});

afterAll(async () => {
  performance.now = now;
  await rm(directory, { recursive: true });
});

const newHome = (): string => path.join(directory, `home-${(made += 1)}`);
const payload = Buffer.from('a directive');

async function localFile(): Promise<SignerUnderTest> {
  const home = newHome();
  const keyFile = path.join(home, 'master.key');
  const file = path.join(home, 'signing.json');
  return {
    ...unwrap(await openSigner({ keyFile })),
    // As data plane and link have it.
    checker: unwrap(await openChecker({ keyFile })),
    foreign: unwrap(await openSigner({ keyFile: path.join(newHome(), 'master.key') })).signer,
    rotate: async () => void unwrap(await rotateSigningKey(file)),
    retire: async () => void unwrap(await retireSigningKeys(file)),
    close: () => Promise.resolve(),
  };
}

async function transit(): Promise<SignerUnderTest> {
  const [server, other] = [await TransitServer.start(directory), await TransitServer.start(directory)];
  const optionsOf = ({ address, tokenFile }: TransitServer) => ({ transit: { address, tokenFile, retryPauseMs: 1 } });
  let versions = 1;
  return {
    ...unwrap(await openSigner(optionsOf(server))),
    foreign: unwrap(await openSigner(optionsOf(other))).signer,
    rotate: () => {
      versions += 1;
      server.rotateSigning();
      // The versions are read again after a while, or when a signature names one that is not known.
      jumpAhead();
      return Promise.resolve();
    },
    retire: () => {
      server.signingFrom = versions;
      jumpAhead();
      return Promise.resolve();
    },
    close: async () => {
      await server.close();
      await other.close();
      ahead = 0;
    },
  };
}

/** Lets what is read now and then be read at the next call. */
let ahead = 0;
const now = performance.now.bind(performance);
const jumpAhead = (): void => {
  ahead += 60_000;
  performance.now = () => now() + ahead;
};

describe.each([
  ['a file', localFile],
  ['Vault', transit],
])('a signer over %s', (_, make) => {
  test.each(signerChecks.map((check) => [check.name, check] as const))('%s', async (__, check) => {
    const under = await make();
    try {
      await check.run(under);
    } finally {
      await under.close();
    }
  });
});

describe('a checker with a planted fault', () => {
  const faults: readonly [string, (checker: SignatureChecker) => SignatureChecker['check']][] = [
    [
      'a changed, longer or shorter payload is refused',
      (checker) => (kind, _, signature) => checker.check(kind, payloadOf(signature), signature),
    ],
    [
      'no signature, half of one, and one of another form are refused',
      (checker) => async (kind, bytes, signature) => {
        const checked = await checker.check(kind, bytes, signature);
        return checked.ok || signature !== undefined ? checked : ok({ keyId: 'unsigned' });
      },
    ],
    [
      'a key that is not trusted is refused, also when it names one that is',
      () => () => Promise.resolve(ok({ keyId: 'anybody' })),
    ],
    [
      'a signature of another kind is refused',
      (checker) => async (kind, bytes, signature) => {
        const checked = await checker.check(kind, bytes, signature);
        return checked.ok ? checked : checker.check('program', bytes, signature);
      },
    ],
  ];
  const payloadOf = (signature: string | undefined): Uint8Array =>
    signature === undefined ? payload : Buffer.from('{"agreement":"a","revision":1}');

  test.each(faults)('is found: %s', async (name, plant) => {
    const under = await localFile();
    const check = signerChecks.find((candidate) => candidate.name === name);
    await check?.run(under);
    await expect(check?.run({ ...under, checker: { check: plant(under.checker) } })).rejects.toThrow();
  });
});

describe('the files of the signing keys', () => {
  test('are made with one key: the private one for its owner alone, the public one without anything private', async () => {
    const home = newHome();
    unwrap(await openSigner({ keyFile: path.join(home, 'master.key') }));
    expect((await readdir(home)).toSorted()).toEqual(['signing.json', 'signing.public.json']);
    expect((await stat(path.join(home, 'signing.json'))).mode & 0o777).toBe(0o600);
    const text = await readFile(path.join(home, 'signing.public.json'), 'utf8');
    const { keys } = JSON.parse(text) as { keys: Record<string, string>[] };
    expect(keys.map((key) => Object.keys(key).toSorted())).toEqual([['crv', 'kid', 'kty', 'x']]);
    const { keys: own } = JSON.parse(await readFile(path.join(home, 'signing.json'), 'utf8')) as {
      keys: Record<string, string>[];
    };
    expect(text).not.toContain(own[0]?.['d']);
  });

  test('keep the private half of the newest key alone, and two rotations at once lose none', async () => {
    const home = newHome();
    const { signer } = unwrap(await openSigner({ keyFile: path.join(home, 'master.key') }));
    const file = path.join(home, 'signing.json');
    const rotated = await Promise.all(Array.from({ length: 5 }, () => rotateSigningKey(file)));
    const done = rotated.filter((one) => one.ok).length;
    expect(done).toBeGreaterThan(0);
    for (const refused of rotated.filter((one) => !one.ok)) expect(refused).toMatchObject({ failure: { code: 'conflict' } });
    const { keys } = JSON.parse(await readFile(file, 'utf8')) as { keys: Record<string, string>[] };
    expect(keys).toHaveLength(1 + done);
    expect(keys.map((key) => 'd' in key)).toEqual([...Array.from({ length: done }, () => false), true]);
    expect(unwrap(await signer.newestKeyId())).toBe(keys.at(-1)?.['kid']);
    expect(await rotateSigningKey(path.join(home, 'none.json'))).toMatchObject({ ok: false, failure: { code: 'not-found' } });
  });

  test('are refused when others may read the private one, or when they hold something else', async () => {
    const home = newHome();
    const keyFile = path.join(home, 'master.key');
    unwrap(await openSigner({ keyFile }));
    const file = path.join(home, 'signing.json');
    await chmod(file, 0o640);
    expect(await openSigner({ keyFile })).toMatchObject({ ok: false, failure: { code: 'config-invalid' } });
    await chmod(file, 0o600);
    for (const text of ['', '{}', '{"keys":[]}', await readFile(path.join(home, 'signing.public.json'), 'utf8')]) {
      await writeFile(file, text);
      expect(await openSigner({ keyFile })).toMatchObject({ ok: false, failure: { code: 'config-invalid' } });
    }
  });

  test('a checker needs the public file, makes none, and goes on with the keys it has when the file is spoilt later', async () => {
    const home = newHome();
    const keyFile = path.join(home, 'master.key');
    expect(await openChecker({ keyFile })).toMatchObject({ ok: false, failure: { code: 'config-invalid' } });
    expect(await openChecker({})).toMatchObject({ ok: false, failure: { code: 'config-invalid' } });
    const { signer } = unwrap(await openSigner({ keyFile }));
    const checker = unwrap(await openChecker({ keyFile }));
    await writeFile(path.join(home, 'signing.public.json'), '{"keys":[');
    const signature = unwrap(await signer.sign('directive', payload));
    expect(await checker.check('directive', payload, signature)).toMatchObject({ ok: true });
    unwrap(await openSigner({ keyFile }));
    expect(JSON.parse(await readFile(path.join(home, 'signing.public.json'), 'utf8'))).toMatchObject({ keys: [{}] });
    await chmod(path.join(home, 'signing.public.json'), 0o666);
    expect(await openChecker({ keyFile })).toMatchObject({ ok: false, failure: { code: 'config-invalid' } });
  });
});

describe('a signer over Vault', () => {
  test('tells one that is away from one that refuses, and known signatures are checked without it', async () => {
    const server = await TransitServer.start(directory);
    const settings = { transit: { address: server.address, tokenFile: server.tokenFile, retryPauseMs: 1 } };
    const { signer, checker } = unwrap(await openSigner(settings));
    const signature = unwrap(await signer.sign('directive', payload));
    server.isSealed = true;
    jumpAhead();
    expect(await signer.sign('directive', payload)).toMatchObject({ ok: false, failure: { code: 'key-service-unreachable' } });
    expect(await checker.check('directive', payload, signature)).toMatchObject({ ok: true });
    const fresh = unwrap(await openChecker(settings));
    expect(await fresh.check('directive', payload, signature)).toMatchObject({ failure: { code: 'key-service-unreachable' } });
    server.isSealed = false;
    expect(await fresh.check('directive', payload, signature)).toMatchObject({ ok: true });
    server.tokens.clear();
    jumpAhead();
    expect(await signer.sign('directive', payload)).toMatchObject({ ok: false, failure: { code: 'key-service-refused' } });
    await server.close();
  });

  test('a key of another type is refused in so many words', async () => {
    const server = await TransitServer.start(directory);
    const transit = { address: server.address, tokenFile: server.tokenFile, retryPauseMs: 1, signingKey: 'sluice' };
    const { signer } = unwrap(await openSigner({ transit }));
    expect(await signer.sign('directive', payload)).toMatchObject({
      ok: false,
      failure: { message: expect.stringContaining('ed25519') },
    });
    await server.close();
  });
});
