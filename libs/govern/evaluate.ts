/** Evaluates a predicate over a decoded record, plainly: the reference that any compiled form is compared with. */
import { unresolvable } from '../avro/index.ts';
import type { Comparison, Literal, Predicate } from './predicate.ts';

/** `error` stands for a comparison that has no answer (null by order, NaN); CEL's && and || absorb it where the other side decides. */
export type Verdict = boolean | 'error';

export function evaluate(predicate: Predicate, record: unknown): Verdict {
  switch (predicate.kind) {
    case 'and': {
      const left = evaluate(predicate.left, record);
      if (left === false) return false;
      const right = evaluate(predicate.right, record);
      if (right === false) return false;
      return left === 'error' || right === 'error' ? 'error' : true;
    }
    case 'or': {
      const left = evaluate(predicate.left, record);
      if (left === true) return true;
      const right = evaluate(predicate.right, record);
      if (right === true) return true;
      return left === 'error' || right === 'error' ? 'error' : false;
    }
    case 'not': {
      const inner = evaluate(predicate.of, record);
      return inner === 'error' ? 'error' : !inner;
    }
    case 'flag': {
      const value = valueAt(record, predicate.path);
      return typeof value === 'boolean' ? value : 'error';
    }
    case 'compare': {
      const value = valueAt(record, predicate.path);
      return isReadable(value) ? compare(value, predicate.comparison, predicate.to) : 'error';
    }
    case 'in': {
      const value = valueAt(record, predicate.path);
      if (!isReadable(value)) return 'error';
      return predicate.list.some((item) => equal(value, item));
    }
    case 'text': {
      const value = valueAt(record, predicate.path);
      if (typeof value !== 'string') return 'error';
      if (predicate.test === 'startsWith') return value.startsWith(predicate.text);
      return predicate.test === 'endsWith' ? value.endsWith(predicate.text) : value.includes(predicate.text);
    }
  }
}

/** False for a value of the writer's that has no counterpart under the contract. */
const isReadable = (value: unknown): boolean => value !== unresolvable && value !== undefined;

/** The value at a path, a wrapped union taken apart. */
export function valueAt(record: unknown, path: string): unknown {
  let value = record;
  for (const name of path.split('/').slice(1)) value = (value as Readonly<Record<string, unknown>>)[name];
  return unwrapUnion(value);
}

/** A union value is `{ branch: value }`; a record of the schema is never plain with this prototype-free shape at a scalar field. */
function unwrapUnion(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value) || Array.isArray(value)) return value;
  const [only, ...rest] = Object.values(value);
  return rest.length === 0 ? only : value;
}

function compare(value: unknown, comparison: Comparison, to: Literal): Verdict {
  if (comparison === '==') return equal(value, to);
  if (comparison === '!=') return !equal(value, to);
  if (value === null || value === undefined) return 'error';
  const [a, b] =
    typeof value === 'string' ? [Buffer.from(value), Buffer.from(String(to))] : [value as number | bigint, to as number | bigint];
  if (Buffer.isBuffer(a) && Buffer.isBuffer(b)) return ordered(Buffer.compare(a, b), comparison);
  if (Number.isNaN(a) || Number.isNaN(b)) return false;
  return ordered(a < b ? -1 : a > b ? 1 : 0, comparison);
}

function ordered(order: number, comparison: Comparison): boolean {
  if (comparison === '<') return order < 0;
  if (comparison === '<=') return order <= 0;
  return comparison === '>' ? order > 0 : order >= 0;
}

/** Numbers of different kinds are equal when their values are (CEL, "Numeric Values"). */
function equal(value: unknown, to: Literal): boolean {
  const numeric = (item: unknown): item is number | bigint => typeof item === 'number' || typeof item === 'bigint';
  if (numeric(value) && numeric(to)) return !(value < to) && !(value > to) && !Number.isNaN(value);
  return value === to;
}
