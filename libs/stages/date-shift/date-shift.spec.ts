import { expect, test } from '@jest/globals';
import { unwrap } from '../../base/index.ts';
import { govern, governed, programOf } from '../stage-fixture.ts';

const date = { type: 'int', logicalType: 'date' };
const millis = { type: 'long', logicalType: 'timestamp-millis' };
const trial = { type: date, stage: 'date-shift', with: { subject: '/who', days: 30 } } as const;
const daysOf = (day: unknown): number => Date.parse(`${day as string}T00:00:00Z`) / 86_400_000;

test('every person moves by 1 to `days` days, and by each of those counts somebody does', () => {
  const moved = new Set<number>();
  const program = unwrap(programOf({ ...trial, with: { subject: '/who', days: 5 }, beside: ['who'] }));
  for (let person = 0; person < 200; person += 1) {
    const [result] = govern(program, ['2026-03-01'], { beside: { who: `person ${person}` } });
    moved.add(daysOf(result) - daysOf('2026-03-01'));
  }
  expect([...moved].sort((a, b) => a - b)).toEqual([-5, -4, -3, -2, -1, 1, 2, 3, 4, 5]);
});

test('the time between two dates of a person stays, whichever field and type they are in', () => {
  const beside = { who: 'A' };
  const [first, second] = governed(trial, ['2026-03-01', '2026-03-15'], beside);
  expect(daysOf(second) - daysOf(first)).toBe(14);
  const [moment] = governed({ ...trial, type: millis }, ['2026-03-01T23:59:59.999Z'], beside) as [string];
  expect(moment).toBe(`${first as string}T23:59:59.999Z`);
});

test('without a subject nothing moves and nothing passes', () => {
  expect(governed(trial, ['2026-03-01'], { who: null })).toEqual(['value-unfit']);
  expect(governed(trial, ['2026-03-01'], { who: '' })).toEqual(['value-unfit']);
});

test('a date that leaves the type is refused, not wrapped around', () => {
  const people = Array.from({ length: 40 }, (_, person) => `person ${person}`);
  const program = unwrap(programOf({ ...trial, beside: ['who'] }));
  const results = people.map((who) => govern(program, [2_147_483_647, -2_147_483_648], { beside: { who } }));
  // One of the two ends is left, whichever way the person moves.
  for (const pair of results) expect(pair.filter((result) => result === 'value-unfit')).toHaveLength(1);
});

test('a text, a plain number and its own subject are no plans', () => {
  for (const type of ['string', 'int', 'long'])
    expect(programOf({ ...trial, type, beside: ['who'] })).toMatchObject({ ok: false });
  expect(programOf({ ...trial, with: { subject: '/f', days: 3 } })).toMatchObject({ ok: false });
  expect(programOf({ ...trial, with: { subject: '/who', days: 0 }, beside: ['who'] })).toMatchObject({ ok: false });
});
