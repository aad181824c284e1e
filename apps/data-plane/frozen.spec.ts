/**
 * A process that was frozen reads answers that came long ago: what they say was current then. Here the answer is held back, which is the same to whoever
 * reads it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { DirectiveFeed, SuppressionFeed } from '../../libs/adapters/kafka/index.ts';
import { ageMs, longAgo, unwrap } from '../../libs/base/index.ts';
import { testSigner } from '../../libs/testkit/index.ts';
import { DirectiveBoard } from './directive-board.ts';
import { PlaneFixture, programOf } from './plane-fixture.ts';

let fixture: PlaneFixture;
let board: DirectiveBoard | undefined;
const heldMs = 1_200;

beforeAll(async () => {
  fixture = await PlaneFixture.open();
}, 60_000);

afterEach(async () => {
  await board?.stop();
  board = undefined;
});
afterAll(() => fixture?.close(), 60_000);

/** Holds back the second answer to a poll, as if the process had been frozen; resolves with what `look` says when the next poll begins. */
async function whenHeld<Seen>(
  feed: { prototype: { poll: (waitMs: number) => Promise<unknown> } },
  look: () => Seen,
): Promise<Seen> {
  const { poll } = feed.prototype;
  let polls = 0;
  return new Promise((resolve) => {
    const spy = jest.spyOn(feed.prototype, 'poll').mockImplementation(async function (this: object, waitMs: number) {
      polls += 1;
      if (polls === 3) {
        resolve(look());
        spy.mockRestore();
      }
      const answer: unknown = await poll.call(this, waitMs);
      if (polls === 2) await sleep(heldMs);
      return answer;
    });
  });
}

async function opened(): Promise<DirectiveBoard> {
  const { cluster, vault } = fixture;
  const options = { cluster, vault, checker: testSigner(), report: () => undefined, suppressionAgeMsMax: heldMs };
  board = unwrap(await DirectiveBoard.open(options));
  board.start();
  return board;
}

test('directives are as old as the question whose answer they came in, however late that was read', async () => {
  const directives = await opened();
  expect(await whenHeld(DirectiveFeed, () => directives.ageMs())).toBeGreaterThanOrEqual(heldMs);
  expect(await directives.caughtUp()).toBe(true);
  expect(await fixture.until(() => directives.ageMs() < heldMs)).toBe(true);
}, 30_000);

test('so is the list of erased subjects: it does not count as current before it was looked at again', async () => {
  const [dataset, agreement] = (await fixture.dataset(1, 1)) as [string, string];
  await fixture.direct(dataset, agreement, programOf('tokens'), await fixture.erase(dataset, ['000001']));
  const directives = await opened();
  const ready = (): boolean => directives.board(dataset)?.suppressions?.ready() === true;
  expect(await fixture.until(ready)).toBe(true);
  expect(await whenHeld(SuppressionFeed, ready)).toBe(false);
  expect(await fixture.until(ready)).toBe(true);
}, 30_000);

test('a moment is never less long ago than it is, when either clock stands still or is set back', () => {
  expect(ageMs(longAgo)).toBe(Infinity);
  const now = { wallMs: Date.now(), steadyMs: performance.now() };
  expect(ageMs({ ...now, steadyMs: now.steadyMs - 5_000 })).toBeGreaterThanOrEqual(5_000);
  expect(ageMs({ wallMs: now.wallMs - 5_000, steadyMs: now.steadyMs + 60_000 })).toBeGreaterThanOrEqual(5_000);
});
