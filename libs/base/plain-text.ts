/** What a text or a name from outside must not hold: characters that make it look like another one, or that nobody sees. */

/** Marks that turn the direction of what is shown, and characters without width. Source: Unicode Standard Annex 9, section 2; UTR 36, section 2. */
const unseen = /[\u00AD\u061C\u180E\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF\u{E0000}-\u{E007F}]/u;
/** Control characters, less tab and line feed. */
const controls = /(?![\t\n])\p{Cc}|[\u2028\u2029]/u;

/** Why a text is refused, as the end of a sentence; null for one that is fine. A text of several lines may have tabs and line feeds. */
export function textFault(text: string): string | null {
  if (!text.isWellFormed()) return 'holds half a character';
  if (controls.test(text)) return 'holds a control character';
  if (unseen.test(text)) return 'holds a character that is not seen or turns the direction of reading';
  return text.normalize('NFC') === text ? null : 'is not in Unicode normalization form C';
}

/** Scripts that are written with one another in names; two others in one name are there to deceive. */
const together =
  /^(?:\p{Script=Latin}|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Bopomofo}|\p{Script=Hangul})$/u;

/** As `textFault`, for a name that things are told apart by: in one line, and of scripts that are written together. */
export function nameFault(name: string): string | null {
  const fault = textFault(name);
  if (fault !== null) return fault;
  if (/[\t\n]/.test(name)) return 'has more than one line';
  const letters = [...name].filter((character) => /^[\p{L}\p{M}]$/u.test(character) && !shared.test(character));
  const scripts = new Set(letters.map((letter) => (together.test(letter) ? 'Latin' : scriptOf(letter))));
  return scripts.size > 1 ? 'mixes letters of scripts that are not written together' : null;
}

/** Marks and signs that every script uses. */
const shared = /^[\p{Script=Common}\p{Script=Inherited}]$/u;

const scriptOf = (letter: string): string => {
  const known = others.find(([, pattern]) => pattern.test(letter));
  return known === undefined ? 'other' : known[0];
};

const others = [
  'Cyrillic',
  'Greek',
  'Armenian',
  'Arabic',
  'Hebrew',
  'Thai',
  'Tibetan',
  'Mongolian',
  'Devanagari',
  'Cherokee',
].map((name) => [name, new RegExp(`^\\p{Script=${name}}$`, 'u')] as const);
