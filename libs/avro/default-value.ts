/** Defaults of fields as values. Source: Apache Avro 1.12 specification, "Complex Types", table "field default values". */
import { fail, ok } from '../base/index.ts';
import type { Result } from '../base/index.ts';
import { codecOf } from './codec.ts';
import { branchName } from './json-value.ts';
import { renderSchema } from './render.ts';
import type { FieldModel, TypeModel } from './schema.ts';

export interface DefaultValue {
  /** As the codec takes it. */
  readonly value: unknown;
  readonly bytes: Uint8Array;
}

/** Fails with `schema-invalid` when the field has no default or it is no value of the field's type. */
export function defaultOf({ type, default: fallback }: FieldModel): Result<DefaultValue> {
  if (fallback === undefined) return fail('schema-invalid', 'the field has no default');
  const holder = renderSchema({
    kind: 'record',
    name: 'Holder',
    fields: [{ name: 'value', type }],
  });
  if (!holder.ok) return holder;
  let value: unknown;
  try {
    value = take(type, fallback.json);
  } catch {
    return fail('schema-invalid', 'the default is no value of the type of the field');
  }
  const bytes = codecOf(holder.value).encode({ value });
  return bytes.ok
    ? ok({ value, bytes: bytes.value })
    : fail('schema-invalid', 'the default is no value of the type of the field');
}

/** Bytes are a text of the code points 0 to 255; a union takes a value of its first branch. */
function take(type: TypeModel, json: unknown): unknown {
  switch (type.kind) {
    case 'long':
      return BigInt(json as number);
    case 'bytes':
    case 'fixed':
      return Buffer.from(json as string, 'latin1');
    case 'union': {
      const [first] = type.branches as [TypeModel];
      return first.kind === 'null' ? null : { [branchName(first)]: take(first, json) };
    }
    case 'array':
      return (json as unknown[]).map((item) => take(type.items, item));
    case 'map':
      return Object.fromEntries(Object.entries(json as object).map(([name, item]) => [name, take(type.values, item)]));
    case 'record': {
      const given = json as Readonly<Record<string, unknown>>;
      const entries = type.fields.map(({ name, type: below, default: fallback }) => [
        name,
        take(below, Object.hasOwn(given, name) ? given[name] : fallback?.json),
      ]);
      return Object.fromEntries(entries) as unknown;
    }
    default:
      return json;
  }
}
