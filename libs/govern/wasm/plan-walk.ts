/** Walks over plans and predicates that emitting needs. */
import type { RecordModel, TypeModel } from '../../avro/index.ts';
import { typedConstant } from '../constants.ts';
import type { Predicate } from '../predicate.ts';
import type { FieldPlan } from '../stage.ts';

/** The fields that plans name, in the order of the record. */
export function* walkFields(
  record: RecordModel,
  plans: readonly FieldPlan[],
  above: string,
): Generator<readonly [string, FieldPlan]> {
  for (const field of record.fields) {
    const path = `${above}/${field.name}`;
    const plan = plans.find((candidate) => candidate.path === path);
    if (plan !== undefined) yield [path, plan];
    else yield* walkFields(field.type as RecordModel, plans, path);
  }
}

export function pathsOf(predicate: Predicate): string[] {
  if ('left' in predicate) return [...pathsOf(predicate.left), ...pathsOf(predicate.right)];
  if (predicate.kind === 'not') return pathsOf(predicate.of);
  return [predicate.path];
}

export function constantBytes(type: TypeModel, value: unknown): Uint8Array {
  const constant = typedConstant(type, value);
  if (!constant.ok) throw new Error('constantBytes: a planned constant is of its type');
  return constant.value.bytes;
}
