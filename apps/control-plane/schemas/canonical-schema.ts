/** The one form of a schema text: what is stored, and the fingerprint by which equal schemas get equal ids. */
import { createHash } from 'node:crypto';

import { parseSchema } from '../../../libs/avro/index.ts';
import type { AvroSchema } from '../../../libs/avro/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { canonicalJson, fail, limits, ok } from '../../../libs/base/index.ts';
import { jsonDepth, jsonDepthMax } from '../json-depth.ts';

export interface CanonicalSchema {
  /** JSON without white space; member order and the digits of numbers as given. */
  readonly text: string;
  /** SHA-256 of the JSON with sorted members, hex. */
  readonly fingerprint: string;
  readonly schema: AvroSchema;
}

/** Checks an Avro schema text. Fails with `schema-invalid`, naming the field. */
export function canonicalSchema(text: string): Result<CanonicalSchema> {
  if (Buffer.byteLength(text) > limits.schemaBytesMax) {
    return fail('schema-invalid', `the schema is over ${limits.schemaBytesMax} bytes`);
  }
  if (jsonDepth(text) > jsonDepthMax) return fail('schema-invalid', `the schema is nested deeper than ${jsonDepthMax}`);
  const schema = parseSchema(text);
  if (!schema.ok) return schema;
  const parsed = parseExact(text);
  if (!parsed.ok) return parsed;
  const fingerprint = createHash('sha256').update(canonicalJson(parsed.value)).digest('hex');
  return ok({ text: JSON.stringify(parsed.value), fingerprint, schema: schema.value });
}

/** Parses JSON so that a number which a double cannot hold keeps its digits (a `long` default, for one). */
function parseExact(text: string): Result<unknown> {
  try {
    return ok(JSON.parse(text, keepDigits as (key: string, value: unknown) => unknown));
  } catch {
    return fail('schema-invalid', 'the schema is not JSON');
  }
}

function keepDigits(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || context.source === undefined || String(value) === context.source) return value;
  return (JSON as unknown as { rawJSON: (source: string) => unknown }).rawJSON(context.source);
}
