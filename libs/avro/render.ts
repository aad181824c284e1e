/** Renders a type model as a schema: each named type is defined at its first use and referred to by its full name after. */
import type { Result } from '../base/index.ts';
import type { AvroSchema, FieldModel, TypeModel } from './schema.ts';
import { parseSchema } from './schema.ts';

/** The schema of a model. Equal models give equal text. */
export function renderSchema(root: TypeModel): Result<AvroSchema> {
  return parseSchema(JSON.stringify(renderType(root, new Set())));
}

function renderType(type: TypeModel, defined: Set<string>): unknown {
  switch (type.kind) {
    case 'array':
      return { type: 'array', items: renderType(type.items, defined) };
    case 'map':
      return { type: 'map', values: renderType(type.values, defined) };
    case 'union':
      return type.branches.map((branch) => renderType(branch, defined));
    case 'record':
      if (defined.has(type.name)) return type.name;
      defined.add(type.name);
      return {
        type: 'record',
        name: type.name,
        ...docOf(type.doc),
        fields: type.fields.map((field) => renderField(field, defined)),
      };
    case 'enum':
      if (defined.has(type.name)) return type.name;
      defined.add(type.name);
      return {
        type: 'enum',
        name: type.name,
        symbols: type.symbols,
        ...(type.default === undefined ? {} : { default: type.default }),
      };
    case 'fixed':
      if (defined.has(type.name)) return type.name;
      defined.add(type.name);
      return {
        type: 'fixed',
        name: type.name,
        size: type.size,
        ...logical(type),
      };
    default:
      return type.logicalType === undefined ? type.kind : { type: type.kind, ...logical(type) };
  }
}

function renderField(field: FieldModel, defined: Set<string>): unknown {
  return {
    name: field.name,
    type: renderType(field.type, defined),
    ...docOf(field.doc),
    ...(field.default === undefined ? {} : { default: field.default.json }),
    ...(field.aliases === undefined ? {} : { aliases: field.aliases }),
    ...(field.tags === undefined ? {} : { 'sluice.tags': field.tags }),
  };
}

const docOf = (doc: string | undefined): { doc?: string } => (doc === undefined ? {} : { doc });

function logical(type: { logicalType?: string; attributes?: Readonly<Record<string, unknown>> }): Record<string, unknown> {
  return type.logicalType === undefined ? {} : { logicalType: type.logicalType, ...type.attributes };
}
