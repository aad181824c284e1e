/** Typed values of a column file (Date, bigint, bytes) in the plain JSON form that `fromJson` takes for their field. */
import type { RecordModel, TypeModel } from '../../../libs/avro/index.ts';

/** A moment in microseconds since the epoch, exact. */
export class Instant {
  readonly micros: bigint;
  constructor(micros: bigint) {
    this.micros = micros;
  }
}

/** Members that the schema does not name are passed on, so that they are refused by name. */
export function valuesToJson(type: RecordModel, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const fields = new Map(type.fields.map((field) => [field.name, field.type]));
  const json = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of Object.entries(values)) {
    const field = fields.get(name);
    json[name] = field === undefined ? null : toJsonOf(field, value);
  }
  return json;
}

function toJsonOf(type: TypeModel, value: unknown): unknown {
  if (value === undefined || value === null) return null;
  switch (type.kind) {
    case 'union': {
      const branches = type.branches.filter(({ kind }) => kind !== 'null');
      const [only] = branches;
      return branches.length === 1 && only !== undefined ? toJsonOf(only, value) : value;
    }
    case 'record':
      return isObject(value) ? valuesToJson(type, value) : value;
    case 'array':
      return Array.isArray(value) ? value.map((item) => toJsonOf(type.items, item)) : value;
    case 'map':
      return isObject(value)
        ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJsonOf(type.values, item)]))
        : value;
    case 'int':
      if (value instanceof Date) return type.logicalType === 'date' ? dayOf(value) : null;
      return smallNumber(value);
    case 'long':
      return value instanceof Instant ? instantOf(value, type.logicalType) : value;
    case 'float':
    case 'double':
      return smallNumber(value);
    case 'string':
      return value instanceof Date ? (dayOf(value) ?? value) : value instanceof Instant ? textOf(value) : value;
    case 'bytes':
    case 'fixed':
      return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
    default:
      return value;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Date) &&
  !(value instanceof Instant) &&
  !(value instanceof Uint8Array);

const smallNumber = (value: unknown): unknown =>
  typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;

const dayOf = (value: Date): string | null => (Number.isNaN(value.getTime()) ? null : value.toISOString().slice(0, 10));

/** A moment that milliseconds cannot hold does not fit a field of milliseconds. */
function instantOf({ micros }: Instant, logicalType: string | undefined): unknown {
  if (logicalType === 'timestamp-micros') return micros;
  return logicalType === 'timestamp-millis' && micros % 1000n === 0n ? micros / 1000n : null;
}

function textOf({ micros }: Instant): string | null {
  const date = new Date(Number(micros / 1000n));
  return Number.isNaN(date.getTime()) || micros % 1000n !== 0n ? null : date.toISOString();
}
