/** Terms of use, and the kinds of policies beside an Agreement. */
import { describe, expect, test } from '@jest/globals';
import { unwrap } from '../base/index.ts';
import { parseBaseline, parseOffer, parsePolicy } from './index.ts';
import { constrained, one, policy } from './policy-fixture.ts';

describe('terms of use', () => {
  test('are read from constraints, a prohibition and duties, each constraint with its enforcer', () => {
    const input = constrained(
      [
        one('purpose', 'isAnyOf', ['research', 'audit']),
        one('industry', 'isAnyOf', ['Q', 'M']),
        one('spatial', 'isAnyOf', ['CN-33', 'SG']),
        one('dateTime', 'gteq', '2026-01-01T00:00:00+08:00'),
        one('dateTime', 'lt', '2027-01-01T00:00:00Z'),
        one('elapsedTime', 'lteq', 'P90D'),
      ],
      {
        duty: [
          { action: 'attribute' },
          { action: 'delete', proof: true },
          { action: 'govern', stages: [{ stage: 'keep', at: '/id' }] },
        ],
      },
    ) as { prohibition?: unknown };
    input.prohibition = [{ target: 'visits/governed', action: 'distribute' }];
    const terms = unwrap(parsePolicy(input));
    expect(terms.usage).toEqual({
      purposes: ['audit', 'research'],
      sectors: ['M', 'Q'],
      regions: ['CN-33', 'SG'],
      startsAtMs: Date.UTC(2025, 11, 31, 16),
      endsAtMs: Date.UTC(2027, 0, 1),
      retention: 'P90D',
      recordsPerSecondMax: null,
      bytesPerSecondMax: null,
      recordsMax: null,
      mayRedistribute: false,
      duties: ['attribute', 'delete'],
    });
    expect(terms.constraints.map(({ enforcedBy }) => enforcedBy)).toEqual([
      'approval',
      'approval',
      'approval',
      'data-plane',
      'data-plane',
      'contract',
    ]);
  });

  test('of a volume are metered, and of a rate refused until the installation throttles, with what there is instead', () => {
    const volume = constrained([one('sluice:records', 'lteq', 1_000)]);
    expect(unwrap(parsePolicy(volume))).toMatchObject({
      constraints: [{ enforcedBy: 'meter' }],
      usage: { recordsMax: 1_000 },
    });
    expect(parsePolicy(volume, new Set(['quota']))).toMatchObject({
      ok: false,
      failure: { code: 'policy-unenforceable' },
    });
    const rate = constrained([one('sluice:recordsPerSecond', 'lteq', 1_000)]);
    expect(parsePolicy(rate)).toMatchObject({
      ok: false,
      failure: {
        code: 'policy-unenforceable',
        at: '/permission/0/constraint/0',
        message: expect.stringContaining('sluice:bytesPerSecond limits how fast'),
      },
    });
    expect(unwrap(parsePolicy(rate, new Set(['throttle']))).constraints[0]?.enforcedBy).toBe('throttle');
  });

  for (const [why, code, at, input] of [
    ['a watermark', 'policy-unenforceable', '/permission/0/duty/0', constrained([], { duty: [{ action: 'watermark' }] })],
    ['a deletion without proof', 'policy-invalid', '/permission/0/duty/0', constrained([], { duty: [{ action: 'delete' }] })],
    ['no duty to govern', 'policy-invalid', '/permission/0/duty', constrained([], { duty: [{ action: 'attribute' }] })],
    [
      'an operator that is not of the operand',
      'policy-unenforceable',
      '/constraint/0',
      constrained([one('purpose', 'neq', 'x')]),
    ],
    ['an operand of every object', 'policy-unenforceable', '/constraint/0', constrained([one('toString', 'eq', 'x')])],
    ['an operator of every object', 'policy-unenforceable', '/constraint/0', constrained([one('purpose', 'valueOf', 'x')])],
    [
      'one operand twice',
      'policy-invalid',
      '/constraint/1',
      constrained([one('purpose', 'eq', 'a'), one('purpose', 'isAnyOf', ['b'])]),
    ],
    ['a sector that is none', 'policy-invalid', '/constraint/0/rightOperand', constrained([one('industry', 'isAnyOf', ['U'])])],
    [
      'a region of three digits',
      'policy-invalid',
      '/constraint/0/rightOperand',
      constrained([one('spatial', 'isAnyOf', ['CN-330'])]),
    ],
    [
      'a purpose named twice',
      'policy-invalid',
      '/constraint/0/rightOperand',
      constrained([one('purpose', 'isAnyOf', ['a', 'a'])]),
    ],
    [
      'a time without an offset',
      'policy-invalid',
      '/constraint/0/rightOperand',
      constrained([one('dateTime', 'lt', '2027-01-01T00:00:00')]),
    ],
    [
      'a day that is not',
      'policy-invalid',
      '/constraint/0/rightOperand',
      constrained([one('dateTime', 'lt', '2027-02-30T00:00:00Z')]),
    ],
    ['a duration of nothing', 'policy-invalid', '/constraint/0/rightOperand', constrained([one('elapsedTime', 'lteq', 'P')])],
    [
      'a period that ends first',
      'policy-invalid',
      '/permission/0/constraint',
      constrained([one('dateTime', 'lt', '2026-01-01T00:00:00Z'), one('dateTime', 'gteq', '2026-01-01T00:00:00Z')]),
    ],
  ] as const) {
    test(`are refused with ${why}`, () => {
      expect(parsePolicy(input)).toMatchObject({
        ok: false,
        failure: { code, at: expect.stringContaining(at) },
      });
    });
  }

  test('prohibit passing on what was received, and nothing else', () => {
    const input = policy((value) =>
      Object.assign(value, {
        prohibition: [{ target: 'visits', action: 'distribute' }],
      }),
    );
    expect(parsePolicy(input)).toMatchObject({
      ok: false,
      failure: { at: '/prohibition/0/target' },
    });
  });
});

describe('a Set and an Offer', () => {
  const offered = (change: object = {}): unknown => ({
    ...(policy((value) => {
      delete (value['permission'] as unknown as { assignee?: string }[])[0]?.assignee;
    }) as object),
    '@type': 'Offer',
    ...change,
  });

  test('an Offer names who offers and nobody who takes', () => {
    expect(unwrap(parseOffer(offered()))).toMatchObject({
      offer: 'study',
      dataset: 'visits',
      assigner: 'health',
    });
    expect(parseOffer(policy()).ok).toBe(false);
    expect(parsePolicy(offered()).ok).toBe(false);
  });

  test('a Set has the id of its dataset, and may leave everything open but the channels', () => {
    const permission = [{ target: 'visits', action: 'distribute' }];
    const set = {
      '@context': 'http://www.w3.org/ns/odrl.jsonld',
      '@type': 'Set',
      uid: 'visits',
      profile: 'urn:sluice:odrl:1',
      permission,
    };
    expect(unwrap(parseBaseline(set))).toMatchObject({
      dataset: 'visits',
      rules: [],
      channels: { key: 'drop', timestamp: 'keep' },
    });
    expect(parseBaseline({ ...set, uid: 'others' })).toMatchObject({
      ok: false,
      failure: { at: '/uid' },
    });
    expect(parseBaseline(offered()).ok).toBe(false);
  });
});
