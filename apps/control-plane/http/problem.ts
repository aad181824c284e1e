/** Failures as RFC 9457 problem details. */
import type { ErrorCode, Failure } from '../../../libs/base/index.ts';
import { errorCatalogue } from '../../../libs/base/index.ts';

export const problemMediaType = 'application/problem+json';

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
  const problem = { type: `urn:sluice:error:${code}`, title: meaning, status, detail: message, code, retriable };
  return at === undefined ? problem : { ...problem, at };
}
