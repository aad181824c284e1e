/** Replaces a text by a keyed token: the same text gives the same token within one agreement, and another in every other. */
import { createHmac, createSecretKey } from 'node:crypto';
import { z } from 'zod';
import { fail, ok } from '../../base/index.ts';
import type { AsciiRun } from '../../govern/index.ts';
import { defineFieldStage, unfit } from '../../govern/index.ts';

const config = z.strictObject({
  length: z.int().min(16).max(64).default(32).describe('Hexadecimal characters of the token; 32 are 128 bits'),
  pattern: z
    .string()
    .max(256)
    .optional()
    .describe(
      'The whole value must be this: ASCII characters and classes with fixed counts, such as [0-9]{17}[0-9X]; another value does not fit',
    ),
});
type PseudonymizeConfig = z.infer<typeof config>;

/**
 * HMAC-SHA256 of the UTF-8 text under a key of the agreement and field, cut to `length` hexadecimal characters.
 * Source: RFC 2104, FIPS 180-4; GB/T 37964-2019, pseudonymization.
 */
export const pseudonymize = defineFieldStage<PseudonymizeConfig>({
  name: 'pseudonymize',
  version: 1,
  scope: 'field',
  summary: 'Replaces a text by a keyed token that only this agreement has.',
  config,
  plan(field, { length, pattern }) {
    if (field.type.kind !== 'string')
      return fail('plan-invalid', `pseudonymize needs a text, and this is ${field.type.kind}`, field.path);
    const shape = pattern === undefined ? undefined : parsePattern(pattern);
    if (shape === null)
      return fail('plan-invalid', 'pattern: only ASCII literals and classes with fixed counts are taken', field.path);
    return ok({
      action: {
        kind: 'transform',
        result: { kind: 'string' },
        width: 'fixed',
        keyLabel: `pseudonymize${field.path}`,
        lower: { op: 'token', length, ...(shape === undefined ? {} : { pattern: shape }) },
        reference: (need) => {
          if (need === undefined) throw new Error('pseudonymize: the key is missing');
          const key = createSecretKey(need.key);
          return (value) => {
            if (typeof value !== 'string' || (shape !== undefined && !matches(shape, value))) return unfit;
            return createHmac('sha256', key).update(value, 'utf8').digest('hex').slice(0, length);
          };
        },
      },
      decision: {
        happens: `replaced by a ${length}-character token under the key of this agreement`,
        reversible: 'no',
        informationLost: 'everything but equality',
        lengthLeaked: false,
        clause: 'GB/T 37964-2019, pseudonymization; RFC 2104',
      },
    });
  },
});

/** Characters that a pattern may name outside of a class. */
const plainCharacter = /^[A-Za-z0-9 _.,:/-]$/;
const patternRunsMax = 64;
const patternLengthMax = 256;

/**
 * Linear patterns alone: literals and classes of ASCII characters, each with a fixed count. No groups, alternation or open repeats, so that
 * no value can make it slow. Null for anything else.
 */
function parsePattern(pattern: string): AsciiRun[] | null {
  const runs: AsciiRun[] = [];
  let rest = pattern;
  while (rest !== '') {
    const match = /^(?:\[([ -~]+?)\]|([ -~]))(?:\{(\d{1,3})\})?/.exec(rest);
    if (match === null) return null;
    const [whole, members, single] = match;
    const allowed = members === undefined ? singleCharacter(single ?? '') : classOf(members);
    if (allowed === null) return null;
    runs.push({ allowed, count: Number(match[3] ?? 1) });
    rest = rest.slice(whole.length);
  }
  const length = runs.reduce((sum, { count }) => sum + count, 0);
  return runs.length === 0 || runs.length > patternRunsMax || length > patternLengthMax ? null : runs;
}

const bitOf = (code: number): bigint => 1n << BigInt(code);
const singleCharacter = (character: string): bigint | null =>
  plainCharacter.test(character) ? bitOf(character.charCodeAt(0)) : null;

/** Single characters and ranges; no negation and no escapes. */
function classOf(members: string): bigint | null {
  if (/[\\^[]/.test(members)) return null;
  let allowed = 0n;
  for (let at = 0; at < members.length; at += 1) {
    const from = members.charCodeAt(at);
    const isRange = members[at + 1] === '-' && at + 2 < members.length;
    const to = isRange ? members.charCodeAt(at + 2) : from;
    if (to < from) return null;
    for (let code = from; code <= to; code += 1) allowed |= bitOf(code);
    if (isRange) at += 2;
  }
  return allowed;
}

/** Whether the text is exactly these runs. */
function matches(runs: readonly AsciiRun[], text: string): boolean {
  let at = 0;
  for (const { allowed, count } of runs) {
    for (let index = 0; index < count; index += 1, at += 1) {
      const code = at < text.length ? text.charCodeAt(at) : 128;
      if (code > 127 || (allowed & bitOf(code)) === 0n) return false;
    }
  }
  return at === text.length;
}
