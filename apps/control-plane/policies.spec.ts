/** Baselines and offers: stored by version, held against each other and against agreements; on real PostgreSQL and Kafka. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { DirectiveFeed } from '../../libs/adapters/kafka/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import type { Directive } from '../../libs/catalog/index.ts';
import { uniqueId } from '../../libs/testkit/index.ts';
import type { PolicyParts } from './catalog-fixture.ts';
import { baselineOf, makeOfferable, maskedPhone, offerOf, rightOf, rulesWith } from './catalog-fixture.ts';
import type { Answer, Feed, Fixture } from './control-plane-fixture.ts';
import {
  datasetBody,
  eventually,
  expectStatus,
  makeFeed,
  startFixture,
  visitFields,
  visitSchema,
} from './control-plane-fixture.ts';

let fixture: Fixture;

beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.close());

const putBaseline = (feed: Feed, parts: PolicyParts = {}, query = ''): Promise<Answer> =>
  fixture.call('PUT', `/v1/datasets/${feed.dataset}/baseline${query}`, {
    json: { policy: baselineOf(feed, parts) },
    as: feed.publisher,
  });
const putOffer = (feed: Feed, id: string, parts: PolicyParts = {}): Promise<Answer> =>
  fixture.call('PUT', `/v1/offers/${id}`, { json: { policy: offerOf(feed, id, parts) }, as: feed.publisher });
const putAgreement = (feed: Feed, parts: { stages?: object[]; constraint?: object[] } = {}): Promise<Answer> => {
  const policy = structuredClone(feed.policy) as { permission: { constraint?: object[]; duty: { stages: object[] }[] }[] };
  const [granted] = policy.permission;
  if (granted === undefined) throw new Error('the policy of the feed has no permission');
  if (parts.constraint !== undefined) granted.constraint = parts.constraint;
  if (parts.stages !== undefined) granted.duty = [{ ...granted.duty[0], stages: parts.stages }];
  return fixture.call('PUT', `/v1/agreements/${feed.agreement}`, {
    json: { policy, delivery: { kind: 'kafka' } },
    as: feed.publisher,
  });
};
const dropped = [{ stage: 'drop', at: '/phone' }];
const code = ({ status, body }: Answer): unknown[] => [status, body.code];
const detail = ({ body }: Answer): string => String(body.detail);

const directiveOf = (agreement: string, revision: number): Promise<Directive> =>
  eventually(async () => {
    const feed = unwrap(await DirectiveFeed.open(fixture.cluster, fixture.checker));
    const directive = feed.current().get(agreement);
    await feed.close();
    return directive !== undefined && directive.revision >= revision ? directive : null;
  });

describe('a baseline', () => {
  test('has versions that never change, and the same one for the same content', async () => {
    const feed = await makeFeed(fixture.call, { agreement: false });
    const path = `/v1/datasets/${feed.dataset}/baseline`;
    expectStatus(await fixture.call('GET', path), 404);
    const first = expectStatus(await putBaseline(feed), 200).body;
    expect(first).toMatchObject({
      kind: 'baseline',
      id: feed.dataset,
      version: 1,
      createdBy: feed.publisher.name,
      withdrawnAt: null,
    });
    expect(expectStatus(await putBaseline(feed), 200).body).toEqual(first);
    const second = expectStatus(await putBaseline(feed, { stages: dropped }), 200).body;
    expect(second.version).toBe(2);
    expect(expectStatus(await fixture.call('GET', path, { as: feed.subscriber }), 200).body).toEqual(second);
    const newest = expectStatus(await fixture.call('GET', `${path}/versions?limit=1`), 200).body;
    expect(newest.items).toEqual([second]);
    expect(expectStatus(await fixture.call('GET', `${path}/versions?limit=1&cursor=${newest.next}`), 200).body).toEqual({
      items: [first],
      next: null,
    });
  });

  test('is refused where it is of another dataset, names nothing, or cannot be planned, and from others', async () => {
    const feed = await makeFeed(fixture.call, { agreement: false });
    expect(code(await putBaseline({ ...feed, dataset: feed.dataset }, { stages: [{ stage: 'drop', at: '/fone' }] }))).toEqual([
      422,
      'plan-invalid',
    ]);
    expect(code(await putBaseline(feed, { stages: [{ stage: 'drop', at: 'tag:sensitive' }] }))).toEqual([422, 'plan-invalid']);
    expect(code(await putBaseline(feed, { stages: [{ stage: 'mask', at: '/cost' }] }))).toEqual([422, 'plan-invalid']);
    const other = baselineOf({ ...feed, dataset: 'another' });
    expect(code(await fixture.call('PUT', `/v1/datasets/${feed.dataset}/baseline`, { json: { policy: other } }))).toEqual([
      422,
      'policy-invalid',
    ]);
    const watermark = {
      ...baselineOf(feed),
      permission: [{ target: feed.dataset, action: 'distribute', duty: [{ action: 'watermark' }] }],
    };
    expect(
      (await fixture.call('PUT', `/v1/datasets/${feed.dataset}/baseline`, { json: { policy: watermark } })).body,
    ).toMatchObject({ code: 'policy-unenforceable' });
    expectStatus(
      await fixture.call('PUT', `/v1/datasets/${feed.dataset}/baseline`, {
        json: { policy: baselineOf(feed) },
        as: feed.subscriber,
      }),
      403,
    );
  });

  test('is tightened by agreements, never loosened, and says where', async () => {
    const feed = await makeFeed(fixture.call, { agreement: false });
    const purpose = { leftOperand: 'purpose', operator: 'isAnyOf', rightOperand: ['research', 'audit'] };
    expectStatus(await putBaseline(feed, { stages: [{ at: '/phone', ...maskedPhone }], constraint: [purpose] }), 200);
    const research = [{ leftOperand: 'purpose', operator: 'eq', rightOperand: 'research' }];
    const loose = await putAgreement(feed, { stages: rulesWith({ stage: 'keep' }), constraint: research });
    expect(code(loose)).toEqual([422, 'policy-loosens']);
    expect(detail(loose)).toMatch(/\/phone: .*the agreement: keep, kept as it is; the baseline: mask, first 3 and last 4/);
    expect(code(await putAgreement(feed, { constraint: [{ ...research[0], rightOperand: 'sale' }] }))).toEqual([
      422,
      'policy-loosens',
    ]);
    expect(code(await putAgreement(feed))).toEqual([422, 'policy-loosens']);
    expectStatus(await putAgreement(feed, { constraint: research }), 200);
    const explained = expectStatus(await fixture.call('GET', `/v1/agreements/${feed.agreement}/explain`), 200).body;
    expect(explained.terms).toEqual([{ term: 'purpose eq research', enforcement: 'checked when the agreement is made' }]);
  });

  test('that becomes stricter names what is looser, and suspends that only where it is told to', async () => {
    const feed = await makeFeed(fixture.call);
    await makeOfferable(fixture.call, feed);
    const offer = uniqueId('offer');
    expectStatus(await putOffer(feed, offer), 200);
    expectStatus(await putBaseline(feed), 200);
    const refused = await putBaseline(feed, { stages: dropped });
    expect(code(refused)).toEqual([409, 'conflict']);
    expect(detail(refused)).toContain(feed.agreement);
    expect(detail(refused)).toContain(offer);
    expect(expectStatus(await fixture.call('GET', `/v1/datasets/${feed.dataset}/baseline`), 200).body.version).toBe(1);
    expect(expectStatus(await putBaseline(feed, { stages: dropped }, '?hold=true'), 200).body.version).toBe(2);
    expect(await directiveOf(feed.agreement, 2)).toMatchObject({ state: 'suspended', revision: 2 });
    expect(expectStatus(await fixture.call('GET', `/v1/offers/${offer}`), 200).body.withdrawnAt).not.toBeNull();
    const resumed = await fixture.call('POST', `/v1/agreements/${feed.agreement}/resume`, { as: feed.publisher });
    expect(code(resumed)).toEqual([422, 'policy-loosens']);
    expectStatus(await putAgreement(feed, { stages: rulesWith({ stage: 'drop' }) }), 200);
    expectStatus(await fixture.call('POST', `/v1/agreements/${feed.agreement}/resume`, { as: feed.publisher }), 200);
  });

  test('binds a field that a later schema brings or tags', async () => {
    const feed = await makeFeed(fixture.call, { agreement: false });
    const tagged = (names: readonly string[]) =>
      visitSchema(
        visitFields.map((field) => ({
          ...field,
          ...(names.includes(field.name) ? { 'sluice.tags': ['direct-identifier'] } : {}),
        })),
      );
    const register = (schema: unknown) =>
      fixture.call('POST', `/registry/subjects/raw.${feed.dataset}-value/versions`, {
        json: { schema: JSON.stringify(schema) },
        as: feed.publisher,
      });
    expectStatus(await register(tagged(['id'])), 200);
    expectStatus(
      await putBaseline(feed, { stages: [{ stage: 'pseudonymize', at: 'tag:direct-identifier', with: { length: 32 } }] }),
      200,
    );
    expectStatus(await putAgreement(feed), 200);
    const refused = await register(tagged(['id', 'phone']));
    expect(refused.status).toBe(422);
    expect(JSON.stringify(refused.body)).toContain('/phone');
    expectStatus(
      await register(
        visitSchema(
          visitFields.map((field) =>
            field.name === 'id' ? { ...field, 'sluice.tags': ['direct-identifier'], doc: 'x' } : field,
          ),
        ),
      ),
      200,
    );
  });
});

describe('an agreement', () => {
  const one = (leftOperand: string, operator: string, rightOperand: unknown) => ({ leftOperand, operator, rightOperand });

  test('is made only with whom its sectors and regions are for', async () => {
    const feed = await makeFeed(fixture.call, { agreement: false });
    const constraint = [one('industry', 'isAnyOf', ['M', 'Q']), one('spatial', 'isAnyOf', ['CN-33'])];
    const become = async (more: object): Promise<void> => {
      const json = { name: 'lab', roles: ['subscriber'], ...more };
      expectStatus(await fixture.call('PUT', `/v1/participants/${feed.subscriber.name}`, { json }), 200);
    };
    expect(code(await putAgreement(feed, { constraint }))).toEqual([409, 'assignee-unfit']);
    await become({ sector: 'Q', region: 'SG' });
    expect(code(await putAgreement(feed, { constraint }))).toEqual([409, 'assignee-unfit']);
    await become({ sector: 'A', region: 'CN-330108' });
    expect(code(await putAgreement(feed, { constraint }))).toEqual([409, 'assignee-unfit']);
    await become({ sector: 'Q', region: 'CN-330108' });
    expectStatus(await putAgreement(feed, { constraint }), 200);
  });

  test('carries its period to the data plane', async () => {
    const feed = await makeFeed(fixture.call, { agreement: false });
    const [begin, end] = ['2098-12-01T00:00:00Z', '2099-01-01T00:00:00+08:00'];
    const period = [one('dateTime', 'gteq', begin), one('dateTime', 'lt', end)];
    expectStatus(await putAgreement(feed, { constraint: period }), 200);
    const [startsAtMs, expiresAtMs] = [Date.parse(begin), Date.parse(end)];
    expect(await directiveOf(feed.agreement, 1)).toMatchObject({ state: 'suspended', startsAtMs, expiresAtMs });
    expectStatus(await putAgreement(feed, { constraint: [] }), 200);
    const open = await directiveOf(feed.agreement, 2);
    expect([open.state, open.startsAtMs, open.expiresAtMs]).toEqual(['started', undefined, undefined]);
  });

  test('with a rate that nothing holds it to is refused, and told what is enforced instead', async () => {
    const feed = await makeFeed(fixture.call, { agreement: false });
    const refused = await putAgreement(feed, { constraint: [one('sluice:recordsPerSecond', 'lteq', 1_000)] });
    expect(code(refused)).toEqual([422, 'policy-unenforceable']);
    expect(detail(refused)).toContain('sluice:bytesPerSecond');
  });

  test('has no larger volume than its baseline, and one where that has one', async () => {
    const feed = await makeFeed(fixture.call, { agreement: false });
    const volume = (records: number) => [one('sluice:records', 'lteq', records)];
    expectStatus(await putBaseline(feed, { constraint: volume(1_000) }), 200);
    for (const constraint of [[], volume(1_001)])
      expect(code(await putAgreement(feed, { constraint }))).toEqual([422, 'policy-loosens']);
    expectStatus(await putAgreement(feed, { constraint: volume(1_000) }), 200);
  });
});

describe('an offer', () => {
  test('is blocked until the classification and every right allow it, with all that is missing named', async () => {
    const feed = await makeFeed(fixture.call, { agreement: false });
    const id = uniqueId('offer');
    const right = (kind: string, holder: string, more = {}) =>
      fixture.call('PUT', `/v1/datasets/${feed.dataset}/rights/${kind}`, { json: rightOf(holder, more), as: feed.publisher });
    const dataset = (more: object) =>
      fixture.call('PUT', `/v1/datasets/${feed.dataset}`, { json: datasetBody(feed.publisher.name, more), as: feed.publisher });
    const blocked = async (...sentences: string[]): Promise<void> => {
      const answer = await putOffer(feed, id);
      expect(code(answer)).toEqual([409, 'offer-blocked']);
      for (const sentence of sentences) expect(detail(answer)).toContain(sentence);
    };
    await blocked('level', 'holder', 'processor', 'operator');
    await makeOfferable(fixture.call, feed);
    expectStatus(await dataset({ level: 'L4' }), 200);
    await blocked('L4');
    expectStatus(await dataset({ level: 'L3', category: 'core' }), 200);
    await blocked('core');
    expectStatus(await dataset({ level: 'L3', state: 'closed' }), 200);
    await blocked('closed');
    expectStatus(await dataset({ level: 'L3' }), 200);
    expectStatus(await right('processor', 'anyone', { validUntil: '2020-01-01T00:00:00Z' }), 200);
    await blocked('has run out');
    expectStatus(await right('processor', 'anyone', { validUntil: '2099-01-01T00:00:00Z' }), 200);
    expectStatus(await right('operator', 'somebody else'), 200);
    await blocked("is not the assigner's");
    expectStatus(await right('operator', feed.publisher.name), 200);
    expectStatus(await putOffer(feed, id), 200);
  });

  test('compiles, is as strict as the baseline, is listed, linked and withdrawn', async () => {
    const feed = await makeFeed(fixture.call, { agreement: false });
    await makeOfferable(fixture.call, feed);
    expectStatus(await putBaseline(feed), 200);
    const id = uniqueId('offer');
    expect(code(await putOffer(feed, id, { stages: rulesWith({ stage: 'keep' }) }))).toEqual([422, 'policy-loosens']);
    expect(code(await putOffer(feed, id, { stages: [{ stage: 'drop', at: '/phone' }] }))).toEqual([422, 'field-unnamed']);
    const first = expectStatus(await putOffer(feed, id), 200).body;
    expect(first).toMatchObject({ kind: 'offer', id, version: 1, dataset: feed.dataset });
    expect(expectStatus(await putOffer(feed, id), 200).body).toEqual(first);
    const stricter = {
      stages: rulesWith({ stage: 'drop' }),
      constraint: [{ leftOperand: 'elapsedTime', operator: 'lteq', rightOperand: 'P30D' }],
    };
    const second = expectStatus(await putOffer(feed, id, stricter), 200).body;
    expect(second).toMatchObject({
      version: 2,
      terms: [{ term: 'elapsedTime lteq P30D', enforcement: 'contractual, not technical' }],
    });
    expect(expectStatus(await fixture.call('GET', `/v1/offers/${id}/versions`), 200).body).toEqual({
      items: [second, first],
      next: null,
    });
    const listed = async () =>
      expectStatus(await fixture.call('GET', `/v1/offers?dataset=${feed.dataset}`, { as: feed.subscriber }), 200).body.items;
    expect(await listed()).toEqual([second]);
    const linked = await fixture.call('GET', `/v1/datasets/${feed.dataset}`, { headers: { accept: 'application/ld+json' } });
    expect(linked.body['odrl:hasPolicy']).toEqual([
      { '@id': `/v1/datasets/${feed.dataset}/baseline` },
      { '@id': `/v1/offers/${id}` },
    ]);
    expectStatus(await fixture.call('POST', `/v1/offers/${id}/withdraw`, { as: feed.subscriber }), 403);
    const withdrawn = expectStatus(await fixture.call('POST', `/v1/offers/${id}/withdraw`, { as: feed.publisher }), 200).body;
    expect(withdrawn.withdrawnAt).not.toBeNull();
    expect(expectStatus(await fixture.call('POST', `/v1/offers/${id}/withdraw`), 200).body).toEqual(withdrawn);
    expect(await listed()).toEqual([]);
    expect(expectStatus(await putOffer(feed, id, stricter), 200).body).toMatchObject({ version: 3, withdrawnAt: null });
  });

  test('is made by the publisher of the dataset, under one id for one dataset', async () => {
    const [feed, other] = [
      await makeFeed(fixture.call, { agreement: false }),
      await makeFeed(fixture.call, { agreement: false }),
    ];
    await makeOfferable(fixture.call, feed);
    await makeOfferable(fixture.call, other);
    const id = uniqueId('offer');
    expectStatus(await putOffer(feed, id), 200);
    expect(code(await putOffer(other, id))).toEqual([409, 'conflict']);
    expect(code(await putOffer({ ...feed, publisher: other.publisher }, uniqueId('offer')))).toEqual([422, 'policy-invalid']);
    expect(
      code(await fixture.call('PUT', `/v1/offers/${id}`, { json: { policy: offerOf(feed, id) }, as: other.publisher })),
    ).toEqual([403, 'forbidden']);
    expect(code(await fixture.call('PUT', '/v1/offers/elsewhere', { json: { policy: offerOf(feed, id) } }))).toEqual([
      422,
      'policy-invalid',
    ]);
    const stale = await fixture.call('PUT', `/v1/offers/${id}`, {
      json: { policy: offerOf(feed, id) },
      headers: { 'if-match': '"x"' },
    });
    expect(code(stale)).toEqual([412, 'precondition-failed']);
  });
});
