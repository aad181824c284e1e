/** The fields of a schema as a catalogue lists them: where each is, what it is, and how it is classified. */
import type { AvroSchema, RecordModel, TypeModel } from '../avro/index.ts';
import { branchName } from '../avro/index.ts';

/** Classification of a field, from the schema's `sluice.tags`; from the most protected. */
export const fieldTags = ['direct-identifier', 'quasi-identifier', 'sensitive', 'plain'] as const;
type FieldTag = (typeof fieldTags)[number];

export interface DescribedField {
  /** As policies address it, such as `/orders[]/buyer/phone`. */
  readonly path: string;
  /** `string`, `int (date)`, `record cn.Phone`; with a question mark where it may be null. */
  readonly type: string;
  /** The most protected of its tags; null where nobody classified it. */
  readonly tag: FieldTag | null;
  readonly doc: string | null;
}

/** In the order of the schema; a type that contains itself is entered once. */
export function describeFields(schema: AvroSchema): readonly DescribedField[] {
  const found: DescribedField[] = [];
  const walk = (type: TypeModel, path: string, above: readonly RecordModel[]): void => {
    switch (type.kind) {
      case 'record':
        if (above.includes(type)) return;
        for (const field of type.fields) {
          const at = `${path}/${field.name}`;
          const tag = fieldTags.find((candidate) => field.tags?.includes(candidate) === true) ?? null;
          found.push({ path: at, type: typeText(field.type), tag, doc: field.doc ?? null });
          walk(field.type, at, [...above, type]);
        }
        return;
      case 'array':
        walk(type.items, `${path}[]`, above);
        return;
      case 'map':
        walk(type.values, `${path}{}`, above);
        return;
      case 'union': {
        const rest = type.branches.filter(({ kind }) => kind !== 'null');
        for (const branch of rest) walk(branch, rest.length === 1 ? path : `${path}<${branchName(branch)}>`, above);
        return;
      }
      default:
    }
  };
  walk(schema.root, '', []);
  return found;
}

function typeText(type: TypeModel): string {
  switch (type.kind) {
    case 'union': {
      const rest = type.branches.filter(({ kind }) => kind !== 'null');
      const optional = rest.length < type.branches.length;
      return `${rest.map(typeText).join(' | ')}${optional ? '?' : ''}`;
    }
    case 'array':
      return `array of ${typeText(type.items)}`;
    case 'map':
      return `map of ${typeText(type.values)}`;
    case 'record':
    case 'enum':
      return `${type.kind} ${type.name}`;
    default: {
      const named = type.kind === 'fixed' ? `fixed ${type.name}` : type.kind;
      return type.logicalType === undefined ? named : `${named} (${type.logicalType})`;
    }
  }
}
