/** Whether a row that satisfies some conditions is sure to satisfy another one. What is not proven here counts as not implied. */
import { canonicalJson } from '../base/index.ts';
import { evaluate } from './evaluate.ts';
import type { Comparison, Literal, Predicate } from './predicate.ts';

/** The conditions that a conjunction is made of. */
export function conjunctsOf(predicate: Predicate): readonly Predicate[] {
  if (predicate.kind === 'and') return [...conjunctsOf(predicate.left), ...conjunctsOf(predicate.right)];
  if (predicate.kind === 'not' && predicate.of.kind === 'not') return conjunctsOf(predicate.of.of);
  return [predicate];
}

/**
 * The same condition in whatever order and form it was written gives the same text: operands of && and || sorted, `a == 1` as the list of one, and
 * `flag == true` as the flag.
 */
export function canonicalCondition(predicate: Predicate): string {
  switch (predicate.kind) {
    case 'and':
    case 'or': {
      const operands = flat(predicate, predicate.kind).map(canonicalCondition);
      const [only, ...rest] = [...new Set(operands)].sort();
      return rest.length === 0 && only !== undefined ? only : `${predicate.kind}(${[only, ...rest].join(',')})`;
    }
    case 'not':
      return predicate.of.kind === 'not' ? canonicalCondition(predicate.of.of) : `not(${canonicalCondition(predicate.of)})`;
    case 'flag':
      return canonicalCondition({ kind: 'in', path: predicate.path, list: [true] });
    case 'compare':
      return predicate.comparison === '=='
        ? canonicalCondition({ kind: 'in', path: predicate.path, list: [predicate.to] })
        : `${predicate.path} ${predicate.comparison} ${literalText(predicate.to)}`;
    case 'in':
      return `${predicate.path} in ${[...new Set(predicate.list.map(literalText))].sort().join(',')}`;
    case 'text':
      return `${predicate.path} ${predicate.test} ${canonicalJson(predicate.text)}`;
  }
}

/** Numbers are told apart from texts, not whole ones from others: `1` and `1.0` are one value. */
const literalText = (literal: Literal): string => (typeof literal === 'bigint' ? String(literal) : canonicalJson(literal));

function flat(predicate: Predicate, kind: 'and' | 'or'): readonly Predicate[] {
  return predicate.kind === kind ? [...flat(predicate.left, kind), ...flat(predicate.right, kind)] : [predicate];
}

/** Whether rows that satisfy all of `mine` satisfy `wanted`. Sound, and far from complete: one condition of `mine` at a time is looked at. */
export function implies(mine: readonly Predicate[], wanted: Predicate): boolean {
  if (wanted.kind === 'and') return implies(mine, wanted.left) && implies(mine, wanted.right);
  if (wanted.kind === 'not' && wanted.of.kind === 'not') return implies(mine, wanted.of.of);
  if (mine.some((one) => impliesAlone(one, wanted))) return true;
  return wanted.kind === 'or' && (implies(mine, wanted.left) || implies(mine, wanted.right));
}

function impliesAlone(mine: Predicate, wanted: Predicate): boolean {
  if (canonicalCondition(mine) === canonicalCondition(wanted)) return true;
  if ('left' in mine)
    return mine.kind === 'or'
      ? implies([mine.left], wanted) && implies([mine.right], wanted)
      : implies(conjunctsOf(mine), wanted);
  if (mine.kind === 'not') return mine.of.kind === 'not' && implies([mine.of.of], wanted);
  if (!('path' in wanted) || wanted.path !== mine.path) return false;
  const values = valuesOf(mine);
  if (values !== undefined) return values.every((value) => satisfies(value, wanted));
  if (mine.kind === 'text') return impliedByText(mine, wanted);
  return mine.kind === 'compare' && impliedByOrder(mine, wanted);
}

/** All values that satisfy it, where they are listed. */
function valuesOf(predicate: Predicate): readonly Literal[] | undefined {
  if (predicate.kind === 'in') return predicate.list;
  if (predicate.kind === 'flag') return [true];
  return predicate.kind === 'compare' && predicate.comparison === '==' ? [predicate.to] : undefined;
}

/** By the definition of the condition itself, on a record that has this value alone. */
function satisfies(value: Literal, wanted: Predicate & { readonly path: string }): boolean {
  const record = wanted.path
    .split('/')
    .slice(1)
    .reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
  return evaluate(wanted, record) === true;
}

function impliedByText(mine: Predicate & { readonly kind: 'text' }, wanted: Predicate): boolean {
  if (wanted.kind === 'compare') return wanted.comparison === '!=' && wanted.to === null;
  if (wanted.kind !== 'text') return false;
  if (wanted.test === 'contains') return mine.text.includes(wanted.text);
  if (wanted.test !== mine.test) return false;
  return wanted.test === 'startsWith' ? mine.text.startsWith(wanted.text) : mine.text.endsWith(wanted.text);
}

/** A null, and a number that is none, satisfies no order. */
function impliedByOrder(mine: Predicate & { readonly kind: 'compare' }, wanted: Predicate): boolean {
  if (wanted.kind !== 'compare' || !isOrder(mine.comparison)) return false;
  const { comparison, to } = wanted;
  if (comparison === '!=' && to === null) return true;
  if (!isNumber(mine.to) || !isNumber(to)) return false;
  const [upward, strict] = [mine.comparison.startsWith('>'), mine.comparison.length === 1];
  const [beyond, equal] = [upward ? mine.to > to : mine.to < to, !(mine.to > to) && !(mine.to < to)];
  if (comparison === '!=') return beyond || (equal && strict);
  if (!isOrder(comparison) || comparison.startsWith('>') !== upward) return false;
  return beyond || (equal && (strict || comparison.length === 2));
}

const isOrder = (comparison: Comparison): boolean => comparison !== '==' && comparison !== '!=';
const isNumber = (literal: Literal): literal is number | bigint => typeof literal === 'number' || typeof literal === 'bigint';
