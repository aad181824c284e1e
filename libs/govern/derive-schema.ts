/** Derives the governed record type from the writer's and the Plans: dropped fields go, changed fields get their result type. */
import type { Result } from '../base/index.ts';
import { fail, ok } from '../base/index.ts';
import type { FieldModel, RecordModel, TypeModel } from '../avro/index.ts';
import { fromJson, renderSchema } from '../avro/index.ts';
import type { FieldPlan } from './stage.ts';

export function deriveRecord(record: RecordModel, plans: readonly FieldPlan[], above = ''): Result<RecordModel> {
  const fields: FieldModel[] = [];
  for (const field of record.fields) {
    const path = `${above}/${field.name}`;
    const plan = plans.find((candidate) => candidate.path === path);
    if (plan === undefined) {
      if (field.type.kind !== 'record') throw new Error(`deriveRecord: ${path} is not covered`);
      const inner = deriveRecord(field.type, plans, path);
      if (!inner.ok) return inner;
      fields.push({ name: field.name, type: inner.value, ...docOf(field) });
      continue;
    }
    const derived = deriveField(field, plan);
    if (!derived.ok) return derived;
    if (derived.value !== undefined) fields.push(derived.value);
  }
  return ok({ kind: 'record', name: record.name, fields, ...(record.doc === undefined ? {} : { doc: record.doc }) });
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
  const holder = renderSchema({ kind: 'record', name: 'Holder', fields: [{ name: 'value', type: result }] });
  const fits = holder.ok && fromJson(holder.value, { value: plan.otherwise.constant }).ok;
  return fits
    ? ok(undefined)
    : fail('plan-invalid', `field ${plan.path}: the constant of else is not of the result type`, plan.path);
}
