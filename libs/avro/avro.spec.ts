/** Schemas, the bounded check, codec, JSON and text forms, framing, fingerprints and compatibility. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { unwrap } from '../base/index.ts';
import type { AvroSchema } from './index.ts';
import {
  checkCompatibility,
  checkRecord,
  codecOf,
  fingerprint,
  frame,
  fromJson,
  fromText,
  parseSchema,
  renderSchema,
  singleObjectCodec,
  toJson,
  unframe,
} from './index.ts';

const schemaOf = (json: unknown): AvroSchema => unwrap(parseSchema(JSON.stringify(json)));
const visit = schemaOf({
  type: 'record',
  name: 'Visit',
  namespace: 'a.b',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'born', type: { type: 'int', logicalType: 'date' } },
    {
      name: 'sex',
      type: { type: 'enum', name: 'Sex', symbols: ['male', 'female'] },
    },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'cost', type: 'double' },
    { name: 'paidBy', type: ['null', 'string'], default: null },
    { name: 'tags', type: { type: 'array', items: 'string' }, default: [] },
    { name: 'attrs', type: { type: 'map', values: 'long' }, default: {} },
    {
      name: 'inner',
      type: {
        type: 'record',
        name: 'Inner',
        fields: [{ name: 'raw', type: { type: 'fixed', name: 'Two', size: 2 } }],
      },
    },
    { name: 'other', type: ['null', 'Sex'], default: null },
  ],
});
const visitJson = {
  id: '一',
  born: '1984-05-06',
  sex: 'female',
  at: '2026-01-02T03:04:05.678Z',
  cost: 12.5,
  paidBy: 'fund',
  tags: ['x', 'y'],
  attrs: { a: 9_007_199_254_740_991 },
  inner: { raw: 'AAE=' },
  other: 'male',
};

describe('a schema', () => {
  test('that is rendered is the same schema again', () => {
    expect(JSON.parse(unwrap(renderSchema(visit.root)).text)).toEqual(
      JSON.parse(unwrap(renderSchema(unwrap(renderSchema(visit.root)).root)).text),
    );
    expect(fingerprint(unwrap(renderSchema(visit.root)))).toEqual(fingerprint(visit));
  });

  for (const [why, json] of [
    ['names an unknown type', { type: 'record', name: 'R', fields: [{ name: 'a', type: 'Missing' }] }],
    [
      'repeats a field',
      {
        type: 'record',
        name: 'R',
        fields: [
          { name: 'a', type: 'int' },
          { name: 'a', type: 'int' },
        ],
      },
    ],
    [
      'has a union in a union',
      {
        type: 'record',
        name: 'R',
        fields: [{ name: 'a', type: ['null', ['int']] }],
      },
    ],
    ['has a name that is no name', { type: 'record', name: 'R', fields: [{ name: 'a b', type: 'int' }] }],
    [
      'has a default of another type',
      {
        type: 'record',
        name: 'R',
        fields: [{ name: 'a', type: 'int', default: 'x' }],
      },
    ],
    [
      'has a field __proto__',
      {
        type: 'record',
        name: 'R',
        fields: [{ name: '__proto__', type: 'int' }],
      },
    ],
    ['is a huge fixed', { type: 'fixed', name: 'F', size: 1e12 }],
  ] as const) {
    test(`that ${why} is refused with a sentence`, () => {
      const parsed = parseSchema(JSON.stringify(json));
      expect(parsed.ok).toBe(false);
      if (!parsed.ok)
        expect(parsed.failure).toMatchObject({
          code: 'schema-invalid',
          message: expect.stringMatching(/^parsing schema: /),
        });
    });
  }

  test('nested ten thousand deep is refused without a stack overflow', () => {
    const deep = `${'{"type":"array","items":'.repeat(5_000)}"int"${'}'.repeat(5_000)}`;
    expect(parseSchema(deep).ok).toBe(false);
  });
});

describe('the fingerprint', () => {
  test('of "int" is the one of the specification', () => {
    expect(fingerprint(schemaOf('int')).readBigUInt64LE().toString(16)).toBe('7275d51a3f395c8f');
  });

  test('keeps the bytes of another schema out', () => {
    const codec = singleObjectCodec(schemaOf('string'));
    expect(unwrap(codec.decode(unwrap(codec.encode('x'))))).toBe('x');
    expect(codec.decode(unwrap(singleObjectCodec(schemaOf('bytes')).encode(Buffer.from('x')))).ok).toBe(false);
  });
});

describe('the bounded check', () => {
  const items = (json: unknown): AvroSchema => schemaOf({ type: 'array', items: json });
  const varint = (value: bigint): number[] => {
    let zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    const bytes: number[] = [];
    for (; zigzag >= 0x80n; zigzag >>= 7n) bytes.push(Number(zigzag & 0x7fn) | 0x80);
    return [...bytes, Number(zigzag)];
  };

  test('refuses 30 million nulls in five bytes, and 200 million items in seven', () => {
    expect(checkRecord(items('null').root, new Uint8Array([...varint(30_000_000n), 0]))).toBe(false);
    expect(checkRecord(items('int').root, new Uint8Array([...varint(200_000_000n), 0, 0]))).toBe(false);
    expect(codecOf(items('null')).decode(new Uint8Array([...varint(30_000_000n), 0])).ok).toBe(false);
  });

  test('refuses a value nested deeper than the limit', () => {
    const list = schemaOf({
      type: 'record',
      name: 'List',
      fields: [{ name: 'next', type: ['null', 'List'] }],
    });
    expect(checkRecord(list.root, new Uint8Array([...Array.from({ length: 20 }, () => 2), 0]))).toBe(true);
    expect(checkRecord(list.root, new Uint8Array([...Array.from({ length: 5_000 }, () => 2), 0]))).toBe(false);
  });

  test('takes a negative count only with its true byte length', () => {
    const strings = items('string').root;
    const block = [2, 0x61, 2, 0x62];
    expect(checkRecord(strings, new Uint8Array([...varint(-2n), ...varint(4n), ...block, 0]))).toBe(true);
    expect(checkRecord(strings, new Uint8Array([...varint(-2n), ...varint(5n), ...block, 0]))).toBe(false);
    expect(checkRecord(strings, new Uint8Array([...varint(-2n), ...varint(3n), ...block, 0]))).toBe(false);
  });

  test('refuses trailing bytes, bytes that are not UTF-8, and branches, symbols and booleans out of range', () => {
    expect(checkRecord(schemaOf('string').root, new Uint8Array([2, 0x61, 0]))).toBe(false);
    expect(checkRecord(schemaOf('string').root, new Uint8Array([2, 0xff]))).toBe(false);
    expect(checkRecord(schemaOf(['null', 'int']).root, new Uint8Array([4]))).toBe(false);
    expect(checkRecord(schemaOf({ type: 'enum', name: 'E', symbols: ['a'] }).root, new Uint8Array([2]))).toBe(false);
    expect(checkRecord(schemaOf('boolean').root, new Uint8Array([2]))).toBe(false);
  });

  test('agrees with the codec on mutated records: what passes decodes, what does not is refused', () => {
    const good = Buffer.from(unwrap(codecOf(visit).encode(unwrap(fromJson(visit, visitJson)))));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(500), fc.integer({ min: 0, max: 255 })), {
          minLength: 1,
          maxLength: 4,
        }),
        (mutations) => {
          const bytes = Buffer.from(good);
          for (const [at, value] of mutations) bytes[at % bytes.length] = value;
          const decoded = codecOf(visit).decode(bytes);
          expect(decoded.ok).toBe(checkRecord(visit.root, bytes));
          if (decoded.ok) expect(codecOf(visit).encode(decoded.value).ok).toBe(true);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('refuses every truncation of a record', () => {
    const good = unwrap(codecOf(visit).encode(unwrap(fromJson(visit, visitJson))));
    for (let length = 0; length < good.length; length += 1) expect(checkRecord(visit.root, good.subarray(0, length))).toBe(false);
  });
});

describe('plain JSON', () => {
  test('becomes a record and comes back the same', () => {
    const value = unwrap(fromJson(visit, visitJson));
    expect(toJson(visit, unwrap(codecOf(visit).decode(unwrap(codecOf(visit).encode(value)))))).toEqual(visitJson);
  });

  test('takes defaults for missing fields', () => {
    const { paidBy: _paidBy, tags: _tags, attrs: _attrs, other: _other, ...rest } = visitJson;
    expect(unwrap(fromJson(visit, rest))).toMatchObject({
      paidBy: null,
      tags: [],
      other: null,
    });
  });

  for (const [field, value] of [
    ['born', '1984-02-30'],
    ['sex', 'other'],
    ['cost', 'much'],
    ['at', 1.5],
    ['at', '2026-13-01T00:00:00Z'],
    ['tags', 'x'],
    ['id', '\ud800'],
    ['unknown', 1],
  ] as const) {
    test(`with ${JSON.stringify(value)} in ${field} is refused at that field, without quoting the value`, () => {
      const taken = fromJson(visit, { ...visitJson, [field]: value });
      expect(taken.ok).toBe(false);
      if (!taken.ok) {
        expect(taken.failure.at).toBe(`/${field}`);
        if (typeof value === 'string' && value.length > 4) expect(taken.failure.message).not.toContain(value);
      }
    });
  }

  test('with a prototype key or nested too deep is refused', () => {
    expect(fromJson(visit, JSON.parse('{"__proto__": 1}')).ok).toBe(false);
    const list = schemaOf({
      type: 'record',
      name: 'List',
      fields: [{ name: 'next', type: ['null', 'List'] }],
    });
    let deep: unknown = null;
    for (let depth = 0; depth < 1_000; depth += 1) deep = { next: deep };
    expect(fromJson(list, deep).ok).toBe(false);
  });
});

describe('a row of texts', () => {
  test('becomes a record by the types of its fields', () => {
    const row = {
      id: '1',
      born: '2000-01-31',
      sex: 'male',
      at: '12',
      cost: '-1.5e2',
      paidBy: '',
      tags: '["a"]',
      attrs: '{"k":1}',
      inner: '{"raw":"AAE="}',
      other: '',
    };
    expect(toJson(visit, unwrap(fromText(visit, row)))).toEqual({
      id: '1',
      born: '2000-01-31',
      sex: 'male',
      at: '1970-01-01T00:00:00.012Z',
      cost: -150,
      paidBy: null,
      tags: ['a'],
      attrs: { k: 1 },
      inner: { raw: 'AAE=' },
      other: null,
    });
  });

  test('with a text that is no number is refused at its field', () => {
    const taken = fromText(visit, {
      id: '1',
      born: '2000-01-31',
      sex: 'male',
      at: '1',
      cost: '12,5',
    });
    expect(taken.ok ? undefined : taken.failure.at).toBe('/cost');
  });
});

describe('the wire header', () => {
  test('is read back, and anything else is refused', () => {
    expect(unwrap(unframe(frame(77, new Uint8Array([1, 2]))))).toEqual({
      schemaId: 77,
      body: Buffer.from([1, 2]),
    });
    for (const bytes of [[], [0, 0, 0, 1], [1, 0, 0, 0, 1], [0, 0xff, 0, 0, 0]])
      expect(unframe(new Uint8Array(bytes)).ok).toBe(false);
  });
});

describe('compatibility', () => {
  const record = (...fields: unknown[]): AvroSchema => schemaOf({ type: 'record', name: 'R', fields });
  const a = { name: 'a', type: 'int' };
  const withDefault = { name: 'b', type: 'string', default: '' };
  const withoutDefault = { name: 'b', type: 'string' };

  test('backward takes a new field with a default and refuses one without', () => {
    expect(checkCompatibility('BACKWARD', record(a, withDefault), [record(a)]).ok).toBe(true);
    expect(checkCompatibility('BACKWARD', record(a, withoutDefault), [record(a)]).ok).toBe(false);
  });

  test('forward refuses to take a field away that has no default, and full is both', () => {
    expect(checkCompatibility('FORWARD', record(a), [record(a, withoutDefault)]).ok).toBe(false);
    expect(checkCompatibility('FORWARD', record(a, withoutDefault), [record(a)]).ok).toBe(true);
    expect(checkCompatibility('FULL', record(a, withDefault), [record(a)]).ok).toBe(true);
    expect(checkCompatibility('FULL', record(a, withoutDefault), [record(a)]).ok).toBe(false);
  });

  test('only the transitive levels look behind the newest version', () => {
    const versions = [record({ name: 'a', type: 'string' }), record(a)];
    expect(checkCompatibility('BACKWARD', record(a), versions).ok).toBe(true);
    expect(checkCompatibility('BACKWARD_TRANSITIVE', record(a), versions).ok).toBe(false);
    expect(checkCompatibility('NONE', record(a, withoutDefault), versions).ok).toBe(true);
  });
});
