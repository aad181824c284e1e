/** The JSON that the API takes, checked before any command sees it. Unknown members are refused. */
import { z } from 'zod';

import { parseId, textFault } from '../../../libs/base/index.ts';

/** An id as it may stand in a topic name. */
export const id = z.string().refine((text) => parseId('id', text).ok, 'must be 1 to 64 characters of a-z, 0-9 and inner hyphens');

/** One line of text. */
export const line = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}]*$/u, 'must not hold control characters')
    .refine((text) => textFault(text) === null, 'must not hold what is not seen, and be in Unicode normalization form C');
export const secret = z
  .string()
  .min(12, 'must be 12 to 256 printable ASCII characters')
  .max(256)
  .regex(/^[\x20-\x7e]+$/, 'must be printable ASCII');
const fieldPath = z
  .string()
  .max(256)
  .regex(/^\/[A-Za-z_][A-Za-z0-9_]*$/, 'must be the path of a top-level field such as /id');

const hostAndPort = z
  .string()
  .max(260)
  .regex(/^[A-Za-z0-9._[\]:-]+:\d{1,5}$/, 'must be host:port');

export const deliveryInput = z.discriminatedUnion('kind', [
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
  delivery: deliveryInput,
});

export const schemaInput = z.looseObject({
  schema: z.string(),
  schemaType: z.string().nullish(),
  references: z.array(z.unknown()).nullish(),
});

export const levelInput = z.looseObject({ compatibility: z.unknown() });

export { fieldPath };
