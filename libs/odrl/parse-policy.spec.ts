/** Parsing policies: what is not exactly understood is refused, at its place. */
import { describe, expect, test } from '@jest/globals';
import { unwrap } from '../base/index.ts';
import { parsePolicy } from './index.ts';
import { policy } from './policy-fixture.ts';

describe('a policy', () => {
  test('evaluates to terms with closed channels and every constraint with its enforcer', () => {
    expect(unwrap(parsePolicy(policy()))).toEqual({
      agreement: 'study',
      dataset: 'visits',
      assigner: 'health',
      assignee: 'lab',
      constraints: [
        {
          leftOperand: 'purpose',
          operator: 'eq',
          rightOperand: 'research',
          enforcedBy: 'approval',
        },
      ],
      usage: {
        purposes: ['research'],
        sectors: null,
        regions: null,
        startsAtMs: null,
        endsAtMs: null,
        retention: null,
        recordsPerSecondMax: null,
        bytesPerSecondMax: null,
        recordsMax: null,
        mayRedistribute: true,
        duties: [],
      },
      rules: [
        { stage: 'keep', at: ['/id'], with: {}, else: 'refuse' },
        {
          stage: 'mask',
          at: ['/name', '/phone'],
          with: { first: 1 },
          else: 'null',
        },
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
      (value: Loose) => Object.assign(value.permission[0]?.duty[0] ?? {}, { channels: { offsets: 'keep' } }),
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

  describe('with header terms', () => {
    const withChannels = (channels: unknown): ReturnType<typeof parsePolicy> =>
      parsePolicy(policy(((value: Loose) => Object.assign(value.permission[0]?.duty[0] ?? {}, { channels })) as never));
    const source = { name: 'source', keep: true };

    test('has them sorted by name, and none where headers are dropped', () => {
      const patient = { name: 'patient', repeats: 'key' };
      expect(unwrap(withChannels({ key: 'keep', headers: [source, patient] })).channels).toEqual({
        key: 'keep',
        timestamp: 'keep',
        headers: [patient, source],
      });
      expect(Object.keys(unwrap(withChannels({ headers: 'drop' })).channels)).toEqual(['key', 'timestamp']);
    });

    test('takes 64 of them, and names of 249 bytes', () => {
      const many = Array.from({ length: 64 }, (_, index) => ({ name: `h${index}`, keep: true }));
      expect(withChannels({ headers: many }).ok).toBe(true);
      expect(withChannels({ headers: [{ name: '源'.repeat(83), keep: true }] }).ok).toBe(true);
      expect(withChannels({ headers: [...many, source] })).toMatchObject({
        ok: false,
        failure: { at: '/permission/0/duty/0/channels/headers/64', message: expect.stringContaining('more than 64') },
      });
    });

    for (const [why, reason, headers] of [
      ['an empty list', '', []],
      ['a name without bytes', '1 to 249 bytes', [{ name: '', keep: true }]],
      ['a name of 250 bytes', '1 to 249 bytes', [{ name: `${'源'.repeat(83)}x`, keep: true }]],
      ['a name that is no text', 'half a character', [{ name: '\ud800', keep: true }]],
      ['a name with the sign for bytes that are no text', 'not valid text', [{ name: 'a\ufffd', keep: true }]],
      ['one name twice', 'same header', [source, source]],
      ['the trace of all subscribers', 'joins the records', [{ name: 'traceparent', keep: true }]],
      ['its state', 'joins the records', [{ name: 'tracestate', keep: true }]],
      ['it in other letters', 'joins the records', [{ name: 'TraceParent', keep: true }]],
      ['a header that repeats a dropped key', 'key that is dropped', [{ name: 'patient', repeats: 'key' }]],
      ['a header that repeats a field', '', [{ name: 'patient', repeats: '/id' }]],
      ['two settings at once', '', [{ name: 'patient', keep: true, repeats: 'key' }]],
      ['a header that is not kept', '', [{ name: 'patient', keep: false }]],
    ] as const) {
      test(`refuses ${why}, with its place and reason`, () => {
        expect(withChannels({ headers })).toMatchObject({
          ok: false,
          failure: {
            code: 'policy-invalid',
            at: expect.stringContaining('/channels/headers'),
            message: expect.stringContaining(reason),
          },
        });
      });
    }
  });

  test('with a constraint that nothing enforces is refused', () => {
    const parsed = parsePolicy(
      policy(((value: Loose) =>
        value.permission[0]?.constraint.push({
          leftOperand: 'payAmount',
          operator: 'eq',
          rightOperand: '1',
        })) as never),
    );
    expect(parsed).toMatchObject({
      ok: false,
      failure: {
        code: 'policy-unenforceable',
        at: '/permission/0/constraint/1',
      },
    });
  });

  test('that is no object, or is huge, is refused', () => {
    for (const input of [null, 1, 'x', [], { big: 'x'.repeat(300_000) }]) expect(parsePolicy(input).ok).toBe(false);
  });
});
