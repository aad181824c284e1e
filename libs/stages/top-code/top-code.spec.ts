import { expect, test } from '@jest/globals';
import { unwrap } from '../../base/index.ts';
import { governed, programOf } from '../stage-fixture.ts';

const date = { type: 'int', logicalType: 'date' };

test('nothing beyond a bound leaves, and what is within stays', () => {
  const ages = Array.from({ length: 130 }, (_, age) => age);
  const results = governed({ type: 'int', stage: 'top-code', with: { low: 15, high: 89 } }, ages);
  expect(results).toEqual(ages.map((age) => Math.min(89, Math.max(15, age))));
});

for (const [why, type, config] of [
  ['no bound at all', 'int', {}],
  ['low above high', 'int', { low: 2, high: 1 }],
  ['a fractional bound of whole numbers', 'int', { high: 1.5 }],
  ['a bound that an int cannot hold', 'int', { high: 2 ** 31 }],
  ['a bound that a long cannot hold exactly', 'long', { high: 2 ** 60 }],
  ['a day for a plain number', 'int', { high: '2026-01-01' }],
  ['a number for a date', date, { high: 10 }],
  ['a text that is no day', date, { high: '2026-02-30' }],
  ['a text field', 'string', { high: 1 }],
] as const) {
  test(`refused at publish time: ${why}`, () => {
    expect(programOf({ type, stage: 'top-code', with: config })).toMatchObject({ ok: false, failure: { code: 'plan-invalid' } });
  });
}

test('the decision names the bounds', () => {
  const [row] = unwrap(programOf({ type: date, stage: 'top-code', with: { low: '1935-01-01' } })).explain();
  expect(row?.happens).toBe('at least 1935-01-01');
});
