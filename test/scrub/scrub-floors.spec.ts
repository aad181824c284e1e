/** What the stage scrub has to find at least, on the half of the corpus that nobody tunes on. */
import { describe, expect, test } from '@jest/globals';
import { identifierKinds } from '../../libs/stages/index.ts';
import { labelledTexts, nearMissTexts } from './corpus.ts';
import { handWrittenTexts } from './hand-written.ts';
import { falseAlarms, precisionOf, recallOf, scoreOf } from './score.ts';
import type { Tally } from './score.ts';

const seed = 20_261_124;
const guessed = new Set(['name', 'address']);

const { tallies } = scoreOf(labelledTexts(seed, 'held-out', 4_000));

test.each(identifierKinds)('held-out sentences: %s is found often enough, and seldom where it is not', (kind) => {
  const tally = tallies.get(kind) as Tally;
  expect(tally.labels).toBeGreaterThan(100);
  expect(recallOf(tally)).toBeGreaterThanOrEqual(guessed.has(kind) ? 0.9 : 0.98);
  expect(precisionOf(tally)).toBeGreaterThanOrEqual(guessed.has(kind) ? 0.85 : 0.95);
});

test.each([...falseAlarms(nearMissTexts(seed, 'held-out', 400))])(
  'held-out near-misses: %s is hardly taken for one',
  (_, count) => {
    expect(count.alarms / count.texts).toBeLessThanOrEqual(0.01);
  },
);

test('a corpus is the same again from its seed, and another from another', () => {
  expect(labelledTexts(1, 'tuning', 50)).toEqual(labelledTexts(1, 'tuning', 50));
  expect(labelledTexts(1, 'tuning', 50)).not.toEqual(labelledTexts(2, 'tuning', 50));
});

test('the halves share no sentence', () => {
  const texts = new Set(labelledTexts(1, 'tuning', 2_000).map(({ text }) => text));
  expect(labelledTexts(1, 'held-out', 2_000).filter(({ text }) => texts.has(text))).toEqual([]);
});

describe('the score', () => {
  const text = '张三来了，电话13812345678';
  const labels = [
    { kind: 'name', start: 0, end: 2 },
    { kind: 'mobile', start: 7, end: 18 },
  ] as const;
  const finding = (start: number, end: number) => ({ kind: 'name' as const, start, end, checked: false });

  test('takes half a name for a miss, and a name with a word behind for one too much', () => {
    const half = scoreOf([{ text, labels }], () => [finding(0, 1)]).tallies.get('name') as Tally;
    expect([recallOf(half), precisionOf(half)]).toEqual([0, 1]);
    const more = scoreOf([{ text, labels }], () => [finding(0, 4)]).tallies.get('name') as Tally;
    expect([recallOf(more), precisionOf(more)]).toEqual([1, 0]);
  });

  test('does not let one kind stand for another', () => {
    const wrong = scoreOf([{ text, labels }], () => [{ ...finding(7, 18) }]);
    expect(recallOf(wrong.tallies.get('mobile') as Tally)).toBe(0);
    expect(precisionOf(wrong.tallies.get('name') as Tally)).toBe(0);
  });
});

test('the sentences written by hand are marked well, and hold what the floors of names are in prose', () => {
  const first = handWrittenTexts('hand-written');
  expect(first.length).toBeGreaterThanOrEqual(300);
  for (const [name, floor] of [
    ['hand-written', 0.7],
    ['hand-written-blind', 0.8],
  ] as const) {
    const tally = scoreOf(handWrittenTexts(name)).tallies.get('name') as Tally;
    expect(recallOf(tally)).toBeGreaterThanOrEqual(floor);
    expect(precisionOf(tally)).toBeGreaterThanOrEqual(0.85);
  }
});
