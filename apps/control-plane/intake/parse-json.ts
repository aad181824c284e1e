/** JSON of one row. What is wrong is never quoted: V8's own sentence holds a piece of the text. */
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';

export const parseJsonPlainly = (text: string): Result<unknown> => parse(text, undefined);

/** Whole numbers beyond 2^53 become bigints. */
export const parseJsonExactly = (text: string): Result<unknown> => parse(text, keepWholeNumbers);

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

function parse(text: string, reviver: Reviver | undefined): Result<unknown> {
  try {
    return ok(JSON.parse(text, reviver as (key: string, value: unknown) => unknown));
  } catch {
    return fail('record-malformed', 'the text is not JSON');
  }
}

const wholeNumber = /^-?\d{1,19}$/;

const keepWholeNumbers: Reviver = (_key, value, { source }) => {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || source === undefined || !wholeNumber.test(source)) return value;
  return BigInt(source);
};
