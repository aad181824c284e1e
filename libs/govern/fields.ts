/** Finding fields by path, and taking the null of an optional field apart. */
import type { AvroSchema, FieldModel, RecordModel, TypeModel } from '../avro/index.ts';

/** The parts of an optional field: its type without null; `nullable` tells whether null was there. */
export function withoutNull(type: TypeModel): { type: TypeModel; nullable: boolean } {
  if (type.kind !== 'union') return { type, nullable: type.kind === 'null' };
  const rest = type.branches.filter(({ kind }) => kind !== 'null');
  if (rest.length === type.branches.length) return { type, nullable: false };
  const [only] = rest;
  return { type: rest.length === 1 && only !== undefined ? only : { kind: 'union', branches: rest }, nullable: true };
}

/** The record at the root, or undefined for a schema that is no record. */
export const rootRecord = (schema: AvroSchema): RecordModel | undefined =>
  schema.root.kind === 'record' ? schema.root : undefined;

/** The field at a path such as `/patient/phone`; only plain nested records are walked through. */
export function fieldAt(schema: AvroSchema, path: string): FieldModel | undefined {
  let record = rootRecord(schema);
  let found: FieldModel | undefined;
  for (const name of path.split('/').slice(1)) {
    found = record?.fields.find((field) => field.name === name);
    if (found === undefined) return undefined;
    record = found.type.kind === 'record' ? found.type : undefined;
  }
  return found;
}

/** Whether a record type can reach itself: its fields cannot then be told apart by a finite path. */
export function isRecursive(type: TypeModel, above: readonly string[] = []): boolean {
  switch (type.kind) {
    case 'record':
      return above.includes(type.name) || type.fields.some((field) => isRecursive(field.type, [...above, type.name]));
    case 'array':
      return isRecursive(type.items, above);
    case 'map':
      return isRecursive(type.values, above);
    case 'union':
      return type.branches.some((branch) => isRecursive(branch, above));
    default:
      return false;
  }
}
