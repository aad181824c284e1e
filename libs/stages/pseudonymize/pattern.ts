/** The shapes of texts that a pseudonym may be asked for: ASCII literals and classes with fixed counts. */
import type { AsciiRun } from '../../govern/index.ts';

/** Characters that a pattern may name outside of a class. */
const plainCharacter = /^[A-Za-z0-9 _.,:/-]$/;
const patternRunsMax = 64;
const patternLengthMax = 256;

/**
 * Linear patterns alone: literals and classes of ASCII characters, each with a fixed count. No groups, alternation or open repeats, so that
 * no value can make it slow. Null for anything else.
 */
export function parsePattern(pattern: string): AsciiRun[] | null {
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
export function matches(runs: readonly AsciiRun[], text: string): boolean {
  let at = 0;
  for (const { allowed, count } of runs) {
    for (let index = 0; index < count; index += 1, at += 1) {
      const code = at < text.length ? text.charCodeAt(at) : 128;
      if (code > 127 || (allowed & bitOf(code)) === 0n) return false;
    }
  }
  return at === text.length;
}
