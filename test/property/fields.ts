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

/** A place that a rule can name. */
export interface Place extends NamedField {
  /** A field of a record; otherwise an item, a value, a key or a branch. */
  readonly isField: boolean;
  /** The keys of a map. */
  readonly isKey: boolean;
}

/** The places one step below a value: fields, items, keys and values, and the branches of a union that has several beside null. */
export function placesOf(type: TypeModel, path: string): Place[] {
  const plain = plainType(type);
  const place = (end: string, of: TypeModel, isField = false, isKey = false): Place => ({
    path: `${path}${end}`,
    type: of,
    isField,
    isKey,
  });
  switch (plain.kind) {
    case 'record':
      return plain.fields.map((field) => place(`/${field.name}`, field.type, true));
    case 'array':
      return [place('[]', plain.items)];
    case 'map':
      return [place('{key}', { kind: 'string' }, false, true), place('{}', plain.values)];
    case 'union':
      return plain.branches
        .filter(({ kind }) => kind !== 'null')
        .map((branch) => place(`<${'name' in branch ? branch.name : branch.kind}>`, branch));
    default:
      return [];
  }
}

export function recordIn(type: TypeModel): TypeModel | undefined {
  const plain = plainType(type);
  return plain.kind === 'record' ? plain : undefined;
}

/** Whether a type is or holds one of these records. */
export function reaches(type: TypeModel, records: readonly TypeModel[], seen = new Set<TypeModel>()): boolean {
  if (records.includes(type)) return true;
  if (seen.has(type)) return false;
  seen.add(type);
  const parts = type.kind === 'union' ? type.branches : placesOf(type, '').map((place) => place.type);
  return parts.some((part) => reaches(part, records, seen));
}

/** Paths of the outermost fields with a tag, each type that contains itself walked once. */
export function tagged(schema: AvroSchema, tag: string): string[] {
  const walk = (type: TypeModel, path: string, above: readonly TypeModel[]): string[] => {
    const plain = plainType(type);
    if (above.includes(plain)) return [];
    const tags = new Map(plain.kind === 'record' ? plain.fields.map((field) => [field.name, field.tags ?? []]) : []);
    return placesOf(type, path).flatMap((below) => {
      const name = below.path.slice(below.path.lastIndexOf('/') + 1);
      if (below.isField && tags.get(name)?.includes(tag) === true) return [below.path];
      return walk(below.type, below.path, plain.kind === 'record' ? [...above, plain] : above);
    });
  };
  return walk(schema.root, '', []);
}

/** The type of an optional field without its null; any other type as it is. */
export function plainType(type: TypeModel): TypeModel {
  if (type.kind !== 'union') return type;
  const rest = type.branches.filter(({ kind }) => kind !== 'null');
  return rest.length === 1 ? (rest[0] as TypeModel) : type;
}

/** The kinds of types that occur anywhere in a type, with logical types as kinds of their own. */
export function kindsIn(type: TypeModel, found = new Set<string>(), within: readonly TypeModel[] = []): Set<string> {
  const logical = 'logicalType' in type && type.logicalType !== undefined ? `/${type.logicalType}` : '';
  const nullable = type.kind === 'union' && type.branches.some(({ kind }) => kind === 'null');
  const name = type.kind === 'union' ? (nullable ? 'union with null' : 'union without null') : `${type.kind}${logical}`;
  if (type.kind === 'record') {
    if (within.includes(type)) found.add('record within itself');
    if (within.includes(type)) return found;
  }
  found.add(name);
  const inside = [...within, type];
  switch (type.kind) {
    case 'union':
      for (const branch of type.branches) kindsIn(branch, found, inside);
      break;
    case 'array':
      kindsIn(type.items, found, inside);
      break;
    case 'map':
      kindsIn(type.values, found, inside);
      break;
    case 'record':
      for (const field of type.fields) kindsIn(field.type, found, inside);
      break;
    default:
      break;
  }
  return found;
}
