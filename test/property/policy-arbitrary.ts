/** Random policies for a schema: mostly ones that serve it, a few that cannot. */
import fc from 'fast-check';
import type { AvroSchema, TypeModel } from '../../libs/avro/index.ts';
import type { ChannelTerms, StageRule } from '../../libs/odrl/index.ts';
import { conditionOn } from './condition-arbitrary.ts';
import { fieldsBelow, placesOf, plainType, reaches, recordIn, tagged } from './fields.ts';
import { ruleFor } from './rule-arbitrary.ts';

export interface PolicyTerms {
  readonly rules: readonly StageRule[];
  readonly channels: ChannelTerms;
}

export function policyFor(schema: AvroSchema): fc.Arbitrary<PolicyTerms> {
  const all = fieldsBelow(schema);
  const subjects = all.filter(({ type }) => plainType(type).kind === 'string').map(({ path }) => path);
  const fields = rulesFor(schema.root, '', [schema.root], subjects).map(byTag(schema));
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
        .map(
          (where): StageRule => ({
            stage: 'filter',
            at: [],
            with: { where },
            else: 'refuse',
          }),
        );
      const repeatable = all.filter(({ path, type }) => type.kind === 'string' && survivesAsText(path, fieldRules));
      const key: fc.Arbitrary<ChannelTerms['key']> = fc.oneof(
        { weight: 12, arbitrary: fc.constant('drop' as const) },
        { weight: 12, arbitrary: fc.constant('keep' as const) },
        ...(repeatable.length === 0
          ? []
          : [
              {
                weight: 16,
                arbitrary: fc.constantFrom(...repeatable.map(({ path }) => ({ repeats: path }))),
              },
            ]),
        ...(all.length === 0
          ? []
          : [
              {
                weight: 1,
                arbitrary: fc.constantFrom(...all.map(({ path }) => ({ repeats: path }))),
              },
            ]),
      );
      return fc
        .tuple(
          fc.shuffledSubarray([...fieldRules, ...rowRules], {
            minLength: fieldRules.length + rowRules.length,
          }),
          key,
        )
        .map(
          ([rules, chosen]): PolicyTerms => ({
            rules: joined(rules),
            channels: { key: chosen, timestamp },
          }),
        );
    });
}

function survivesAsText(path: string, rules: readonly StageRule[]): boolean {
  const rule = rules.find(({ at }) => at.includes(path));
  return rule !== undefined && rule.else === 'refuse' && !['drop', 'null', 'constant'].includes(rule.stage);
}

/** Keeps of several fields stand in one rule, as people write them. */
function joined(rules: readonly StageRule[]): StageRule[] {
  const keeps = rules.filter(({ stage }) => stage === 'keep').flatMap(({ at }) => at);
  const others = rules.filter(({ stage }) => stage !== 'keep');
  return keeps.length === 0 ? others : [...others, { stage: 'keep', at: keeps, with: {}, else: 'refuse' }];
}

/** Rules that name every field with a tag, and no other place, name the tag instead. */
const byTag =
  (schema: AvroSchema) =>
  (rules: StageRule[]): StageRule[] => {
    const paths = tagged(schema, 'personal');
    const [first, ...rest] = rules.filter(({ at }) => at.some((path) => paths.includes(path)));
    const isWhole = first !== undefined && rest.length === paths.length - 1;
    if (!isWhole || paths.length === 0) return rules;
    const same = rest.every(
      ({ stage, with: config, else: otherwise }) =>
        JSON.stringify([stage, config, otherwise]) === JSON.stringify([first.stage, first.with, first.else]),
    );
    return same ? [...rules.filter((rule) => rule !== first && !rest.includes(rule)), { ...first, at: ['tag:personal'] }] : rules;
  };

/** Rules for every place of a type, each place whole or by what is in it. `above` are the records that it is in. */
function rulesFor(
  type: TypeModel,
  path: string,
  above: readonly TypeModel[],
  subjects: readonly string[],
): fc.Arbitrary<StageRule[]> {
  const places = placesOf(type, path);
  return fc
    .tuple(
      ...places.map((place): fc.Arbitrary<StageRule[]> => {
        // A place that leads back to a record it is in is not kept whole: that would bypass the record's rules.
        const leadsBack = reaches(place.type, above);
        const whole = ruleFor(place, subjects, !leadsBack).map((rule) => [rule]);
        const inner = recordIn(place.type);
        // Below the first place of a type that contains itself the rules of that place hold.
        if (inner !== undefined && above.includes(inner)) return fc.constant([]);
        const within = inner === undefined ? above : [...above, inner];
        if (placesOf(place.type, place.path).length === 0 || place.path.length > 60) return whole;
        const weight = place.type.kind === 'record' ? 3 : 2;
        return fc.oneof(
          { weight: 2, arbitrary: whole },
          {
            weight,
            arbitrary: rulesFor(place.type, place.path, within, subjects),
          },
        );
      }),
    )
    .map((lists) => lists.flat());
}
