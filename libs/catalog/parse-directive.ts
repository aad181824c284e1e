/** Checks the JSON of a directive: whatever does not have exactly the expected form is refused. */
import { z } from 'zod';
import type { Result } from '../base/index.ts';
import { fail, ok } from '../base/index.ts';
import type { Directive } from './directive.ts';

const wrappedKey = z.strictObject({ keyId: z.string(), epoch: z.number().int(), wrapped: z.string() });

const delivery = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('kafka') }),
  z.strictObject({
    kind: z.literal('mirror'),
    brokers: z.array(z.string()).min(1),
    topic: z.string(),
    username: z.string(),
    password: wrappedKey,
  }),
  z.strictObject({ kind: z.literal('webhook'), url: z.url(), secret: wrappedKey, batchRecordsMax: z.number().int().positive() }),
]);

const approvedProgram = z.strictObject({
  writerSchemaId: z.number().int().positive(),
  writerSchema: z.string(),
  governedSchemaId: z.number().int().positive(),
  governedSchema: z.string(),
  manifest: z.string(),
  module: z.base64(),
  programHash: z.string().regex(/^[0-9a-f]{64}$/),
  signature: z.string(),
});

const directive = z.strictObject({
  version: z.literal(1),
  agreement: z.string(),
  dataset: z.string(),
  assigner: z.string(),
  assignee: z.string(),
  revision: z.number().int().positive(),
  state: z.enum(['started', 'suspended', 'completed', 'terminated']),
  programs: z.array(approvedProgram),
  dataKey: wrappedKey.nullable(),
  suppression: z
    .strictObject({ key: wrappedKey, field: z.string().startsWith('/'), count: z.number().int().positive() })
    .exactOptional(),
  sealTo: z.string(),
  delivery,
  start: z
    .union([z.enum(['current', 'earliest', 'latest']), z.strictObject({ timestampMs: z.number().int().nonnegative() })])
    .exactOptional(),
  startsAtMs: z.number().int().exactOptional(),
  expiresAtMs: z.number().int().positive().exactOptional(),
  compression: z.enum(['gzip', 'snappy', 'lz4', 'zstd']).exactOptional(),
  refuseRateMax: z.number().min(0).max(1).exactOptional(),
  recordIds: z.boolean().exactOptional(),
});

export function parseDirective(text: string): Result<Directive> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return fail('policy-invalid', 'reading a directive: it is not JSON');
  }
  const parsed = directive.safeParse(json);
  if (parsed.success) return ok(parsed.data);
  const issue = parsed.error.issues[0];
  return fail('policy-invalid', `reading a directive: /${issue?.path.join('/') ?? ''}: ${issue?.message ?? 'malformed'}`);
}
