/**
 * Where an agreement's plans let out more than a baseline's do, on one schema. A place that the baseline leaves unnamed is free; for every other one the
 * agreement's result must be proven to be a function of the baseline's. What cannot be compared counts as more.
 */
import type { Result } from '../base/index.ts';
import { canonicalJson, ok, unwrap } from '../base/index.ts';
import type { AvroSchema } from '../avro/index.ts';
import type { AgreementTerms, ChannelTerms, StageRule } from '../odrl/index.ts';
import { isBelow, placeAt, resolveAddress } from './address.ts';
import { withoutNull } from './fields.ts';
import { canonicalCondition, conjunctsOf, implies } from './implies.ts';
import type { FusedPlans } from './plan-rules.ts';
import { planNamed, planRules, predicatePaths } from './plan-rules.ts';
import type { Predicate } from './predicate.ts';
import type { AtLeast, FieldPlan, Stage } from './stage.ts';
import { showsNothing, weighPlans } from './weigh-plans.ts';

export interface Comparison {
  /** The schema that the agreement's rules are planned on. */
  readonly schema: AvroSchema;
  /** The writer's schema where it is another one: what the baseline addresses by tag or type is looked for in both. */
  readonly writer?: AvroSchema;
  readonly baseline: Pick<AgreementTerms, 'rules' | 'channels'>;
  readonly agreement: Pick<AgreementTerms, 'rules' | 'channels'>;
  readonly stages: readonly Stage[];
}

export interface Loosening {
  /** A field path, `(rows)`, or a channel as `explain` names it. */
  readonly at: string;
  /** What the agreement's rule and the baseline's do, and why that is more. */
  readonly why: string;
}

/** The first loosening, or null for none. Fails where a rule of either cannot be planned: `plan-invalid`, `field-unnamed` or `predicate-invalid`. */
export function findLoosening({ schema, writer, baseline, agreement, stages }: Comparison): Result<Loosening | null> {
  const rules = rulesOn(baseline.rules, writer === undefined ? [schema] : [schema, writer]);
  const bound = planNamed(schema, { rules, channels: baseline.channels }, stages);
  if (!bound.ok) return bound;
  const mine = planRules(schema, agreement, stages);
  if (!mine.ok) return mine;
  return ok(
    looserField(schema, mine.value, bound.value, stages) ??
      looserRows(mine.value, bound.value) ??
      looserChannel(mine.value.channels, bound.value.channels),
  );
}

/**
 * Whether a baseline can be planned on every schema, each of its addresses leading somewhere in one of them: a name that fits nothing binds nothing, and is
 * more likely a slip. Fails with `plan-invalid` or `predicate-invalid`, naming the address or the field.
 */
export function checkBaselinePlans(
  schemas: readonly AvroSchema[],
  baseline: Comparison['baseline'],
  stages: readonly Stage[],
): Result<void> {
  for (const address of baseline.rules.flatMap(({ at }) => at)) {
    const found = schemas.map((schema) => resolveAddress(schema, address));
    const failed = found.find((places) => !places.ok);
    if (failed !== undefined && !found.some((places) => places.ok)) return failed;
  }
  for (const schema of schemas) {
    const planned = planNamed(schema, { ...baseline, rules: rulesOn(baseline.rules, [schema]) }, stages);
    if (!planned.ok) return planned;
  }
  return ok(undefined);
}

/** The rules with the paths that the first schema has; a rule about places that are not there binds nothing. */
function rulesOn(rules: readonly StageRule[], schemas: readonly AvroSchema[]): StageRule[] {
  const [contract] = schemas;
  return rules.flatMap((rule) => {
    if (rule.at.length === 0) return [rule];
    const places = rule.at.flatMap((address) => schemas.map((schema) => resolveAddress(schema, address)));
    const paths = new Set(places.flatMap((found) => (found.ok ? found.value.map(({ path }) => path) : [])));
    const at = [...paths].filter((path) => contract !== undefined && placeAt(contract, path).ok);
    return at.length === 0 ? [] : [{ ...rule, at }];
  });
}

function looserField(schema: AvroSchema, mine: FusedPlans, bound: FusedPlans, stages: readonly Stage[]): Loosening | null {
  for (const other of bound.fields) {
    for (const plan of mine.fields) {
      const verdict = weighPlaces(schema, plan, other, stages);
      if (verdict !== 'yes') return { at: plan.path, why: `${verdictText[verdict]}; ${bothSentences(plan, other)}` };
    }
  }
  const subject = mine.fields.find((plan) => !subjectHolds(plan, bound));
  return subject === undefined
    ? null
    : {
        at: subject.path,
        why: `it depends on a field that the baseline does not let out; the agreement: ${subject.decision.happens}`,
      };
}

const verdictText: Readonly<Record<Exclude<AtLeast, 'yes'>, string>> = {
  no: 'it lets out more than the baseline does',
  incomparable: 'it cannot be shown to let out at most what the baseline does',
};

const bothSentences = (mine: FieldPlan, other: FieldPlan): string =>
  `the agreement: ${mine.stage}, ${sentence(mine)}; the baseline: ${other.stage}, ${sentence(other)}`;

const sentence = ({ decision, otherwise }: FieldPlan): string =>
  otherwise === 'refuse' ? decision.happens : `${decision.happens}, else ${otherwise === 'null' ? 'null' : 'a constant'}`;

/** `yes` also for two plans that have nothing to do with each other. */
function weighPlaces(schema: AvroSchema, mine: FieldPlan, other: FieldPlan, stages: readonly Stage[]): AtLeast {
  if (mine.path === other.path)
    return weighPlans(mine, other, { path: mine.path, ...withoutNull(unwrap(placeAt(schema, mine.path)).type) }, stages);
  // A rule on what the place is in: kept whole, or nothing of it.
  if (isBelow(other.path, mine.path)) return showsNothing(mine.action) || other.action.kind === 'keep' ? 'yes' : 'no';
  // Below a place of which nothing leaves, even a constant tells whether it was there, and of how many items.
  if (isBelow(mine.path, other.path)) return other.action.kind === 'keep' ? 'yes' : 'no';
  return 'yes';
}

/** Whether a result that depends on another field does so in the baseline too, or that field leaves there as it is. */
function subjectHolds(mine: FieldPlan, bound: FusedPlans): boolean {
  if (mine.action.kind !== 'transform' || mine.action.subject === undefined) return true;
  const { subject } = mine.action;
  const other = bound.fields.find(({ path }) => path === mine.path);
  const same = other?.stage === mine.stage && canonicalJson(other.config) === canonicalJson(mine.config);
  return same || isOpen(subject, bound);
}

/** Whether the baseline lets a field out as it is, or says nothing of it. */
const isOpen = (path: string, bound: FusedPlans): boolean =>
  bound.fields.every(
    (plan) => plan.action.kind === 'keep' || (plan.path !== path && !isBelow(path, plan.path) && !isBelow(plan.path, path)),
  );

/**
 * Each condition of the baseline is implied; and a condition of the agreement looks only at what the baseline lets out, for the rows that pass tell the
 * value of what was looked at.
 */
function looserRows(mine: FusedPlans, bound: FusedPlans): Loosening | null {
  const conditions = mine.rows.flatMap(({ predicate }) => conjunctsOf(predicate));
  const wanted = bound.rows.flatMap(({ predicate }) => conjunctsOf(predicate));
  const missing = bound.rows.find(({ predicate }) => !implies(conditions, predicate));
  if (missing !== undefined)
    return { at: '(rows)', why: `the agreement's conditions are not shown to imply the baseline's: ${missing.decision.happens}` };
  const known = new Set(wanted.map(canonicalCondition));
  const peeking = conditions.find((condition) => !known.has(canonicalCondition(condition)) && !looksAtOpen(condition, bound));
  if (peeking === undefined) return null;
  const hidden = predicatePaths(peeking).find((path) => !isOpen(path, bound)) ?? '';
  return { at: '(rows)', why: `a condition of the agreement looks at ${hidden}, which the baseline does not let out as it is` };
}

const looksAtOpen = (condition: Predicate, bound: FusedPlans): boolean =>
  predicatePaths(condition).every((path) => isOpen(path, bound));

function looserChannel(mine: ChannelTerms, bound: ChannelTerms): Loosening | null {
  if (mine.key !== 'drop' && bound.key !== 'keep' && canonicalJson(mine.key) !== canonicalJson(bound.key))
    return { at: '(key)', why: `the agreement: ${keyText(mine.key)}; the baseline: ${keyText(bound.key)}` };
  if (mine.timestamp === 'keep' && bound.timestamp === 'drop')
    return { at: '(timestamp)', why: 'the agreement keeps it; the baseline drops it' };
  for (const term of mine.headers ?? []) {
    const other = bound.headers?.find(({ name }) => name === term.name);
    const holds = other !== undefined && ('keep' in other || 'repeats' in term);
    if (!holds)
      return {
        at: `(header ${term.name})`,
        why: other === undefined ? 'the baseline drops it' : 'the baseline lets only the key out there',
      };
  }
  return null;
}

const keyText = (key: ChannelTerms['key']): string => (typeof key === 'string' ? key : `repeats ${key.repeats}`);
