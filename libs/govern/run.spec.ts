/** Running on the reference engine: nested fields, refusals, full outputs, keys, row conditions. */
import { describe, expect, test } from '@jest/globals';
import { unwrap } from '../base/index.ts';
import type { ChannelTerms } from '../odrl/index.ts';
import { all, compiled, condition, framesOf, one, order, rule, run } from './order-fixture.ts';

describe('running', () => {
  test('a Program of keeps passes the value unchanged', () => {
    expect(one([all])).toEqual({ outcome: 'pass', value: order, key: null });
  });

  test('a nested field is changed in its place', () => {
    const rules = [
      rule('keep', '/id', '/amount', '/units', '/note', '/state', '/urgent', '/buyer/state'),
      rule('upper', '/buyer/name'),
    ];
    expect(one(rules)).toMatchObject({
      outcome: 'reshape',
      value: { ...order, buyer: { name: 'WANG', state: 'paid' } },
    });
  });

  test('a null value, malformed bytes and a stage that breaks its promise are refused', () => {
    const program = unwrap(compiled([all]));
    expect(run(program, framesOf([{ raw: null }, { raw: Buffer.from([0, 0, 0, 0, 1, 2]) }]))).toEqual([
      { outcome: 'tombstone-refused' },
      { outcome: 'record-malformed' },
    ]);
    expect(one([rule('lying', '/id'), rule('keep', '/amount', '/units', '/note', '/state', '/urgent', '/buyer')])).toEqual({
      outcome: 'value-unfit',
    });
  });

  test('stops at a full output and goes on from there, with the same result', () => {
    const frames = framesOf(
      Array.from({ length: 50 }, (_, index) => ({
        json: { ...order, id: `o${index}` },
      })),
    );
    const program = unwrap(compiled([all]));
    expect(run(program, frames, 200)).toEqual(run(program, frames));
    expect(run(program, frames, 200)).toHaveLength(50);
  });

  test('refuses a record that does not fit an empty output', () => {
    expect(
      run(unwrap(compiled([all])), framesOf([{ json: { ...order, id: 'x'.repeat(500) } }, { json: order }]), 200),
    ).toMatchObject([{ outcome: 'output-too-large' }, { outcome: 'pass' }]);
  });

  test('a key that repeats a field leaves as the governed field; another key refuses the record', () => {
    const rules = [rule('upper', '/id'), rule('keep', '/amount', '/units', '/note', '/state', '/urgent', '/buyer')];
    const repeats: ChannelTerms = {
      key: { repeats: '/id' },
      timestamp: 'keep',
    };
    expect(one(rules, order, repeats, 'o1')).toMatchObject({ key: 'O1' });
    expect(one(rules, order, repeats, 'o2')).toEqual({ outcome: 'key-unfit' });
    expect(one(rules, order, repeats)).toEqual({ outcome: 'key-unfit' });
    expect(one(rules, order, { key: 'keep', timestamp: 'keep' }, 'raw')).toMatchObject({ key: 'raw' });
  });

  test('a key cannot repeat a field that is dropped or may be null', () => {
    const repeats = (field: string): ChannelTerms => ({
      key: { repeats: field },
      timestamp: 'keep',
    });
    expect(compiled([all], repeats('/note')).ok).toBe(false);
    expect(
      compiled([rule('drop', '/id'), rule('keep', '/amount', '/units', '/note', '/state', '/urgent', '/buyer')], repeats('/id'))
        .ok,
    ).toBe(false);
  });
});

describe('a row condition', () => {
  for (const [cel, passes] of [
    ['amount >= 12.5 && state in ["open"]', true],
    ['amount > 12.5', false],
    ['13.0 > amount', true],
    ['units == 3 && units < 4.5', true],
    ['!(urgent) || buyer.name.startsWith("wa")', true],
    ['note == null', true],
    ['note != null && note.contains("x")', false],
    ['id < "o2" && id != "o1"', false],
    ['state == "paid" || buyer.state == "paid"', true],
    ['units > -1', true],
  ] as const) {
    test(`${cel} ${passes ? 'passes' : 'withholds'} the row`, () => {
      expect(one([all, condition(cel)])?.outcome).toBe(passes ? 'pass' : 'withhold');
    });
  }

  test('that has no answer for a row refuses it, unless the other side decides', () => {
    expect(one([all, condition('note < "x"')])?.outcome).toBe('value-unfit');
    expect(one([all, condition('note < "x" || urgent')])?.outcome).toBe('pass');
    expect(one([all, condition('note < "x" && !urgent')])?.outcome).toBe('withhold');
  });

  for (const cel of [
    'amount >',
    'missing == 1',
    'amount == "12"',
    'state == "gone"',
    'state < "paid"',
    'amount == null',
    'size(id) > 2',
    'id.matches("(a+)+")',
    'amount + 1.0 > 2.0',
    'id',
    'amount > units',
    '1 == 1',
    '['.repeat(10_000),
  ]) {
    test(`${cel.slice(0, 30)} is refused at publish time`, () => {
      expect(compiled([all, condition(cel)])).toMatchObject({
        ok: false,
        failure: { code: 'predicate-invalid' },
      });
    });
  }
});
