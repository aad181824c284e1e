/** The fields of a schema by path, told anew here and not by the code under test. */
import type { AvroSchema, RecordModel, TypeModel } from '../../libs/avro/index.ts';

export interface NamedField {
  readonly path: string;
  readonly type: TypeModel;
}

/** Every field that a path can name: through plain nested records alone. */
export function fieldsBelow(schema: AvroSchema): NamedField[] {
  const found: NamedField[] = [];
  const walk = (record: RecordModel, above: string, within: readonly RecordModel[]): void => {
    for (const field of record.fields) {
      const path = `${above}/${field.name}`;
      found.push({ path, type: field.type });
      if (field.type.kind === 'record' && !within.includes(field.type)) walk(field.type, path, [...within, field.type]);
    }
  };
  if (schema.root.kind === 'record') walk(schema.root, '', [schema.root]);
  return found;
}

/** The type of an optional field without its null; any other type as it is. */
export function plainType(type: TypeModel): TypeModel {
  if (type.kind !== 'union') return type;
  const rest = type.branches.filter(({ kind }) => kind !== 'null');
  return rest.length === 1 ? (rest[0] as TypeModel) : type;
}

/** The kinds of types that occur anywhere in a type, with logical types as kinds of their own. */
export function kindsIn(type: TypeModel, found = new Set<string>()): Set<string> {
  const logical = 'logicalType' in type && type.logicalType !== undefined ? `/${type.logicalType}` : '';
  const nullable = type.kind === 'union' && type.branches.some(({ kind }) => kind === 'null');
  const name = type.kind === 'union' ? (nullable ? 'union with null' : 'union without null') : `${type.kind}${logical}`;
  found.add(name);
  switch (type.kind) {
    case 'union':
      for (const branch of type.branches) kindsIn(branch, found);
      break;
    case 'array':
      kindsIn(type.items, found);
      break;
    case 'map':
      kindsIn(type.values, found);
      break;
    case 'record':
      for (const field of type.fields) kindsIn(field.type, found);
      break;
    default:
      break;
  }
  return found;
}
