import { expect, test } from '@jest/globals';
import { unwrap } from '../../base/index.ts';
import { govern, programOf } from '../stage-fixture.ts';

test('a mask with a width does not leak the length', () => {
  const program = unwrap(programOf({ type: 'string', stage: 'mask', with: { first: 1, width: 2 } }));
  const masked = govern(program, ['王明', '欧阳小明明明']) as string[];
  expect(masked.map((text) => [...text].length)).toEqual([3, 3]);
  expect(program.explain()[0]).toMatchObject({ field: '/f', lengthLeaked: false, reversible: 'no' });
  const open = unwrap(programOf({ type: 'string', stage: 'mask', with: { first: 1 } }));
  expect(open.explain()[0]).toMatchObject({ lengthLeaked: true });
});

test('a mask hides a text that is no longer than what is kept', () => {
  const program = unwrap(programOf({ type: 'string', stage: 'mask', with: { first: 1, last: 1 } }));
  expect(govern(program, ['王明', '王'])).toEqual(['**', '*']);
});
