/** What all routes have in common: pages, ETags, retries, bounds, the audit trail. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { uniqueId } from '../../libs/testkit/index.ts';
import type { Feed, Fixture } from './control-plane-fixture.ts';
import { makeFeed, startFixture } from './control-plane-fixture.ts';

let fixture: Fixture;
let feed: Feed;

beforeAll(async () => {
  fixture = await startFixture();
  feed = await makeFeed(fixture.call);
});
afterAll(() => fixture.close());

describe('a list', () => {
  test('comes in pages that together hold everything once, also while rows are added', async () => {
    await makeFeed(fixture.call);
    await makeFeed(fixture.call);
    const seen: string[] = [];
    let cursor = '';
    do {
      const { status, body } = await fixture.call('GET', `/v1/agreements?limit=1${cursor}`);
      expect(status).toBe(200);
      expect(body.items).toHaveLength(1);
      seen.push(body.items[0].id);
      cursor = body.next === null ? '' : `&cursor=${body.next}`;
      if (seen.length === 1) await makeFeed(fixture.call);
    } while (cursor !== '');
    expect(seen.length).toBeGreaterThanOrEqual(3);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(seen.toSorted());
  });

  test('refuses a cursor that is not its own, and a limit out of bounds, naming the parameter', async () => {
    for (const bad of [
      'cursor=abc',
      `cursor=${Buffer.from('[1,2]').toString('base64url')}`,
      'limit=0',
      'limit=1000',
      'colour=red',
    ]) {
      const { status, body } = await fixture.call('GET', `/v1/agreements?${bad}`);
      expect(status).toBe(400);
      expect(body.code).toBe('request-invalid');
    }
  });
});

describe('an ETag', () => {
  test('answers 304 to who knows it, and another one after a change', async () => {
    const path = `/v1/agreements/${feed.agreement}`;
    const first = await fixture.call('GET', path);
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    const known = await fixture.call('GET', path, { headers: { 'if-none-match': `W/${etag}` } });
    expect(known.status).toBe(304);
    expect(known.body).toBe('');
    await fixture.call('POST', `${path}/suspend`);
    const changed = await fixture.call('GET', path, { headers: { 'if-none-match': etag } });
    expect(changed.status).toBe(200);
    expect(changed.headers.get('etag')).not.toBe(etag);
    await fixture.call('POST', `${path}/resume`);
  });

  test('keeps two writers from losing a change', async () => {
    const path = `/v1/agreements/${feed.agreement}`;
    const etag = (await fixture.call('GET', path)).headers.get('etag') ?? '';
    const json = {
      policy: feed.policy,
      delivery: { kind: 'webhook', url: 'https://example.org/', secret: `whsec_${'A'.repeat(32)}`, batchRecordsMax: 10 },
    };
    const one = await fixture.call('PUT', path, { json, headers: { 'if-match': etag } });
    expect(one.status).toBe(200);
    expect(one.headers.get('etag')).toBe((await fixture.call('GET', path)).headers.get('etag'));
    const other = await fixture.call('PUT', path, {
      json: { ...json, delivery: { kind: 'kafka' } },
      headers: { 'if-match': etag },
    });
    expect(other.status).toBe(412);
    expect(other.body.code).toBe('precondition-failed');
    expect((await fixture.call('GET', path)).body.delivery.kind).toBe('webhook');
    const back = await fixture.call('PUT', path, {
      json: { ...json, delivery: { kind: 'kafka' } },
      headers: { 'if-match': '*' },
    });
    expect(back.status).toBe(200);
  });

  test('with If-Match a thing that is not there is not made', async () => {
    const id = uniqueId('agreement');
    const policy = JSON.parse(JSON.stringify(feed.policy).replaceAll(feed.agreement, id));
    const put = await fixture.call('PUT', `/v1/agreements/${id}`, {
      json: { policy, delivery: { kind: 'kafka' } },
      headers: { 'if-match': '*' },
    });
    expect(put.status).toBe(412);
    expect((await fixture.call('GET', `/v1/agreements/${id}`)).status).toBe(404);
  });
});

describe('an Idempotency-Key', () => {
  const suspend = (key: string, agreement = feed.agreement, as = feed.publisher) =>
    fixture.call('POST', `/v1/agreements/${agreement}/suspend`, { as, headers: { 'idempotency-key': key } });
  const resume = () => fixture.call('POST', `/v1/agreements/${feed.agreement}/resume`);

  test('gives a retry the first answer and does nothing again', async () => {
    const key = uniqueId('key');
    const first = await suspend(key);
    expect(first.status).toBe(200);
    const { body: resumed } = await resume();
    const again = await suspend(key);
    expect(again.status).toBe(200);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.body).toEqual(first.body);
    expect((await fixture.call('GET', `/v1/agreements/${feed.agreement}`)).body.revision).toBe(resumed.revision);
  });

  test('of another account or another request is another one', async () => {
    const key = uniqueId('key');
    expect((await suspend(key)).status).toBe(200);
    const reused = await fixture.call('POST', `/v1/agreements/${feed.agreement}/resume`, {
      as: feed.publisher,
      headers: { 'idempotency-key': key },
    });
    expect(reused.status).toBe(422);
    expect(reused.body.code).toBe('idempotency-key-reused');
    const { headers } = await suspend(key, feed.agreement, fixture.operator);
    expect(headers.get('idempotency-replayed')).toBeNull();
    await resume();
  });

  test('keeps a refusal, and sent twice at once does one thing', async () => {
    const key = uniqueId('key');
    const refused = await suspend(key, 'no-such-agreement');
    expect(refused.status).toBe(404);
    const again = await suspend(key, 'no-such-agreement');
    expect(again.body).toEqual(refused.body);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    const both = uniqueId('key');
    const before = (await fixture.call('GET', `/v1/agreements/${feed.agreement}`)).body.revision;
    const answers = await Promise.all(Array.from({ length: 8 }, () => suspend(both)));
    for (const { status, body } of answers) expect([200, 409]).toContain(body.code === 'request-in-progress' ? 409 : status);
    expect(answers.filter(({ status, headers }) => status === 200 && headers.get('idempotency-replayed') === null)).toHaveLength(
      1,
    );
    expect((await fixture.call('GET', `/v1/agreements/${feed.agreement}`)).body.revision).toBe(before + 1);
    await resume();
  });

  test('never keeps an answer in clear', async () => {
    const rows = await fixture.query('SELECT answer FROM idempotent_answer WHERE answer IS NOT NULL');
    expect(rows.length).toBeGreaterThan(2);
    expect(JSON.stringify(rows)).not.toContain(feed.agreement);
  });

  test('that its process left unanswered is taken over after a while, not before', async () => {
    const key = uniqueId('key');
    await suspend(key);
    await resume();
    await fixture.query('UPDATE idempotent_answer SET answer = NULL WHERE key = $1', [key]);
    expect((await suspend(key)).body.code).toBe('request-in-progress');
    await fixture.query("UPDATE idempotent_answer SET started = now() - interval '1 hour' WHERE key = $1", [key]);
    const taken = await suspend(key);
    expect(taken.status).toBe(200);
    expect(taken.headers.get('idempotency-replayed')).toBeNull();
    await resume();
  });
});

describe('the audit trail', () => {
  test('has each write with who and what became of it, and no read', async () => {
    const path = `/v1/agreements/${feed.agreement}`;
    await fixture.call('GET', path, { as: feed.publisher });
    await fixture.call('POST', `${path}/suspend`, { as: feed.subscriber });
    await fixture.call('POST', `${path}/suspend`, { as: feed.publisher });
    await fixture.call('POST', `${path}/resume`, { as: feed.publisher });
    const { body } = await fixture.call('GET', `/v1/audit?account=${feed.publisher.name}&limit=2`);
    expect(body.items.map(({ route, outcome }: { route: string; outcome: number }) => [route, outcome])).toEqual([
      ['resumeAgreement', 200],
      ['suspendAgreement', 200],
    ]);
    expect(body.items[0]).toMatchObject({ account: feed.publisher.name, target: { id: feed.agreement } });
    const next = await fixture.call('GET', `/v1/audit?account=${feed.publisher.name}&limit=2&cursor=${body.next}`);
    expect(Number(next.body.items[0].id)).toBeLessThan(Number(body.items[1].id));
    const refused = await fixture.call('GET', `/v1/audit?account=${feed.subscriber.name}`);
    expect(refused.body.items[0]).toMatchObject({ route: 'suspendAgreement', outcome: 403 });
    expect((await fixture.call('GET', '/v1/audit', { as: feed.publisher })).status).toBe(403);
  });

  test('is never changed, by whomever', async () => {
    for (const sql of [
      'DELETE FROM audit_entry',
      'TRUNCATE audit_entry',
      'UPDATE audit_entry SET outcome = 200',
      "UPDATE audit_entry SET account = 'somebody' WHERE outcome IS NULL",
    ]) {
      await fixture.query(
        "INSERT INTO audit_entry (time, account, participant, route, target) VALUES (now(), 'a', 'b', 'c', '{}')",
      );
      await expect(fixture.query(sql)).rejects.toThrow('an audit entry is never changed');
    }
  });
});

test('an account that asks for too much at once waits, and says so in seconds; others do not', async () => {
  const bounded = await startFixture({ requestsPerSecondMax: 1 });
  try {
    const answers = await Promise.all(Array.from({ length: 12 }, () => bounded.call('GET', '/v1/agreements')));
    const waiting = answers.filter(({ status }) => status === 429);
    expect(waiting.length).toBeGreaterThanOrEqual(1);
    expect(Number(waiting[0]?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(waiting[0]?.body).toMatchObject({ code: 'rate-limited', retriable: true });
    const stranger = { name: 'somebody', secret: 'not-the-right-secret' };
    const guesses: number[] = [];
    for (let count = 0; count < 32; count += 1)
      guesses.push((await bounded.call('GET', '/v1/agreements', { as: stranger })).status);
    expect(guesses.slice(0, 30)).toEqual(Array.from({ length: 30 }, () => 401));
    expect(guesses.slice(30)).toEqual([429, 429]);
  } finally {
    await bounded.close();
  }
});
