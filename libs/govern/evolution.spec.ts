/** Records of another writer's schema under one contract: the governed schema and the output stay those of the contract, on both engines. */
import { describe, expect, test } from '@jest/globals';
import { drop, field, governed, governedFields, keep, record, refusedPlan, rule, stars } from './both-engines-fixture.ts';

const token = (...at: string[]) => rule('pseudonymize', { length: 32 }, ...at);

/** A contract with one field `f`, and a writer whose field is of another type. */
const retyped = (contract: unknown, writer: unknown, rules = [keep('/f')]) => ({
  schema: record('R', field('f', contract)),
  writer: record('R', field('f', writer)),
  rules,
});

describe('a value of a narrower type', () => {
  for (const [from, to, raw, result] of [
    ['int', 'long', -3, -3],
    ['int', 'float', 16_777_217, 16_777_216],
    ['int', 'double', -3, -3],
    ['long', 'float', '9007199254740993', 9_007_199_254_740_992],
    ['long', 'double', '9007199254740993', 9_007_199_254_740_992],
    ['float', 'double', 0.5, 0.5],
    ['string', 'bytes', 'é', 'w6k='],
    ['bytes', 'string', 'w6k=', 'é'],
  ] as const) {
    test(`of ${from} is read as ${to}, kept, in an array and behind null`, () => {
      expect(governed(retyped(to, from), { f: raw })).toEqual([{ f: result }]);
      expect(governedFields(retyped(to, from))).toEqual([['f', to]]);
      expect(governed(retyped({ type: 'array', items: to }, { type: 'array', items: from }), { f: [raw, raw] })).toEqual([
        { f: [result, result] },
      ]);
      expect(governed(retyped(['null', to], from), { f: raw })).toEqual([{ f: result }]);
      expect(governed(retyped(['null', to], ['null', from]), { f: raw }, { f: null })).toEqual([{ f: result }, { f: null }]);
    });
  }

  test('is given to the rule as a value of the contract', () => {
    expect(governed(retyped('double', 'int', [rule('band', { width: 10 }, '/f')]), { f: 17 })).toEqual([{ f: 10 }]);
    const asText = retyped('string', 'bytes', [token('/f')]);
    expect(governed(asText, { f: Buffer.from('wang').toString('base64') })).toEqual(
      governed(retyped('string', 'string', [token('/f')]), { f: 'wang' }),
    );
  });

  test('that is bytes which are no text is refused at run time, naming the field', () => {
    for (const rules of [[keep('/f')], [stars('/f')]])
      expect(governed(retyped('string', 'bytes', rules), { f: '/w==' })).toEqual(['value-unfit at /f']);
  });
});

describe('a type that is no narrower one', () => {
  const date = { type: 'int', logicalType: 'date' };
  const millis = { type: 'long', logicalType: 'timestamp-millis' };
  const decimal = (scale: number) => ({ type: 'bytes', logicalType: 'decimal', precision: 9, scale });
  for (const [why, contract, writer] of [
    ['a long for an int', 'int', 'long'],
    ['a double for a float', 'float', 'double'],
    ['a text for a number', 'int', 'string'],
    ['a decimal of another scale', decimal(2), decimal(3)],
    ['a date for a timestamp', millis, date],
    ['an int for a date', date, 'int'],
    ['milliseconds for microseconds', { type: 'long', logicalType: 'timestamp-micros' }, millis],
    ['a fixed of another size', { type: 'fixed', name: 'F', size: 4 }, { type: 'fixed', name: 'F', size: 5 }],
  ] as const) {
    test(`is refused when compiling, naming the field: ${why}`, () => {
      expect(refusedPlan(retyped(contract, writer))).toMatchObject({
        code: 'plan-invalid',
        at: '/f',
        message: expect.stringContaining('cannot be read as'),
      });
    });
  }

  test('is taken where it is the same: a decimal of the same scale', () => {
    expect(governed(retyped(decimal(2), decimal(2)), { f: 'AQI=' })).toEqual([{ f: 'AQI=' }]);
  });
});

describe('fields', () => {
  const schema = record('R', field('id', 'string'), field('name', 'string'), field('age', 'int'));
  const rules = [token('/id'), stars('/name'), keep('/age')];
  const raw = { id: 'i1', name: 'wang', age: 40 };
  const [expected] = governed({ schema, rules }, raw);

  test('in another order leave in the order of the contract', () => {
    const writer = record('R', field('age', 'int'), field('name', 'string'), field('id', 'string'));
    expect(governed({ schema, writer, rules }, raw)).toEqual([expected]);
    expect(governedFields({ schema, writer, rules }).map(([name]) => name)).toEqual(['id', 'name', 'age']);
  });

  test('that only the writer has do not leave', () => {
    const writer = record('R', field('secret', 'string'), field('id', 'string'), field('name', 'string'), field('age', 'int'));
    expect(governed({ schema, writer, rules }, { ...raw, secret: 'x' })).toEqual([expected]);
  });

  test('are found by an alias, of the contract or of the writer, and leave by the name of the contract', () => {
    const renamed = { id: 'i1', fullName: 'wang', age: 40 };
    const aliased = record('R', field('id', 'string'), field('name', 'string', { aliases: ['fullName'] }), field('age', 'int'));
    const later = record('R', field('id', 'string'), field('fullName', 'string'), field('age', 'int'));
    expect(governed({ schema: aliased, writer: later, rules }, renamed)).toEqual([expected]);
    const says = record('R', field('id', 'string'), field('fullName', 'string', { aliases: ['name'] }), field('age', 'int'));
    expect(governed({ schema, writer: says, rules }, renamed)).toEqual([expected]);
  });

  test('that the writer no longer has leave with their default, kept, masked or tokenized as a value would be', () => {
    const withDefault = record('R', field('id', 'string'), field('name', 'string', { default: 'nobody' }));
    const writer = record('R', field('id', 'string'));
    for (const by of [keep, stars, token]) {
      const trial = { schema: withDefault, rules: [keep('/id'), by('/name')] };
      expect(governed({ ...trial, writer }, { id: 'i1' })).toEqual(governed(trial, { id: 'i1', name: 'nobody' }));
    }
    expect(governed({ schema: withDefault, writer, rules: [keep('/id'), stars('/name')] }, { id: 'i1' })).toEqual([
      { id: 'i1', name: '******' },
    ]);
  });

  test('have defaults of every kind', () => {
    const colour = { type: 'enum', name: 'Colour', symbols: ['red', 'blue'] };
    const defaults: [unknown, unknown, unknown][] = [
      ['int', 7, 7],
      ['long', -7, -7],
      ['double', 1.5, 1.5],
      ['boolean', true, true],
      ['bytes', '\u00ff', '/w=='],
      [colour, 'blue', 'blue'],
      [['null', 'string'], null, null],
      [['string', 'null'], 'x', 'x'],
      [{ type: 'array', items: 'int' }, [1, 2], [1, 2]],
      [{ type: 'map', values: 'int' }, { a: 1 }, { a: 1 }],
      [record('P', field('x', 'int', { default: 3 }), field('y', 'string')), { y: 'z' }, { x: 3, y: 'z' }],
    ];
    for (const [type, given, result] of defaults) {
      const contract = record('R', field('id', 'string'), field('f', type, { default: given }));
      const trial = { schema: contract, writer: record('R', field('id', 'string')), rules: [keep('/id', '/f')] };
      expect(governed(trial, { id: 'i' })).toEqual([{ id: 'i', f: result }]);
    }
  });

  test('that the writer no longer has and that have no default are refused when compiling, and named', () => {
    const writer = record('R', field('id', 'string'), field('age', 'int'));
    for (const by of [keep, stars, token])
      expect(refusedPlan({ schema, writer, rules: [token('/id'), by('/name'), keep('/age')] })).toMatchObject({
        code: 'plan-invalid',
        at: '/name',
        message: expect.stringContaining('no default'),
      });
  });

  test('that are dropped need neither the writer nor a default', () => {
    const writer = record('R', field('id', 'string'), field('age', 'int'));
    const trial = { schema, writer, rules: [token('/id'), drop('/name'), keep('/age')] };
    expect(governed(trial, { id: 'i1', age: 40 })).toEqual(governed({ ...trial, writer: schema }, raw));
  });

  test('within a record, an array and a map are read by the same rules', () => {
    const inner = (...fields: unknown[]): unknown => record('P', ...fields);
    const holder = (p: unknown): unknown =>
      record('R', field('p', p), field('list', { type: 'array', items: 'P' }), field('map', { type: 'map', values: 'P' }));
    const contract = holder(inner(field('a', 'long'), field('b', 'string', { default: 'none' })));
    const writer = holder(inner(field('gone', 'string'), field('a', 'int')));
    const value = { gone: 'x', a: 5 };
    const trial = { schema: contract, writer, rules: [keep('type:P/a', '/map{key}'), stars('type:P/b')] };
    expect(governed(trial, { p: value, list: [value, value], map: { k: value } })).toEqual([
      {
        p: { a: 5, b: '****' },
        list: [
          { a: 5, b: '****' },
          { a: 5, b: '****' },
        ],
        map: { k: { a: 5, b: '****' } },
      },
    ]);
  });
});

describe('an enum', () => {
  const colour = (symbols: string[], more: object = {}): unknown => ({ type: 'enum', name: 'Colour', symbols, ...more });

  test('is read by symbol, not by number', () => {
    const trial = retyped(colour(['red', 'blue']), colour(['green', 'blue', 'red']));
    expect(governed(trial, { f: 'red' }, { f: 'blue' })).toEqual([{ f: 'red' }, { f: 'blue' }]);
    expect(governedFields(trial)).toEqual([['f', { type: 'enum', name: 'Colour', symbols: ['red', 'blue'] }]]);
  });

  test('with a symbol that the contract does not know is refused at run time, naming the field', () => {
    expect(governed(retyped(colour(['red']), colour(['red', 'green'])), { f: 'green' }, { f: 'red' })).toEqual([
      'value-unfit at /f',
      { f: 'red' },
    ]);
  });

  test('with such a symbol is the default of the contract where that has one', () => {
    const trial = retyped(colour(['red', 'other'], { default: 'other' }), colour(['red', 'green']));
    expect(governed(trial, { f: 'green' })).toEqual([{ f: 'other' }]);
  });
});

describe('a union', () => {
  test('has its branches found by type, and a value of one that the contract does not have is refused, naming the field', () => {
    const trial = retyped(['null', 'string'], ['string', 'long', 'null']);
    expect(governed(trial, { f: { string: 'a' } }, { f: null }, { f: { long: 5 } })).toEqual([
      { f: 'a' },
      { f: null },
      'value-unfit at /f',
    ]);
  });

  test('that allows null where the contract does not refuses the null at run time, naming the field', () => {
    for (const rules of [[keep('/f')], [stars('/f')]])
      expect(governed(retyped('string', ['null', 'string'], rules), { f: null })).toEqual(['value-unfit at /f']);
  });
});
