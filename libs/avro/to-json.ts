/** A decoded value as plain JSON: dates and millisecond timestamps as ISO 8601, bytes as base64, a long as a number when exact, else as text. */
import { branchName } from './json-value.ts';
import type { AvroSchema, TypeModel } from './schema.ts';

const millisPerDay = 86_400_000;
const dateMillisMax = 8.64e15;

/** The value must be one that `codecOf(schema).decode` gave. */
export function toJson(schema: AvroSchema, value: unknown): unknown {
  return give(schema.root, value);
}

function give(type: TypeModel, value: unknown): unknown {
  switch (type.kind) {
    case 'record': {
      const record = value as Readonly<Record<string, unknown>>;
      return Object.fromEntries(type.fields.map((field) => [field.name, give(field.type, record[field.name])]));
    }
    case 'union': {
      if (value === null) return null;
      const [entry] = Object.entries(value as Readonly<Record<string, unknown>>);
      const branch = type.branches.find((candidate) => branchName(candidate) === entry?.[0]);
      if (entry === undefined || branch === undefined) throw new TypeError('toJson: not a wrapped union value');
      return give(branch, entry[1]);
    }
    case 'array':
      return (value as readonly unknown[]).map((item) => give(type.items, item));
    case 'map':
      return Object.fromEntries(
        Object.entries(value as Readonly<Record<string, unknown>>).map(([key, item]) => [key, give(type.values, item)]),
      );
    case 'int':
      return type.logicalType === 'date' ? (isoOf(Number(value) * millisPerDay)?.slice(0, 10) ?? value) : value;
    case 'long': {
      const long = value as bigint;
      const number = Number(long);
      if (type.logicalType === 'timestamp-millis') return isoOf(number) ?? String(long);
      return Number.isSafeInteger(number) ? number : String(long);
    }
    case 'float':
    case 'double':
      return Number.isFinite(value) ? value : String(value);
    case 'bytes':
    case 'fixed':
      return Buffer.from(value as Uint8Array).toString('base64');
    default:
      return value;
  }
}

const isoOf = (millis: number): string | undefined =>
  Math.abs(millis) <= dateMillisMax ? new Date(millis).toISOString() : undefined;
