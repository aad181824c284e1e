/** Failures as problem details (RFC 9457), as every HTTP side of Sluice answers them. */
import type { ErrorCode } from './errors.ts';
import { errorCatalogue } from './errors.ts';
import type { Failure } from './result.ts';

export const problemMediaType = 'application/problem+json';

interface Problem {
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
