/** Random policies for a schema: mostly ones that serve it, a few that cannot. */
import fc from 'fast-check';
import type { AvroSchema, FieldModel, TypeModel } from '../../libs/avro/index.ts';
import type { ChannelTerms, Otherwise, StageRule } from '../../libs/odrl/index.ts';
import { conditionOn } from './condition-arbitrary.ts';
import { fieldsBelow, plainType } from './fields.ts';

export interface PolicyTerms {
  readonly rules: readonly StageRule[];
  readonly channels: ChannelTerms;
}

type With = StageRule['with'];

/** Of a hundred rules about fields, so many that no stage can serve. */
const impossibleInHundred = 1;

export function policyFor(schema: AvroSchema): fc.Arbitrary<PolicyTerms> {
  const root = schema.root.kind === 'record' ? schema.root.fields : [];
  const fields = rulesFor(root, '');
  const all = fieldsBelow(schema);
  const condition = conditionOn(all);
  const rows = fc.oneof(
    { weight: 9, arbitrary: fc.constant<readonly string[]>([]) },
    { weight: 3, arbitrary: condition.map((where) => [where]) },
    { weight: 1, arbitrary: fc.tuple(condition, condition) },
  );
  return fc
    .tuple(fields, rows, fc.constantFrom('keep' as const, 'drop' as const))
    .chain(([fieldRules, conditions, timestamp]) => {
      const rowRules = conditions
        .filter((where) => where !== '')
        .map((where): StageRule => ({ stage: 'filter', at: [], with: { where }, else: 'refuse' }));
      const repeatable = all.filter(({ path, type }) => type.kind === 'string' && survivesAsText(path, fieldRules));
      const key: fc.Arbitrary<ChannelTerms['key']> = fc.oneof(
        { weight: 12, arbitrary: fc.constant('drop' as const) },
        { weight: 12, arbitrary: fc.constant('keep' as const) },
        ...(repeatable.length === 0
          ? []
          : [{ weight: 16, arbitrary: fc.constantFrom(...repeatable.map(({ path }) => ({ repeats: path }))) }]),
        ...(all.length === 0 ? [] : [{ weight: 1, arbitrary: fc.constantFrom(...all.map(({ path }) => ({ repeats: path }))) }]),
      );
      return fc
        .tuple(fc.shuffledSubarray([...fieldRules, ...rowRules], { minLength: fieldRules.length + rowRules.length }), key)
        .map(([rules, chosen]): PolicyTerms => ({ rules: joined(rules), channels: { key: chosen, timestamp } }));
    });
}

function survivesAsText(path: string, rules: readonly StageRule[]): boolean {
  const rule = rules.find(({ at }) => at.includes(path));
  return rule !== undefined && rule.else === 'refuse' && rule.stage !== 'suppress';
}

/** Keeps of several fields stand in one rule, as people write them. */
function joined(rules: readonly StageRule[]): StageRule[] {
  const keeps = rules.filter(({ stage }) => stage === 'keep').flatMap(({ at }) => at);
  const others = rules.filter(({ stage }) => stage !== 'keep');
  return keeps.length === 0 ? others : [...others, { stage: 'keep', at: keeps, with: {}, else: 'refuse' }];
}

function rulesFor(fields: readonly FieldModel[], above: string): fc.Arbitrary<StageRule[]> {
  return fc
    .tuple(
      ...fields.map((field): fc.Arbitrary<StageRule[]> => {
        const path = `${above}/${field.name}`;
        const whole = ruleFor(path, field.type).map((rule) => [rule]);
        // Recursive schemas are refused whatever the rules are, so it does not matter where this stops.
        if (field.type.kind !== 'record' || path.length > 30) return whole;
        return fc.oneof({ weight: 1, arbitrary: whole }, { weight: 3, arbitrary: rulesFor(field.type.fields, path) });
      }),
    )
    .map((lists) => lists.flat());
}

function ruleFor(path: string, type: TypeModel): fc.Arbitrary<StageRule> {
  const make = (stage: string, config: fc.Arbitrary<With>, otherwise: fc.Arbitrary<Otherwise>): fc.Arbitrary<StageRule> =>
    fc.tuple(config, otherwise).map(([settings, chosen]) => ({ stage, at: [path], with: settings, else: chosen }));
  const refuse = fc.constant<Otherwise>('refuse');
  const suppressed = fc.constantFrom<With[]>(
    { as: 'drop' },
    { as: 'null' },
    { as: { constant: '已隐去' } },
    { as: { constant: -1.5 } },
    { as: { constant: false } },
    {},
  );
  const choices = [
    { weight: 40, arbitrary: make('keep', fc.constant({}), refuse) },
    { weight: 25, arbitrary: make('suppress', suppressed, refuse) },
    { weight: impossibleInHundred, arbitrary: impossible(path) },
  ];
  const transform = (weight: number, stage: string, config: fc.Arbitrary<With>, result: 'text' | 'number'): void => {
    choices.push({ weight, arbitrary: make(stage, config, otherwiseOf(result)) });
  };
  const plain = plainType(type);
  switch (plain.kind) {
    case 'string':
      transform(35, 'mask', maskConfig, 'text');
      transform(25, 'pseudonymize', tokenConfig, 'text');
      transform(
        25,
        'generalize',
        fc.nat(12).map((prefix) => ({ prefix })),
        'text',
      );
      break;
    case 'int':
      if (plain.logicalType === 'date') {
        transform(
          25,
          'generalize',
          fc.integer({ min: 1, max: 30 }).map((band) => ({ band, unit: 'years' })),
          'text',
        );
        transform(
          15,
          'generalize',
          fc.integer({ min: 1, max: 400 }).map((band) => ({ band, unit: 'days' })),
          'number',
        );
        transform(25, 'generalize', fc.constantFrom({ date: 'year' }, { date: 'month' }, { date: 'day' }), 'number');
      } else transform(50, 'generalize', wholeBand, 'number');
      break;
    case 'long':
      if (plain.logicalType?.startsWith('timestamp-') === true) {
        const cuts = ['year', 'month', 'day', 'hour'].map((date) => ({ date }));
        transform(40, 'generalize', fc.constantFrom(...cuts), 'number');
      }
      transform(25, 'generalize', wholeBand, 'number');
      break;
    case 'float':
    case 'double':
      transform(50, 'generalize', fc.oneof(wholeBand, fc.constantFrom({ band: 0.5 }, { band: 0.1 }, { band: 1e-9 })), 'number');
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
    { stage: 'generalize', at: [path], with: { band: 5, unit: 'years' }, else: { constant: 5 } },
    { stage: 'pseudonymize', at: [`${path}/nothing`], with: {}, else: 'refuse' },
  );
}

/** What a rule says about a value that does not fit: of the result's type, and seldom not. */
function otherwiseOf(result: 'text' | 'number'): fc.Arbitrary<Otherwise> {
  return fc.oneof(
    { weight: 5, arbitrary: fc.constant<Otherwise>('refuse') },
    { weight: 3, arbitrary: fc.constant<Otherwise>('null') },
    { weight: 3, arbitrary: fc.constantFrom<Otherwise[]>(...(result === 'text' ? textConstants : numberConstants)) },
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
  { weight: 3, arbitrary: fc.record({ length: tokenLength }, { requiredKeys: [] }) },
  {
    weight: 1,
    arbitrary: fc.record({ length: tokenLength, pattern: fc.constantFrom('[0-9]{3}', '[A-Za-z]{2}', '[0-9]{17}[0-9X]') }),
  },
);

const wholeBand: fc.Arbitrary<With> = fc
  .oneof(fc.integer({ min: 1, max: 1000 }), fc.constantFrom(1, 2, 1e6, 1e12))
  .map((band) => ({ band }));
