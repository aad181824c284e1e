/** Expected outcomes as values: a Result is either a value or a Failure; a bug throws instead. */
import type { ErrorCode } from './errors.ts';
import { errorCatalogue } from './errors.ts';

/** An expected failure. `retriable` alone decides between retry and quarantine. */
export interface Failure {
  readonly code: ErrorCode;
  /** One sentence for a person, wrapped with the action in gerund form: "compiling program: field /phone: ...". Holds no protected value. */
  readonly message: string;
  readonly retriable: boolean;
  /** JSON pointer or field path the failure is about, when there is one. */
  readonly at?: string;
}

export type Result<T, F = Failure> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: F };

export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value });

/** Makes the failed Result of a catalogue code. The detail must not hold a record's value. */
export function fail(code: ErrorCode, detail: string, at?: string): { readonly ok: false; readonly failure: Failure } {
  const failure = { code, message: detail, retriable: errorCatalogue[code].retriable };
  return { ok: false, failure: at === undefined ? failure : { ...failure, at } };
}

/** Wraps a failure with what was being done: `while('compiling program', failure)` reads "compiling program: ...". */
export function during(action: string, failure: Failure): { readonly ok: false; readonly failure: Failure } {
  return { ok: false, failure: { ...failure, message: `${action}: ${failure.message}` } };
}

/** A Failure that crosses code which can only throw (a library's callback, an HTTP handler, a process's end). */
export class FailureError extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.message);
    this.name = 'FailureError';
    this.failure = failure;
  }
}

/** The value of a Result, or a thrown FailureError. */
export function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new FailureError(result.failure);
}
