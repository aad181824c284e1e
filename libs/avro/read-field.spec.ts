/** The text of one field, read past everything else: what decoding the whole record says, and nothing out of bytes that are no record. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { unwrap } from '../base/index.ts';
import { codecOf, fieldReader, parseSchema } from './index.ts';

const before = [
  { name: 'none', type: 'null', value: fc.constant(null) },
  { name: 'flag', type: 'boolean', value: fc.boolean() },
  { name: 'small', type: 'int', value: fc.integer() },
  { name: 'large', type: 'long', value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
  { name: 'thin', type: 'float', value: fc.float({ noNaN: true }) },
  { name: 'wide', type: 'double', value: fc.double({ noNaN: true }) },
  { name: 'raw', type: 'bytes', value: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
  { name: 'word', type: 'string', value: fc.string({ unit: 'binary', maxLength: 50 }) },
  { name: 'mark', type: { type: 'fixed', name: 'Mark', size: 3 }, value: fc.constant(Buffer.from([1, 2, 3])) },
  { name: 'one', type: { type: 'enum', name: 'One', symbols: ['A', 'B'] }, value: fc.constantFrom('A', 'B') },
  { name: 'list', type: { type: 'array', items: 'string' }, value: fc.array(fc.string(), { maxLength: 4 }) },
  { name: 'table', type: { type: 'map', values: 'int' }, value: fc.dictionary(fc.string(), fc.integer(), { maxKeys: 3 }) },
  {
    name: 'inner',
    type: { type: 'record', name: 'Inner', fields: [{ name: 'maybe', type: ['null', 'string'] }] },
    value: fc.option(fc.string()).map((text) => ({ maybe: text === null ? null : { string: text } })),
  },
];
const record = fc.record(Object.fromEntries(before.map(({ name, value }) => [name, value])));

const schemaOf = (type: unknown) =>
  unwrap(
    parseSchema(
      JSON.stringify({
        type: 'record',
        name: 'R',
        fields: [
          ...before.map(({ name, type: own }) => ({ name, type: own })),
          { name: 'id', type },
          { name: 'rest', type: 'int' },
        ],
      }),
    ),
  );

test.each([
  ['string', fc.string({ unit: 'binary' }), (value: unknown) => value],
  ['int', fc.integer(), String],
  ['long', fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), String],
  [{ type: 'enum', name: 'Kind', symbols: ['X', 'Y'] }, fc.constantFrom('X', 'Y'), (value: unknown) => value],
  [
    ['null', 'string'],
    fc.option(fc.string()).map((text) => (text === null ? null : { string: text })),
    (value: unknown) => (value as { string: string } | null)?.string ?? null,
  ],
])('a field of %j is read as the text that it is, behind fields of every kind', (type, values, textOf) => {
  const schema = schemaOf(type);
  const read = unwrap(fieldReader(schema, '/id'));
  fc.assert(
    fc.property(record, values as fc.Arbitrary<unknown>, (fields, id) => {
      const bytes = unwrap(codecOf(schema).encode({ ...fields, id, rest: 7 }));
      const padded = Buffer.concat([Buffer.alloc(5, 9), bytes]);
      expect(read(padded, 5, padded.length)).toBe(textOf(id));
    }),
    { numRuns: 200, seed: 7 },
  );
});

test('bytes that end before the field, or are of nothing, say nothing', () => {
  const schema = schemaOf('string');
  const read = unwrap(fieldReader(schema, '/id'));
  const fields = { none: null, flag: true, small: 1, large: 2n, thin: 0, wide: 0, raw: Buffer.from('r'), word: 'w' };
  const more = { mark: Buffer.from([1, 2, 3]), one: 'B', list: ['a'], table: { k: 1 }, inner: { maybe: { string: 'x' } } };
  const bytes = unwrap(codecOf(schema).encode({ ...fields, ...more, id: 'the id', rest: 0 }));
  expect(read(bytes, 0, bytes.length)).toBe('the id');
  for (let end = 0; end < bytes.length - 1; end += 1) expect(read(bytes, 0, end)).toBeUndefined();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      const text = read(noise, 0, noise.length);
      expect(text === undefined || text === null || typeof text === 'string').toBe(true);
    }),
    { numRuns: 2_000, seed: 3 },
  );
});

test('a hostile record costs no more than its bytes: two milliard items of nothing, blocks of negative counts, depth', () => {
  const nothing = unwrap(
    parseSchema(
      JSON.stringify({
        type: 'record',
        name: 'N',
        fields: [
          { name: 'a', type: { type: 'array', items: 'null' } },
          { name: 'id', type: 'string' },
        ],
      }),
    ),
  );
  const read = unwrap(fieldReader(nothing, '/id'));
  const many = Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x02, 0x61]);
  expect(read(many, 0, many.length)).toBeUndefined();
  const sized = Buffer.from([0x03, 0x00, 0x00, 0x02, 0x61]);
  expect(read(sized, 0, sized.length)).toBe('a');
  const deep = unwrap(
    parseSchema(
      JSON.stringify({
        type: 'record',
        name: 'D',
        fields: [
          { name: 'next', type: ['null', 'D'] },
          { name: 'id', type: 'string' },
        ],
      }),
    ),
  );
  expect(unwrap(fieldReader(deep, '/id'))(Buffer.alloc(100_000, 2), 0, 100_000)).toBeUndefined();
});

test('only a top-level field that can be a record key is read', () => {
  const schema = schemaOf('string');
  for (const path of ['/inner', '/inner/maybe', '/raw', '/none/x', 'id', '/absent'])
    expect(fieldReader(schema, path)).toMatchObject({ ok: false, failure: { code: 'schema-invalid' } });
});
