/** A feed that nobody writes to: what changes beside its records is taken up at once, however long its fetch may wait for them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { topicNames } from '../../libs/base/index.ts';
import { PlaneFixture, programOf } from './plane-fixture.ts';
import type { DataPlane } from './start.ts';

let fixture: PlaneFixture;
const tokens = programOf('tokens');
const noKeys = programOf('no keys');
/** Longer than any of these tests takes. */
const forever = 120_000;

beforeAll(async () => {
  fixture = await PlaneFixture.open();
}, 60_000);

afterEach(() => fixture?.stopPlanes(), 60_000);

afterAll(() => fixture?.close(), 60_000);

/** A data plane that waits for the next record of a feed of which it has governed ten. */
async function waiting(agreements: number): Promise<{ dataset: string; ids: string[]; plane: DataPlane }> {
  const [dataset, ...ids] = await fixture.dataset(1, agreements);
  const limits = { fetchWaitMs: 500, idleWaitMs: forever, drainMs: forever };
  const plane = await fixture.start({ limits });
  await fixture.direct(dataset, ids[0] as string, tokens);
  await fixture.numbers(dataset, 0, 0, 10);
  expect(await fixture.governed(dataset, ids[0] as string, tokens, 10)).toHaveLength(10);
  // The first fetch that finds nothing has ended by then.
  await sleep(1_500);
  return { dataset, ids, plane };
}

test('an agreement that begins has the records of before, and everybody those that come later', async () => {
  const { dataset, ids } = await waiting(2);
  const [first, second] = ids as [string, string];
  await fixture.direct(dataset, second, noKeys, { start: 'earliest' });
  expect(await fixture.governed(dataset, second, noKeys, 10)).toHaveLength(10);
  await fixture.numbers(dataset, 0, 10, 10);
  expect(await fixture.governed(dataset, first, tokens, 20)).toHaveLength(20);
  expect(await fixture.governed(dataset, second, noKeys, 20)).toHaveLength(20);
}, 90_000);

test('records of a partition that was added are governed', async () => {
  const { dataset, ids } = await waiting(1);
  const [agreement] = ids as [string];
  for (const name of [topicNames.governed(dataset, agreement), topicNames.quarantine(dataset), topicNames.raw(dataset)])
    await fixture.grow(name, 2);
  await fixture.numbers(dataset, 1, 10, 10);
  expect(await fixture.governed(dataset, agreement, tokens, 20)).toHaveLength(20);
}, 90_000);

test('a stop does not wait for records', async () => {
  const { dataset, ids, plane } = await waiting(1);
  const stopped = plane.stop().then(() => 'stopped');
  const late = new Promise((resolve) => setTimeout(() => resolve('waits'), 20_000).unref());
  expect(await Promise.race([stopped, late])).toBe('stopped');
  // Its place in the group is free: another takes over at once.
  await fixture.start();
  await fixture.numbers(dataset, 0, 10, 10);
  expect(await fixture.governed(dataset, ids[0] as string, tokens, 20)).toHaveLength(20);
}, 90_000);
