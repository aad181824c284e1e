/** What every reader of records gives: rows in order, each with its place, either with content or with what is wrong with it. */
import type { Failure } from '../../../libs/base/index.ts';

export interface Row {
  /** The 1-based line, element or row that a person would count to. */
  readonly line: number;
  readonly content:
    | { readonly kind: 'json'; readonly text: string }
    | { readonly kind: 'texts'; readonly texts: Readonly<Record<string, string>> }
    | { readonly kind: 'values'; readonly values: Readonly<Record<string, unknown>> }
    | { readonly kind: 'bad'; readonly failure: Failure };
}

/** Something is wrong with the whole input (its header, its encoding), not with one row of it. */
export class InputRefused extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.message);
    this.name = 'InputRefused';
    this.failure = failure;
  }
}

export const badRow = (line: number, failure: Failure): Row => ({ line, content: { kind: 'bad', failure } });

/** Longest text of one row, bytes. A record's JSON may be longer than its Avro. */
export const rowBytesMax = 4 * 1024 * 1024;
