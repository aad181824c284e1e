/** What a subject that was erased had refused before is not redriven: it is withheld, and while nobody knows who was erased, nothing is. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ReplayFixture as Fixture } from './replay-fixture.ts';
import { canary, range, ReplayFixture, unfit } from './replay-fixture.ts';

let fixture: Fixture;

beforeAll(async () => {
  fixture = await ReplayFixture.open();
  await fixture.plane.start();
}, 60_000);
afterAll(() => fixture.plane.close(), 60_000);

test('a redrive withholds the records of an erased subject and delivers the others', async () => {
  const feed = await fixture.refused(range(0, 4).map((number) => unfit(number, 'any key')));
  await fixture.improve(feed, await fixture.plane.erase(feed.dataset, [`${canary}-1`, `${canary}-3`]));
  const preview = await fixture.run(feed, { run: false });
  expect(preview.ended).toMatchObject({ value: { delivered: 2, withheld: 2, refused: 0 } });
  const { lines } = await fixture.run(feed);
  expect(lines.map(({ outcome }) => outcome)).toEqual(['delivered', 'withheld', 'delivered', 'withheld']);
  expect(await fixture.numbers(feed, 2)).toEqual([0, 2]);
  const [written] = await fixture.receipts(feed);
  expect(written?.receipt).toMatchObject({ inputCount: 4n, withholdCount: 2n, suppressCount: 2n, keyEpoch: 1 });
}, 60_000);

test('a redrive does not begin while the list is not known to its end', async () => {
  const feed = await fixture.refused([unfit(0)]);
  await fixture.improve(feed, await fixture.plane.erase(feed.dataset, [`${canary}-0`], 2));
  const { lines, ended } = await fixture.run(feed);
  expect(ended).toMatchObject({ ok: false, failure: { code: 'suppressions-incomplete' } });
  expect(lines).toEqual([]);
}, 60_000);
