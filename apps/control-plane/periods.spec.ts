/** A period that begins later, on real Kafka and PostgreSQL with a data plane: nothing leaves before it, and it begins by itself. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { uniqueId } from '../../libs/testkit/index.ts';
import type { DataPlane } from '../data-plane/start.ts';
import { baselineOf } from './catalog-fixture.ts';
import type { Answer, Feed, Fixture } from './control-plane-fixture.ts';
import { eventually, expectStatus, issueCredential, makeFeed, startFixture } from './control-plane-fixture.ts';
import { dataPlaneOf, governedVisits, publishVisits } from './reading-fixture.ts';

let fixture: Fixture;
let plane: DataPlane;

beforeAll(async () => {
  fixture = await startFixture();
  plane = await dataPlaneOf(fixture);
});
afterAll(async () => {
  await plane.stop();
  await fixture.close();
});

/** The policy of a feed's agreement under another name, from a moment on and for an hour. */
function policyFrom(feed: Feed, startsAt: Date, agreement = feed.agreement): object {
  const policy = structuredClone(feed.policy) as { uid: string; permission: { constraint?: readonly object[] }[] };
  policy.uid = agreement;
  const constraint = [
    { leftOperand: 'dateTime', operator: 'gteq', rightOperand: startsAt.toISOString() },
    { leftOperand: 'dateTime', operator: 'lt', rightOperand: new Date(startsAt.getTime() + 3_600_000).toISOString() },
  ];
  for (const granted of policy.permission) granted.constraint = constraint;
  return policy;
}

async function schedule(feed: Feed, startsAt: Date, agreement = feed.agreement): Promise<Feed> {
  const json = { policy: policyFrom(feed, startsAt, agreement), delivery: { kind: 'kafka' } };
  expectStatus(await fixture.call('PUT', `/v1/agreements/${agreement}`, { json, as: feed.publisher }), 200);
  return { ...feed, agreement };
}

const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1_000);
const stateOf = async ({ agreement }: Feed): Promise<Answer['body']> =>
  expectStatus(await fixture.call('GET', `/v1/agreements/${agreement}`), 200).body;
const reached = (feed: Feed, state: string): Promise<Answer['body']> =>
  eventually(async () => {
    const body = await stateOf(feed);
    return body.state === state ? body : null;
  });
const change = (feed: Feed, what: string, json?: unknown): Promise<Answer> =>
  fixture.call('POST', `/v1/agreements/${feed.agreement}/${what}`, json === undefined ? {} : { json });
const until = (feed: Feed, number: number): Promise<number[]> =>
  eventually(async () => {
    const numbers = await governedVisits(fixture, feed);
    return numbers.includes(number) ? numbers : null;
  });
const eventsOf = async ({ agreement }: Feed): Promise<string[]> => {
  const { body } = await fixture.call('GET', `/v1/events?subject=${agreement}`);
  return body.items.map(({ type }: { type: string }) => type.replace(/^sluice\.agreement\.(.*)\.v1$/, '$1')).reverse();
};

test('an agreement is made before its period, hands out a credential, and delivers what is published from its beginning on', async () => {
  const feed = await makeFeed(fixture.call);
  await publishVisits(fixture, feed, 0, 20);
  await until(feed, 19);
  const startsAt = inSeconds(6);
  const later = await schedule(feed, startsAt, uniqueId('later'));
  expect(await stateOf(later)).toMatchObject({ state: 'suspended', holds: [{ kind: 'period', of: later.agreement }] });
  await issueCredential(fixture.call, later);
  await publishVisits(fixture, feed, 20, 20);
  await until(feed, 39);
  const refused = await fixture.call('POST', `/v1/agreements/${later.agreement}/resume`, { as: feed.publisher });
  expect([refused.status, refused.body.code]).toEqual([409, 'conflict']);
  expect(refused.body.detail).toContain('its period has not begun');
  expect(await governedVisits(fixture, later)).toEqual([]);
  expect(Date.now()).toBeLessThan(startsAt.getTime());

  await reached(later, 'started');
  expect(Date.now()).toBeGreaterThanOrEqual(startsAt.getTime());
  let next = 40;
  const first = await eventually(async () => {
    await publishVisits(fixture, feed, next, 1);
    next += 1;
    return (await governedVisits(fixture, later))[0] ?? null;
  });
  // Nothing of before, and everything from the first one on.
  expect(first).toBeGreaterThanOrEqual(40);
  const all = await until(later, next - 1);
  expect(all).toEqual(Array.from({ length: next - first }, (_, index) => first + index));
  const events = await eventually(async () => {
    const types = await eventsOf(later);
    return types.includes('begun') ? types : null;
  });
  expect(events.filter((type) => !type.includes('credential'))).toEqual(['scheduled', 'begun']);
}, 120_000);

test('suspending, killing and lifting before the beginning leave it waiting, and what holds it else holds it after', async () => {
  const feed = await makeFeed(fixture.call, { agreement: false });
  const waiting = await schedule(feed, inSeconds(3_600));
  expectStatus(await change(waiting, 'suspend'), 200);
  expectStatus(await change(waiting, 'resume'), 200);
  expectStatus(await change(waiting, 'kill', { reason: 'a drill' }), 200);
  expectStatus(await change(waiting, 'lift'), 200);
  expect(await stateOf(waiting)).toMatchObject({ state: 'suspended', holds: [{ kind: 'period' }] });
  expectStatus(await change(waiting, 'suspend'), 200);
  await schedule(feed, inSeconds(2));
  const held = await eventually(async () => {
    const { holds } = await stateOf(waiting);
    return holds.length === 1 ? holds : null;
  });
  expect(held).toMatchObject([{ kind: 'party' }]);
  expectStatus(await change(waiting, 'resume'), 200);
  expect(await stateOf(waiting)).toMatchObject({ state: 'started', holds: [] });
  const revoked = await schedule({ ...feed }, inSeconds(3_600), uniqueId('revoked'));
  expectStatus(await change(revoked, 'terminate'), 200);
  expect((await stateOf(revoked)).state).toBe('terminated');
}, 120_000);

test('one that is looser than the baseline by its beginning does not begin', async () => {
  const feed = await makeFeed(fixture.call, { agreement: false });
  const waiting = await schedule(feed, inSeconds(4));
  const stricter = { policy: baselineOf(feed, { stages: [{ stage: 'drop', at: '/phone' }] }) };
  expectStatus(await fixture.call('PUT', `/v1/datasets/${feed.dataset}/baseline`, { json: stricter, as: feed.publisher }), 200);
  const held = await eventually(async () => {
    const { state, holds } = await stateOf(waiting);
    return holds[0]?.kind === 'period' ? null : { state, holds };
  });
  expect(held).toMatchObject({ state: 'suspended', holds: [{ kind: 'policy', of: feed.dataset }] });
}, 120_000);

test('a running agreement whose period is moved ahead stops, and one that never began ends with its period', async () => {
  const feed = await makeFeed(fixture.call);
  expect((await stateOf(feed)).state).toBe('started');
  await schedule(feed, inSeconds(3_600));
  expect(await stateOf(feed)).toMatchObject({ state: 'suspended', holds: [{ kind: 'period' }] });
  // As if no instance had run for all of its period.
  await fixture.query("UPDATE agreement SET expires_at = now() - interval '1 second' WHERE id = $1", [feed.agreement]);
  await reached(feed, 'completed');
}, 120_000);
