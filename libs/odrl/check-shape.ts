/** What a policy is looked through for before anything reads it: size, depth, names that reach into objects, and texts that deceive. Iterative and bounded. */
import type { Result } from '../base/index.ts';
import { fail, limits, nameFault, ok, textFault } from '../base/index.ts';

const depthMax = 24;
const partsMax = 20_000;
const textMax = 8_192;
/** Names that lead to prototypes where an object is copied member by member. */
const reaching: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** A JSON pointer (RFC 6901) to a member, from the pointer of what it is in. */
export const pointerTo = (above: string, part: string | number): string =>
  `${above}/${String(part).slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1')}`;

interface Waiting {
  readonly value: unknown;
  readonly at: string;
  readonly depth: number;
}

/** Fails with `policy-invalid` and the JSON pointer of the first fault. */
export function checkShape(input: unknown): Result<void> {
  const waiting: Waiting[] = [{ value: input, at: '', depth: 0 }];
  let bytes = 0;
  for (let parts = 0; waiting.length > 0; parts += 1) {
    const { value, at, depth } = waiting.pop() as Waiting;
    if (parts >= partsMax) return refused(at, `it has more than ${partsMax} members`);
    if (depth > depthMax) return refused(at, `it is nested deeper than ${depthMax}`);
    const fault = typeof value === 'string' ? faultOf(value) : isJson(value) ? null : 'it is no JSON value';
    if (fault !== null) return refused(at, fault);
    bytes += typeof value === 'string' ? Buffer.byteLength(value) : 8;
    if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value).reverse()) {
        const below = pointerTo(at, name);
        if (reaching.has(name)) return refused(below, 'a member of this name is not taken');
        const nameWhy = Array.isArray(value) ? null : nameFault(name);
        if (nameWhy !== null) return refused(at, `the name of a member ${nameWhy}`);
        bytes += Buffer.byteLength(name);
        waiting.push({ value: member, at: below, depth: depth + 1 });
      }
    }
    if (bytes > limits.policyBytesMax) return refused(at, `it is over ${limits.policyBytesMax} bytes`);
  }
  return ok(undefined);
}

const isJson = (value: unknown): boolean =>
  value === null ||
  typeof value === 'boolean' ||
  (typeof value === 'number' && Number.isFinite(value)) ||
  typeof value === 'object';

function faultOf(text: string): string | null {
  if (text.length > textMax) return `a text is longer than ${textMax} characters`;
  const why = textFault(text);
  return why === null ? null : `the text ${why}`;
}

const refused = (at: string, why: string): Result<never> =>
  fail('policy-invalid', `parsing policy: ${at === '' ? '/' : at}: ${why}`, at === '' ? '/' : at);
