import { createHmac, hkdfSync } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { unwrap } from '../../base/index.ts';
import { dataKey, govern, governed, programOf } from '../stage-fixture.ts';

const trial = { type: 'string', stage: 'pseudonymize' } as const;
const program = unwrap(programOf({ ...trial, with: { length: 32 } }));

test('a pseudonym is HMAC-SHA256 under the key derived for the dataset and field (computed here independently)', () => {
  const fieldKey = Buffer.from(hkdfSync('sha256', dataKey, '', 'sluice/1/d/pseudonymize/f', 32));
  const expected = createHmac('sha256', fieldKey).update('11010519491231002X').digest('hex').slice(0, 32);
  expect(govern(program, ['11010519491231002X'])).toEqual([expected]);
});

for (const prf of ['hmac-sha256', 'hmac-sm3', 'aes-128-cmac', 'sm4-cmac']) {
  test(`${prf} gives one token for one text, and no token in common with another agreement`, () => {
    const keyed = unwrap(programOf({ ...trial, with: { prf } }));
    const values = ['a', 'b', 'a', '', '浙'.repeat(100)];
    const [first, second, third, ...others] = govern(keyed, values);
    expect(first).toBe(third);
    const tokens = [first, second, ...others];
    expect(new Set(tokens).size).toBe(4);
    for (const token of tokens) expect(token).toMatch(/^[0-9a-f]{32}$/);
    const elsewhere = govern(keyed, values, { key: Buffer.alloc(32, 8) });
    expect(elsewhere.filter((token) => tokens.includes(token))).toEqual([]);
  });
}

test('a domain makes the tokens of its fields equal, and apart from those of any field', () => {
  const apart = govern(program, ['a']);
  const shared = governed({ ...trial, with: { domain: 'person' } }, ['a']);
  expect(shared).toEqual([
    createHmac('sha256', Buffer.from(hkdfSync('sha256', dataKey, '', 'sluice/1/d/pseudonymize:person', 32)))
      .update('a')
      .digest('hex')
      .slice(0, 32),
  ]);
  expect(shared).not.toEqual(apart);
});

test('a value that does not match the pattern is refused, or becomes what else says', () => {
  const shaped = { ...trial, with: { pattern: '[0-9]{3}' } };
  expect(governed(shaped, ['12', '1234', '123 '])).toEqual(['value-unfit', 'value-unfit', 'value-unfit']);
  expect(governed({ ...shaped, otherwise: 'null' }, ['12'])).toEqual([null]);
  expect(governed({ ...shaped, otherwise: { constant: '?' } }, ['12'])).toEqual(['?']);
  expect(governed({ ...shaped, type: ['null', 'string'] }, [null])).toEqual([null]);
});

test('no pattern is taken that could be slow', () => {
  for (const pattern of ['(a+)+', 'a*', 'a|b', '[0-9]+', '(?=x)', '\\d', '[^a]']) {
    expect(programOf({ ...trial, with: { pattern } })).toMatchObject({ ok: false, failure: { code: 'plan-invalid' } });
  }
});

test('a token of a CMAC has no more than its 32 characters', () => {
  expect(programOf({ ...trial, with: { prf: 'aes-128-cmac', length: 33 } })).toMatchObject({ ok: false });
  expect(programOf({ ...trial, with: { prf: 'hmac-sm3', length: 64 } })).toMatchObject({ ok: true });
});

test('nothing runs with a missing or short key', () => {
  expect(program.bind({ governedSchemaId: 1, datasetId: 'd', dataKey: new Uint8Array(0) })).toMatchObject({
    ok: false,
    failure: { code: 'key-missing' },
  });
});
