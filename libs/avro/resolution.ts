/**
 * Schema resolution: which parts of a writer's schema stand for which parts of the schema that is read. Source: Apache Avro 1.12 specification,
 * "Schema Resolution". Beyond it, an alias of the writer's counts too: a new writer schema that renames a field says the old name there.
 */
import { isUtf8 } from 'node:buffer';
import { branchName } from './json-value.ts';
import type { FieldModel, RecordModel, TypeModel } from './schema.ts';

/** Stands for a value that has no counterpart in the schema that is read. */
export const unresolvable: unique symbol = Symbol('unresolvable');

const promotions: Readonly<Record<string, readonly string[]>> = {
  int: ['long', 'float', 'double'],
  long: ['float', 'double'],
  float: ['double'],
  string: ['bytes'],
  bytes: ['string'],
};

/** Whether values of the one kind may be read as the other. */
export const promotes = (from: TypeModel, to: TypeModel): boolean =>
  promotions[from.kind]?.includes(to.kind) === true && sameMeaning(from, to);

/** A number of days is no number of milliseconds, and a decimal of another scale no decimal of this one. Source: Avro 1.12, "Logical Types". */
function sameMeaning(from: TypeModel, to: TypeModel): boolean {
  const [a, b] = [from, to].map((type) => ('logicalType' in type ? type : undefined));
  if (a?.logicalType !== b?.logicalType) return from.kind === 'string' || to.kind === 'string';
  return a?.logicalType !== 'decimal' || (a.attributes?.['scale'] ?? 0) === (b?.attributes?.['scale'] ?? 0);
}

const unqualified = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

/** Whether two types are the same kind, and where they have names, the same one: in full, without the namespace, or by an alias. */
export function matches(writer: TypeModel, reader: TypeModel): boolean {
  if (writer.kind !== reader.kind || !sameMeaning(writer, reader)) return false;
  if (!('name' in writer) || !('name' in reader)) return true;
  if (writer.kind === 'fixed' && reader.kind === 'fixed' && writer.size !== reader.size) return false;
  return (
    unqualified(writer.name) === unqualified(reader.name) ||
    reader.aliases?.includes(writer.name) === true ||
    writer.aliases?.includes(reader.name) === true
  );
}

/** The writer's field that a field is read from; undefined for none. */
export function writerField(writer: RecordModel, field: FieldModel): FieldModel | undefined {
  const named = (test: (candidate: FieldModel) => boolean): FieldModel | undefined => writer.fields.find(test);
  return (
    named(({ name }) => name === field.name) ??
    named(({ name }) => field.aliases?.includes(name) === true) ??
    named(({ aliases }) => aliases?.includes(field.name) === true)
  );
}

/** The index of the branch that values of the writer's type are read as: one that matches, else the first that it may be promoted to; -1 for none. */
export function branchFor(writer: TypeModel, branches: readonly TypeModel[]): number {
  const same = branches.findIndex((branch) => matches(writer, branch));
  return same >= 0 ? same : branches.findIndex((branch) => promotes(writer, branch));
}

/**
 * A decoded value of the writer's type as one of the reader's, plainly. Parts without a counterpart become `unresolvable`, or `undefined` where
 * bytes are no text. `fallback` gives the default of a field that the writer does not have.
 */
export function resolveValue(
  writer: TypeModel,
  reader: TypeModel,
  value: unknown,
  fallback: (field: FieldModel) => unknown,
): unknown {
  const inner = (from: TypeModel, to: TypeModel, of: unknown): unknown => resolveValue(from, to, of, fallback);
  if (writer.kind === 'union') {
    const branch = writer.branches.find((candidate) =>
      value === null ? candidate.kind === 'null' : candidate.kind !== 'null' && branchName(candidate) in (value as object),
    );
    if (branch === undefined) return unresolvable;
    return inner(branch, reader, value === null ? null : (value as Record<string, unknown>)[branchName(branch)]);
  }
  if (reader.kind === 'union') {
    const branch = reader.branches[branchFor(writer, reader.branches)];
    if (branch === undefined) return unresolvable;
    if (branch.kind === 'null') return null;
    return { [branchName(branch)]: inner(writer, branch, value) };
  }
  if (!matches(writer, reader)) return promotes(writer, reader) ? promote(writer, reader, value) : unresolvable;
  switch (reader.kind) {
    case 'record': {
      const source = value as Readonly<Record<string, unknown>>;
      const found: Record<string, unknown> = {};
      for (const field of reader.fields) {
        const from = writerField(writer as RecordModel, field);
        found[field.name] = from === undefined ? fallback(field) : inner(from.type, field.type, source[from.name]);
      }
      return found;
    }
    case 'array':
      return (value as unknown[]).map((item) => inner((writer as typeof reader).items, reader.items, item));
    case 'map': {
      const found: Record<string, unknown> = {};
      for (const [key, item] of Object.entries(value as object))
        found[key] = inner((writer as typeof reader).values, reader.values, item);
      return found;
    }
    case 'enum':
      if (reader.symbols.includes(value as string)) return value;
      return reader.default ?? unresolvable;
    default:
      return value;
  }
}

function promote(writer: TypeModel, reader: TypeModel, value: unknown): unknown {
  switch (reader.kind) {
    case 'long':
      return BigInt(value as number);
    case 'float':
      return Math.fround(Number(value));
    case 'double':
      return Number(value);
    case 'bytes':
      return Buffer.from(value as string);
    default: {
      const bytes = value as Buffer;
      return writer.kind === 'bytes' && !isUtf8(bytes) ? undefined : bytes.toString('utf8');
    }
  }
}
