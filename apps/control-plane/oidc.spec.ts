/** Access tokens of an issuer that runs here: what is taken, and everything that is not. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CryptoKey, JWTPayload } from 'jose';
import { base64url, exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';

import { uniqueId } from '../../libs/testkit/index.ts';
import type { Answer, Feed, Fixture } from './control-plane-fixture.ts';
import { expectStatus, makeFeed, startFixture } from './control-plane-fixture.ts';

const audience = 'sluice-of-tests';

/** An issuer with one key at a time, whose server can be stopped and started on its port. */
class Issuer {
  #server: Server | undefined;
  #port = 0;
  #keys: { readonly kid: string; readonly algorithm: string; readonly privateKey: CryptoKey; readonly publicKey: CryptoKey }[] =
    [];
  /** What it says its name is; its own when undefined. */
  claimed: string | undefined;
  /** In place of the key set. */
  keySet: string | undefined;
  asked = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}/realm`;
  }

  get publicKey(): CryptoKey {
    const [key] = this.#keys;
    if (key === undefined) throw new Error('the issuer has no key');
    return key.publicKey;
  }

  async start(): Promise<void> {
    this.#server = createServer((request, response) => {
      this.asked += 1;
      void this.#answer(request.url ?? '').then((body) => {
        response.writeHead(body === null ? 404 : 200, { 'content-type': 'application/json' }).end(body ?? '');
      });
    });
    await new Promise<void>((resolve) => this.#server?.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  /** A new key in the place of those before. */
  async rotate(algorithm: string): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
    this.#keys = [{ kid: uniqueId('key'), algorithm, privateKey, publicKey }];
  }

  sign(
    subject: string,
    claims: JWTPayload = {},
    more: { issuer?: string; expires?: number | null; header?: object } = {},
  ): Promise<string> {
    const [key] = this.#keys;
    if (key === undefined) throw new Error('the issuer has no key');
    const token = new SignJWT({ aud: audience, sub: subject, ...claims })
      .setProtectedHeader({ alg: key.algorithm, kid: key.kid, ...more.header })
      .setIssuer(more.issuer ?? this.url)
      .setIssuedAt();
    return (more.expires === null ? token : token.setExpirationTime(more.expires ?? '5 minutes')).sign(key.privateKey);
  }

  async #answer(path: string): Promise<string | null> {
    if (path === '/realm/.well-known/openid-configuration')
      return JSON.stringify({ issuer: this.claimed ?? this.url, jwks_uri: `${this.url}/keys` });
    if (path !== '/realm/keys') return null;
    if (this.keySet !== undefined) return this.keySet;
    const keys = this.#keys.map(async ({ kid, algorithm, publicKey }) => ({
      ...(await exportJWK(publicKey)),
      kid,
      alg: algorithm,
      use: 'sig',
    }));
    return JSON.stringify({ keys: await Promise.all(keys) });
  }
}

const issuer = new Issuer();
const other = new Issuer();
/** Trusted, and not what it says. */
const impostor = new Issuer();
let fixture: Fixture;
let feed: Feed;
const subject = uniqueId('subject');

beforeAll(async () => {
  await Promise.all([issuer, other, impostor].map((each) => each.start()));
  await issuer.rotate('ES256');
  await other.rotate('ES256');
  await impostor.rotate('ES256');
  fixture = await startFixture({ oidc: { issuers: [issuer.url, impostor.url], audience, cooldownMs: 0 } });
  feed = await makeFeed(fixture.call);
  for (const from of [issuer, impostor]) {
    const json = { participant: feed.subscriber.name, kind: 'person', oidc: { issuer: from.url, subject } };
    expectStatus(await fixture.call('PUT', `/v1/accounts/${uniqueId('person')}`, { json }), 200);
  }
});

afterAll(async () => {
  await fixture.close();
  await Promise.all([issuer, other, impostor].map((each) => each.stop()));
});

const ask = (token: string, path = `/v1/agreements/${feed.agreement}`): Promise<Answer> =>
  fixture.call('GET', path, { as: null, headers: { authorization: `Bearer ${token}` } });

describe('a token', () => {
  test.each(['RS256', 'PS256', 'ES256', 'EdDSA'])(
    'signed with %s lets in the account of its subject, with its rights',
    async (algorithm) => {
      await issuer.rotate(algorithm);
      const token = await issuer.sign(subject);
      expectStatus(await ask(token), 200);
      expect((await ask(token, `/v1/accounts/${feed.publisher.name}`)).status).toBe(404);
      expect((await ask(token, '/v1/events')).status).toBe(403);
    },
  );

  test('may make API keys for its account', async () => {
    const json = { name: 'k', scopes: ['agreements:read'], expiresAt: new Date(Date.now() + 60_000).toISOString() };
    const headers = { authorization: `Bearer ${await issuer.sign(subject)}` };
    expect((await fixture.call('POST', '/v1/api-keys', { as: null, json, headers })).status).toBe(201);
  });

  test('within the leeway of a minute is taken, beyond it is not', async () => {
    const now = Math.floor(Date.now() / 1_000);
    expect((await ask(await issuer.sign(subject, {}, { expires: now - 30 }))).status).toBe(200);
    expect((await ask(await issuer.sign(subject, { nbf: now + 30 }))).status).toBe(200);
    expect((await ask(await issuer.sign(subject, {}, { expires: now - 120 }))).status).toBe(401);
    expect((await ask(await issuer.sign(subject, { nbf: now + 120 }))).status).toBe(401);
  });

  test('is refused for anything else that is wrong with it', async () => {
    const good = await issuer.sign(subject);
    const [header = '', payload = '', signature = ''] = good.split('.');
    const claims = { aud: audience, iss: issuer.url, sub: subject, exp: Math.floor(Date.now() / 1_000) + 300 };
    const publicPem = new TextEncoder().encode(await exportSPKI(issuer.publicKey));
    const edited = base64url.encode(JSON.stringify({ ...claims, sub: 'admin' }));
    const wrong: Record<string, string> = {
      'another subject': await issuer.sign('somebody-else'),
      'no subject': await issuer.sign('', { sub: undefined as never }),
      'an empty subject': await issuer.sign(''),
      'another audience': await issuer.sign(subject, { aud: 'another-service' }),
      'no audience': await issuer.sign(subject, { aud: undefined as never }),
      'an issuer that is not trusted': await other.sign(subject),
      'the name of a trusted issuer, signed by another': await other.sign(subject, {}, { issuer: issuer.url }),
      'an issuer with a slash more': await issuer.sign(subject, {}, { issuer: `${issuer.url}/` }),
      'no end': await issuer.sign(subject, {}, { expires: null }),
      'no signature, algorithm none': new UnsecuredJWT(claims).encode(),
      'a signature cut off': `${header}.${payload}.`,
      'a changed payload': `${header}.${edited}.${signature}`,
      'HS256 under the public key': await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(publicPem),
      'a key of its own in the header': await other.sign(
        subject,
        {},
        { issuer: issuer.url, header: { jwk: await exportJWK(other.publicKey) } },
      ),
      'garbage': 'a.b.c',
      'one part': 'a-token-of-one-part-alone',
    };
    const answers = [];
    for (const [what, token] of Object.entries(wrong)) {
      const { status, body } = await ask(token);
      answers.push([what, status, body.code]);
      expect(JSON.stringify(body)).not.toContain(token.slice(-20));
    }
    expect(answers).toEqual(Object.keys(wrong).map((what) => [what, 401, 'unauthenticated']));
    expect((await ask(good)).status).toBe(200);
    expect(fixture.logged()).not.toContain(signature);
  });

  test('of a key that came or went by rotation is taken or refused at once', async () => {
    const before = await issuer.sign(subject);
    expect((await ask(before)).status).toBe(200);
    await issuer.rotate('ES256');
    expect((await ask(await issuer.sign(subject))).status).toBe(200);
    expect((await ask(before)).status).toBe(401);
  });

  test('that cannot be checked is no pass: an issuer that is down or answers nonsense is a failure that passes', async () => {
    const unreachable = { status: 503, body: { code: 'issuer-unreachable', retriable: true } };
    impostor.claimed = issuer.url;
    expect(await ask(await impostor.sign(subject))).toMatchObject(unreachable);
    impostor.claimed = undefined;
    for (const keySet of ['not JSON', '[]', '{"keys":1}', `{"keys":[],"x":"${'x'.repeat(300_000)}"}`]) {
      impostor.keySet = keySet;
      expect(await ask(await impostor.sign(subject))).toMatchObject(unreachable);
    }
    impostor.keySet = undefined;
    expect((await ask(await impostor.sign(subject))).status).toBe(200);
    await impostor.stop();
    await impostor.rotate('ES256');
    expect(await ask(await impostor.sign(subject))).toMatchObject(unreachable);
    await impostor.start();
    expect((await ask(await impostor.sign(subject))).status).toBe(200);
  });

  test('of an issuer that is not trusted makes nobody ask it', async () => {
    const asked = other.asked;
    await ask(await other.sign(subject));
    expect(other.asked).toBe(asked);
  });
});

test('without a trusted issuer no token is taken', async () => {
  const own = await startFixture();
  const headers = { authorization: `Bearer ${await issuer.sign(subject)}` };
  expect(await own.call('GET', '/v1/datasets', { as: null, headers })).toMatchObject({
    status: 401,
    body: { code: 'unauthenticated' },
  });
  await own.close();
});
