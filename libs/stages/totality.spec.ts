/** A transform never throws, whatever it is given: a value that it cannot serve is unfit. */
import { describe, expect, test } from '@jest/globals';
import type { TypeModel } from '../avro/index.ts';
import { unwrap } from '../base/index.ts';
import type { TransformAction } from '../govern/index.ts';
import { unfit } from '../govern/index.ts';
import { stages } from './index.ts';

const date: TypeModel = { kind: 'int', logicalType: 'date' };
const micros: TypeModel = { kind: 'long', logicalType: 'timestamp-micros' };
const [text, int, long, float, double] = (['string', 'int', 'long', 'float', 'double'] as const).map(
  (kind): TypeModel => ({ kind }),
) as [TypeModel, TypeModel, TypeModel, TypeModel, TypeModel];

const trials: readonly (readonly [stage: string, type: TypeModel, config: unknown])[] = [
  ...[int, long, float, double].flatMap((type) => [
    ['band', type, { width: 7 }] as const,
    ['round', type, { to: 7 }] as const,
    ['top-code', type, { low: -3, high: 7 }] as const,
    ['noise', type, { epsilon: 1, low: -3, high: 7 }] as const,
    ['hash-bucket', type, { buckets: 7 }] as const,
  ]),
  ['band', date, { width: 5, unit: 'years' }],
  ['band', date, { width: 5, unit: 'days' }],
  ['top-code', micros, { low: '1935-01-01' }],
  ['date-truncate', date, { to: 'month' }],
  ['date-truncate', micros, { to: 'hour' }],
  ['date-shift', date, { subject: '/who', days: 30 }],
  ['date-shift', micros, { subject: '/who', days: 30 }],
  ['geo', double, { datum: 'WGS-84', axis: 'longitude', degrees: 0.1 }],
  ['geo', text, { datum: 'WGS-84', h3: 7 }],
  ['mask', text, { first: 1 }],
  ['prefix', text, { first: 2 }],
  ['pseudonymize', text, { prf: 'hmac-sm3' }],
  ['pseudonymize', text, { prf: 'aes-128-cmac', pattern: '[0-9]{3}' }],
  ['tokenize', text, {}],
  ['tokenize', text, { cipher: 'sm4' }],
  ['hash-bucket', text, { buckets: 7 }],
  ['fpe', text, { kind: 'resident-id' }],
  ['fpe', text, { kind: 'bank-card', cipher: 'sm4' }],
  ['fpe', text, { kind: 'phone' }],
  ['fpe', text, { kind: 'digits', first: 0 }],
  ['region', text, { to: 'city' }],
  ['region', text, { of: 'address', to: 'street', provinceless: true }],
  ['ip-prefix', text, {}],
  ['scrub', text, {}],
  ['scrub', text, { as: 'mask', kinds: ['name', 'address'] }],
  ['dictionary', text, { levels: { a: 'b' }, prefix: true }],
];

const strange: readonly unknown[] = [
  undefined,
  null,
  true,
  Symbol('value'),
  {},
  [],
  Buffer.from([255]),
  () => 0,
  0,
  -0,
  1.5,
  -7,
  2 ** 31,
  -(2 ** 31),
  2 ** 53,
  1e308,
  -1e308,
  5e-324,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0n,
  -1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 70n,
  '',
  ' ',
  '\0',
  '\uD842',
  '\uDFB7x',
  '𠮷',
  '0'.repeat(17),
  '1'.repeat(18),
  '13812345678',
  '1'.repeat(100_000),
  ':'.repeat(45),
  '::',
  '省市区县',
  '市',
  '浙江省',
  '90,180',
  '-90,-180',
  '__proto__',
];

const subjects: readonly unknown[] = [null, undefined, '', 'A', '\uD842'];

function actionOf(name: string, type: TypeModel, config: unknown): TransformAction {
  const stage = stages.find((candidate) => candidate.name === name);
  if (stage === undefined || stage.scope !== 'field') throw new Error(`${name} is no stage of fields`);
  const { action } = unwrap(stage.planWith({ path: '/f', type, nullable: false }, stage.config.parse(config)));
  if (action.kind !== 'transform') throw new Error(`${name} does not transform`);
  return action;
}

const isOf = (kind: string, value: unknown): boolean => {
  if (kind === 'string') return typeof value === 'string';
  if (kind === 'long') return typeof value === 'bigint' && BigInt.asIntN(64, value) === value;
  return typeof value === 'number' && (kind !== 'int' || value === (value | 0));
};

describe.each(trials)('%s of %j with %j', (name, type, config) => {
  test('gives a value of its result type or is unfit, and the same again', () => {
    const action = actionOf(name, type, config);
    const need = action.keyLabel === undefined ? undefined : { key: new Uint8Array(32).fill(3) };
    const [reference, again] = [action.reference(need), action.reference(need)];
    for (const value of strange) {
      for (const subject of subjects as readonly (string | null)[]) {
        const at = { partition: 3, offset: 2n ** 62n, occurrence: 5, subject };
        const result = reference(value, at);
        // What is no decoded value of the field's type may give what it likes.
        if (result !== unfit && isOf(type.kind, value))
          expect([value, isOf(action.result.kind, result), result]).toEqual([value, true, result]);
        expect(again(value, at)).toEqual(result);
      }
    }
  });
});

test('every stage that transforms is tried', () => {
  const others = new Set(['constant', 'drop', 'keep', 'null']);
  const names = stages.filter(({ scope, name }) => scope === 'field' && !others.has(name)).map(({ name }) => name);
  expect([...new Set(trials.map(([name]) => name))].sort()).toEqual([...names].sort());
});
