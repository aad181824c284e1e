/** Failures as RFC 9457 problem details. */
import { z } from 'zod';

import type { ErrorCode, Failure } from '../../../libs/base/index.ts';
import { errorCatalogue } from '../../../libs/base/index.ts';

export const problemMediaType = 'application/problem+json';

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

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly retriable: boolean;
  readonly at?: string;
}

export function problemOf(failure: Failure): Problem {
  const { status, meaning } = errorCatalogue[failure.code];
  const { code, message, retriable, at } = failure;
  const members = { type: `urn:sluice:error:${code}`, title: meaning, status, detail: message, code, retriable };
  return at === undefined ? members : { ...members, at };
}
