/** A period by the data plane's own clock, on a real broker: whatever the state says, nothing is governed before it or after it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { PlaneFixture, programOf } from './plane-fixture.ts';

let fixture: PlaneFixture;
const tokens = programOf('tokens');

beforeAll(async () => {
  fixture = await PlaneFixture.open();
  await fixture.start();
}, 60_000);
afterAll(async () => {
  await fixture?.close();
}, 60_000);

test('an agreement that is started too early waits, has no place until then, and begins without another directive', async () => {
  const [dataset, now = '', early = ''] = await fixture.dataset(1, 2);
  await fixture.direct(dataset, now, tokens);
  const startsAtMs = Date.now() + 5_000;
  await fixture.direct(dataset, early, tokens, { startsAtMs });
  await fixture.numbers(dataset, 0, 0, 30);
  expect(await fixture.governed(dataset, now, tokens, 30)).toHaveLength(30);
  expect(Date.now()).toBeLessThan(startsAtMs);
  let next = 30;
  const began = await fixture.until(async () => {
    await fixture.numbers(dataset, 0, next, 1);
    next += 1;
    return (await fixture.governed(dataset, early, tokens, 1, 300)).length > 0;
  });
  expect([began, Date.now() >= startsAtMs]).toEqual([true, true]);
  const [first] = await fixture.governed(dataset, early, tokens, 1);
  expect(first?.number).toBeGreaterThanOrEqual(30);
  const all = await fixture.governed(dataset, early, tokens, next - (first?.number ?? 0));
  expect(all.map(({ number }) => number)).toEqual(
    Array.from({ length: next - (first?.number ?? 0) }, (_, index) => (first?.number ?? 0) + index),
  );
}, 60_000);

test('one that runs stops when its beginning is moved ahead, and what came meanwhile is kept for it', async () => {
  const [dataset, agreement = ''] = await fixture.dataset(1, 1);
  const directive = await fixture.direct(dataset, agreement, tokens);
  await fixture.numbers(dataset, 0, 0, 10);
  expect(await fixture.governed(dataset, agreement, tokens, 10)).toHaveLength(10);
  const startsAtMs = Date.now() + 4_000;
  const { dataKey } = directive;
  await fixture.direct(dataset, agreement, tokens, { dataKey, revision: 2, startsAtMs });
  const [other, witness = ''] = await fixture.dataset(1, 1);
  await fixture.direct(other, witness, tokens);
  await fixture.numbers(other, 0, 0, 1);
  // Directives are read in their order: this one was read after the other.
  expect(await fixture.governed(other, witness, tokens, 1)).toHaveLength(1);
  await fixture.numbers(dataset, 0, 10, 10);
  expect(await fixture.governed(dataset, agreement, tokens, 11, 500)).toHaveLength(10);
  expect(Date.now()).toBeLessThan(startsAtMs);
  expect((await fixture.governed(dataset, agreement, tokens, 20)).map(({ number }) => number)).toEqual(
    Array.from({ length: 20 }, (_, index) => index),
  );
}, 60_000);

test('two end one after the other by the clock alone, and the third of their feed goes on without a gap', async () => {
  const [dataset, first = '', second = '', third = ''] = await fixture.dataset(1, 3);
  const firstEndsMs = Date.now() + 8_000;
  const secondEndsMs = firstEndsMs + 5_000;
  await fixture.direct(dataset, first, tokens, { expiresAtMs: firstEndsMs });
  await fixture.direct(dataset, second, tokens, { expiresAtMs: secondEndsMs });
  await fixture.direct(dataset, third, tokens);
  await fixture.numbers(dataset, 0, 0, 10);
  for (const agreement of [first, second, third]) expect(await fixture.governed(dataset, agreement, tokens, 10)).toHaveLength(10);
  expect(Date.now()).toBeLessThan(firstEndsMs);
  await until(firstEndsMs);
  await fixture.numbers(dataset, 0, 10, 10);
  for (const agreement of [second, third]) expect(await fixture.governed(dataset, agreement, tokens, 20)).toHaveLength(20);
  expect(Date.now()).toBeLessThan(secondEndsMs);
  await until(secondEndsMs);
  await fixture.numbers(dataset, 0, 20, 10);
  expect(await fixture.governed(dataset, third, tokens, 30)).toHaveLength(30);
  expect(await fixture.governed(dataset, second, tokens, 21, 500)).toHaveLength(20);
  expect(await fixture.governed(dataset, first, tokens, 11, 500)).toHaveLength(10);
}, 60_000);

const until = (timeMs: number): Promise<void> => sleep(Math.max(0, timeMs - Date.now()));
