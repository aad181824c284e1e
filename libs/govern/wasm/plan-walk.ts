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

/** Largest count of bytes that a number, a band of years or a union index takes. */
const smallBytesMax = 16;
const symbolBytesMax = 4;

/** Most bytes that the plans write into a record whatever its size: constants, tokens, masks of a fixed width, numbers. */
export function fixedGrowth(plans: readonly FieldPlan[]): number {
  return plans.reduce((sum, { action, otherwise }) => {
    if (action.kind === 'constant') return sum + constantBytes(action.result, action.value).length;
    if (action.kind !== 'transform') return sum + smallBytesMax;
    const instead = typeof otherwise === 'string' ? 0 : constantBytes(action.result, otherwise.constant).length;
    const { lower } = action;
    const written = lower.op === 'token' ? lower.length : lower.op === 'mask' ? (lower.width ?? 0) * symbolBytesMax : 0;
    return sum + smallBytesMax + Math.max(instead, written);
  }, 0);
}
