/** Finding fields by path, and taking the null of an optional field apart. */
import type { AvroSchema, FieldModel, RecordModel, TypeModel } from '../avro/index.ts';

/** The parts of an optional field: its type without null; `nullable` tells whether null was there. */
export function withoutNull(type: TypeModel): {
  type: TypeModel;
  nullable: boolean;
} {
  if (type.kind !== 'union') return { type, nullable: type.kind === 'null' };
  const rest = type.branches.filter(({ kind }) => kind !== 'null');
  if (rest.length === type.branches.length) return { type, nullable: false };
  const [only] = rest;
  return {
    type: rest.length === 1 && only !== undefined ? only : { kind: 'union', branches: rest },
    nullable: true,
  };
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

/**
 * Fields of a type when every use of a named type is written out, a use of it within itself left out. Each named type is looked at
 * once: a few types that use each other twice in a row write out to millions of fields.
 */
export function writtenOutFields(type: TypeModel): number {
  const known = new Map<string, number>();
  const count = (of: TypeModel): number => {
    switch (of.kind) {
      case 'record': {
        const before = known.get(of.name);
        if (before !== undefined) return before;
        // Until it is counted, a use of it from within is a use of itself.
        known.set(of.name, 0);
        const fields = of.fields.reduce((sum, field) => sum + 1 + count(field.type), 0);
        known.set(of.name, fields);
        return fields;
      }
      case 'array':
        return count(of.items);
      case 'map':
        return count(of.values);
      case 'union':
        return of.branches.reduce((sum, branch) => sum + count(branch), 0);
      default:
        return 0;
    }
  };
  return count(type);
}
