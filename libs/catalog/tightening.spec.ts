/** Whether a policy is at least as strict as a baseline: place by place, row conditions, channels and terms of use. */
import { describe, expect, test } from '@jest/globals';
import type { AvroSchema } from '../avro/index.ts';
import { parseSchema } from '../avro/index.ts';
import type { Result } from '../base/index.ts';
import { unwrap } from '../base/index.ts';
import type { BaselineTerms, PolicyTerms } from '../odrl/index.ts';
import { parseBaseline, parsePolicy } from '../odrl/index.ts';
import { stages } from '../stages/index.ts';
import { checkTightens, regionCovers } from './index.ts';

const date = { type: 'int', logicalType: 'date' };
const schemaOf = (...more: object[]): AvroSchema =>
  unwrap(
    parseSchema(
      JSON.stringify({
        type: 'record',
        name: 'Visit',
        fields: [
          { name: 'id', type: 'string', 'sluice.tags': ['direct-identifier'] },
          { name: 'phone', type: 'string', 'sluice.tags': ['direct-identifier'] },
          { name: 'birth', type: date },
          { name: 'age', type: 'int' },
          {
            name: 'person',
            type: [
              'null',
              {
                type: 'record',
                name: 'Person',
                fields: [
                  { name: 'name', type: 'string' },
                  { name: 'sex', type: 'string' },
                ],
              },
            ],
            default: null,
          },
          {
            name: 'orders',
            type: { type: 'array', items: { type: 'record', name: 'Order', fields: [{ name: 'item', type: 'string' }] } },
          },
          ...more,
        ],
      }),
    ),
  );
const schema = schemaOf();

const head = { '@context': 'http://www.w3.org/ns/odrl.jsonld', profile: 'urn:sluice:odrl:1' };
interface Parts {
  readonly stages?: readonly object[];
  readonly channels?: object;
  readonly constraint?: readonly object[];
  readonly more?: readonly object[];
  readonly prohibited?: boolean;
}
const granted = ({ stages: rules = [], channels, constraint = [], more = [] }: Parts): object => ({
  target: 'visits',
  action: 'distribute',
  constraint,
  duty:
    rules.length === 0 && more.length === 0
      ? undefined
      : [{ action: 'govern', stages: rules, ...(channels === undefined ? {} : { channels }) }, ...more],
});
const withoutUndefined = (value: object): unknown => JSON.parse(JSON.stringify(value));
const rest = ({ prohibited = false }: Parts): object =>
  prohibited ? { prohibition: [{ target: 'visits/governed', action: 'distribute' }] } : {};
const baselineOf = (parts: Parts): BaselineTerms =>
  unwrap(
    parseBaseline(withoutUndefined({ ...head, '@type': 'Set', uid: 'visits', permission: [granted(parts)], ...rest(parts) })),
  );
const policyOf = (parts: Parts): PolicyTerms =>
  unwrap(
    parsePolicy(
      withoutUndefined({
        ...head,
        '@type': 'Agreement',
        uid: 'study',
        permission: [{ ...granted(parts), assigner: 'health', assignee: 'lab' }],
        ...rest(parts),
      }),
    ),
  );

/** Every place is kept unless `named` says otherwise. */
const every = (...named: readonly { readonly at: string | readonly string[] }[]): object[] => {
  const taken = named.flatMap(({ at }) => at);
  const covers = (path: string): boolean =>
    taken.some((other) => other === path || other.startsWith(`${path}/`) || other.startsWith(`${path}[`));
  const kept = ['/id', '/phone', '/birth', '/age', '/person', '/orders'].filter((path) => !covers(path));
  return [...named, { stage: 'keep', at: kept }];
};
const rule = (stage: string, at: string | readonly string[], with_: object = {}, more: object = {}) => ({
  stage,
  at,
  with: with_,
  ...more,
});

const compared = (baseline: Parts, policy: Parts, on = schema): Result<void> =>
  checkTightens({ schema: on, baseline: baselineOf(baseline), policy: policyOf(policy), stages });
const loosens = (at: string, ...sentences: string[]) => ({
  ok: false,
  failure: {
    code: 'policy-loosens',
    at,
    message: sentences.length === 0 ? expect.any(String) : expect.stringContaining(sentences[0] ?? ''),
  },
});
const good = { ok: true };

describe('of the places', () => {
  const tagged = rule('mask', 'tag:direct-identifier', { first: 3, last: 0, width: 4 });

  test('those that the baseline leaves unnamed are free', () => {
    expect(compared({ stages: [rule('drop', '/phone')] }, { stages: every(rule('drop', '/phone')) })).toMatchObject(good);
  });

  test('a tag of the baseline is about each field that has it, and the failure names the field and both rules', () => {
    const policy = (phone: object) => ({ stages: every(rule('drop', '/id'), phone as { at: string }) });
    expect(compared({ stages: [tagged] }, policy(rule('mask', '/phone', { first: 3, width: 4 })))).toMatchObject(good);
    expect(compared({ stages: [tagged] }, policy(rule('drop', '/phone')))).toMatchObject(good);
    const looser = compared({ stages: [tagged] }, policy(rule('mask', '/phone', { first: 3, last: 4, width: 4 })));
    expect(looser).toMatchObject(loosens('/phone', 'the agreement: mask, first 3 and last 4 characters kept'));
    expect(looser).toMatchObject(loosens('/phone', 'the baseline: mask, first 3 and last 0'));
    expect(compared({ stages: [tagged] }, { stages: every(rule('drop', '/id')) })).toMatchObject(loosens('/phone'));
  });

  test('a field that is tagged only in a later schema of the writer is bound as well', () => {
    const contract = schemaOf({ name: 'card', type: 'string' });
    const writer = schemaOf({ name: 'card', type: 'string', 'sluice.tags': ['direct-identifier'] });
    const input = {
      schema: contract,
      baseline: baselineOf({ stages: [rule('drop', 'tag:direct-identifier')] }),
      policy: policyOf({ stages: [...every(rule('drop', ['/id', '/phone'])), rule('keep', '/card')] }),
      stages,
    };
    expect(checkTightens(input)).toMatchObject(good);
    expect(checkTightens({ ...input, writer })).toMatchObject(loosens('/card'));
  });

  test('what is kept whole must be free of rules of the baseline below it, and what is gone is strict enough', () => {
    const baseline = { stages: [rule('mask', '/person/name', { width: 2 })] };
    expect(compared(baseline, { stages: every() })).toMatchObject(loosens('/person'));
    expect(compared(baseline, { stages: every(rule('drop', '/person')) })).toMatchObject(good);
    expect(
      compared(baseline, { stages: every(rule('mask', '/person/name', { width: 2 }), rule('keep', '/person/sex')) }),
    ).toMatchObject(good);
  });

  test('below a place that the baseline drops not even a constant may leave: it tells how many there were', () => {
    const baseline = { stages: [rule('drop', '/orders')] };
    expect(compared(baseline, { stages: every(rule('constant', '/orders[]/item', { value: 'x' })) })).toMatchObject(
      loosens('/orders[]/item'),
    );
    expect(compared(baseline, { stages: every(rule('drop', '/orders')) })).toMatchObject(good);
  });

  test('what becomes of unfit values may be a refusal or the same', () => {
    const with_ = { width: 10, unit: 'years' };
    const policy = (otherwise: unknown) => ({ stages: every(rule('band', '/birth', with_, { else: otherwise })) });
    const baseline = (otherwise: unknown) => ({
      stages: [rule('band', '/birth', { width: 5, unit: 'years' }, { else: otherwise })],
    });
    expect(compared(baseline('refuse'), policy('refuse'))).toMatchObject(good);
    expect(compared(baseline('null'), policy('refuse'))).toMatchObject(good);
    expect(compared(baseline('null'), policy('null'))).toMatchObject(good);
    expect(compared(baseline('refuse'), policy('null'))).toMatchObject(loosens('/birth'));
    expect(compared(baseline({ constant: '1990/1999' }), policy({ constant: '1990/1999' }))).toMatchObject(loosens('/birth'));
  });

  test('a result that depends on another field needs that field to be open', () => {
    const policy = { stages: every(rule('drop', '/id'), rule('date-shift', '/birth', { subject: '/id', days: 30 })) };
    expect(compared({ stages: [] }, policy)).toMatchObject(good);
    expect(compared({ stages: [rule('drop', '/id')] }, policy)).toMatchObject(loosens('/birth', 'depends on a field'));
    const same = { stages: [rule('drop', '/id'), rule('date-shift', '/birth', { subject: '/id', days: 30 })] };
    expect(compared(same, policy)).toMatchObject(good);
  });

  test('methods that nobody has compared are refused', () => {
    const looser = compared(
      { stages: [rule('mask', '/phone', { width: 4 })] },
      { stages: every(rule('pseudonymize', '/phone')) },
    );
    expect(looser).toMatchObject(loosens('/phone', 'cannot be shown'));
  });
});

describe('of the rows', () => {
  const where = (text: string) => ({ stage: 'filter', with: { where: text } });

  test('every condition of the baseline is implied', () => {
    const baseline = { stages: [where('age >= 18'), where('person != null')] };
    const policy = (text: string) => ({ stages: [...every(), where(text)] });
    expect(compared({ stages: [where('age >= 18')] }, policy('age > 20 && phone.startsWith("138")'))).toMatchObject(good);
    expect(compared({ stages: [where('age >= 18')] }, policy('age > 16'))).toMatchObject(loosens('(rows)', 'age >= 18'));
    expect(compared({ stages: [where('age >= 18')] }, { stages: every() })).toMatchObject(loosens('(rows)'));
    expect(compared(baseline, policy('age >= 18')).ok).toBe(false);
  });

  test('no condition looks at what the baseline hides, but its own', () => {
    const hidden = rule('band', '/age', { width: 10 });
    const policy = (text: string) => ({ stages: [...every(hidden), where(text)] });
    expect(compared({ stages: [hidden, where('age >= 18')] }, policy('age >= 18'))).toMatchObject(good);
    expect(compared({ stages: [hidden, where('age >= 18')] }, policy('age >= 37'))).toMatchObject(loosens('(rows)', '/age'));
    expect(
      compared(
        { stages: [rule('drop', '/phone')] },
        { stages: [...every(rule('drop', '/phone')), where('phone.startsWith("138")')] },
      ),
    ).toMatchObject(loosens('(rows)', '/phone'));
  });
});

describe('of the channels', () => {
  const keepAll = every();
  const token = rule('pseudonymize', '/id');
  test.each([
    ['keep', 'drop', true],
    ['keep', { repeats: '/id' }, true],
    [{ repeats: '/id' }, { repeats: '/id' }, true],
    [{ repeats: '/id' }, 'keep', false],
    [{ repeats: '/id' }, { repeats: '/phone' }, false],
    ['drop', { repeats: '/id' }, false],
  ] as const)('with the key %j of the baseline, %j of the policy is fine: %s', (bound, mine, fine) => {
    const compare = compared({ stages: [token], channels: { key: bound } }, { stages: every(token), channels: { key: mine } });
    expect(compare).toMatchObject(fine ? good : loosens('(key)'));
  });

  test('the time may be dropped, and headers left out', () => {
    const headers = [{ name: 'source', keep: true }];
    const rules = { stages: [rule('keep', '/age')] };
    expect(compared({ ...rules, channels: { timestamp: 'drop' } }, { stages: keepAll })).toMatchObject(loosens('(timestamp)'));
    expect(compared({ ...rules, channels: { headers } }, { stages: keepAll, channels: { timestamp: 'drop' } })).toMatchObject(
      good,
    );
    expect(compared(rules, { stages: keepAll, channels: { headers } })).toMatchObject(loosens('(header source)'));
  });
});

describe('of the terms of use', () => {
  const one = (leftOperand: string, operator: string, rightOperand: unknown) => ({ leftOperand, operator, rightOperand });
  const stagesOf = { stages: every() };
  const purpose = one('purpose', 'isAnyOf', ['research', 'audit']);
  for (const [why, bound, mine, fine] of [
    ['a purpose of several', [purpose], [one('purpose', 'eq', 'audit')], true],
    ['another purpose', [purpose], [one('purpose', 'eq', 'sale')], false],
    ['no purpose', [purpose], [], false],
    ['a purpose where any is fine', [], [purpose], true],
    ['a sector of several', [one('industry', 'isAnyOf', ['M', 'Q'])], [one('industry', 'isAnyOf', ['Q'])], true],
    ['a city of a province', [one('spatial', 'isAnyOf', ['CN-33'])], [one('spatial', 'isAnyOf', ['CN-330108'])], true],
    ['a province of a city', [one('spatial', 'isAnyOf', ['CN-330108'])], [one('spatial', 'isAnyOf', ['CN-33'])], false],
    ['abroad', [one('spatial', 'isAnyOf', ['CN'])], [one('spatial', 'isAnyOf', ['CN-33', 'SG'])], false],
    ['an earlier end', [one('dateTime', 'lt', '2027-01-01T00:00:00Z')], [one('dateTime', 'lt', '2026-01-01T00:00:00Z')], true],
    ['a later end', [one('dateTime', 'lt', '2026-01-01T00:00:00Z')], [one('dateTime', 'lt', '2027-01-01T00:00:00Z')], false],
    ['no end', [one('dateTime', 'lt', '2026-01-01T00:00:00Z')], [], false],
    [
      'an earlier start',
      [one('dateTime', 'gteq', '2026-01-01T00:00:00Z')],
      [one('dateTime', 'gteq', '2025-01-01T00:00:00Z')],
      false,
    ],
    ['a shorter retention', [one('elapsedTime', 'lteq', 'P3M')], [one('elapsedTime', 'lteq', 'P84D')], true],
    ['a retention that may be longer', [one('elapsedTime', 'lteq', 'P3M')], [one('elapsedTime', 'lteq', 'P90D')], false],
  ] as const) {
    test(`${why} is ${fine ? 'at least as strict' : 'looser'}`, () => {
      const compare = compared({ constraint: bound }, { ...stagesOf, constraint: mine });
      expect(compare).toMatchObject(fine ? good : loosens('/permission/0/constraint'));
    });
  }

  test('a prohibition stays, and duties are not lost', () => {
    expect(compared({ prohibited: true }, stagesOf)).toMatchObject(loosens('/prohibition'));
    expect(compared({ prohibited: true }, { ...stagesOf, prohibited: true })).toMatchObject(good);
    const owed = { stages: [rule('keep', '/age')], more: [{ action: 'delete', proof: true }] };
    expect(compared(owed, stagesOf)).toMatchObject(loosens('/permission/0/duty'));
    expect(compared(owed, { ...stagesOf, more: [{ action: 'attribute' }, { action: 'delete', proof: true }] })).toMatchObject(
      good,
    );
  });
});

test('a region covers what lies in it, and no other that begins with the same letters', () => {
  expect(regionCovers('CN-330108', 'CN')).toBe(true);
  expect(regionCovers('CN', 'CN-33')).toBe(false);
  expect(regionCovers('DE-BY', 'DE-B')).toBe(false);
  expect(regionCovers('DE-BY', 'DE')).toBe(true);
});
