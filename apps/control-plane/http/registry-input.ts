/** Bodies and names of the registry API. */
import type { FastifyRequest } from 'fastify';

import { limits, unwrap } from '../../../libs/base/index.ts';
import type { CanonicalSchema } from '../schemas/canonical-schema.ts';
import { canonicalSchema } from '../schemas/canonical-schema.ts';
import { schemaInput } from './inputs.ts';
import { readJson } from './read-body.ts';
import { registryErrors, RegistryError } from './registry-error.ts';

/** A schema in JSON in JSON: every quote takes two characters. */
const bodyBytesMax = 4 * limits.schemaBytesMax;

/** Longest subject name. */
const subjectCharactersMax = 255;

/** The schema text of a registration or lookup. Only AVRO without references is taken. */
export async function readSchemaText(request: FastifyRequest): Promise<string> {
  const { schema, schemaType, references } = await readJson(request, bodyBytesMax, schemaInput);
  if ((schemaType ?? 'AVRO').toUpperCase() !== 'AVRO')
    throw registryErrors.invalidSchema('only schemas of the type AVRO are taken');
  if ((references ?? []).length > 0)
    throw registryErrors.invalidSchema('references to other schemas are not taken; put the types in line');
  return schema;
}

export async function readCanonical(request: FastifyRequest): Promise<CanonicalSchema> {
  return unwrap(canonicalSchema(await readSchemaText(request)));
}

export function subjectName(name: string): string {
  if (name.length <= subjectCharactersMax && /^[^\p{Cc}]+$/u.test(name)) return name;
  throw new RegistryError(
    42208,
    `The specified subject is not a valid subject name: 1 to ${subjectCharactersMax} characters, no control characters`,
  );
}
