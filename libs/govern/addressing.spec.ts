/** What an address of a rule stands for, as the README of odrl says it, on both engines. */
import { describe, expect, test } from '@jest/globals';
import { drop, field, governed, governedFields, keep, record, refusedPlan, rule, stars } from './both-engines-fixture.ts';

const phone = record('cn.Phone', field('number', 'string'), field('kind', 'string'));
const items = (type: unknown): unknown => ({ type: 'array', items: type });
const values = (type: unknown): unknown => ({ type: 'map', values: type });

describe('a path', () => {
  test('goes into each item of an array, and into arrays of arrays', () => {
    const schema = record(
      'R',
      field('orders', items(record('Order', field('id', 'string'), field('lines', items(items('string')))))),
    );
    const trial = { schema, rules: [keep('/orders[]/id'), stars('/orders[]/lines[][]')] };
    const orders = [
      { id: 'a', lines: [['xx', 'y'], []] },
      { id: 'b', lines: [] },
    ];
    expect(governed(trial, { orders }, { orders: [] })).toEqual([
      { orders: [{ id: 'a', lines: [['**', '*'], []] }, orders[1]] },
      { orders: [] },
    ]);
  });

  test('goes into each value of a map, whose keys need a keep of their own', () => {
    const schema = record('R', field('attrs', values(record('Attr', field('value', 'string'), field('unit', 'string')))));
    const rules = [stars('/attrs{}/value'), drop('/attrs{}/unit')];
    expect(refusedPlan({ schema, rules })).toMatchObject({ code: 'field-unnamed', at: '/attrs{key}' });
    expect(refusedPlan({ schema, rules: [...rules, stars('/attrs{key}')] })).toMatchObject({
      code: 'plan-invalid',
      at: '/attrs{key}',
      message: expect.stringContaining('can only be kept'),
    });
    expect(
      governed(
        { schema, rules: [...rules, keep('/attrs{key}')] },
        { attrs: { bp: { value: '120', unit: 'mmHg' } } },
        { attrs: {} },
      ),
    ).toEqual([{ attrs: { bp: { value: '***' } } }, { attrs: {} }]);
  });

  test('covers a whole map, keys included, where it names the map', () => {
    const schema = record('R', field('attrs', values('string')));
    expect(governed({ schema, rules: [keep('/attrs')] }, { attrs: { a: 'x' } })).toEqual([{ attrs: { a: 'x' } }]);
    expect(governed({ schema, rules: [keep('/attrs{key}'), stars('/attrs{}')] }, { attrs: { a: 'x' } })).toEqual([
      { attrs: { a: '*' } },
    ]);
  });

  test('goes into a branch of a union of several, each of which must be named', () => {
    const schema = record('R', field('contact', ['null', phone, 'string', 'long']));
    const rules = [
      keep('/contact<cn.Phone>/kind', '/contact<long>'),
      stars('/contact<cn.Phone>/number'),
      rule('prefix', { first: 1 }, '/contact<string>'),
    ];
    expect(refusedPlan({ schema, rules: rules.slice(0, 2) })).toMatchObject({ code: 'field-unnamed', at: '/contact<string>' });
    expect(
      governed(
        { schema, rules },
        { contact: { 'cn.Phone': { number: '138', kind: 'own' } } },
        { contact: { string: 'mail' } },
        { contact: { long: 7 } },
        { contact: null },
      ),
    ).toEqual([{ contact: { number: '***', kind: 'own' } }, { contact: 'm' }, { contact: 7 }, { contact: null }]);
  });

  test('passes through the null of an optional value', () => {
    const schema = record('R', field('contact', ['null', phone]), field('notes', ['null', items(['null', 'string'])]));
    const trial = { schema, rules: [stars('/contact/number'), drop('/contact/kind'), stars('/notes[]')] };
    expect(
      governed(trial, { contact: { number: '138', kind: 'x' }, notes: ['ab', null] }, { contact: null, notes: null }),
    ).toEqual([
      { contact: { number: '***' }, notes: ['**', null] },
      { contact: null, notes: null },
    ]);
  });

  test('that leads nowhere is refused and named', () => {
    const schema = record('R', field('orders', items('string')));
    for (const path of ['/order', '/orders/id', '/orders{}', '/orders[]/id', '/orders<string>'])
      expect(refusedPlan({ schema, rules: [stars(path)] })).toMatchObject({ code: 'plan-invalid', at: path });
  });
});

describe('a record that contains itself', () => {
  const schema = record(
    'Person',
    field('name', 'string'),
    field('children', items('Person')),
    field('mother', ['null', 'Person']),
  );

  test('is governed at every depth by the rules of the place where it is met first', () => {
    const leaf = (name: string): object => ({ name, children: [], mother: null });
    const tree = { name: 'wang', children: [{ ...leaf('li'), children: [leaf('wu')] }], mother: leaf('chen') };
    expect(governed({ schema, rules: [stars('/name')] }, tree)).toEqual([
      { name: '****', children: [{ ...leaf('**'), children: [leaf('**')] }], mother: leaf('****') },
    ]);
  });

  test('is not addressed below that place', () => {
    expect(refusedPlan({ schema, rules: [stars('/name', '/children[]/name')] })).toMatchObject({
      code: 'plan-invalid',
      at: '/children[]/name',
      message: expect.stringContaining('every depth'),
    });
  });
});

describe('a type', () => {
  const schema = record(
    'R',
    field('own', phone),
    field('others', items('cn.Phone')),
    field('attrs', values(['null', 'cn.Phone'])),
    field('born', { type: 'int', logicalType: 'date' }),
    field('seen', items({ type: 'int', logicalType: 'date' })),
    field('count', 'int'),
  );
  const one = (number: string): object => ({ number, kind: 'x' });
  const raw = {
    own: one('1'),
    others: [one('22')],
    attrs: { a: one('333'), b: null },
    born: '1990-05-06',
    seen: ['2020-02-03'],
    count: 5,
  };

  test('by its full name stands for every place of it, or a place within each', () => {
    const rules = [stars('type:cn.Phone/number'), keep('type:cn.Phone/kind', 'type:date', '/count', '/attrs{key}')];
    expect(governed({ schema, rules }, raw)).toEqual([
      { ...raw, own: one('*'), others: [one('**')], attrs: { a: one('***'), b: null } },
    ]);
    const whole = [keep('type:cn.Phone', '/attrs{key}', 'type:date', '/count')];
    expect(governed({ schema, rules: whole }, raw)).toEqual([raw]);
  });

  test('by its kind or logical type stands for plain values', () => {
    const rules = [keep('/own', '/others', '/attrs', '/count'), rule('date-truncate', { to: 'year' }, 'type:date')];
    expect(governed({ schema, rules }, raw)).toEqual([{ ...raw, born: '1990-01-01', seen: ['2020-01-01'] }]);
    const texts = [stars('type:string'), keep('/attrs{key}', '/born', '/seen', '/count')];
    expect(governed({ schema, rules: texts }, raw)).toEqual([
      {
        ...raw,
        own: { number: '*', kind: '*' },
        others: [{ number: '**', kind: '*' }],
        attrs: { a: { number: '***', kind: '*' }, b: null },
      },
    ]);
  });

  test('that no place has is refused and named', () => {
    for (const address of ['type:cn.Fax', 'type:Phone', 'type:float', 'type:time-millis', 'type:cn.Fax/number'])
      expect(refusedPlan({ schema, rules: [stars(address)] })).toMatchObject({
        code: 'plan-invalid',
        at: address,
        message: expect.stringContaining(address),
      });
  });

  test('that does not have the place within is refused with that path', () => {
    expect(refusedPlan({ schema, rules: [stars('type:cn.Phone/area')] })).toMatchObject({
      code: 'plan-invalid',
      at: '/own/area',
    });
  });
});

describe('a tag', () => {
  const tagged = (...tags: string[]): object => ({ 'sluice.tags': tags });
  const person = record('P', field('name', 'string', tagged('direct')), field('sex', 'string', tagged('coarse')));
  const schema = record(
    'R',
    field('id', 'string', tagged('direct', 'key')),
    field('who', person),
    field('kin', items('P')),
    field('note', ['null', 'string'], tagged('direct')),
  );
  const raw = { id: 'i1', who: { name: 'wang', sex: 'f' }, kin: [{ name: 'li', sex: 'm' }], note: null };

  test('stands for every field that has it, at any place', () => {
    expect(governed({ schema, rules: [stars('tag:direct'), keep('tag:coarse')] }, raw)).toEqual([
      { id: '**', who: { name: '****', sex: 'f' }, kin: [{ name: '**', sex: 'm' }], note: null },
    ]);
  });

  test('drops them all, and takes a rule beside one of them as the second on that field', () => {
    const rules = [drop('tag:direct'), keep('tag:coarse')];
    expect(governed({ schema, rules }, raw)).toEqual([{ who: { sex: 'f' }, kin: [{ sex: 'm' }] }]);
    expect(governedFields({ schema, rules }).map(([name]) => name)).toEqual(['who', 'kin']);
    expect(refusedPlan({ schema, rules: [...rules, keep('/id')] })).toMatchObject({ code: 'plan-invalid', at: '/id' });
  });

  test('of a field in a tagged field stands for the outer one', () => {
    const nested = record(
      'R',
      field('who', record('P', field('name', 'string', tagged('direct')), field('sex', 'string')), tagged('direct')),
    );
    expect(governed({ schema: nested, rules: [keep('tag:direct')] }, { who: { name: 'a', sex: 'b' } })).toEqual([
      { who: { name: 'a', sex: 'b' } },
    ]);
  });

  test('that no field has is refused and named', () => {
    expect(refusedPlan({ schema, rules: [stars('tag:indirect')] })).toMatchObject({ code: 'plan-invalid', at: 'tag:indirect' });
  });
});
