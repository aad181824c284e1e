/** Participants with several roles, accounts that have a part of them, suspension, and API keys within their scopes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { socialCreditCheckDigit } from '../../libs/identifiers/index.ts';
import { uniqueId } from '../../libs/testkit/index.ts';
import type { Account, Answer, Feed, Fixture } from './control-plane-fixture.ts';
import { datasetBody, eventually, expectStatus, makeFeed, startFixture } from './control-plane-fixture.ts';
import { scopes } from './scope.ts';

let fixture: Fixture;
let feed: Feed;

beforeAll(async () => {
  fixture = await startFixture();
  feed = await makeFeed(fixture.call);
});
afterAll(() => fixture.close());

const day = 24 * 60 * 60_000;
const inDays = (days: number): string => new Date(Date.now() + days * day).toISOString();
const putParticipant = (id: string, json: object, headers = {}): Promise<Answer> =>
  fixture.call('PUT', `/v1/participants/${id}`, { json: { name: 'A name', roles: ['publisher'], ...json }, headers });

/** A participant with these roles, and an account of it that has all of them unless told otherwise. */
async function party(roles: readonly string[], more: object = {}): Promise<Account> {
  const account = { name: uniqueId('party'), secret: 'secret-of-a-party' };
  expectStatus(await putParticipant(account.name, { roles }), 200);
  const json = { participant: account.name, secret: account.secret, ...more };
  expectStatus(await fixture.call('PUT', `/v1/accounts/${account.name}`, { json }), 200);
  return account;
}

describe('a participant', () => {
  test('is who its credit code, sector and region say, which are checked', async () => {
    const id = uniqueId('p');
    const json = { creditCode: '91330106MA27XF0L2I', sector: 'Q', region: 'CN-330108' };
    const wrongCode = await putParticipant(id, json);
    expect(wrongCode).toMatchObject({ status: 400, body: { at: '/creditCode' } });
    const right = { ...json, creditCode: `91330106MA27XF0L2${socialCreditCheckDigit('91330106MA27XF0L2')}` };
    const answer = expectStatus(await putParticipant(id, right), 200);
    expect(answer.body).toEqual({ id, name: 'A name', roles: ['publisher'], ...right, state: 'active' });
    expect((await fixture.call('GET', `/v1/participants/${id}`)).body).toEqual(answer.body);
    expect(await putParticipant(uniqueId('p'), right)).toMatchObject({ status: 409, body: { code: 'conflict' } });
    for (const [member, value] of [
      ['sector', 'U'],
      ['sector', 'q'],
      ['region', 'CN-ZJ'],
      ['region', 'China'],
      ['roles', []],
      ['state', 'suspended'],
    ] as const)
      expect((await putParticipant(uniqueId('p'), { [member]: value })).status).toBe(400);
  });

  test('may publish and subscribe, and keeps a role under which something runs', async () => {
    const both = await party(['subscriber', 'publisher']);
    const dataset = uniqueId('own');
    expectStatus(await fixture.call('PUT', `/v1/datasets/${dataset}`, { json: datasetBody(both.name), as: both }), 200);
    const roles = async (id: string, next: string[]) => (await putParticipant(id, { roles: next })).status;
    expect(await roles(both.name, ['subscriber'])).toBe(409);
    expect(await roles(both.name, ['publisher'])).toBe(200);
    expect(await roles(feed.subscriber.name, ['auditor'])).toBe(409);
    expect(await roles(feed.subscriber.name, ['platform', 'subscriber'])).toBe(200);
  });

  test('is changed under its ETag alone where one is given', async () => {
    const id = uniqueId('p');
    expect((await putParticipant(id, {}, { 'if-match': '*' })).status).toBe(412);
    const etag = (await putParticipant(id, {})).headers.get('etag') ?? '';
    expect((await fixture.call('GET', `/v1/participants/${id}`)).headers.get('etag')).toBe(etag);
    expect((await putParticipant(id, { name: 'Another' }, { 'if-match': etag })).status).toBe(200);
    expect((await putParticipant(id, { name: 'A third' }, { 'if-match': etag })).status).toBe(412);
  });

  test('that is suspended is refused by every credential, and told so only after it has proved itself', async () => {
    const own = await party(['publisher']);
    const key = await makeKey(own, ['catalog:read']);
    const state = (change: string, as?: Account) =>
      fixture.call('POST', `/v1/participants/${own.name}/${change}`, as === undefined ? {} : { as });
    const ask = (as: Account) => fixture.call('GET', '/v1/datasets', { as });
    expectStatus(await ask(own), 200);
    expect((await state('suspend', own)).status).toBe(403);
    expect(expectStatus(await state('suspend'), 200).body.state).toBe('suspended');
    expect(expectStatus(await state('suspend'), 200).body.state).toBe('suspended');
    for (const as of [own, key]) expect(await ask(as)).toMatchObject({ status: 403, body: { code: 'participant-suspended' } });
    expect(await ask({ ...own, secret: 'a-wrong-secret' })).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    expectStatus(await putParticipant(own.name, { roles: ['publisher'] }), 200);
    expect((await ask(own)).status).toBe(403);
    expectStatus(await state('resume'), 200);
    for (const as of [own, key]) expectStatus(await ask(as), 200);
    const events = await fixture.query('SELECT type FROM event_log WHERE subject = $1 ORDER BY time', [own.name]);
    expect(events.map(({ type }) => type)).toEqual(['sluice.participant.suspended.v1', 'sluice.participant.resumed.v1']);
  });

  test('is suspended by nobody who acts for it, and not when there is none', async () => {
    expect((await fixture.call('POST', '/v1/participants/operator/suspend')).status).toBe(409);
    expect((await fixture.call('POST', '/v1/participants/nobody/suspend')).status).toBe(404);
  });
});

describe('an account', () => {
  const put = (name: string, json: object) => fixture.call('PUT', `/v1/accounts/${name}`, { json });

  test('acts with the roles that it has of its participant, and with none that the participant lost', async () => {
    const reader = await party(['publisher', 'subscriber'], { roles: ['subscriber'], kind: 'person', displayName: '王芳' });
    const shown = (await fixture.call('GET', `/v1/accounts/${reader.name}`, { as: reader })).body;
    expect(shown).toEqual({
      name: reader.name,
      participant: reader.name,
      kind: 'person',
      displayName: '王芳',
      roles: ['subscriber'],
      oidc: null,
    });
    const json = datasetBody(reader.name);
    expect((await fixture.call('PUT', `/v1/datasets/${uniqueId('d')}`, { json, as: reader })).status).toBe(403);
    expect(await put(uniqueId('a'), { participant: reader.name, secret: 'long-enough-1', roles: ['operator'] })).toMatchObject({
      status: 409,
      body: { at: '/roles' },
    });
    expectStatus(await putParticipant(reader.name, { roles: ['publisher'] }), 200);
    expect(await fixture.call('GET', '/v1/datasets', { as: reader })).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  });

  test('needs a secret or a subject; without a secret no secret is right', async () => {
    const name = uniqueId('a');
    const participant = feed.publisher.name;
    expect(await put(name, { participant })).toMatchObject({ status: 400, body: { at: '/secret' } });
    const oidc = { issuer: 'https://id.example', subject: name };
    expect((await put(name, { participant, oidc })).body.oidc).toEqual(oidc);
    for (const secret of ['', 'null', 'a-secret-of-12'])
      expect((await fixture.call('GET', '/v1/datasets', { as: { name, secret } })).status).toBe(401);
    expect((await put(uniqueId('a'), { participant, oidc })).status).toBe(409);
    expectStatus(await put(name, { participant, oidc, secret: 'a-secret-of-12' }), 200);
    // Not given again, the secret stays.
    expectStatus(await put(name, { participant, displayName: 'x' }), 200);
    expectStatus(await fixture.call('GET', '/v1/datasets', { as: { name, secret: 'a-secret-of-12' } }), 200);
  });
});

describe('an auditor', () => {
  test('reads what the operator reads, and writes nothing', async () => {
    const auditor = await party(['auditor']);
    const as = auditor;
    for (const path of [
      `/v1/participants/${feed.publisher.name}`,
      `/v1/accounts/${feed.publisher.name}`,
      `/v1/agreements/${feed.agreement}`,
      `/v1/agreements/${feed.agreement}/explain`,
      '/v1/events',
      '/v1/audit',
    ]) {
      expectStatus(await fixture.call('GET', path, { as }), 200);
      if (path.endsWith('audit')) continue;
      // Events of what the machine does come in between two readings.
      const isSame = async (): Promise<true | null> => {
        const [own, operators] = [await fixture.call('GET', path, { as }), await fixture.call('GET', path)];
        return isDeepStrictEqual(own.body, operators.body) ? true : null;
      };
      expect(await eventually(isSame)).toBe(true);
    }
    const listed = (await fixture.call('GET', '/v1/agreements?limit=200', { as })).body.items as { id: string }[];
    expect(listed.map(({ id }) => id)).toContain(feed.agreement);
    const writes: [string, string, object?][] = [
      ['PUT', `/v1/participants/${as.name}`, { name: 'x', roles: ['auditor', 'operator'] }],
      ['PUT', `/v1/accounts/${as.name}`, { participant: as.name, secret: 'long-enough-1' }],
      ['PUT', `/v1/datasets/${uniqueId('d')}`, datasetBody(as.name)],
      ['PUT', `/v1/agreements/${feed.agreement}`, { policy: feed.policy, delivery: { kind: 'kafka' } }],
      ['POST', `/v1/agreements/${feed.agreement}/terminate`],
      ['POST', `/v1/participants/${feed.publisher.name}/suspend`],
    ];
    for (const [method, path, json] of writes)
      expect((await fixture.call(method, path, { as, ...(json === undefined ? {} : { json }) })).status).toBe(403);
  });
});

describe('an API key', () => {
  test('is shown once, and kept as its digest alone', async () => {
    const { key, ...shown } = await createKey(feed.publisher, ['catalog:read', 'agreements:read']);
    expect(key).toMatch(/^slk_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
    const listed = (await fixture.call('GET', '/v1/api-keys', { as: feed.publisher })).body.items as { id: string }[];
    expect(listed.find(({ id }) => id === shown['id'])).toEqual(shown);
    const rows = await fixture.query('SELECT api_key::text AS row FROM api_key');
    expect(JSON.stringify([rows, listed])).not.toContain(key.slice(-43));
    expect(fixture.logged()).not.toContain(key.slice(-43));
  });

  test('opens the routes of its scopes as its account, by Bearer and in the place of the secret', async () => {
    const key = await makeKey(feed.subscriber, ['agreements:read']);
    const bearer = { authorization: `Bearer ${key.secret}` };
    for (const options of [{ as: key }, { as: null, headers: bearer }]) {
      expectStatus(await fixture.call('GET', `/v1/agreements/${feed.agreement}`, options), 200);
      expect(await fixture.call('GET', '/v1/datasets', options)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
      expect((await fixture.call('POST', `/v1/agreements/${feed.agreement}/suspend`, options)).status).toBe(403);
    }
    // The scope alone gives nothing that the account may not.
    const admin = await makeKey(feed.subscriber, ['admin', 'agreements:write']);
    expect((await fixture.call('POST', `/v1/agreements/${feed.agreement}/suspend`, { as: admin })).status).toBe(403);
    expect((await fixture.call('GET', `/v1/accounts/${feed.publisher.name}`, { as: admin })).status).toBe(404);
    expect((await fixture.call('GET', '/v1/agreements', { as: { ...key, name: feed.publisher.name } })).status).toBe(401);
  });

  test('makes no API keys, whatever its scopes', async () => {
    const key = await makeKey(fixture.operator, [...scopes]);
    const json = { name: 'x', scopes: ['admin'], expiresAt: inDays(1) };
    expect(await fixture.call('POST', '/v1/api-keys', { json, as: key })).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    });
    expectStatus(await fixture.call('GET', '/v1/api-keys', { as: key }), 200);
  });

  test('ends when it was told to, when it is revoked, and never takes another text', async () => {
    const ask = async (as: Account) => (await fixture.call('GET', '/v1/datasets', { as })).status;
    const { key, id } = await createKey(feed.publisher, ['catalog:read'], new Date(Date.now() + 1_500).toISOString());
    const short = { name: feed.publisher.name, secret: key };
    expect(await ask(short)).toBe(200);
    const deadline = Date.now() + 20_000;
    while ((await ask(short)) === 200 && Date.now() < deadline) await sleep(100);
    expect(await ask(short)).toBe(401);
    expectStatus(await fixture.call('DELETE', `/v1/api-keys/${id}`, { as: feed.publisher }), 204);

    const long = await makeKey(feed.publisher, ['catalog:read']);
    const other = await makeKey(feed.publisher, ['catalog:read']);
    const mixed = `${long.secret.slice(0, 21)}${other.secret.slice(21)}`;
    const changed = `${long.secret.slice(0, -1)}${long.secret.endsWith('A') ? 'B' : 'A'}`;
    for (const secret of [mixed, changed, `${long.secret}A`, long.secret.toUpperCase()])
      expect(await ask({ ...long, secret })).toBe(401);
    const named = long.secret.slice(4, 20);
    expect((await fixture.call('DELETE', `/v1/api-keys/${named}`, { as: feed.subscriber })).status).toBe(404);
    expect(await ask(long)).toBe(200);
    expectStatus(await fixture.call('DELETE', `/v1/api-keys/${named}`), 204);
    expect(await ask(long)).toBe(401);
  });

  test('is refused a life of more than 366 days or none, a scope that there is not, and another account', async () => {
    const create = (more: object, as = feed.publisher) =>
      fixture.call('POST', '/v1/api-keys', { json: { name: 'x', scopes: ['registry'], expiresAt: inDays(1), ...more }, as });
    for (const expiresAt of [inDays(366.1), inDays(-1), 'tomorrow', null]) expect((await create({ expiresAt })).status).toBe(400);
    for (const wrong of [[], ['everything'], ['admin', 'all']]) expect((await create({ scopes: wrong })).status).toBe(400);
    expect((await create({ account: feed.subscriber.name })).status).toBe(403);
    expect((await create({ account: 'nobody' }, fixture.operator)).status).toBe(404);
    const given = expectStatus(await create({ account: feed.subscriber.name, expiresAt: inDays(365.9) }, fixture.operator), 201);
    expect(given.body.account).toBe(feed.subscriber.name);
  });

  test('says to the minute when it was used', async () => {
    const key = await makeKey(feed.publisher, ['catalog:read']);
    const id = key.secret.slice(4, 20);
    const used = async () =>
      (await fixture.query('SELECT last_used_at AS at FROM api_key WHERE id = $1', [id]))[0]?.['at'] as Date | null;
    expect(await used()).toBeNull();
    expectStatus(await fixture.call('GET', '/v1/datasets', { as: key }), 200);
    const first = await used();
    expect(first).not.toBeNull();
    expectStatus(await fixture.call('GET', '/v1/datasets', { as: key }), 200);
    expect(await used()).toEqual(first);
    await fixture.query("UPDATE api_key SET last_used_at = last_used_at - interval '2 minutes' WHERE id = $1", [id]);
    expectStatus(await fixture.call('GET', '/v1/datasets', { as: key }), 200);
    expect((await used())?.getTime()).toBeGreaterThanOrEqual(first?.getTime() ?? Number.NaN);
  });
});

async function createKey(
  as: Account,
  granted: readonly string[],
  expiresAt = inDays(30),
): Promise<{ readonly key: string; readonly id: string } & Record<string, unknown>> {
  const json = { name: 'a key', scopes: granted, expiresAt };
  return expectStatus(await fixture.call('POST', '/v1/api-keys', { json, as }), 201).body;
}

/** A key as the secret of its account. */
async function makeKey(as: Account, granted: readonly string[]): Promise<Account> {
  return { name: as.name, secret: (await createKey(as, granted)).key };
}
