/** A volume of records on real Kafka and PostgreSQL with a data plane: what is counted is what a subscriber reads, and what is used up stops. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { TopicReader } from '../../libs/adapters/kafka/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import { uniqueId } from '../../libs/testkit/index.ts';
import type { DataPlane } from '../data-plane/start.ts';
import type { Answer, Feed, Fixture } from './control-plane-fixture.ts';
import { eventually, expectStatus, issueCredential, makeFeed, startFixture } from './control-plane-fixture.ts';
import { dataPlaneOf, governedVisits, publishVisits, readerAs } from './reading-fixture.ts';

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

const one = (leftOperand: string, operator: string, rightOperand: unknown) => ({ leftOperand, operator, rightOperand });

/** Puts an agreement of the feed's parties with these constraints. */
async function put(feed: Feed, constraint: readonly object[], agreement = feed.agreement): Promise<Feed> {
  const policy = structuredClone(feed.policy) as { uid: string; permission: { constraint?: readonly object[] }[] };
  policy.uid = agreement;
  for (const granted of policy.permission) granted.constraint = constraint;
  const json = { policy, delivery: { kind: 'kafka' } };
  expectStatus(await fixture.call('PUT', `/v1/agreements/${agreement}`, { json, as: feed.publisher }), 200);
  return { ...feed, agreement };
}

const stateOf = async ({ agreement }: Feed): Promise<Answer['body']> =>
  expectStatus(await fixture.call('GET', `/v1/agreements/${agreement}`), 200).body;
const meterOf = async ({ agreement, subscriber }: Feed): Promise<Answer['body']> =>
  expectStatus(await fixture.call('GET', `/v1/agreements/${agreement}/meter`, { as: subscriber }), 200).body;
const change = (feed: Feed, what: string, json?: unknown): Promise<Answer> =>
  fixture.call('POST', `/v1/agreements/${feed.agreement}/${what}`, {
    as: feed.publisher,
    ...(json === undefined ? {} : { json }),
  });
const reached = (feed: Feed, state: string): Promise<Answer['body']> =>
  eventually(async () => {
    const body = await stateOf(feed);
    return body.state === state ? body : null;
  });
const delivered = (feed: Feed, count: number): Promise<number[]> =>
  eventually(async () => {
    const numbers = await governedVisits(fixture, feed);
    return numbers.length >= count ? numbers : null;
  });
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

test('a volume that is used up suspends the agreement: its reader gets no more, a party cannot resume it, and a raised volume goes on', async () => {
  const feed = await makeFeed(fixture.call, { agreement: false });
  const limited = await put(feed, [one('sluice:records', 'lteq', 200)]);
  const free = await put(feed, [], uniqueId('free'));
  const explained = expectStatus(await fixture.call('GET', `/v1/agreements/${limited.agreement}/explain`), 200).body;
  expect(explained.terms).toEqual([
    {
      term: 'sluice:records lteq 200',
      enforcement: 'metered by Receipts: suspended within a moment after it is reached, not at the very record',
    },
  ]);
  const reader = await readerAs(await issueCredential(fixture.call, limited));
  const follow = unwrap(
    await TopicReader.open(reader.cluster, { topic: topicNames.governed(limited.dataset, limited.agreement), from: 'earliest' }),
  );
  let read = 0;
  for (let from = 0; (await stateOf(limited)).state === 'started'; from += 50) {
    await publishVisits(fixture, feed, from, 50);
    expect(from).toBeLessThan(5_000);
  }
  const held = await stateOf(limited);
  expect(held).toMatchObject({ state: 'suspended', holds: [{ kind: 'meter', of: limited.agreement }] });
  expect(held.holds[0].reason).toBe('200 records, all that its policy allows, are delivered');
  const all = (await delivered(free, 200)).length;

  // The other agreement shows that the data plane went over these.
  await publishVisits(fixture, feed, 10_000, 100);
  await eventually(async () => ((await governedVisits(fixture, free)).includes(10_099) ? true : null));
  const had = await governedVisits(fixture, limited);
  expect(had.some((number) => number >= 10_000)).toBe(false);
  expect(had.length).toBeGreaterThanOrEqual(200);
  expect(had.length).toBeLessThanOrEqual(all);
  const meter = await eventually(async () => {
    const now = await meterOf(limited);
    return now.total.delivered === had.length ? now : null;
  });
  expect(meter).toMatchObject({
    recordsMax: 200,
    used: had.length,
    total: { input: had.length, refused: 0, withheld: 0 },
    next: null,
  });
  expect(meter.items.reduce((sum: number, day: { delivered: number }) => sum + day.delivered, 0)).toBe(had.length);
  while (read < had.length) read += unwrap(await follow.poll(500)).length;
  expect([read, unwrap(await follow.poll(100)).length]).toEqual([had.length, 0]);
  expect((await meterOf(free)).total.delivered).toBe((await governedVisits(fixture, free)).length);

  const resumed = await change(limited, 'resume');
  expect([resumed.status, resumed.body.code]).toEqual([409, 'conflict']);
  expect(resumed.body.detail).toContain('the volume of its policy is used up');
  expect((await fixture.call('POST', `/v1/agreements/${limited.agreement}/resume`)).status).toBe(409);
  const { body: events } = await fixture.call(
    'GET',
    `/v1/events?subject=${limited.agreement}&type=sluice.agreement.exhausted.v1`,
  );
  expect(events.items).toHaveLength(1);

  await put(feed, [one('sluice:records', 'lteq', 1_000_000)]);
  expect(await stateOf(limited)).toMatchObject({ state: 'started', holds: [] });
  await publishVisits(fixture, feed, 20_000, 10);
  const later = await eventually(async () => {
    const numbers = await governedVisits(fixture, limited);
    return numbers.includes(20_009) ? numbers : null;
  });
  // Nothing was lost while it was suspended.
  expect(later).toEqual(await governedVisits(fixture, free));
  await follow.close();
  await reader.cluster.close();
}, 120_000);

test('a renewal begins another volume, once; a lower limit than what was delivered suspends at once', async () => {
  const feed = await makeFeed(fixture.call, { agreement: false });
  const until = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();
  const period = one('dateTime', 'lt', until(10));
  await put(feed, [period]);
  await publishVisits(fixture, feed, 0, 40);
  await delivered(feed, 40);
  await eventually(async () => ((await meterOf(feed)).used === 40 ? true : null));
  await put(feed, [period, one('sluice:records', 'lteq', 30)]);
  expect(await stateOf(feed)).toMatchObject({ state: 'suspended', holds: [{ kind: 'meter' }] });
  const renewal = { until: until(20) };
  expectStatus(await change(feed, 'renew', renewal), 200);
  expect(await stateOf(feed)).toMatchObject({ state: 'started', holds: [] });
  await publishVisits(fixture, feed, 40, 30);
  await reached(feed, 'suspended');
  expect(await delivered(feed, 70)).toEqual(range(70));
  expect(await meterOf(feed)).toMatchObject({ used: 30, recordsMax: 30, total: { delivered: 70 } });
  // The same end again is no renewal.
  expectStatus(await change(feed, 'renew', renewal), 200);
  expect(await stateOf(feed)).toMatchObject({ state: 'suspended', holds: [{ kind: 'meter' }] });
  expectStatus(await change(feed, 'terminate'), 200);
  expect((await meterOf(feed)).total.delivered).toBe(70);
}, 120_000);

test('a second instance counts nothing twice, and a stranger sees no meter', async () => {
  const other = await fixture.addInstance();
  const feed = await makeFeed(fixture.call);
  for (let from = 0; from < 200; from += 20) await publishVisits(fixture, feed, from, 20);
  expect(await delivered(feed, 200)).toEqual(range(200));
  const meter = await eventually(async () => {
    const now = await meterOf(feed);
    return now.total.delivered >= 200 ? now : null;
  });
  expect(meter.total).toEqual({ input: 200, delivered: 200, withheld: 0, refused: 0, replayed: 0 });
  const stranger = await makeFeed(fixture.call, { agreement: false });
  expect((await fixture.call('GET', `/v1/agreements/${feed.agreement}/meter`, { as: stranger.subscriber })).status).toBe(404);
  await other.stop();
}, 120_000);
