/** Rules on one kind of field with values that meet their borders, and the search for two values that a rule tells apart and another one does not. */
import fc from 'fast-check';
import type { TypeModel } from '../avro/index.ts';
import type { AnyFieldStage, FieldAction, Reference, ValueContext } from '../govern/index.ts';
import { deriveFieldKey, unfit } from '../govern/index.ts';
import { stages } from './index.ts';

/** A kind of field: its type, the settings that stages are tried with on it, and values beside each other and beside borders. */
export interface Ground {
  readonly type: TypeModel;
  readonly values: fc.Arbitrary<unknown>;
  readonly rules: Readonly<Record<string, fc.Arbitrary<unknown>>>;
}

const of = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const some = fc.record;
const maybe: { requiredKeys: [] } = { requiredKeys: [] };

const residentIds = [
  '330108199003074518',
  '33010819900307453X',
  '330106198511230023',
  '110101199003070018',
  '33010819900307453x',
];
const texts = fc.oneof(
  fc.string({ unit: of('a', 'b', '0', '𠮷', '张'), maxLength: 9 }),
  fc.string({ unit: of('0', '1'), minLength: 5, maxLength: 12 }),
  of(...residentIds),
  of('330108', '330106', '331000', '110101', '990000', '33010'),
  of(
    '10.0.0.1',
    '10.0.0.2',
    '10.0.1.1',
    '10.128.0.1',
    '::ffff:10.0.0.1',
    '2001:db8::1',
    '2001:db8:1::1',
    '2001:db8:0:8000::',
    '::',
  ),
  of('30.25,120.16', '30.26,120.16', '30.25,120.17', '31.0,121.4', '30.2501,120.1601', '91,0'),
  of('浙江省杭州市滨江区长河街道1号', '浙江省杭州市西湖区', '浙江省杭州市', '浙江省', '浙江省杭州市滨江区西兴街道'),
  of('J18', 'J18.9', 'J20', 'J', 'K35', 'respiratory', 'all'),
  of('张三的手机是13812345678', '手机 13812345678，邮箱 a@example.com', 'a@example.com'),
);

const domain = of(undefined, 'person', 'order');
const textRules: Ground['rules'] = {
  mask: some(
    { first: fc.nat(4), last: fc.nat(4), width: of(1, 3), symbol: of('*', '#') },
    { requiredKeys: ['first', 'last', 'symbol'] },
  ),
  prefix: some({ first: fc.nat(7) }),
  pseudonymize: some(
    { prf: of('hmac-sha256', 'aes-128-cmac'), length: of(16, 24, 32), pattern: of('[0-9]{6}', undefined), domain },
    maybe,
  ),
  tokenize: some({ cipher: of('aes-128', 'sm4'), domain }),
  fpe: some({ kind: of('resident-id', 'phone'), domain }),
  'hash-bucket': some({ buckets: of(2, 3, 4, 6, 8), domain }),
  region: fc.oneof(
    some({ of: of('code'), to: of('province', 'city', 'district'), as: of('code', 'padded') }),
    some({ of: of('address'), to: of('province', 'city', 'district', 'street'), provinceless: fc.boolean() }),
  ),
  'ip-prefix': some({ ipv4: of(0, 8, 16, 24, 32), ipv6: of(0, 32, 48, 64) }),
  geo: some({ datum: of('WGS-84', 'GCJ-02'), h3: of(4, 5, 7) }),
  dictionary: some({
    levels: of({ J18: 'J', J20: 'J', J: 'respiratory', respiratory: 'all', K35: 'all' }, { J18: 'J', J20: 'J' }),
    level: of(1, 2, 3),
    prefix: fc.boolean(),
  }),
  scrub: some({ kinds: fc.subarray(['name', 'mobile', 'email'], { minLength: 1 }), as: of('label', 'mask') }),
};

const intMax = 0x7fff_ffff;
const steps = of(1, 2, 3, 5, 6, 10, 15, 30, 100);
const numbers = { low: of(-10, 0, 5), high: of(5, 20, 90) };
const wholeRules: Ground['rules'] = {
  band: some({ width: steps }),
  round: some({ to: steps }),
  'top-code': some(numbers, maybe).filter(({ low, high }) => low !== undefined || high !== undefined),
  'hash-bucket': some({ buckets: of(2, 3, 4, 6, 8), domain }),
};
const dateRules: Ground['rules'] = {
  band: some({ width: of(1, 2, 4, 5, 10, 20), unit: of('years', 'days') }),
  'date-truncate': some({ to: of('year', 'month', 'day') }),
  'date-shift': some({ subject: of('/who', '/whom'), days: of(3, 30) }),
  'top-code': some({ low: of('1930-01-01', '1940-01-01'), high: of('2020-01-01', '2021-01-01') }, maybe).filter(
    ({ low, high }) => low !== undefined || high !== undefined,
  ),
};

const near = (center: number, reach: number): fc.Arbitrary<number> => fc.integer({ min: center - reach, max: center + reach });

export const grounds: readonly Ground[] = [
  { type: { kind: 'string' }, values: texts, rules: textRules },
  {
    type: { kind: 'int' },
    values: fc.oneof(
      near(0, 120),
      fc.integer({ min: intMax - 60, max: intMax }),
      fc.integer({ min: -intMax - 1, max: -intMax + 60 }),
    ),
    rules: wholeRules,
  },
  {
    type: { kind: 'long' },
    values: fc.oneof(
      fc.bigInt({ min: -120n, max: 120n }),
      fc.bigInt({ min: 2n ** 63n - 60n, max: 2n ** 63n - 1n }),
      fc.bigInt({ min: -(2n ** 63n), max: 60n - 2n ** 63n }),
    ),
    rules: wholeRules,
  },
  {
    type: { kind: 'double' },
    values: fc.oneof(
      near(0, 40).map((value) => value / 8),
      fc.double(),
      of(-0, 0.3, 0.1 + 0.2, 9.999999999999998, 5e-324, -5e-324),
    ),
    rules: {
      ...wholeRules,
      band: some({ width: of(0.1, 0.2, 0.5, 1, 2, 3, 9) }),
      geo: some({ datum: of('WGS-84'), axis: of('latitude'), degrees: of(0.1, 0.2, 0.5, 1) }),
    },
  },
  {
    type: { kind: 'int', logicalType: 'date' },
    values: fc.oneof(near(0, 40), near(10_957, 800), of(-719_162, -719_163, 2_932_896, 2_932_897, intMax, -intMax), fc.integer()),
    rules: dateRules,
  },
  {
    type: { kind: 'long', logicalType: 'timestamp-millis' },
    values: fc.oneof(
      near(0, 60).map((hours) => BigInt(hours) * 3_600_000n + 1n),
      near(0, 60).map((days) => BigInt(days) * 86_400_000n),
      of(8_640_000_000_000_000n, -8_640_000_000_000_000n, -8_639_999_000_000_000n, 8_640_000_000_000_001n),
    ),
    rules: { 'date-truncate': some({ to: of('year', 'month', 'day', 'hour') }) },
  },
];

export interface Rule {
  readonly stage: AnyFieldStage;
  readonly config: unknown;
  readonly action: FieldAction;
}

/** A rule as it is planned on a field of the type; undefined where it cannot be. */
export function planned(name: string, type: TypeModel, given: unknown): Rule | undefined {
  const stage = stages.find((candidate) => candidate.name === name);
  if (stage === undefined || stage.scope !== 'field') throw new Error(`${name} is no stage of fields`);
  const config = stage.config.parse(given);
  const plan = stage.planWith({ path: '/f', type, nullable: false }, config);
  return plan.ok ? { stage, config, action: plan.value.action } : undefined;
}

/** Stands for what does not fit, beside texts of what does. */
const refused = null;

const dataKey = Buffer.alloc(32, 7);

/** What leaves for a value of a person, as one text; null for a value that does not fit. */
function resultOf({ action }: Rule): (value: unknown, subject: string) => string | typeof refused {
  if (action.kind === 'keep') return (value) => textOf(value);
  if (action.kind !== 'transform') return () => '';
  const { keyLabel } = action;
  const reference: Reference = action.reference(
    keyLabel === undefined ? undefined : { key: deriveFieldKey(dataKey, 'd', keyLabel) },
  );
  return (value, subject) => {
    const at: ValueContext = { partition: 0, offset: 0n, occurrence: 0, subject };
    const result = reference(value, at);
    return result === unfit ? refused : textOf(result);
  };
}

/** Minus zero and zero are two values of a double. */
const textOf = (value: unknown): string => `${typeof value} ${Object.is(value, -0) ? '-0' : String(value)}`;

/**
 * Two values that `other` gives one result and `mine` two, or one that `other` refuses and `mine` does not; null when there are none among these. Where a
 * rule depends on a person, the person is known to whoever sees the result.
 */
export function counterexample(mine: Rule, other: Rule, values: readonly unknown[]): readonly unknown[] | null {
  const [results, others] = [resultOf(mine), resultOf(other)];
  const bySubject = [mine, other].some(({ action }) => action.kind === 'transform' && action.subject !== undefined);
  const seen = new Map<string, { value: unknown; result: string | typeof refused }>();
  const outputs = new Set(values.map((value) => results(value, 'a')));
  for (const value of values) {
    for (const subject of bySubject ? ['a', 'b', ''] : ['a']) {
      const [result, otherResult] = [results(value, subject), others(value, subject)];
      if (otherResult === refused) {
        // A rule that gives one result for everything tells nothing of a value, whether that fits or not.
        if (result !== refused && outputs.size > 1) return [value];
        continue;
      }
      const key = JSON.stringify([otherResult, subject]);
      const before = seen.get(key);
      if (before !== undefined && before.result !== result) return [before.value, value];
      seen.set(key, { value, result });
    }
  }
  return null;
}
