/** Plans every rule of the terms on the contract, and checks that each place is named once and that the channels can be served. */
import type { Result } from '../base/index.ts';
import { during, fail, ok } from '../base/index.ts';
import type { AvroSchema, RecordModel, TypeModel } from '../avro/index.ts';
import type { AgreementTerms, ChannelTerms, StageRule } from '../odrl/index.ts';
import { headerFault, sortedHeaders } from '../odrl/index.ts';
import type { Place } from './address.ts';
import { isBelow, placesIn, recordOf, resolveAddress } from './address.ts';
import { typedConstant } from './constants.ts';
import { fieldAt, withoutNull } from './fields.ts';
import type { AnyFieldStage, FieldPlan, RowPlan, Stage } from './stage.ts';

/** All Plans of one Agreement on one schema. */
export interface FusedPlans {
  readonly rows: readonly RowPlan[];
  /** Sorted by path. */
  readonly fields: readonly FieldPlan[];
  readonly channels: ChannelTerms;
}

/** Fails with `plan-invalid`, `field-unnamed` or `predicate-invalid`, naming the field. */
export function planRules(
  schema: AvroSchema,
  terms: Pick<AgreementTerms, 'rules' | 'channels'>,
  stages: readonly Stage[],
): Result<FusedPlans> {
  const planned = planNamed(schema, terms, stages);
  if (!planned.ok) return planned;
  const plans = planned.value;
  const unnamed = firstUnnamed(schema, plans.fields);
  if (unnamed !== undefined)
    return fail('field-unnamed', `field ${unnamed}: no rule names it; keeping it takes an explicit keep`, unnamed);
  const bypassed = firstBypass(schema, plans.fields);
  if (bypassed !== undefined)
    return fail(
      'plan-invalid',
      `field ${bypassed}: it holds the record that it is in again, and keeping it would bypass that record's rules; leave it unnamed, for the rules hold at every depth`,
      bypassed,
    );
  const channel = checkChannels(schema, plans);
  return channel.ok ? ok(plans) : channel;
}

/** The Plans of rules that may leave places unnamed, as those of a baseline do. Nothing runs by them. Fails as `planRules` does. */
export function planNamed(
  schema: AvroSchema,
  terms: Pick<AgreementTerms, 'rules' | 'channels'>,
  stages: readonly Stage[],
): Result<FusedPlans> {
  const rows: RowPlan[] = [];
  const fields: FieldPlan[] = [];
  for (const rule of terms.rules) {
    const stage = stages.find(({ name }) => name === rule.stage);
    if (stage === undefined) return fail('plan-invalid', `there is no stage ${rule.stage}`);
    const parsed = stage.config.safeParse(rule.with);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      const where = rule.at[0] === undefined ? '' : ` at ${rule.at[0]}`;
      return fail(
        'plan-invalid',
        `stage ${rule.stage}${where}: ${[...(issue?.path ?? []), ''].join(': ')}${issue?.message ?? 'malformed'}`,
        rule.at[0],
      );
    }
    if (stage.scope === 'row') {
      if (rule.at.length > 0) return fail('plan-invalid', `stage ${rule.stage}: it is about rows and takes no field`);
      const plan = stage.planWith(schema, parsed.data);
      if (!plan.ok) return plan;
      rows.push({
        ...plan.value,
        stage: stage.name,
        version: stage.version,
        config: parsed.data,
      });
      continue;
    }
    if (rule.at.length === 0) return fail('plan-invalid', `stage ${rule.stage}: name the fields with \`at\``);
    for (const address of rule.at) {
      const places = resolveAddress(schema, address);
      if (!places.ok) return places;
      for (const place of places.value) {
        const planned = planPlace(schema, stage, rule, parsed.data, place, fields);
        if (!planned.ok) return planned;
        fields.push(planned.value);
      }
    }
  }
  fields.sort((a, b) => (a.path < b.path ? -1 : 1));
  const headers = planHeaders(terms.channels);
  if (!headers.ok) return headers;
  return ok({ rows, fields, channels: headers.value });
}

/** Kinds of values that a transform may be about. */
const transformable: ReadonlySet<string> = new Set(['string', 'bytes', 'int', 'long', 'float', 'double']);

function planPlace(
  schema: AvroSchema,
  stage: AnyFieldStage,
  rule: StageRule,
  config: unknown,
  { path, type, isMapKey, isField }: Place,
  others: readonly FieldPlan[],
): Result<FieldPlan> {
  const clash = others.find((other) => other.path === path || isBelow(other.path, path) || isBelow(path, other.path));
  if (clash !== undefined)
    return fail('plan-invalid', `field ${path}: two rules name it (${clash.stage} and ${stage.name})`, path);
  const plan = stage.planWith({ path, ...withoutNull(type) }, config);
  if (!plan.ok) return during(`field ${path}`, plan.failure);
  const { action } = plan.value;
  if (isMapKey && action.kind !== 'keep')
    return fail(
      'plan-invalid',
      `field ${path}: keys of a map can only be kept; drop the map, or govern it as an array of records`,
      path,
    );
  if (action.kind === 'drop' && !isField)
    return fail('plan-invalid', `field ${path}: only fields can be dropped; drop the field that this is in`, path);
  if (action.kind === 'transform' && action.subject !== undefined && !isPlainText(schema, action.subject))
    return fail(
      'plan-invalid',
      `field ${path}: its subject ${action.subject} is not a text field outside of arrays, maps and unions`,
      path,
    );
  const { type: plain } = withoutNull(type);
  if (action.kind === 'transform' && !transformable.has(plain.kind))
    return fail('plan-invalid', `field ${path}: ${stage.name} cannot change ${plain.kind}`, path);
  if (action.kind === 'constant' && !typedConstant(action.result, action.value).ok)
    return fail('plan-invalid', `field ${path}: the constant is not of its type`, path);
  return ok({
    ...plan.value,
    path,
    otherwise: rule.else,
    stage: stage.name,
    version: stage.version,
    config,
  });
}

/** A text, or an optional one, that only plain records lead to. */
function isPlainText(schema: AvroSchema, path: string): boolean {
  const field = fieldAt(schema, path);
  return field !== undefined && withoutNull(field.type).type.kind === 'string';
}

/** The first place that no rule covers: a rule covers its place with all below it. */
function firstUnnamed(schema: AvroSchema, plans: readonly FieldPlan[]): string | undefined {
  const search = (type: TypeModel, path: string, above: readonly RecordModel[]): string | undefined => {
    const record = recordOf(type);
    // Below the first place of a type that contains itself, the rules of that place hold.
    if (record !== undefined && above.includes(record)) return undefined;
    const inside = record === undefined ? above : [...above, record];
    for (const place of placesIn(type, path)) {
      if (plans.some((plan) => plan.path === place.path)) continue;
      const again = recordOf(place.type);
      if (again !== undefined && inside.includes(again)) continue;
      // Of a place that leads back to a record it is in, only what is beside that record is named.
      const leadsBack = holdsOneOf(place.type, new Set(inside), new Set());
      if (!leadsBack && !plans.some((plan) => isBelow(plan.path, place.path))) return place.path;
      const below = search(place.type, place.path, inside);
      if (below !== undefined) return below;
    }
    return undefined;
  };
  return search(schema.root, '', []);
}

/** The first kept place that holds a record it is in again, where rules change that record. */
function firstBypass(schema: AvroSchema, plans: readonly FieldPlan[]): string | undefined {
  const changing = plans.filter(({ action }) => action.kind !== 'keep');
  const search = (type: TypeModel, path: string, above: readonly { record: RecordModel; path: string }[]): string | undefined => {
    const record = recordOf(type);
    if (record !== undefined && above.some((entry) => entry.record === record)) return undefined;
    const inside = record === undefined ? above : [...above, { record, path }];
    const governed = new Set(
      inside.filter((entry) => changing.some((plan) => isBelow(plan.path, entry.path))).map((entry) => entry.record),
    );
    for (const place of placesIn(type, path)) {
      const plan = plans.find((candidate) => candidate.path === place.path);
      if (plan?.action.kind === 'keep' && holdsOneOf(place.type, governed, new Set())) return place.path;
      const below = plan === undefined ? search(place.type, place.path, inside) : undefined;
      if (below !== undefined) return below;
    }
    return undefined;
  };
  return search(schema.root, '', []);
}

function holdsOneOf(type: TypeModel, records: ReadonlySet<TypeModel>, seen: Set<TypeModel>): boolean {
  if (records.has(type)) return true;
  if (seen.has(type)) return false;
  seen.add(type);
  if (type.kind === 'union') return type.branches.some((branch) => holdsOneOf(branch, records, seen));
  return placesIn(type, '').some((place) => holdsOneOf(place.type, records, seen));
}

/** A key that repeats a field takes that field's governed text, so the field must survive as a text. */
function checkChannels(schema: AvroSchema, plans: FusedPlans): Result<void> {
  const { key } = plans.channels;
  if (typeof key === 'string') return ok(undefined);
  const field = fieldAt(schema, key.repeats);
  if (field === undefined || field.type.kind !== 'string') {
    return fail('plan-invalid', `(key): ${key.repeats} is not a text field that is never null`, key.repeats);
  }
  const plan = plans.fields.find(({ path }) => path === key.repeats || isBelow(key.repeats, path));
  const kept = plan?.action.kind === 'keep' || (plan?.action.kind === 'transform' && plan.action.result.kind === 'string');
  if (!kept) return fail('plan-invalid', `(key): ${key.repeats} does not survive as a text`, key.repeats);
  if (plan?.otherwise !== 'refuse')
    return fail('plan-invalid', `(key): the rule of ${key.repeats} must refuse what does not fit`, key.repeats);
  return ok(undefined);
}

/** The channels with header terms in one order, and without an empty list: equal terms give an equal manifest. */
function planHeaders({ headers = [], ...channels }: ChannelTerms): Result<ChannelTerms> {
  const fault = headerFault(headers, channels.key);
  if (fault !== undefined) return fail('plan-invalid', `(header ${headers[fault.index]?.name ?? ''}): ${fault.why}`);
  return ok(headers.length === 0 ? channels : { ...channels, headers: sortedHeaders(headers) });
}

/** Paths that a condition looks at. */
export function predicatePaths(predicate: RowPlan['predicate']): string[] {
  if ('left' in predicate) return [...predicatePaths(predicate.left), ...predicatePaths(predicate.right)];
  if (predicate.kind === 'not') return predicatePaths(predicate.of);
  return [predicate.path];
}

/** Paths whose values are looked at beside being governed: by row conditions, the key, and as subjects. */
export function observedPaths(plans: FusedPlans): string[] {
  const { key } = plans.channels;
  const subjects = plans.fields.flatMap(({ action }) =>
    action.kind === 'transform' && action.subject !== undefined ? [action.subject] : [],
  );
  const paths = [
    ...plans.rows.flatMap(({ predicate }) => predicatePaths(predicate)),
    ...(typeof key === 'string' ? [] : [key.repeats]),
    ...subjects,
  ];
  return [...new Set(paths)];
}
