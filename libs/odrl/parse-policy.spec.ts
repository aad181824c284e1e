/** Parsing policies: what is not exactly understood is refused, at its place. */
import { describe, expect, test } from '@jest/globals';
import { unwrap } from '../base/index.ts';
import { parsePolicy } from './index.ts';

const policy = (change: (value: Record<string, never>) => void = () => undefined): unknown => {
  const value = {
    '@context': 'http://www.w3.org/ns/odrl.jsonld',
    '@type': 'Agreement',
    uid: 'study',
    profile: 'urn:sluice:odrl:1',
    permission: [
      {
        target: 'visits',
        assigner: 'health',
        assignee: 'lab',
        action: 'distribute',
        constraint: [{ leftOperand: 'purpose', operator: 'eq', rightOperand: 'research' }],
        duty: [
          {
            action: 'govern',
            stages: [
              { stage: 'keep', at: '/id' },
              { stage: 'mask', at: ['/name', '/phone'], with: { first: 1 }, else: 'null' },
            ],
          },
        ],
      },
    ],
  };
  change(value as never);
  return value;
};

describe('a policy', () => {
  test('evaluates to terms with closed channels and every constraint with its enforcer', () => {
    expect(unwrap(parsePolicy(policy()))).toEqual({
      agreement: 'study',
      dataset: 'visits',
      assigner: 'health',
      assignee: 'lab',
      constraints: [{ leftOperand: 'purpose', operator: 'eq', rightOperand: 'research', enforcedBy: 'contract' }],
      rules: [
        { stage: 'keep', at: ['/id'], with: {}, else: 'refuse' },
        { stage: 'mask', at: ['/name', '/phone'], with: { first: 1 }, else: 'null' },
      ],
      channels: { key: 'drop', timestamp: 'keep' },
    });
  });

  type Loose = {
    permission: {
      duty: { stages: unknown[]; channels?: unknown }[];
      constraint: unknown[];
      target: string;
      prohibition?: unknown;
    }[];
    uid: string;
    extra?: unknown;
  };
  for (const [why, at, change] of [
    ['an unknown member', '/', (value: Loose) => (value.extra = 1)],
    [
      'a prohibition that nobody reads',
      '/permission/0',
      (value: Loose) => ((value.permission[0] as Loose['permission'][0]).prohibition = []),
    ],
    ['an id with a dot', '/uid', (value: Loose) => (value.uid = 'a.b')],
    [
      'a target with capitals',
      '/permission/0/target',
      (value: Loose) => ((value.permission[0] as Loose['permission'][0]).target = 'Visits'),
    ],
    [
      'a path that is no path',
      '/permission/0/duty/0/stages/0/at',
      (value: Loose) => value.permission[0]?.duty[0]?.stages.splice(0, 1, { stage: 'keep', at: 'id' }),
    ],
    ['two permissions', '/permission', (value: Loose) => value.permission.push(value.permission[0] as Loose['permission'][0])],
    [
      'an unknown channel',
      '/permission/0/duty/0/channels',
      (value: Loose) => Object.assign(value.permission[0]?.duty[0] ?? {}, { channels: { headers: 'keep' } }),
    ],
  ] as const) {
    test(`with ${why} is refused at ${at}`, () => {
      const parsed = parsePolicy(policy(change as never));
      expect(parsed.ok).toBe(false);
      if (!parsed.ok) {
        expect(parsed.failure.code).toBe('policy-invalid');
        expect(parsed.failure.at?.startsWith(at)).toBe(true);
      }
    });
  }

  test('with a constraint that nothing enforces is refused', () => {
    const parsed = parsePolicy(
      policy(((value: Loose) =>
        value.permission[0]?.constraint.push({ leftOperand: 'dateTime', operator: 'lt', rightOperand: '2027' })) as never),
    );
    expect(parsed).toMatchObject({ ok: false, failure: { code: 'policy-unenforceable', at: '/permission/0/constraint/1' } });
  });

  test('that is no object, or is huge, is refused', () => {
    for (const input of [null, 1, 'x', [], { big: 'x'.repeat(300_000) }]) expect(parsePolicy(input).ok).toBe(false);
  });
});
