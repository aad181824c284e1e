/** Policies that are there to deceive, to reach into objects, or to take long. */
import { describe, expect, test } from '@jest/globals';
import { unwrap } from '../base/index.ts';
import { parsePolicy } from './index.ts';
import { constrained, one } from './policy-fixture.ts';

describe('a hostile policy is refused at its place:', () => {
  const nested = (depth: number): unknown => JSON.parse(`${'['.repeat(depth)}1${']'.repeat(depth)}`);
  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;
  const stage = (with_: unknown): unknown =>
    constrained([], {
      duty: [
        {
          action: 'govern',
          stages: [{ stage: 'mask', at: '/id', with: with_ }],
        },
      ],
    });
  const within = '/permission/0/duty/0/stages/0/with';
  for (const [why, at, input] of [
    ['nested deep', '/permission', constrained([], { target: nested(3_000) })],
    ['in a circle', '/self', cyclic],
    ['with too many members', '/', Array.from({ length: 30_000 }, () => 0)],
    ['with a member that is a prototype', '/__proto__', JSON.parse('{"__proto__": {"admin": true}}')],
    ['with a prototype deep inside', `${within}/constructor`, stage(JSON.parse('{"constructor": {"prototype": 1}}'))],
    ['with a value that is no JSON', '/n', { n: Number.NaN }],
    ['with a function', '/f', { f: () => 1 }],
    ['with half a character', `${within}/symbol`, stage({ symbol: '\ud83d' })],
    ['with text that turns around', `${within}/symbol`, stage({ symbol: 'a\u202egnp.exe' })],
    ['with an isolate', `${within}/symbol`, stage({ symbol: 'a\u2066b' })],
    ['with characters without width', `${within}/symbol`, stage({ symbol: 'pur\u200bpose' })],
    ['with a soft hyphen', `${within}/symbol`, stage({ symbol: 'pur\u00adpose' })],
    ['with text that is not composed', `${within}/symbol`, stage({ symbol: 'e\u0301' })],
    ['with a member in mixed scripts', within, stage({ 'symb\u043el': '*' })],
    ['with a purpose in mixed scripts', '/constraint/0/rightOperand', constrained([one('purpose', 'eq', 'rese\u0430rch')])],
    ['with a purpose of two words', '/constraint/0/rightOperand', constrained([one('purpose', 'eq', 'a b')])],
    ['with a purpose without width', '/constraint/0/rightOperand', constrained([one('purpose', 'eq', 'a\u200db')])],
    ['with a long text', `${within}/symbol`, stage({ symbol: 'x'.repeat(9_000) })],
    ['with a dataset in other letters', '/permission/0/target', constrained([], { target: 'vis\u0456ts' })],
  ] as const) {
    test(why, () => {
      const parsed = parsePolicy(input);
      expect(parsed).toMatchObject({
        ok: false,
        failure: { code: 'policy-invalid', at: expect.stringContaining(at) },
      });
    });
  }

  test('while a purpose in Chinese is fine', () => {
    expect(unwrap(parsePolicy(constrained([one('purpose', 'eq', '医学research研究')]))).usage.purposes).toEqual([
      '医学research研究',
    ]);
  });
});
