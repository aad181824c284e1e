/** The JSON that the API takes, checked before any command sees it. Unknown members are refused. */
import { z } from 'zod';

import { parseId } from '../../../libs/base/index.ts';

/** An id as it may stand in a topic name. */
export const id = z.string().refine((text) => parseId('id', text).ok, 'must be 1 to 64 characters of a-z, 0-9 and inner hyphens');

const line = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}]*$/u, 'must not hold control characters');
const secret = z
  .string()
  .min(12, 'must be 12 to 256 printable ASCII characters')
  .max(256)
  .regex(/^[\x20-\x7e]+$/, 'must be printable ASCII');
const fieldPath = z
  .string()
  .max(256)
  .regex(/^\/[A-Za-z_][A-Za-z0-9_]*$/, 'must be the path of a top-level field such as /id');

export const participantInput = z.strictObject({
  name: line(200),
  role: z.enum(['publisher', 'subscriber', 'platform', 'operator']),
});

export const accountInput = z.strictObject({ participant: id, secret });

export const datasetInput = z.strictObject({
  title: z.strictObject({ zh: line(200), en: line(200) }),
  publisher: id,
  description: z.string().max(4_000).default(''),
  licence: z.string().max(400).default(''),
  schema: z
    .union([z.string(), z.record(z.string(), z.unknown())])
    .transform((schema) => (typeof schema === 'string' ? schema : JSON.stringify(schema))),
  sealTo: z.string().refine((text) => /^[A-Za-z0-9_-]{43}$/.test(text), 'must be an X25519 public key: 32 bytes as base64url'),
  partitions: z.number().int().min(1).max(100).default(3),
  keyField: fieldPath.nullable().default(null),
});

const hostAndPort = z
  .string()
  .max(260)
  .regex(/^[A-Za-z0-9._[\]:-]+:\d{1,5}$/, 'must be host:port');

const delivery = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('kafka') }),
  z.strictObject({
    kind: z.literal('mirror'),
    brokers: z.array(hostAndPort).min(1).max(20),
    topic: z
      .string()
      .max(249)
      .regex(/^[A-Za-z0-9._-]+$/, 'must be the name of a Kafka topic'),
    username: line(200),
    password: z.string().min(1).max(256),
  }),
  z.strictObject({
    kind: z.literal('webhook'),
    url: z
      .url({ protocol: /^https?$/ })
      .max(2_000)
      .refine((url) => new URL(url).username === '', 'must not hold credentials'),
    secret: z.string().max(200),
    batchRecordsMax: z.number().int().min(1).max(10_000),
  }),
]);

export const agreementInput = z.strictObject({
  policy: z.union([z.string(), z.record(z.string(), z.unknown())]),
  delivery,
});

export const schemaInput = z.looseObject({
  schema: z.string(),
  schemaType: z.string().nullish(),
  references: z.array(z.unknown()).nullish(),
});

export const levelInput = z.looseObject({ compatibility: z.unknown() });

export { fieldPath };
