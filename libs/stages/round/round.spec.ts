import { expect, test } from '@jest/globals';
import { govern, governed, programOf } from '../stage-fixture.ts';
import { unwrap } from '../../base/index.ts';

test('a rounded number is the nearest multiple, halves up, of whole numbers exactly', () => {
  const values = Array.from({ length: 401 }, (_, index) => index - 200);
  for (const to of [1, 2, 3, 10, 37]) {
    const nearest = values.map((value) => Math.floor((2 * value + to) / (2 * to)) * to);
    for (const type of ['int', 'long', 'double']) {
      expect(governed({ type, stage: 'round', with: { to } }, values)).toEqual(nearest);
    }
  }
});

test('what leaves the type is refused', () => {
  expect(governed({ type: 'int', stage: 'round', with: { to: 1000 } }, [2_147_483_647, -2_147_483_648])).toEqual([
    'value-unfit',
    'value-unfit',
  ]);
  const program = unwrap(programOf({ type: 'long', stage: 'round', with: { to: 1000 } }));
  expect(govern(program, ['9223372036854775807', '-9223372036854775808'])).toEqual(['value-unfit', 'value-unfit']);
});

test('the type stays, with what it stands for', () => {
  const date = { type: 'int', logicalType: 'date' };
  expect(governed({ type: date, stage: 'round', with: { to: 7 } }, ['1970-01-05'])).toEqual(['1970-01-08']);
});

test('a fractional step of whole numbers and a step of a text are no plans', () => {
  expect(programOf({ type: 'int', stage: 'round', with: { to: 0.5 } })).toMatchObject({ ok: false });
  expect(programOf({ type: 'string', stage: 'round', with: { to: 1 } })).toMatchObject({ ok: false });
});
