/** A lifecycle event between apps. Source: CloudEvents 1.0.2, JSON format. */
import { z } from 'zod';

const text = z.string().min(1).max(200);

export const cloudEvent = z.object({
  specversion: z.literal('1.0'),
  id: text,
  source: text,
  type: text,
  subject: text,
  time: z.iso.datetime({ offset: true }),
  datacontenttype: z.literal('application/json'),
  data: z.unknown(),
});

export type CloudEvent = z.infer<typeof cloudEvent>;
