/** Problem details (RFC 9457) for the OpenAPI document. */
import { z } from 'zod';

export const problem = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe('Of the error catalogue, docs/errors.md.'),
    retriable: z.boolean(),
    at: z.string().optional().describe('The place that it is about.'),
  })
  .meta({ id: 'Problem', description: 'RFC 9457' });
