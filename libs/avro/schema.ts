/** The schema model: an Avro schema as a graph of types, parsed once. Source: Apache Avro 1.12 specification, "Schema Declaration". */
import avsc from 'avsc';
import type { Result } from '../base/index.ts';
import { fail, limits, ok } from '../base/index.ts';

const primitiveKinds = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const;
export type PrimitiveKind = (typeof primitiveKinds)[number];

export interface PrimitiveModel {
  readonly kind: PrimitiveKind;
  readonly logicalType?: string;
  /** Attributes of the logical type, e.g. precision and scale. */
  readonly attributes?: Readonly<Record<string, unknown>>;
}
export interface FixedModel {
  readonly kind: 'fixed';
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly size: number;
  readonly logicalType?: string;
  readonly attributes?: Readonly<Record<string, unknown>>;
}
export interface EnumModel {
  readonly kind: 'enum';
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly symbols: readonly string[];
  readonly default?: string;
}
export interface ArrayModel {
  readonly kind: 'array';
  readonly items: TypeModel;
}
export interface MapModel {
  readonly kind: 'map';
  readonly values: TypeModel;
}
export interface UnionModel {
  readonly kind: 'union';
  readonly branches: readonly TypeModel[];
}
export interface FieldModel {
  readonly name: string;
  readonly type: TypeModel;
  readonly doc?: string;
  /** The default as JSON, when there is one. */
  readonly default?: { readonly json: unknown };
  readonly aliases?: readonly string[];
  /** Classification tags, the schema's `sluice.tags`. */
  readonly tags?: readonly string[];
}
export interface RecordModel {
  readonly kind: 'record';
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly doc?: string;
  readonly fields: readonly FieldModel[];
}
export type TypeModel = PrimitiveModel | FixedModel | EnumModel | ArrayModel | MapModel | UnionModel | RecordModel;

export interface AvroSchema {
  /** The schema as JSON text, as given or rendered. */
  readonly text: string;
  readonly root: TypeModel;
}

/** Parses a schema. Refuses what is not Avro, what is over the limits, and references to types that it does not define. */
export function parseSchema(text: string): Result<AvroSchema> {
  if (Buffer.byteLength(text) > limits.schemaBytesMax) {
    return fail('schema-invalid', `parsing schema: it is over ${limits.schemaBytesMax} bytes`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return fail('schema-invalid', 'parsing schema: it is not JSON');
  }
  const parser = new SchemaParser();
  let root: TypeModel;
  try {
    root = parser.type(json, '', '', 0);
    // The library checks what the model does not: names, defaults, logical types.
    avsc.Type.forSchema(json as avsc.Schema, { wrapUnions: true });
  } catch (error) {
    const at = error instanceof SchemaError ? error.at : '';
    const detail = error instanceof Error ? error.message.slice(0, 200) : 'malformed';
    return fail('schema-invalid', `parsing schema: ${at === '' ? '' : `${at}: `}${detail}`, at);
  }
  return ok({ text, root });
}

class SchemaError extends Error {
  readonly at: string;
  constructor(at: string, message: string) {
    super(message);
    this.at = at;
  }
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const optionalText = (value: unknown): { doc?: string } => (typeof value === 'string' ? { doc: value } : {});
const structural = new Set(['type', 'name', 'namespace', 'size', 'doc', 'aliases', 'logicalType']);

class SchemaParser {
  readonly #named = new Map<string, TypeModel>();
  #fields = 0;

  type(json: unknown, namespace: string, at: string, depth: number): TypeModel {
    if (depth > limits.depthMax) throw new SchemaError(at, `nested deeper than ${limits.depthMax}`);
    if (typeof json === 'string') return this.#reference(json, namespace, at);
    if (Array.isArray(json)) return this.#union(json, namespace, at, depth);
    if (!isObject(json)) throw new SchemaError(at, 'a type must be a name, an object or an array');
    const { type } = json;
    if (typeof type !== 'string') return this.type(type, namespace, at, depth + 1);
    switch (type) {
      case 'record':
        return this.#record(json, namespace, at, depth);
      case 'enum':
        return this.#enum(json, namespace, at);
      case 'fixed':
        return this.#fixed(json, namespace, at);
      case 'array':
        return {
          kind: 'array',
          items: this.type(json['items'], namespace, `${at}[]`, depth + 1),
        };
      case 'map':
        return {
          kind: 'map',
          values: this.type(json['values'], namespace, `${at}{}`, depth + 1),
        };
      default:
        return withLogicalType(this.#reference(type, namespace, at), json);
    }
  }

  #reference(name: string, namespace: string, at: string): TypeModel {
    const primitive = primitiveKinds.find((kind) => kind === name);
    if (primitive !== undefined) return { kind: primitive };
    const found = this.#named.get(fullName(name, namespace)) ?? this.#named.get(name);
    if (found === undefined) throw new SchemaError(at, `unknown type ${name.slice(0, 80)}`);
    return found;
  }

  #union(json: readonly unknown[], namespace: string, at: string, depth: number): UnionModel {
    if (json.length === 0) throw new SchemaError(at, 'a union must have a branch');
    const branches = json.map((branch) => this.type(branch, namespace, at, depth + 1));
    if (branches.some(({ kind }) => kind === 'union')) throw new SchemaError(at, 'a union must not hold a union');
    return { kind: 'union', branches };
  }

  #record(json: Json, namespace: string, at: string, depth: number): RecordModel {
    const { name, inner, aliases } = this.#name(json, namespace, at);
    const fields: FieldModel[] = [];
    const record: RecordModel = {
      kind: 'record',
      name,
      ...aliases,
      fields,
      ...optionalText(json['doc']),
    };
    this.#named.set(name, record);
    const list = json['fields'];
    if (!Array.isArray(list)) throw new SchemaError(at, 'a record must have an array of fields');
    for (const item of list as unknown[]) {
      if (!isObject(item) || typeof item['name'] !== 'string') throw new SchemaError(at, 'a field must be an object with a name');
      const fieldName = item['name'];
      const fieldAt = `${at}/${fieldName.slice(0, 80)}`;
      this.#fields += 1;
      if (this.#fields > limits.schemaFieldsMax) throw new SchemaError(fieldAt, `more than ${limits.schemaFieldsMax} fields`);
      if (fieldName === '__proto__')
        throw new SchemaError(fieldAt, 'the name is not taken: values of it get lost in JavaScript objects');
      if (fields.some((field) => field.name === fieldName)) throw new SchemaError(fieldAt, 'the name occurs twice');
      const { aliases, 'sluice.tags': tags } = item;
      fields.push({
        name: fieldName,
        type: this.type(item['type'], inner, fieldAt, depth + 1),
        ...optionalText(item['doc']),
        ...('default' in item ? { default: { json: item['default'] } } : {}),
        ...(isTextList(aliases) ? { aliases } : {}),
        ...(isTextList(tags) ? { tags } : {}),
      });
    }
    return record;
  }

  #enum(json: Json, namespace: string, at: string): EnumModel {
    const { name, aliases } = this.#name(json, namespace, at);
    const { symbols, default: fallback } = json;
    if (!isTextList(symbols) || symbols.length === 0) throw new SchemaError(at, 'an enum must have symbols');
    const model: EnumModel = {
      kind: 'enum',
      name,
      ...aliases,
      symbols,
      ...(typeof fallback === 'string' ? { default: fallback } : {}),
    };
    this.#named.set(name, model);
    return model;
  }

  #fixed(json: Json, namespace: string, at: string): FixedModel {
    const { name, aliases } = this.#name(json, namespace, at);
    const { size } = json;
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > limits.recordBytesMax) {
      throw new SchemaError(at, 'a fixed must have a size within the record limit');
    }
    const model = withLogicalType<FixedModel>({ kind: 'fixed', name, ...aliases, size }, json);
    this.#named.set(name, model);
    return model;
  }

  #name(json: Json, namespace: string, at: string): { name: string; inner: string; aliases: { aliases?: string[] } } {
    const { name, namespace: own } = json;
    if (typeof name !== 'string' || name === '') throw new SchemaError(at, 'a record, enum or fixed must have a name');
    const full = fullName(name, typeof own === 'string' ? own : namespace);
    if (this.#named.has(full)) throw new SchemaError(at, `the type ${full.slice(0, 80)} is defined twice`);
    const dot = full.lastIndexOf('.');
    const inner = dot < 0 ? '' : full.slice(0, dot);
    const others = json['aliases'];
    return {
      name: full,
      inner,
      aliases: isTextList(others) ? { aliases: others.map((alias) => fullName(alias, inner)) } : {},
    };
  }
}

const fullName = (name: string, namespace: string): string =>
  name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
const isTextList = (value: unknown): value is string[] => Array.isArray(value) && value.every((item) => typeof item === 'string');

function withLogicalType<T extends TypeModel>(model: T, json: Json): T {
  const { logicalType } = json;
  if (typeof logicalType !== 'string') return model;
  const attributes = Object.fromEntries(Object.entries(json).filter(([key]) => !structural.has(key)));
  return {
    ...model,
    logicalType,
    ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
  };
}
