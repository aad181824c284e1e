import { expect, test } from '@jest/globals';
import { governed, programOf } from '../stage-fixture.ts';

const trial = { type: 'string', stage: 'dictionary' } as const;

test('terms above themselves by way of others are refused, one above itself is a top', () => {
  expect(programOf({ ...trial, with: { levels: { a: 'b', b: 'c', c: 'a' } } })).toMatchObject({
    ok: false,
    failure: { code: 'plan-invalid', message: expect.stringContaining('above itself') },
  });
  expect(governed({ ...trial, with: { levels: { a: 'b', b: 'b' }, level: 5 } }, ['a', 'b'])).toEqual(['b', 'b']);
});

test('5,000 terms are taken and one more is not', () => {
  const levels = (count: number): Record<string, string> =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`term ${index}`, `group ${index % 10}`]));
  expect(programOf({ ...trial, with: { levels: levels(5_000) } })).toMatchObject({ ok: true });
  expect(programOf({ ...trial, with: { levels: levels(5_001) } })).toMatchObject({ ok: false });
  expect(programOf({ ...trial, with: { levels: {} } })).toMatchObject({ ok: false });
});

test('the longest listed beginning decides, and never the whole of a longer term', () => {
  const levels = { 'J': 'letters', 'J1': 'J', 'J18': 'J1' };
  expect(governed({ ...trial, with: { levels, prefix: true } }, ['J189', 'J19', 'J2', 'K'])).toEqual([
    'J1',
    'J',
    'letters',
    'value-unfit',
  ]);
});

test('names that every object has are no terms', () => {
  expect(governed({ ...trial, with: { levels: { a: 'b' }, prefix: true } }, ['constructor', '__proto__', 'toString'])).toEqual([
    'value-unfit',
    'value-unfit',
    'value-unfit',
  ]);
});
