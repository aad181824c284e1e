/**
 * Row predicates: a CEL expression type-checked against a schema into a small typed tree. Source: Common Expression Language specification.
 * Supported: && || !, comparisons, `in` a list of literals, startsWith/endsWith/contains, null checks, nested record fields. Everything else
 * is refused at publish time with the reason.
 */
import { parse } from '@bufbuild/cel';
import type { Result } from '../base/index.ts';
import { fail, ok } from '../base/index.ts';
import type { AvroSchema } from '../avro/index.ts';
import { fieldAt, withoutNull } from './fields.ts';

export type Literal = string | number | bigint | boolean | null;
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';

export type Predicate =
  | {
      readonly kind: 'and' | 'or';
      readonly left: Predicate;
      readonly right: Predicate;
    }
  | { readonly kind: 'not'; readonly of: Predicate }
  | {
      readonly kind: 'compare';
      readonly path: string;
      readonly comparison: Comparison;
      readonly to: Literal;
    }
  | {
      readonly kind: 'in';
      readonly path: string;
      readonly list: readonly Literal[];
    }
  | {
      readonly kind: 'text';
      readonly path: string;
      readonly test: 'startsWith' | 'endsWith' | 'contains';
      readonly text: string;
    }
  | { readonly kind: 'flag'; readonly path: string };

const maxTextLength = 4096;
const maxDepth = 64;

/** Fails with `predicate-invalid`, naming what cannot be compiled. */
export function compilePredicate(schema: AvroSchema, text: string): Result<Predicate> {
  if (text.length > maxTextLength)
    return fail('predicate-invalid', `compiling row condition: it is over ${maxTextLength} characters`);
  let root: CelExpr;
  try {
    root = parse(text).expr as unknown as CelExpr;
  } catch (error) {
    return fail(
      'predicate-invalid',
      `compiling row condition: ${error instanceof Error ? error.message.slice(0, 200) : 'not CEL'}`,
    );
  }
  try {
    return ok(build(schema, root, 0));
  } catch (error) {
    if (error instanceof Refused) return fail('predicate-invalid', `compiling row condition: ${error.message}`);
    throw error;
  }
}

/** The shape of the parser's tree that is used here. */
interface CelExpr {
  readonly exprKind:
    | { readonly case: 'identExpr'; readonly value: { readonly name: string } }
    | {
        readonly case: 'selectExpr';
        readonly value: {
          readonly operand?: CelExpr;
          readonly field: string;
          readonly testOnly: boolean;
        };
      }
    | {
        readonly case: 'constExpr';
        readonly value: {
          readonly constantKind: {
            readonly case?: string;
            readonly value?: unknown;
          };
        };
      }
    | {
        readonly case: 'listExpr';
        readonly value: { readonly elements: readonly CelExpr[] };
      }
    | {
        readonly case: 'callExpr';
        readonly value: {
          readonly function: string;
          readonly target?: CelExpr;
          readonly args: readonly CelExpr[];
        };
      }
    | {
        readonly case: 'structExpr' | 'comprehensionExpr' | undefined;
        readonly value?: unknown;
      };
}

class Refused extends Error {}

const comparisons: Readonly<Record<string, Comparison>> = {
  '_==_': '==',
  '_!=_': '!=',
  '_<_': '<',
  '_<=_': '<=',
  '_>_': '>',
  '_>=_': '>=',
};
const mirrored: Readonly<Record<Comparison, Comparison>> = {
  '==': '==',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

function build(schema: AvroSchema, expr: CelExpr, depth: number): Predicate {
  if (depth > maxDepth) throw new Refused('it is nested too deep');
  const { exprKind } = expr;
  if (exprKind.case === 'identExpr' || exprKind.case === 'selectExpr') {
    const path = pathOf(expr);
    if (kindAt(schema, path).kind !== 'boolean') throw new Refused(`${path} is not a boolean`);
    return { kind: 'flag', path };
  }
  if (exprKind.case !== 'callExpr') throw new Refused('a condition is expected');
  const { function: name, target, args } = exprKind.value;
  const [first, second] = args;
  if ((name === '_&&_' || name === '_||_') && first !== undefined && second !== undefined) {
    return {
      kind: name === '_&&_' ? 'and' : 'or',
      left: build(schema, first, depth + 1),
      right: build(schema, second, depth + 1),
    };
  }
  if (name === '!_' && first !== undefined) return { kind: 'not', of: build(schema, first, depth + 1) };
  const comparison = comparisons[name];
  if (comparison !== undefined && first !== undefined && second !== undefined) return compare(schema, comparison, first, second);
  if (name === '@in' && first !== undefined && second?.exprKind.case === 'listExpr') {
    const path = pathOf(first);
    const list = second.exprKind.value.elements.map((element) => literalOf(element));
    for (const item of list) checkTypes(schema, path, '==', item);
    return { kind: 'in', path, list };
  }
  if ((name === 'startsWith' || name === 'endsWith' || name === 'contains') && target !== undefined && first !== undefined) {
    const path = pathOf(target);
    const text = literalOf(first);
    if (kindAt(schema, path).kind !== 'string' || typeof text !== 'string')
      throw new Refused(`${name} needs a text field and a text`);
    return { kind: 'text', path, test: name, text };
  }
  throw new Refused(`${name.replaceAll('_', '').slice(0, 32)} is not supported`);
}

function compare(schema: AvroSchema, comparison: Comparison, first: CelExpr, second: CelExpr): Predicate {
  const fieldFirst = isField(first);
  if (fieldFirst === isField(second)) throw new Refused('a comparison needs a field on one side and a literal on the other');
  const path = pathOf(fieldFirst ? first : second);
  const to = literalOf(fieldFirst ? second : first);
  const turned = fieldFirst ? comparison : mirrored[comparison];
  checkTypes(schema, path, turned, to);
  return { kind: 'compare', path, comparison: turned, to };
}

const isField = ({ exprKind }: CelExpr): boolean => exprKind.case === 'identExpr' || exprKind.case === 'selectExpr';

function pathOf({ exprKind }: CelExpr): string {
  if (exprKind.case === 'identExpr') return `/${exprKind.value.name}`;
  if (exprKind.case === 'selectExpr' && !exprKind.value.testOnly && exprKind.value.operand !== undefined) {
    return `${pathOf(exprKind.value.operand)}/${exprKind.value.field}`;
  }
  throw new Refused('a field is expected');
}

function literalOf({ exprKind }: CelExpr): Literal {
  if (exprKind.case === 'callExpr' && exprKind.value.function === '-_' && exprKind.value.args[0] !== undefined) {
    const positive = literalOf(exprKind.value.args[0]);
    if (typeof positive === 'number' || typeof positive === 'bigint') return -positive;
  }
  if (exprKind.case !== 'constExpr') throw new Refused('a literal is expected');
  const { case: kind, value } = exprKind.value.constantKind;
  if (kind === 'nullValue') return null;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return value;
  throw new Refused('only texts, numbers, true, false and null are supported as literals');
}

function kindAt(
  schema: AvroSchema,
  path: string,
): {
  kind: 'string' | 'number' | 'boolean';
  nullable: boolean;
  symbols?: readonly string[];
} {
  const field = fieldAt(schema, path);
  if (field === undefined) throw new Refused(`the schema has no field ${path}`);
  const { type, nullable } = withoutNull(field.type);
  switch (type.kind) {
    case 'string':
      return { kind: 'string', nullable };
    case 'enum':
      return { kind: 'string', nullable, symbols: type.symbols };
    case 'int':
    case 'long':
    case 'float':
    case 'double':
      return { kind: 'number', nullable };
    case 'boolean':
      return { kind: 'boolean', nullable };
    default:
      throw new Refused(`${path} is ${type.kind}, which has no comparison`);
  }
}

function checkTypes(schema: AvroSchema, path: string, comparison: Comparison, to: Literal): void {
  const { kind, nullable, symbols } = kindAt(schema, path);
  const equality = comparison === '==' || comparison === '!=';
  if (to === null) {
    if (!nullable || !equality) throw new Refused(`${path} is never null, or is compared with null by order`);
    return;
  }
  const literalKind = typeof to === 'bigint' ? 'number' : typeof to;
  if (literalKind !== kind) throw new Refused(`${path} is a ${kind} and is compared with a ${literalKind}`);
  if (!equality && (kind === 'boolean' || symbols !== undefined)) throw new Refused(`${path} has no order`);
  if (symbols !== undefined && !symbols.includes(to as string))
    throw new Refused(`${path} has no symbol ${String(to).slice(0, 64)}`);
}
