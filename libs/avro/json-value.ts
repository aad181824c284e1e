/** Plain JSON and text forms of values: what an HTTP caller sends and a webhook receiver reads. */
import type { Result } from '../base/index.ts';
import { fail, limits, ok } from '../base/index.ts';
import type { AvroSchema, FixedModel, PrimitiveModel, RecordModel, TypeModel, UnionModel } from './schema.ts';

/**
 * Turns plain JSON into a value for `codecOf(schema).encode`. A union takes the value itself, or Avro's `{ "string": "x" }`; a date takes
 * `YYYY-MM-DD` or days, a timestamp ISO 8601 or a number; bytes are base64. A missing field takes its default; an unknown one is refused.
 * The failure's `at` is the field's path; the value is never quoted.
 */
export function fromJson(schema: AvroSchema, json: unknown): Result<unknown> {
  return settle(() => take(schema.root, json, '', 0));
}

/** Turns a row of texts (CSV) into a value: an empty text is null where the field allows it; arrays, maps and records are JSON text. */
export function fromText(schema: AvroSchema, row: Readonly<Record<string, string>>): Result<unknown> {
  const { root } = schema;
  if (root.kind !== 'record') return fail('schema-invalid', 'reading a row: the schema is not a record');
  return settle(() => {
    const known = new Set(root.fields.map(({ name }) => name));
    const json: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const name of Object.keys(row)) {
      if (!known.has(name)) throw new Unfit(`/${name.slice(0, 80)}`, 'the schema has no such field');
    }
    for (const field of root.fields) {
      if (!Object.hasOwn(row, field.name)) continue;
      const text = row[field.name] as string;
      if (text === '' && field.default !== undefined && !acceptsText(field.type)) continue;
      json[field.name] = textToJson(field.type, text, `/${field.name}`);
    }
    return take(root, json, '', 0);
  });
}

class Unfit extends Error {
  readonly at: string;
  constructor(at: string, message: string) {
    super(message);
    this.at = at;
  }
}

function settle(work: () => unknown): Result<unknown> {
  try {
    return ok(work());
  } catch (error) {
    if (error instanceof Unfit)
      return fail('record-malformed', `${error.at === '' ? '/' : error.at}: ${error.message}`, error.at);
    throw error;
  }
}

function take(type: TypeModel, json: unknown, at: string, depth: number): unknown {
  if (depth > limits.depthMax) throw new Unfit(at, 'nested too deep');
  switch (type.kind) {
    case 'record':
      return takeRecord(type, json, at, depth);
    case 'union':
      return takeUnion(type, json, at, depth);
    case 'array':
      if (!Array.isArray(json)) throw new Unfit(at, 'an array is expected');
      return json.map((item, index) => take(type.items, item, `${at}/${index}`, depth + 1));
    case 'map': {
      if (!isPlain(json)) throw new Unfit(at, 'an object is expected');
      const map: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
      for (const [key, value] of Object.entries(json)) map[key] = take(type.values, value, `${at}/{}`, depth + 1);
      return map;
    }
    case 'enum':
      if (typeof json !== 'string' || !type.symbols.includes(json))
        throw new Unfit(at, `one of ${type.symbols.join(', ').slice(0, 120)} is expected`);
      return json;
    default:
      return takeScalar(type, json, at);
  }
}

function takeRecord(type: RecordModel, json: unknown, at: string, depth: number): unknown {
  if (!isPlain(json)) throw new Unfit(at, 'an object is expected');
  const known = new Set(type.fields.map(({ name }) => name));
  for (const name of Object.keys(json))
    if (!known.has(name)) throw new Unfit(`${at}/${name.slice(0, 80)}`, 'the schema has no such field');
  const record: Record<string, unknown> = {};
  for (const field of type.fields) {
    const fieldAt = `${at}/${field.name}`;
    if (Object.hasOwn(json, field.name)) record[field.name] = take(field.type, json[field.name], fieldAt, depth + 1);
    else if (field.default !== undefined) record[field.name] = takeDefault(field.type, field.default.json, fieldAt, depth + 1);
    else throw new Unfit(fieldAt, 'the field is missing and has no default');
  }
  return record;
}

/** The default of a union is of its first branch (Avro 1.12, "Complex Types"). */
function takeDefault(type: TypeModel, json: unknown, at: string, depth: number): unknown {
  const first = type.kind === 'union' ? type.branches[0] : undefined;
  if (first === undefined) return take(type, json, at, depth);
  return first.kind === 'null' ? null : { [branchName(first)]: take(first, json, at, depth) };
}

function takeUnion(type: UnionModel, json: unknown, at: string, depth: number): unknown {
  if (json === null || json === undefined) {
    if (json === null && type.branches.some(({ kind }) => kind === 'null')) return null;
    throw new Unfit(at, 'null is not allowed');
  }
  if (isPlain(json)) {
    const [only, ...rest] = Object.keys(json);
    const named = rest.length === 0 ? type.branches.find((branch) => branchName(branch) === only) : undefined;
    if (named !== undefined && only !== undefined) return { [only]: take(named, json[only], at, depth + 1) };
  }
  let problem: Unfit | undefined;
  for (const branch of type.branches) {
    if (branch.kind === 'null') continue;
    try {
      return { [branchName(branch)]: take(branch, json, at, depth + 1) };
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
      problem ??= error;
    }
  }
  throw problem ?? new Unfit(at, 'only null is allowed');
}

/** The name of a union branch: the kind, or the full name of a named type. */
export function branchName(type: TypeModel): string {
  return 'name' in type ? type.name : type.kind;
}

const millisPerDay = 86_400_000;
const datePattern = /^\d{4}-\d{2}-\d{2}$/;
const instantPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;

function takeScalar(type: PrimitiveModel | FixedModel, json: unknown, at: string): unknown {
  switch (type.kind) {
    case 'null':
      if (json !== null) throw new Unfit(at, 'null is expected');
      return null;
    case 'boolean':
      if (typeof json !== 'boolean') throw new Unfit(at, 'true or false is expected');
      return json;
    case 'string':
      if (typeof json !== 'string' || !json.isWellFormed()) throw new Unfit(at, 'a text is expected');
      return json;
    case 'float':
    case 'double':
      if (typeof json !== 'number' || !Number.isFinite(json)) throw new Unfit(at, 'a number is expected');
      return json;
    case 'int': {
      const value = typeof json === 'string' && type.logicalType === 'date' ? daysOf(json, at) : json;
      if (typeof value !== 'number' || !Number.isInteger(value) || (value | 0) !== value)
        throw new Unfit(at, 'a 32-bit integer is expected');
      return value;
    }
    case 'long':
      return takeLong(type, json, at);
    case 'bytes':
    case 'fixed': {
      if (typeof json !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(json)) throw new Unfit(at, 'base64 is expected');
      const bytes = Buffer.from(json, 'base64');
      if (type.kind === 'fixed' && bytes.length !== type.size) throw new Unfit(at, `${type.size} bytes are expected`);
      return bytes;
    }
  }
}

function takeLong(type: PrimitiveModel, json: unknown, at: string): bigint {
  const perMilli = type.logicalType === 'timestamp-millis' ? 1n : type.logicalType === 'timestamp-micros' ? 1000n : 0n;
  if (typeof json === 'string' && perMilli > 0n && instantPattern.test(json) && !Number.isNaN(Date.parse(json))) {
    return BigInt(Date.parse(json)) * perMilli;
  }
  let value: bigint | undefined;
  if (typeof json === 'bigint') value = json;
  else if (typeof json === 'number' && Number.isSafeInteger(json)) value = BigInt(json);
  else if (typeof json === 'string' && /^-?\d{1,19}$/.test(json)) value = BigInt(json);
  if (value === undefined || BigInt.asIntN(64, value) !== value) throw new Unfit(at, 'a 64-bit integer is expected');
  return value;
}

function daysOf(text: string, at: string): number {
  const millis = datePattern.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(millis) || new Date(millis).toISOString().slice(0, 10) !== text)
    throw new Unfit(at, 'a date YYYY-MM-DD is expected');
  return millis / millisPerDay;
}

const acceptsText = (type: TypeModel): boolean =>
  type.kind === 'string' || (type.kind === 'union' && type.branches.some(({ kind }) => kind === 'null' || kind === 'string'));

function textToJson(type: TypeModel, text: string, at: string): unknown {
  switch (type.kind) {
    case 'union': {
      const nullable = type.branches.some(({ kind }) => kind === 'null');
      if (text === '' && nullable) return null;
      const branches = type.branches.filter(({ kind }) => kind !== 'null');
      const [only] = branches;
      if (branches.length === 1 && only !== undefined) return textToJson(only, text, at);
      throw new Unfit(at, 'a union of several types has no text form');
    }
    case 'string':
    case 'enum':
    case 'bytes':
    case 'fixed':
      return text;
    case 'boolean': {
      const lower = text.toLowerCase();
      if (lower === 'true' || lower === '1') return true;
      if (lower === 'false' || lower === '0') return false;
      throw new Unfit(at, 'true or false is expected');
    }
    case 'int':
    case 'long':
      if (/^[+-]?\d+$/.test(text)) return type.kind === 'int' ? Number(text) : text.replace(/^\+/, '');
      return text === '' ? undefined : text;
    case 'float':
    case 'double':
      if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) throw new Unfit(at, 'a number is expected');
      return Number(text);
    case 'null':
      return text === '' ? null : text;
    default:
      try {
        return JSON.parse(text) as unknown;
      } catch {
        throw new Unfit(at, 'JSON is expected');
      }
  }
}

function isPlain(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
