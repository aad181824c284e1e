/** A lifecycle event between apps. Source: CloudEvents 1.0.2, JSON format; the extension `sequence` of its documented extensions. */
import { z } from 'zod';

const text = z.string().min(1).max(200);

export const cloudEvent = z.object({
  specversion: z.literal('1.0'),
  id: text.describe('Unique with `source`: one that comes again is the same event.'),
  source: text,
  type: text.describe('`sluice.<thing>.<what happened>.v1`'),
  subject: text.describe('The id of the thing; also the key of the Kafka record.'),
  time: z.iso.datetime({ offset: true }),
  datacontenttype: z.literal('application/json'),
  sequence: z
    .string()
    .regex(/^\d{19}$/)
    .optional()
    .describe('Of the source, 19 digits: a later event of the same subject has a larger one.'),
  data: z.unknown().describe('Ids and counts, never a secret or a value of a record.'),
});

export type CloudEvent = z.infer<typeof cloudEvent>;
