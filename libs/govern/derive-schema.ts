/** Derives the governed record type from the writer's and the Plans: dropped fields go, changed fields get their result type. */
import type { Result } from '../base/index.ts';
import { fail, ok } from '../base/index.ts';
import type { FieldModel, RecordModel, TypeModel } from '../avro/index.ts';
import { typedConstant } from './constants.ts';
import type { FieldPlan } from './stage.ts';

export function deriveRecord(record: RecordModel, plans: readonly FieldPlan[]): Result<RecordModel> {
  const uses = new Map<string, number>();
  countUses(record, uses);
  return derive(record, plans, '', { uses, taken: new Set(uses.keys()) });
}

interface Names {
  /** How often each named type of the writer is used. */
  readonly uses: ReadonlyMap<string, number>;
  /** Names that stand for a definition already. */
  readonly taken: Set<string>;
}

function derive(record: RecordModel, plans: readonly FieldPlan[], above: string, names: Names): Result<RecordModel> {
  const fields: FieldModel[] = [];
  for (const field of record.fields) {
    const path = `${above}/${field.name}`;
    const plan = plans.find((candidate) => candidate.path === path);
    if (plan === undefined) {
      if (field.type.kind !== 'record') throw new Error(`deriveRecord: ${path} is not covered`);
      const inner = derive(field.type, plans, path, names);
      if (!inner.ok) return inner;
      fields.push({ name: field.name, type: inner.value, ...docOf(field) });
      continue;
    }
    const derived = deriveField(field, plan);
    if (!derived.ok) return derived;
    if (derived.value !== undefined) fields.push(derived.value);
  }
  // A type that is used in several places and governed below one of them is another type there, so it needs another name.
  const name =
    (names.uses.get(record.name) ?? 0) > 1 ? freeName(`${record.name}${above.replaceAll('/', '_')}`, names.taken) : record.name;
  return ok({ kind: 'record', name, fields, ...(record.doc === undefined ? {} : { doc: record.doc }) });
}

/** The name, with as many underscores behind it as make it one that no other definition has. */
function freeName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  while (taken.has(name)) name += '_';
  taken.add(name);
  return name;
}

/** How often each named type is used; the schema has no recursive type. */
function countUses(type: TypeModel, uses: Map<string, number>): void {
  switch (type.kind) {
    case 'record':
      uses.set(type.name, (uses.get(type.name) ?? 0) + 1);
      for (const field of type.fields) countUses(field.type, uses);
      return;
    case 'enum':
    case 'fixed':
      uses.set(type.name, (uses.get(type.name) ?? 0) + 1);
      return;
    case 'array':
      countUses(type.items, uses);
      return;
    case 'map':
      countUses(type.values, uses);
      return;
    case 'union':
      for (const branch of type.branches) countUses(branch, uses);
      return;
    default:
  }
}

function deriveField(field: FieldModel, plan: FieldPlan): Result<FieldModel | undefined> {
  const { action } = plan;
  switch (action.kind) {
    case 'drop':
      return ok(undefined);
    case 'keep':
      return ok({
        name: field.name,
        type: field.type,
        ...docOf(field),
        ...(field.default === undefined ? {} : { default: field.default }),
      });
    case 'null':
      if (field.type.kind === 'null')
        return fail('plan-invalid', `field ${plan.path}: it is null already; keep or drop it`, plan.path);
      return ok({ name: field.name, type: optional(field.type), ...docOf(field), default: { json: null } });
    case 'constant':
      return ok({ name: field.name, type: action.result, ...docOf(field) });
    case 'transform': {
      const nullable = field.type.kind === 'union' && field.type.branches.some(({ kind }) => kind === 'null');
      const type = nullable || plan.otherwise === 'null' ? optional(action.result) : action.result;
      const fits = otherwiseFits(action.result, plan);
      if (!fits.ok) return fits;
      return ok({ name: field.name, type, ...docOf(field), ...(type.kind === 'union' ? { default: { json: null } } : {}) });
    }
  }
}

const docOf = (field: FieldModel): { doc?: string } => (field.doc === undefined ? {} : { doc: field.doc });

/** The type with null as its first branch. */
function optional(type: TypeModel): TypeModel {
  const branches = type.kind === 'union' ? type.branches.filter(({ kind }) => kind !== 'null') : [type];
  return { kind: 'union', branches: [{ kind: 'null' }, ...branches] };
}

/** A constant of `else` must be a value of the result type. */
function otherwiseFits(result: TypeModel, plan: FieldPlan): Result<void> {
  if (typeof plan.otherwise === 'string') return ok(undefined);
  const fits = typedConstant(result, plan.otherwise.constant).ok;
  return fits
    ? ok(undefined)
    : fail('plan-invalid', `field ${plan.path}: the constant of else is not of the result type`, plan.path);
}
