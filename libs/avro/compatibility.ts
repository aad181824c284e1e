/** Schema compatibility by Avro's resolution rules. Source: Avro 1.12 specification, "Schema Resolution"; levels as in Confluent Schema Registry. */
import avsc from 'avsc';
import type { Result } from '../base/index.ts';
import { fail, ok } from '../base/index.ts';
import type { AvroSchema } from './schema.ts';

export const compatibilityLevels = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const;
export type CompatibilityLevel = (typeof compatibilityLevels)[number];

/** Checks a new schema against the earlier ones, oldest first. Levels that are not transitive look at the newest alone. */
export function checkCompatibility(
  level: CompatibilityLevel,
  candidate: AvroSchema,
  earlier: readonly AvroSchema[],
): Result<void> {
  if (level === 'NONE') return ok(undefined);
  const compared = level.endsWith('_TRANSITIVE') ? earlier : earlier.slice(-1);
  for (const schema of compared) {
    if (!level.startsWith('FORWARD')) {
      const problem = readingProblem(candidate, schema);
      if (problem !== undefined)
        return fail('schema-incompatible', `the new schema cannot read data of an earlier version: ${problem}`);
    }
    if (!level.startsWith('BACKWARD')) {
      const problem = readingProblem(schema, candidate);
      if (problem !== undefined)
        return fail('schema-incompatible', `an earlier version cannot read data of the new schema: ${problem}`);
    }
  }
  return ok(undefined);
}

function readingProblem(reader: AvroSchema, writer: AvroSchema): string | undefined {
  const typeOf = (schema: AvroSchema): avsc.Type =>
    avsc.Type.forSchema(JSON.parse(schema.text) as avsc.Schema, {
      wrapUnions: true,
    });
  try {
    typeOf(reader).createResolver(typeOf(writer));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, 300) : 'not resolvable';
  }
}
