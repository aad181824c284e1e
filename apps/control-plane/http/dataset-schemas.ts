/** Datasets and their rights as the API takes and shows them. */
import { z } from 'zod';

import { textFault } from '../../../libs/base/index.ts';
import { fieldTags } from '../../../libs/catalog/index.ts';
import { fieldPath, id, line } from './inputs.ts';

/** Text of several lines. */
const text = (most: number) =>
  z
    .string()
    .max(most)
    .refine((value) => textFault(value) === null, 'must not hold what is not seen, and be in Unicode normalization form C');

/** Source: Dublin Core Collection Description Frequency Vocabulary, 2013. */
const frequency = z.enum([
  'triennial',
  'biennial',
  'annual',
  'semiannual',
  'threeTimesAYear',
  'quarterly',
  'bimonthly',
  'monthly',
  'semimonthly',
  'biweekly',
  'threeTimesAMonth',
  'weekly',
  'semiweekly',
  'threeTimesAWeek',
  'daily',
  'continuous',
  'irregular',
]);
export const level = z.enum(['L1', 'L2', 'L3', 'L4']).describe('DB33/T 2350-2021.');
const category = z.enum(['core', 'important', 'general']).describe('GB/T 43697-2024.');
export const theme = z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'must be a name such as health or public-transport');

const keywords = z
  .array(line(40))
  .max(20)
  .transform((given) => [...new Set(given)]);

const quality = z.strictObject({
  statement: text(2_000),
  completeness: z.number().min(0).max(1).nullable().default(null).describe('Part of the values that are there.'),
});
const sla = z.strictObject({
  availabilityPercent: z.number().gt(0).max(100).nullable().default(null),
  lagSecondsMax: z.int().min(1).nullable().default(null),
});
const price = z
  .strictObject({
    model: z.enum(['free', 'subscription', 'per-record', 'negotiated']),
    amount: z
      .string()
      .regex(/^(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,4})?$/, 'must be a decimal number as text')
      .nullable()
      .default(null),
    currency: z.literal('CNY').default('CNY'),
    per: line(40).nullable().default(null).describe('What the amount is for, such as month or 1000 records.'),
  })
  .refine(
    ({ model, amount, per }) =>
      ['subscription', 'per-record'].includes(model) ? amount !== null && per !== null : amount === null,
    {
      path: ['amount'],
      message: 'a subscription and a price per record have an amount and what it is for, and nothing else has',
    },
  );

export const datasetInput = z
  .strictObject({
    title: z.strictObject({ zh: line(200), en: line(200) }),
    publisher: id,
    description: text(4_000).default(''),
    licence: text(400).default(''),
    theme: theme.nullable().default(null),
    frequency: frequency.nullable().default(null),
    keywords: keywords.default([]),
    level: level.nullable().default(null).describe('Without one the dataset cannot be offered.'),
    category: category.default('general'),
    quality: quality.nullable().default(null),
    sla: sla.nullable().default(null),
    retentionDays: z.int().min(1).max(36_500).nullable().default(null),
    price: price.nullable().default(null),
    schema: z
      .union([z.string(), z.record(z.string(), z.unknown())])
      .transform((schema) => (typeof schema === 'string' ? schema : JSON.stringify(schema)))
      .describe('Avro, as an object or as text.'),
    sealTo: z.string().refine((key) => /^[A-Za-z0-9_-]{43}$/.test(key), 'must be an X25519 public key: 32 bytes as base64url'),
    partitions: z.number().int().min(1).max(100).default(3).describe('May not change later.'),
    compacted: z
      .boolean()
      .default(false)
      .describe('Whether the topics keep the last record of each key; it takes a keyField, and may not change later.'),
    keyField: fieldPath.nullable().default(null),
    state: z.enum(['draft', 'open', 'closed']).default('open'),
  })
  .refine(({ compacted, keyField }) => !compacted || keyField !== null, {
    path: ['keyField'],
    message: 'a compacted dataset has a key',
  })
  .meta({ id: 'DatasetInput' });

const datasetShape = {
  id,
  title: z.strictObject({ zh: z.string(), en: z.string() }),
  publisher: id,
  description: z.string(),
  licence: z.string(),
  theme: z.string().nullable(),
  frequency: frequency.nullable(),
  keywords: z.array(z.string()),
  level: level.nullable(),
  category,
  quality: z.strictObject({ statement: z.string(), completeness: z.number().nullable() }).nullable(),
  sla: z.strictObject({ availabilityPercent: z.number().nullable(), lagSecondsMax: z.int().nullable() }).nullable(),
  retentionDays: z.int().nullable(),
  price: z
    .strictObject({
      model: z.enum(['free', 'subscription', 'per-record', 'negotiated']),
      amount: z.string().nullable(),
      currency: z.literal('CNY'),
      per: z.string().nullable(),
    })
    .nullable(),
  sealTo: z.string(),
  subject: z.string(),
  topic: z.string(),
  partitions: z.int(),
  compacted: z.boolean(),
  keyField: z.string().nullable(),
  state: z.enum(['draft', 'open', 'closed']),
};

export const datasetSummary = z.strictObject(datasetShape).meta({ id: 'DatasetSummary' });

export const datasetAnswer = z
  .strictObject({
    ...datasetShape,
    schemaId: z.int().describe('Of the newest writer schema.'),
    fields: z.array(
      z.strictObject({
        path: z.string(),
        type: z.string(),
        tag: z.enum(fieldTags).nullable().describe("From the schema's `sluice.tags`."),
        doc: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'Dataset' });

export const rightKind = z.enum(['holder', 'processor', 'operator']);

export const rightInput = z
  .strictObject({
    holder: line(200).describe("A participant's id, or a name."),
    evidence: z.strictObject({
      title: line(200),
      uri: z.url().max(2_000).nullable().default(null),
      sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits'),
    }),
    registrationNumber: line(100),
    validUntil: z.iso.datetime({ offset: true }).nullable().default(null).describe('From then on it is not valid any more.'),
  })
  .meta({ id: 'RightInput' });

export const rightAnswer = z
  .strictObject({
    dataset: id,
    kind: rightKind,
    holder: z.string(),
    evidence: z.strictObject({ title: z.string(), uri: z.string().nullable(), sha256: z.string() }),
    registrationNumber: z.string(),
    validUntil: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Right' });
