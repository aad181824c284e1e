/**
 * The intermediate form of a Program: what happens at each place of a record, as a tree that is aligned with the writer's bytes on one side and
 * with the governed type on the other. Adjacent places that leave as they are become one copy; the back end decides how.
 */
import type { Result } from '../base/index.ts';
import { fail, limits, ok } from '../base/index.ts';
import type { FieldModel, RecordModel, TypeModel } from '../avro/index.ts';
import { branchFor, branchName, defaultOf, matches, promotes, writerField } from '../avro/index.ts';
import { isBelow } from './address.ts';
import { typedConstant } from './constants.ts';
import { withoutNull } from './fields.ts';
import type { FieldPlan, TransformAction } from './stage.ts';
import type { ValueSource } from './value-source.ts';
import { identical, sourceOf } from './value-source.ts';

export type Node =
  /** The writer's bytes as they are. */
  | { readonly op: 'copy' }
  /** Bytes of the writer that must be UTF-8 to be the text that was planned for. */
  | { readonly op: 'text'; readonly plan: number }
  /** A number in another encoding. */
  | {
      readonly op: 'promote';
      readonly from: 'int' | 'long' | 'float';
      readonly to: 'float' | 'double';
    }
  /** An enum by the governed type's indexes, -1 for a symbol that it does not have. */
  | {
      readonly op: 'enum';
      readonly indexes: readonly number[];
      readonly plan: number;
    }
  /** Constant bytes, whatever was there. */
  | { readonly op: 'fill'; readonly bytes: Uint8Array }
  | TransformNode
  | RecordNode
  /** `source` is the writer's type of the items or values. */
  | { readonly op: 'array'; readonly items: Node; readonly source: TypeModel }
  | { readonly op: 'map'; readonly values: Node; readonly source: TypeModel }
  | UnionNode
  /** A value of the branch `index` of a union, from a writer's type that is no union. */
  | { readonly op: 'wrap'; readonly index: number; readonly of: Node }
  /** The same as at the record node `of`, which this place is within. */
  | { readonly op: 'again'; readonly of: RecordNode };

export interface TransformNode extends ValueSource {
  readonly op: 'transform';
  readonly plan: number;
  readonly action: TransformAction;
  /** Whether the result is a union with null first. */
  readonly optional: boolean;
}

export interface RecordNode {
  readonly op: 'record';
  readonly path: string;
  readonly source: RecordModel;
  readonly fields: NodeField[];
  /** Whether a place within it is governed as the whole is. */
  again: boolean;
}

/** A field of the governed record, or one that is not governed but looked at. */
export interface NodeField {
  readonly path: string;
  /** Index of the writer's field; -1 where the writer has none, and then the value stands in `constant`. */
  readonly from: number;
  readonly type: TypeModel;
  /** Undefined for a field that does not leave. */
  readonly node: Node | undefined;
  /** The value as rules look at it, where they can. */
  readonly looked: ValueSource | undefined;
  /** Bytes of the default, in the encoding of the planned type. */
  readonly constant: Uint8Array | undefined;
  /** The record that it is, where a place in it is looked at though it does not leave as it is. */
  readonly inside: RecordNode | undefined;
}

export interface UnionNode {
  readonly op: 'union';
  /** By the writer's branch: where its values go, or undefined for one that has no counterpart. */
  readonly branches: readonly ({ readonly index: number; readonly of: Node; readonly source: TypeModel } | undefined)[];
  readonly plan: number;
}

export interface TreeInput {
  /** The type that the plans are for, and the writer's. */
  readonly contract: RecordModel;
  readonly writer: RecordModel;
  readonly plans: readonly FieldPlan[];
  /** Paths whose values are looked at beside: of row conditions, the key, subjects. */
  readonly observed: readonly string[];
}

/** Fails with `plan-invalid`, naming the field, when the writer's schema cannot be read under the contract. */
export function buildTree(input: TreeInput): Result<RecordNode> {
  try {
    const root = new TreeBuilder(input).record(input.contract, input.writer, '', -1);
    for (const path of input.observed) checkObserved(root, path);
    return ok(root);
  } catch (error) {
    if (error instanceof Unreadable) return fail('plan-invalid', error.message, error.path);
    throw error;
  }
}

class Unreadable extends Error {
  readonly path: string;
  constructor(path: string, message: string) {
    super(`field ${path === '' ? '/' : path}: ${message}`);
    this.path = path;
  }
}

/** A field that plain records alone lead to, and the writer's type of it; undefined where something else stands on the way. */
function observedField(root: RecordNode, path: string): NodeField | undefined {
  let node: RecordNode | undefined = root;
  while (node !== undefined) {
    const field: NodeField | undefined = node.fields.find(
      (candidate) => candidate.path === path || isBelow(path, candidate.path),
    );
    if (field === undefined || field.path === path) return field;
    node = field.node?.op === 'record' ? field.node : field.inside;
  }
  return undefined;
}

function checkObserved(root: RecordNode, path: string): void {
  const field = observedField(root, path);
  if (field === undefined)
    throw new Unreadable(path, 'a rule looks at it, and the schema has it within something that may be absent');
  if (field.from < 0 && field.constant === nullByte && field.type.kind !== 'union')
    throw new Unreadable(path, 'a rule looks at it, the schema no longer has it, and the contract has no default for it');
  if (field.from >= 0 && field.looked === undefined)
    throw new Unreadable(path, 'a rule looks at it, and it is of another type in the schema');
}

const nullByte = new Uint8Array([0]);
const copy: Node = { op: 'copy' };

/** Most places of a tree: types that use each other in circles can be read in very many ways. */
const placesMax = 4 * limits.schemaFieldsMax;

class TreeBuilder {
  #places = 0;
  readonly #input: TreeInput;
  readonly #plans: ReadonlyMap<string, number>;
  /** Records that the place at hand is in, by the planned type and the writer's. */
  readonly #above: {
    readonly contract: RecordModel;
    readonly node: RecordNode;
    readonly plan: number;
  }[] = [];

  constructor(input: TreeInput) {
    this.#input = input;
    this.#plans = new Map(input.plans.map(({ path }, index) => [path, index]));
  }

  /** `plan` is the index of the plan that keeps the whole, -1 where plans are below. */
  record(contract: RecordModel, writer: RecordModel, path: string, plan: number): RecordNode {
    const node: RecordNode = {
      op: 'record',
      path,
      source: writer,
      fields: [],
      again: false,
    };
    this.#above.push({ contract, node, plan });
    this.#places += contract.fields.length;
    if (this.#places > placesMax) throw new Unreadable(path, `the schema has more than ${placesMax} places`);
    const read = new Set<number>();
    for (const field of contract.fields) {
      const made = this.#field(field, writer, `${path}/${field.name}`, plan);
      if (made.from >= 0 && read.has(made.from))
        throw new Unreadable(made.path, 'another field of the contract is read from the same field');
      read.add(made.from);
      node.fields.push(made);
    }
    this.#above.pop();
    return node;
  }

  #field(field: FieldModel, writer: RecordModel, path: string, plan: number): NodeField {
    const source = writerField(writer, field);
    const own = this.#plans.get(path) ?? -1;
    const dropped = own >= 0 && this.#input.plans[own]?.action.kind === 'drop';
    if (source !== undefined) {
      const from = writer.fields.indexOf(source);
      const node = dropped ? undefined : this.#node(field.type, source.type, path, plan);
      const looksInside = this.#input.observed.some((other) => isBelow(other, path));
      const inside =
        looksInside && node?.op !== 'record' && field.type.kind === 'record' && matches(source.type, field.type)
          ? this.record(field.type, source.type as RecordModel, path, 0)
          : undefined;
      return {
        path,
        from,
        type: field.type,
        node,
        looked: sourceOf(field.type, source.type),
        constant: undefined,
        inside,
      };
    }
    const missing = {
      path,
      from: -1,
      type: field.type,
      looked: sourceOf(field.type, field.type),
      inside: undefined,
    };
    if (field.default === undefined && dropped) return { ...missing, node: undefined, constant: nullByte };
    if (field.default === undefined)
      throw new Unreadable(path, 'the schema no longer has it, and the contract has no default for it');
    const constant = defaultOf(field);
    if (!constant.ok) throw new Unreadable(path, 'its default is no value of its type');
    const kept = plan >= 0 || (own >= 0 && this.#input.plans[own]?.action.kind === 'keep');
    const node = dropped
      ? undefined
      : kept
        ? ({ op: 'fill', bytes: constant.value.bytes } as const)
        : this.#node(field.type, field.type, path, plan);
    if (node !== undefined && !['fill', 'transform'].includes(node.op))
      throw new Unreadable(path, 'the schema no longer has it, and rules below it cannot be applied to its default');
    return { ...missing, node, constant: constant.value.bytes };
  }

  /** What happens to the value at a path; `plan` is the plan that keeps what it is in, -1 for none. */
  #node(type: TypeModel, source: TypeModel, path: string, plan: number): Node {
    const own = this.#plans.get(path) ?? -1;
    const action = this.#input.plans[own]?.action;
    switch (action?.kind) {
      case 'null':
        return { op: 'fill', bytes: nullByte };
      case 'constant':
        return {
          op: 'fill',
          bytes: this.#constant(action.result, action.value, path),
        };
      case 'transform':
        return this.#transform(own, action, type, source, path);
      case 'drop':
        throw new Unreadable(path, 'only fields can be dropped; drop the field that this is in');
      default:
        return this.#structure(type, source, path, own >= 0 ? own : plan);
    }
  }

  #constant(type: TypeModel, value: unknown, path: string): Uint8Array {
    const constant = typedConstant(type, value);
    if (!constant.ok) throw new Unreadable(path, 'the constant is not of its type');
    return constant.value.bytes;
  }

  #transform(plan: number, action: TransformAction, type: TypeModel, source: TypeModel, path: string): TransformNode {
    const value = sourceOf(type, source);
    if (value === undefined) throw this.#unreadable(withoutNull(source).type, withoutNull(type).type, path);
    const optional = value.nullable || this.#input.plans[plan]?.otherwise === 'null';
    return { op: 'transform', plan, action, optional, ...value };
  }

  #structure(type: TypeModel, source: TypeModel, path: string, plan: number): Node {
    const { plans, observed } = this.#input;
    const governed = plan < 0;
    const looksInside = observed.some((other) => isBelow(other, path));
    if (!governed && !(looksInside && type.kind === 'record') && identical(source, type)) return copy;
    if (source.kind === 'union') return this.#union(type, source.branches, path, plan);
    if (type.kind === 'union') {
      const index = branchFor(source, type.branches);
      const branch = type.branches[index];
      if (branch === undefined) throw this.#unreadable(source, type, path);
      const of = branch.kind === 'null' ? copy : this.#node(branch, source, branchPath(type.branches, branch, path), plan);
      return { op: 'wrap', index, of };
    }
    if (!matches(source, type)) return this.#promote(source, type, path, plan);
    switch (type.kind) {
      case 'record': {
        const above = this.#above.filter((entry) => entry.contract === type && entry.plan < 0 === plan < 0);
        const same = above.find((entry) => entry.node.source === source);
        // Below the first place of a type that contains itself, the rules of that place hold.
        if (same === undefined) return this.record(type, source as RecordModel, above[0]?.node.path ?? path, plan);
        same.node.again = true;
        return { op: 'again', of: same.node };
      }
      case 'array': {
        const { items } = source as typeof type;
        return {
          op: 'array',
          items: this.#node(type.items, items, `${path}[]`, plan),
          source: items,
        };
      }
      case 'map': {
        const { values } = source as typeof type;
        return {
          op: 'map',
          values: this.#node(type.values, values, `${path}{}`, plan),
          source: values,
        };
      }
      case 'enum': {
        const { symbols } = source as typeof type;
        const fallback = type.default === undefined ? -1 : type.symbols.indexOf(type.default);
        const indexes = symbols.map((symbol) => (type.symbols.includes(symbol) ? type.symbols.indexOf(symbol) : fallback));
        return indexes.every((index, at) => index === at) ? copy : { op: 'enum', indexes, plan };
      }
      default:
        if (governed && plans.every((other) => other.path !== path)) throw new Error(`buildTree: ${path} is not covered`);
        return copy;
    }
  }

  #promote(source: TypeModel, type: TypeModel, path: string, plan: number): Node {
    if (!promotes(source, type)) throw this.#unreadable(source, type, path);
    // An int is written as a long is, and a text as bytes are.
    if (type.kind === 'float' || type.kind === 'double')
      return {
        op: 'promote',
        from: source.kind as 'int' | 'long' | 'float',
        to: type.kind,
      };
    return type.kind === 'string' ? { op: 'text', plan } : copy;
  }

  #union(type: TypeModel, sources: readonly TypeModel[], path: string, plan: number): Node {
    const branches = sources.map((source) => {
      const index = type.kind === 'union' ? branchFor(source, type.branches) : 0;
      const branch = type.kind === 'union' ? type.branches[index] : type;
      if (branch === undefined || !(matches(source, branch) || promotes(source, branch))) return undefined;
      const at = type.kind === 'union' ? branchPath(type.branches, branch, path) : path;
      return {
        index: type.kind === 'union' ? index : -1,
        of: branch.kind === 'null' ? copy : this.#node(branch, source, at, plan),
        source,
      };
    });
    if (branches.every((branch) => branch === undefined))
      throw this.#unreadable({ kind: 'union', branches: sources }, type, path);
    return { op: 'union', branches, plan };
  }

  #unreadable(source: TypeModel, type: TypeModel, path: string): Unreadable {
    return new Unreadable(path, `${nameOf(source)} cannot be read as ${nameOf(type)}, which the contract has`);
  }
}

const nameOf = (type: TypeModel): string => ('name' in type ? `${type.kind} ${type.name}` : type.kind);

/** The path of a branch: a single one beside null has that of the union. */
function branchPath(branches: readonly TypeModel[], branch: TypeModel, path: string): string {
  return branches.filter(({ kind }) => kind !== 'null').length < 2 ? path : `${path}<${branchName(branch)}>`;
}
