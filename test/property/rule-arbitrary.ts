/** Random rules for one place, by its type. */
import fc from 'fast-check';
import type { Otherwise, StageRule } from '../../libs/odrl/index.ts';
import type { Place } from './fields.ts';
import { plainType } from './fields.ts';

type With = StageRule['with'];

/** Of a hundred rules about fields, so many that no stage can serve. */
const impossibleInHundred = 1;

/** A rule for a place: of any stage that serves its type. `subjects` are texts that a rule may depend on. */
export function ruleFor(
  { path, type, isField, isKey }: Place,
  subjects: readonly string[],
  canKeep: boolean,
): fc.Arbitrary<StageRule> {
  const make = (stage: string, config: fc.Arbitrary<With>, otherwise: fc.Arbitrary<Otherwise>): fc.Arbitrary<StageRule> =>
    fc.tuple(config, otherwise).map(([settings, chosen]) => ({
      stage,
      at: [path],
      with: settings,
      else: chosen,
    }));
  const refuse = fc.constant<Otherwise>('refuse');
  const keep = { weight: 40, arbitrary: make('keep', fc.constant({}), refuse) };
  if (isKey) return keep.arbitrary;
  const choices = [
    ...(canKeep ? [keep] : []),
    ...(isField ? [{ weight: 9, arbitrary: make('drop', fc.constant({}), refuse) }] : []),
    { weight: 4, arbitrary: make('null', fc.constant({}), refuse) },
    {
      weight: 12,
      arbitrary: make('constant', fc.constantFrom<With[]>({ value: '已隐去' }, { value: -1.5 }, { value: false }), refuse),
    },
    { weight: impossibleInHundred, arbitrary: impossible(path) },
  ];
  const transform = (weight: number, stage: string, config: fc.Arbitrary<With>, result: 'text' | 'number'): void => {
    choices.push({
      weight,
      arbitrary: make(stage, config, otherwiseOf(result)),
    });
  };
  const plain = plainType(type);
  const shift = (): void => {
    const subject = subjects.length === 0 ? fc.constant('/nobody') : fc.constantFrom(...subjects);
    transform(10, 'date-shift', fc.record({ subject, days: fc.integer({ min: 1, max: 400 }) }), 'number');
  };
  if (['int', 'long', 'float', 'double'].includes(plain.kind) && !('logicalType' in plain && plain.logicalType !== undefined)) {
    transform(
      8,
      'round',
      wholeBand.map(({ width }) => ({ to: width })),
      'number',
    );
    transform(8, 'top-code', fc.constantFrom<With[]>({ low: -5 }, { high: 1000 }, { low: 0, high: 90 }), 'number');
    transform(8, 'noise', noiseConfig, 'number');
    transform(4, 'hash-bucket', bucketConfig, 'number');
  }
  switch (plain.kind) {
    case 'string':
      transform(35, 'mask', maskConfig, 'text');
      transform(25, 'pseudonymize', tokenConfig, 'text');
      transform(6, 'tokenize', fc.constantFrom<With[]>({}, { cipher: 'sm4' }), 'text');
      transform(6, 'fpe', fpeConfig, 'text');
      transform(4, 'ip-prefix', fc.constant({}), 'text');
      transform(4, 'scrub', fc.constantFrom<With[]>({}, { as: 'mask', symbol: '＊' }), 'text');
      transform(4, 'dictionary', dictionaryConfig, 'text');
      transform(4, 'region', regionConfig, 'text');
      transform(4, 'geo', fc.constantFrom<With[]>({ datum: 'WGS-84', h3: 5 }), 'text');
      transform(4, 'hash-bucket', bucketConfig, 'number');
      transform(
        25,
        'prefix',
        fc.nat(12).map((first) => ({ first })),
        'text',
      );
      break;
    case 'int':
      if (plain.logicalType === 'date') {
        transform(
          25,
          'band',
          fc.integer({ min: 1, max: 30 }).map((width) => ({ width, unit: 'years' })),
          'text',
        );
        transform(
          15,
          'band',
          fc.integer({ min: 1, max: 400 }).map((width) => ({ width, unit: 'days' })),
          'number',
        );
        transform(25, 'date-truncate', fc.constantFrom({ to: 'year' }, { to: 'month' }, { to: 'day' }), 'number');
        transform(10, 'top-code', fc.constant({ low: '1930-01-01' }), 'number');
        shift();
      } else transform(50, 'band', wholeBand, 'number');
      break;
    case 'long':
      if (plain.logicalType?.startsWith('timestamp-') === true) {
        const cuts = ['year', 'month', 'day', 'hour'].map((to) => ({ to }));
        transform(40, 'date-truncate', fc.constantFrom(...cuts), 'number');
        shift();
      }
      transform(25, 'band', wholeBand, 'number');
      break;
    case 'float':
    case 'double':
      transform(50, 'band', fc.oneof(wholeBand, fc.constantFrom({ width: 0.5 }, { width: 0.1 }, { width: 1e-9 })), 'number');
      break;
    default:
      break;
  }
  return fc.oneof(...choices);
}

function impossible(path: string): fc.Arbitrary<StageRule> {
  return fc.constantFrom<StageRule[]>(
    { stage: 'vanish', at: [path], with: {}, else: 'refuse' },
    { stage: 'mask', at: [path], with: { fist: 1 }, else: 'refuse' },
    {
      stage: 'band',
      at: [path],
      with: { width: 5, unit: 'years' },
      else: { constant: 5 },
    },
    {
      stage: 'pseudonymize',
      at: [`${path}/nothing`],
      with: {},
      else: 'refuse',
    },
  );
}

/** What a rule says about a value that does not fit: of the result's type, and seldom not. */
function otherwiseOf(result: 'text' | 'number'): fc.Arbitrary<Otherwise> {
  return fc.oneof(
    { weight: 5, arbitrary: fc.constant<Otherwise>('refuse') },
    { weight: 3, arbitrary: fc.constant<Otherwise>('null') },
    {
      weight: 3,
      arbitrary: fc.constantFrom<Otherwise[]>(...(result === 'text' ? textConstants : numberConstants)),
    },
  );
}

const textConstants: Otherwise[] = [{ constant: '' }, { constant: '?' }, { constant: '不详\u{20BB7}' }];
const numberConstants: Otherwise[] = [{ constant: 0 }, { constant: -1 }, { constant: 100_000 }];

const maskConfig: fc.Arbitrary<With> = fc
  .tuple(
    fc.record(
      {
        first: fc.nat(6),
        last: fc.nat(6),
        symbol: fc.constantFrom('*', '＊', '\u{1F512}', '\0'),
        width: fc.integer({ min: 1, max: 20 }),
      },
      { requiredKeys: [] },
    ),
    fc.integer({ min: 0, max: 19 }),
  )
  .map(([settings, rare]) => (rare === 0 ? { ...settings, first: 64 } : settings));

const tokenLength = fc.integer({ min: 16, max: 64 });
const tokenConfig: fc.Arbitrary<With> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ prf: fc.constantFrom('hmac-sha256', 'hmac-sm3'), length: tokenLength }) },
  {
    weight: 1,
    arbitrary: fc.record({ prf: fc.constantFrom('aes-128-cmac', 'sm4-cmac'), length: fc.integer({ min: 16, max: 32 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ length: tokenLength }, { requiredKeys: [] }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      length: tokenLength,
      pattern: fc.constantFrom('[0-9]{3}', '[A-Za-z]{2}', '[0-9]{17}[0-9X]'),
    }),
  },
);

const wholeBand: fc.Arbitrary<With> = fc
  .oneof(fc.integer({ min: 1, max: 1000 }), fc.constantFrom(1, 2, 1e6, 1e12))
  .map((width) => ({ width }));

const fpeConfig: fc.Arbitrary<With> = fc.record(
  {
    kind: fc.constantFrom('phone', 'digits', 'resident-id', 'bank-card'),
    cipher: fc.constantFrom('aes-128', 'sm4'),
  },
  { requiredKeys: ['kind'] },
);
const dictionaryConfig = fc.constant<With>({
  levels: { a: 'b', 王: '姓', '': 'none' },
});
const regionConfig = fc.constantFrom<With[]>({ to: 'city' }, { of: 'address', to: 'district' }, { to: 'province', as: 'padded' });
const bucketConfig = fc.integer({ min: 2, max: 5000 }).map((buckets): With => ({ buckets }));
const noiseConfig = fc.constantFrom<With[]>({ epsilon: 1, low: 0, high: 100 }, { epsilon: 0.5, low: -1000, high: 1000 });
