/** Tenant isolation of every route, by a table that the routes make themselves; and that the table finds a route whose guard is gone. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { uniqueId } from '../../libs/testkit/index.ts';
import { baselineOf, makeOfferable, offerOf } from './catalog-fixture.ts';
import type { Account, Fixture } from './control-plane-fixture.ts';
import { datasetBody, expectStatus, makeFeed, startFixture } from './control-plane-fixture.ts';
import { openRoute } from './http/account-guard.ts';
import { AgreementsController } from './http/agreements.controller.ts';
import { ParticipantsController } from './http/participants.controller.ts';
import type { Intruder, Victim } from './isolation-fixture.ts';
import { attemptOf, fault, isHarmless, routeName, routes, scopeOf } from './isolation-fixture.ts';
import { scopes } from './scope.ts';

let fixture: Fixture;
let victim: Victim;
const intruders: Intruder[] = [];

beforeAll(async () => {
  fixture = await startFixture();
  const feed = await makeFeed(fixture.call);
  const offer = uniqueId('offer');
  await makeOfferable(fixture.call, feed);
  expectStatus(await fixture.call('PUT', `/v1/datasets/${feed.dataset}/baseline`, { json: { policy: baselineOf(feed) } }), 200);
  expectStatus(await fixture.call('PUT', `/v1/offers/${offer}`, { json: { policy: offerOf(feed, offer) } }), 200);
  const asked = await fixture.call('POST', '/v1/requests', { json: { offer, purpose: 'research' }, as: feed.subscriber });
  const request = expectStatus(asked, 201).body.id;
  const keyed = datasetBody(feed.publisher.name, { level: 'L2', keyField: '/id' });
  expectStatus(await fixture.call('PUT', `/v1/datasets/${feed.dataset}`, { json: keyed }), 200);
  const erased = await fixture.call('POST', `/v1/datasets/${feed.dataset}/erasures`, { json: { subject: 'somebody' } });
  const [duty] = expectStatus(erased, 200).body.duties;
  victim = { ...feed, offer, request, duty: duty.id, apiKeyId: (await newKey(feed.publisher, 'admin')).id };
  intruders.push({ title: 'nobody', as: null, kind: 'nobody' });
  for (const role of ['publisher', 'subscriber', 'platform'] as const)
    intruders.push({ title: `a foreign ${role}`, as: await party(role), kind: 'stranger' });
  intruders.push({ title: 'an auditor', as: await party('auditor'), kind: 'auditor' });
  const suspended = await party('operator');
  expectStatus(await fixture.call('POST', `/v1/participants/${suspended.name}/suspend`), 200);
  intruders.push({ title: 'an operator whose participant is suspended', as: suspended, kind: 'suspended' });
  for (const scope of scopes) {
    const { key } = await newKey(fixture.operator, scope);
    const as = { name: fixture.operator.name, secret: key };
    intruders.push({ title: `a key of the operator with the scope ${scope}`, as, kind: 'key', scope });
  }
});
afterAll(() => fixture.close());

async function party(role: string): Promise<Account> {
  const account = { name: uniqueId(role), secret: 'secret-of-an-intruder' };
  expectStatus(await fixture.call('PUT', `/v1/participants/${account.name}`, { json: { name: role, roles: [role] } }), 200);
  const json = { participant: account.name, secret: account.secret };
  expectStatus(await fixture.call('PUT', `/v1/accounts/${account.name}`, { json }), 200);
  return account;
}

async function newKey(as: Account, scope: string): Promise<{ readonly id: string; readonly key: string }> {
  const json = { name: 'isolation', scopes: [scope], expiresAt: new Date(Date.now() + 3_600_000).toISOString() };
  return expectStatus(await fixture.call('POST', '/v1/api-keys', { json, as }), 201).body;
}

/** Every route as every intruder: what is wrong. */
async function probe(instance: number): Promise<string[]> {
  const faults: string[] = [];
  for (const route of routes()) {
    const { method, path, ...request } = attemptOf(route, victim);
    for (const intruder of intruders.filter((candidate) => isHarmless(route, candidate))) {
      const answer = await fixture.call(method, path, { ...request, as: intruder.as, instance });
      const found = fault(route, intruder, answer, victim);
      if (found !== null) faults.push(found);
    }
  }
  return faults;
}

/** What the tenant owns, as the operator sees it. */
async function possessions(): Promise<unknown[]> {
  const paths = [
    `/v1/participants/${victim.publisher.name}`,
    `/v1/participants/${victim.subscriber.name}`,
    `/v1/accounts/${victim.publisher.name}`,
    `/v1/datasets/${victim.dataset}`,
    `/v1/agreements/${victim.agreement}`,
    `/v1/agreements/${victim.agreement}/keys`,
    `/v1/duties/${victim.duty}`,
    `/v1/datasets/${victim.dataset}/rights`,
    `/v1/datasets/${victim.dataset}/baseline`,
    `/v1/offers/${victim.offer}`,
    `/v1/requests/${victim.request}`,
    `/registry/config/raw.${victim.dataset}-value?defaultToGlobal=true`,
    `/registry/subjects/raw.${victim.dataset}-value/versions`,
  ];
  return Promise.all(paths.map(async (path) => expectStatus(await fixture.call('GET', path), 200).body));
}

describe('tenant isolation', () => {
  test('holds on every route for every role, scope and state, and changes nothing', async () => {
    const before = await possessions();
    expect(await probe(0)).toEqual([]);
    expect(await possessions()).toEqual(before);
    // The owner is still who it was: nobody was let in by a changed secret, and its key is there.
    const own = await fixture.call('GET', '/v1/api-keys', { as: victim.publisher });
    expect(expectStatus(own, 200).body.items).toMatchObject([{ id: victim.apiKeyId }]);
  }, 300_000);

  test('is decided for each route: one that is not open names the scope of its keys, but for the making of keys', () => {
    const unnamed = routes().filter((route) => !route.isOpen && scopeOf(route) === undefined);
    expect(unnamed.map(routeName)).toEqual(['POST /v1/api-keys']);
    const open = routes().filter(({ isOpen }) => isOpen);
    expect(open.map(routeName)).toEqual(['GET /health', 'GET /ready', 'GET /v1/openapi.json', 'GET /v1/asyncapi.json']);
  });
});

describe('a planted fault is found:', () => {
  type Handler = (this: unknown, caller: object, ...more: unknown[]) => unknown;

  let instances = 1;

  /** A further instance serves the handler that was put in, all else as it was. */
  async function faultsWith(
    controller: { readonly prototype: object },
    name: string,
    make: (original: Handler) => Handler,
  ): Promise<string[]> {
    const original = Reflect.get(controller.prototype, name) as Handler;
    const planted = make(original);
    for (const key of Reflect.getMetadataKeys(original))
      if (!Reflect.hasMetadata(key, planted)) Reflect.defineMetadata(key, Reflect.getMetadata(key, original), planted);
    Reflect.set(controller.prototype, name, planted);
    try {
      await fixture.addInstance();
      instances += 1;
      return await probe(instances - 1);
    } finally {
      Reflect.set(controller.prototype, name, original);
    }
  }

  test('a route that takes every caller for the operator', async () => {
    const faults = await faultsWith(
      AgreementsController,
      'get',
      (original) =>
        function (caller, ...more) {
          return original.call(this, { ...caller, roles: ['operator'] }, ...more);
        },
    );
    for (const role of ['publisher', 'subscriber', 'platform'])
      expect(faults).toContain(`GET /v1/agreements/{id} answers 200 to a foreign ${role}`);
    expect(faults.filter((text) => !text.startsWith('GET /v1/agreements/{id} '))).toEqual([]);
  }, 300_000);

  test('a list that forgets whose it is', async () => {
    const faults = await faultsWith(
      ParticipantsController,
      'listAccounts',
      (original) =>
        function (caller, ...more) {
          return original.call(this, { ...caller, roles: ['auditor'] }, ...more);
        },
    );
    expect(faults).toContain("GET /v1/accounts answers 200 to a foreign publisher and shows what is not the caller's");
  }, 300_000);

  test('a route that is open by mistake', async () => {
    const faults = await faultsWith(AgreementsController, 'explain', (original) => {
      const open: Handler = function (caller, ...more) {
        return original.call(this, caller, ...more);
      };
      Reflect.defineMetadata(openRoute, true, open);
      return open;
    });
    expect(faults).toContain('GET /v1/agreements/{id}/explain answers 500 to nobody');
  }, 300_000);
});
