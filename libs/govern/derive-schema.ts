/** Derives the governed record type from the contract's and the tree: dropped fields go, changed values get their result type. */
import type { Result } from '../base/index.ts';
import { fail, ok } from '../base/index.ts';
import type { FieldModel, RecordModel, TypeModel } from '../avro/index.ts';
import { branchName } from '../avro/index.ts';
import { placesIn } from './address.ts';
import { typedConstant } from './constants.ts';
import type { FieldPlan } from './stage.ts';
import type { Node, NodeField, RecordNode } from './tree.ts';

/** Fails with `plan-invalid`, naming the field, when no schema can say what the plans make. `root` is the contract read as itself. */
export function deriveRecord(contract: RecordModel, root: RecordNode, plans: readonly FieldPlan[]): Result<RecordModel> {
  const uses = new Map<string, number>();
  countUses(contract, uses, []);
  const kept = new Set<string>();
  collectKept(contract, root, kept, new Set());
  const derivation = new Derivation(plans, uses, kept);
  try {
    return ok(derivation.record(contract, root, '') as RecordModel);
  } catch (error) {
    if (error instanceof Impossible) return fail('plan-invalid', `field ${error.path}: ${error.message}`, error.path);
    throw error;
  }
}

class Impossible extends Error {
  readonly path: string;
  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

class Derivation {
  readonly #plans: readonly FieldPlan[];
  /** How often each named type of the contract is used. */
  readonly #uses: ReadonlyMap<string, number>;
  /** Names of types that leave as they are somewhere. */
  readonly #kept: ReadonlySet<string>;
  /** Names that stand for a definition already. */
  readonly #taken: Set<string>;
  /** Records that are being derived or may be referred to from within. */
  readonly #records = new Map<RecordNode, RecordModel>();

  constructor(plans: readonly FieldPlan[], uses: ReadonlyMap<string, number>, kept: ReadonlySet<string>) {
    this.#plans = plans;
    this.#uses = uses;
    this.#kept = kept;
    this.#taken = new Set(uses.keys());
  }

  record(type: RecordModel, node: RecordNode, path: string): TypeModel {
    const changed = changes(node, new Set());
    if (!changed) return type;
    const fields: FieldModel[] = [];
    // A type that is used in several places, or kept in one, and governed below another is another type there, so it needs another name.
    const shared = (this.#uses.get(type.name) ?? 0) > 1 || this.#kept.has(type.name);
    const name = shared ? this.#freeName(`${type.name}${path.replaceAll(/[^A-Za-z0-9_]+/g, '_')}`) : type.name;
    const record: RecordModel = {
      kind: 'record',
      name,
      fields,
      ...(type.doc === undefined ? {} : { doc: type.doc }),
    };
    this.#records.set(node, record);
    for (const [index, field] of type.fields.entries()) {
      const derived = this.#field(field, node.fields[index] as NodeField);
      if (derived !== undefined) fields.push(derived);
    }
    return record;
  }

  #field(field: FieldModel, { node, path }: NodeField): FieldModel | undefined {
    if (node === undefined) return undefined;
    if (!changes(node, new Set())) return field;
    const type = this.#type(field.type, node, path);
    const doc = field.doc === undefined ? {} : { doc: field.doc };
    const nullFirst = type.kind === 'union' && type.branches[0]?.kind === 'null';
    return {
      name: field.name,
      type,
      ...doc,
      ...(nullFirst ? { default: { json: null } } : {}),
    };
  }

  #type(type: TypeModel, node: Node, path: string): TypeModel {
    switch (node.op) {
      case 'fill': {
        const action = this.#plans.find((plan) => plan.path === path)?.action;
        if (action?.kind === 'constant') return action.result;
        if (type.kind === 'null') throw new Impossible(path, 'it is null already; keep or drop it');
        return optional(type);
      }
      case 'transform':
        this.#checkOtherwise(node.plan);
        return node.optional ? optional(node.action.result) : node.action.result;
      case 'record':
        return this.record(type as RecordModel, node, path);
      case 'again':
        return this.#records.get(node.of) ?? type;
      case 'array':
        return {
          kind: 'array',
          items: this.#type((type as { items: TypeModel }).items, node.items, `${path}[]`),
        };
      case 'map':
        return {
          kind: 'map',
          values: this.#type((type as { values: TypeModel }).values, node.values, `${path}{}`),
        };
      case 'union': {
        const { branches } = type as { branches: readonly TypeModel[] };
        const single = branches.filter(({ kind }) => kind !== 'null').length < 2;
        const derived = branches.map((branch, index) => {
          const of = node.branches.find((candidate) => candidate?.index === index)?.of;
          if (of === undefined || branch.kind === 'null') return branch;
          return this.#type(branch, of, single ? path : `${path}<${branchName(branch)}>`);
        });
        return this.#unionOf(derived, path);
      }
      default:
        return type;
    }
  }

  #unionOf(branches: readonly TypeModel[], path: string): TypeModel {
    const names = branches.map(branchName);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new Impossible(path, `two branches of the union would be ${twice}`);
    if (branches.some(({ kind }) => kind === 'union'))
      throw new Impossible(path, 'a branch of a union cannot become null; say else: refuse');
    return { kind: 'union', branches };
  }

  /** A constant of `else` must be a value of the result type. */
  #checkOtherwise(index: number): void {
    const plan = this.#plans[index];
    if (plan?.action.kind !== 'transform' || typeof plan.otherwise === 'string') return;
    if (!typedConstant(plan.action.result, plan.otherwise.constant).ok)
      throw new Impossible(plan.path, 'the constant of else is not of the result type');
  }

  /** The name, with as many underscores behind it as make it one that no other definition has. */
  #freeName(wanted: string): string {
    let name = wanted;
    while (this.#taken.has(name)) name += '_';
    this.#taken.add(name);
    return name;
  }
}

/** Whether anything at or below a node leaves in another form. */
function changes(node: Node | undefined, seen: Set<Node>): boolean {
  if (node === undefined) return true;
  switch (node.op) {
    case 'copy':
      return false;
    case 'again':
      return changes(node.of, seen);
    case 'record':
      if (seen.has(node)) return false;
      seen.add(node);
      return node.fields.some((field) => changes(field.node, seen));
    case 'array':
      return changes(node.items, seen);
    case 'map':
      return changes(node.values, seen);
    case 'union':
      return node.branches.some((branch) => branch !== undefined && changes(branch.of, seen));
    default:
      return true;
  }
}

/** Names of types that are in what is kept. */
function collectKept(type: TypeModel, node: Node, kept: Set<string>, seen: Set<Node>): void {
  switch (node.op) {
    case 'copy':
      namesIn(type, kept, new Set());
      return;
    case 'record':
      if (seen.has(node)) return;
      seen.add(node);
      (type as RecordModel).fields.forEach((field, index) => {
        const below = node.fields[index]?.node;
        if (below !== undefined) collectKept(field.type, below, kept, seen);
      });
      return;
    case 'array':
      collectKept((type as { items: TypeModel }).items, node.items, kept, seen);
      return;
    case 'map':
      collectKept((type as { values: TypeModel }).values, node.values, kept, seen);
      return;
    case 'union':
      (type as { branches: readonly TypeModel[] }).branches.forEach((branch, index) => {
        const of = node.branches.find((candidate) => candidate?.index === index)?.of;
        if (of !== undefined) collectKept(branch, of, kept, seen);
      });
      return;
    default:
  }
}

function namesIn(type: TypeModel, names: Set<string>, seen: Set<TypeModel>): void {
  if (seen.has(type)) return;
  seen.add(type);
  if ('name' in type) names.add(type.name);
  if (type.kind === 'union') for (const branch of type.branches) namesIn(branch, names, seen);
  else for (const { type: below } of placesIn(type, '')) namesIn(below, names, seen);
}

/** How often each named type is used; a use of a record within itself is not counted. */
function countUses(type: TypeModel, uses: Map<string, number>, above: readonly TypeModel[]): void {
  if (above.includes(type)) return;
  if ('name' in type) {
    const before = uses.get(type.name) ?? 0;
    uses.set(type.name, before + 1);
    // What is inside of a type that was met before is met again as often; more than once is all that matters.
    if (before > 1) return;
  }
  if (type.kind === 'union') for (const branch of type.branches) countUses(branch, uses, above);
  else for (const { type: below } of placesIn(type, '')) countUses(below, uses, [...above, type]);
}

/** The type with null as its first branch. */
function optional(type: TypeModel): TypeModel {
  const branches = type.kind === 'union' ? type.branches.filter(({ kind }) => kind !== 'null') : [type];
  return { kind: 'union', branches: [{ kind: 'null' }, ...branches] };
}
