/** From an offer to a grant, as the one who asks, the ones who decide, and those who are not asked. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { uniqueId } from '../../libs/testkit/index.ts';
import { baselineOf, makeOfferable, maskedPhone, offerOf, rulesWith } from './catalog-fixture.ts';
import type { Account, Feed, Fixture } from './control-plane-fixture.ts';
import { datasetBody, eventually, expectStatus, makeFeed, startFixture } from './control-plane-fixture.ts';

let fixture: Fixture;
let feed: Feed;
let offer: string;
let institute: Account;

const participantOf = async (name: string, more: object = {}, roles = ['subscriber']): Promise<Account> => {
  const account = { name, secret: `${name}-secret` };
  expectStatus(await fixture.call('PUT', `/v1/participants/${name}`, { json: { name, roles, ...more } }), 200);
  expectStatus(await fixture.call('PUT', `/v1/accounts/${name}`, { json: { participant: name, secret: account.secret } }), 200);
  return account;
};

const putOffer = async (id: string, of: Feed, more: object = {}): Promise<void> => {
  const policy = offerOf(of, id, { stages: rulesWith(maskedPhone), ...more });
  expectStatus(await fixture.call('PUT', `/v1/offers/${id}`, { json: { policy }, as: of.publisher }), 200);
};

const row = (index: number) => ({
  id: `id-${index}`,
  phone: `1380000${String(index).padStart(4, '0')}`,
  cost: index,
  day: '2026-01-05',
  count: index,
});

const post = (path: string, as: Account, json: object = {}) => fixture.call('POST', path, { as, json });
const ask = (more: object = {}, as = institute) => post('/v1/requests', as, { offer, purpose: 'research', ...more });

beforeAll(async () => {
  fixture = await startFixture();
  feed = await makeFeed(fixture.call, { agreement: false });
  await makeOfferable(fixture.call, feed);
  expectStatus(
    await fixture.call('PUT', `/v1/datasets/${feed.dataset}/baseline`, {
      json: { policy: baselineOf(feed) },
      as: feed.publisher,
    }),
    200,
  );
  offer = uniqueId('offer');
  await putOffer(offer, feed, {
    constraint: [
      { leftOperand: 'purpose', operator: 'isAnyOf', rightOperand: ['research', 'planning'] },
      { leftOperand: 'industry', operator: 'isAnyOf', rightOperand: ['M'] },
      { leftOperand: 'elapsedTime', operator: 'lteq', rightOperand: 'P1Y' },
    ],
  });
  institute = await participantOf(uniqueId('institute'), { sector: 'M', region: 'CN-330108' });
  const sent = await fixture.call('POST', `/v1/datasets/${feed.dataset}/records`, {
    as: feed.publisher,
    json: Array.from({ length: 12 }, (_, index) => row(index)),
  });
  expectStatus(sent, 200);
});
afterAll(() => fixture.close());

describe('a dry run of an offer', () => {
  test('shows a subscriber the governed schema, each rule with what is lost, who enforces what, and governed records alone', async () => {
    const { body } = await eventually(async () => {
      const answer = await post(`/v1/offers/${offer}/dry-run`, institute, { purpose: 'research', fields: ['/phone', '/cost'] });
      return answer.body.samples?.length === 5 ? answer : null;
    });
    expect(body.governedSchema.fields.map(({ name }: { name: string }) => name)).toEqual(['phone', 'cost']);
    const rows = new Map(body.rows.map((one: { field: string; stage: string }) => [one.field, one.stage]));
    expect(rows.get('/id')).toBe('drop');
    expect(rows.get('/phone')).toBe('mask');
    expect(body.terms).toContainEqual({
      leftOperand: 'elapsedTime',
      operator: 'lteq',
      rightOperand: 'P1Y',
      enforcement: 'contractual, not technical',
    });
    for (const sample of body.samples) {
      expect(sample).toMatchObject({ outcome: 'governed', before: null });
      expect(sample.after.phone).toMatch(/^138\*{4}\d{4}$/);
      expect(Object.keys(sample.after)).toEqual(['phone', 'cost']);
    }
    expect(JSON.stringify(body)).not.toMatch(/1380000\d{4}/);
  });

  test('shows the publisher the raw records beside them, and the audit trail says so', async () => {
    const asked = { purpose: 'research' };
    const own = await fixture.call('PUT', `/v1/participants/${feed.publisher.name}`, {
      json: { name: 'publisher', roles: ['publisher'], sector: 'M' },
    });
    expectStatus(own, 200);
    const { body } = await post(`/v1/offers/${offer}/dry-run`, feed.publisher, asked);
    expect(body.samples[0].before.phone).toMatch(/^1380000\d{4}$/);
    expect(body.samples[0].after.phone).toMatch(/^138\*{4}\d{4}$/);
    const audit = await fixture.call('GET', `/v1/audit?account=${feed.publisher.name}&route=tryOffer`);
    expect(audit.body.items[0]).toMatchObject({ target: { id: offer }, outcome: 200 });
  });

  test('is refused to whom the offer is not for, and for what it does not offer', async () => {
    const factory = await participantOf(uniqueId('factory'), { sector: 'C' });
    expect((await post(`/v1/offers/${offer}/dry-run`, factory, { purpose: 'research' })).body.code).toBe('assignee-unfit');
    for (const [asked, at] of [
      [{ purpose: 'marketing' }, '/purpose'],
      [{ purpose: 'research', fields: ['/name'] }, '/fields'],
      [{ purpose: 'research', until: '2020-01-01T00:00:00Z' }, '/until'],
    ] as const)
      expect((await post(`/v1/offers/${offer}/dry-run`, institute, asked)).body).toMatchObject({ code: 'request-invalid', at });
    expect((await post('/v1/offers/no-such-offer/dry-run', institute, { purpose: 'research' })).status).toBe(404);
  });
});

describe('a request', () => {
  test('is seen by the one who made it and the one who is asked, and becomes an agreement by approval', async () => {
    const made = expectStatus(
      await ask({ fields: ['/phone', '/cost', '/day'], until: '2030-01-01T00:00:00Z', note: '流行病学研究' }),
      201,
    );
    expect(made.body).toMatchObject({
      state: 'submitted',
      waitsFor: 'assigner',
      assignee: institute.name,
      agreement: expect.stringMatching(/^agr-/),
    });
    const path = `/v1/requests/${made.body.id}`;
    const stranger = await makeFeed(fixture.call, { agreement: false });
    for (const as of [stranger.publisher, stranger.subscriber]) {
      expect((await fixture.call('GET', path, { as })).status).toBe(404);
      expect((await post(`${path}/approve`, as)).status).toBe(404);
      expect((await fixture.call('GET', '/v1/requests', { as })).body.items).toEqual([]);
    }
    expect((await fixture.call('GET', path, { as: feed.publisher })).body).toEqual(made.body);
    expect((await post(`${path}/approve`, institute)).status).toBe(403);
    expect((await fixture.call('POST', `${path}/approve`, { json: {} })).body.detail).toContain('waits for the publisher');

    const shown = (await fixture.call('GET', `${path}/dry-run?samples=2`, { as: feed.publisher })).body;
    expect(Object.values(made.body.programHashes)).toEqual([shown.programHash]);
    expect(shown.samples[0].before.id).toMatch(/^id-/);
    expect((await fixture.call('GET', `${path}/dry-run`, { as: institute })).body.samples[0].before).toBeNull();

    const approved = expectStatus(await post(`${path}/approve`, feed.publisher, { reason: 'as agreed' }), 200);
    expect(approved.body).toMatchObject({
      state: 'granted',
      waitsFor: null,
      decisions: [{ by: 'assigner', decision: 'approved' }],
    });
    const agreement = (await fixture.call('GET', `/v1/agreements/${made.body.agreement}`, { as: institute })).body;
    expect(agreement).toMatchObject({ state: 'started', dataset: feed.dataset, assignee: institute.name });
    expect(agreement.programs.map(({ programHash }: { programHash: string }) => programHash)).toEqual([shown.programHash]);
    expect((await post(`${path}/reject`, feed.publisher)).status).toBe(409);
    expect((await post(`${path}/withdraw`, institute)).status).toBe(409);
  });

  test('that is rejected or withdrawn makes no agreement', async () => {
    const [rejected, withdrawn] = [(await ask()).body, (await ask()).body];
    expect((await post(`/v1/requests/${rejected.id}/reject`, feed.publisher, { reason: 'not now' })).body).toMatchObject({
      state: 'rejected',
      decisions: [{ reason: 'not now' }],
    });
    expect((await post(`/v1/requests/${withdrawn.id}/withdraw`, institute)).body.state).toBe('withdrawn');
    for (const { id, agreement } of [rejected, withdrawn]) {
      expect((await post(`/v1/requests/${id}/approve`, feed.publisher)).status).toBe(409);
      expect((await fixture.call('GET', `/v1/agreements/${agreement}`)).status).toBe(404);
    }
  });

  test('for data of level L3 takes two approvals by two people, in their order', async () => {
    const [made] = [(await ask()).body];
    const json = datasetBody(feed.publisher.name, { level: 'L3' });
    expectStatus(await fixture.call('PUT', `/v1/datasets/${feed.dataset}`, { json, as: feed.publisher }), 200);
    try {
      const path = `/v1/requests/${made.id}`;
      const first = expectStatus(await post(`${path}/approve`, feed.publisher), 200);
      expect(first.body).toMatchObject({ state: 'submitted', waitsFor: 'operator' });
      expect((await fixture.call('GET', `/v1/agreements/${made.agreement}`)).status).toBe(404);
      expect((await post(`${path}/approve`, feed.publisher)).status).toBe(403);
      const second = expectStatus(await fixture.call('POST', `${path}/approve`, { json: {} }), 200);
      expect(second.body.state).toBe('granted');
    } finally {
      await fixture.call('PUT', `/v1/datasets/${feed.dataset}`, {
        json: datasetBody(feed.publisher.name, { level: 'L2' }),
        as: feed.publisher,
      });
    }
  });

  test('whose offer or Program has changed since is refused: what is approved is what was asked for', async () => {
    const other = uniqueId('offer');
    const constraint = [{ leftOperand: 'purpose', operator: 'eq', rightOperand: 'research' }];
    await putOffer(other, feed, { constraint });
    const made = (await ask({ offer: other })).body;
    await putOffer(other, feed, {
      constraint: [...constraint, { leftOperand: 'elapsedTime', operator: 'lteq', rightOperand: 'P30D' }],
    });
    const refused = await post(`/v1/requests/${made.id}/approve`, feed.publisher);
    expect([refused.status, refused.body.code]).toEqual([409, 'conflict']);
    const again = (await ask({ offer: other })).body;
    await fixture.query(`UPDATE access_request SET program_hashes = '{"1": "${'0'.repeat(64)}"}' WHERE id = $1`, [again.id]);
    expect((await post(`/v1/requests/${again.id}/approve`, feed.publisher)).body.code).toBe('program-mismatch');
  });

  test('that was approved and not granted before a crash is granted by the next instance, once', async () => {
    const made = (await ask()).body;
    await fixture.query("UPDATE access_request SET state = 'approved' WHERE id = $1", [made.id]);
    await fixture.addInstance();
    const granted = await eventually(async () => {
      const { body } = await fixture.call('GET', `/v1/requests/${made.id}`);
      return body.state === 'granted' ? body : null;
    });
    expect(granted.agreement).toBe(made.agreement);
    expect((await fixture.call('GET', `/v1/agreements/${made.agreement}`)).body.revision).toBe(1);
  });

  test('keeps the secret of its delivery to itself, and the agreement gets it', async () => {
    const secret = `whsec_${Buffer.from('a-secret-of-a-webhook-canary').toString('base64')}`;
    const delivery = { kind: 'webhook', url: 'https://example.org/in', secret, batchRecordsMax: 10 };
    const made = expectStatus(await ask({ delivery }), 201);
    const approved = expectStatus(await post(`/v1/requests/${made.body.id}/approve`, feed.publisher), 200);
    const agreement = await fixture.call('GET', `/v1/agreements/${made.body.agreement}`, { as: institute });
    expect(agreement.body.delivery).toEqual({ kind: 'webhook', url: 'https://example.org/in', batchRecordsMax: 10 });
    const everything = JSON.stringify([made, approved, agreement]) + fixture.logged();
    expect(everything).not.toContain(secret.slice(6));
    expect(everything).not.toContain('canary');
  });

  test('takes the role of a subscriber, and hostile text is refused', async () => {
    expect((await ask({}, feed.publisher)).status).toBe(403);
    for (const bad of [
      { note: 'a\u202Eb' },
      { note: 'a\u0000b' },
      { purpose: 'x'.repeat(100) },
      { fields: ['/a/b'] },
      { fields: [] },
      { until: 'tomorrow' },
      { colour: 'red' },
      { offer: '../etc' },
    ])
      expect((await ask(bad)).body.code).toBe('request-invalid');
  });
});
