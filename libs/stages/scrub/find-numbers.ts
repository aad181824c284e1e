/**
 * Identifiers that are digits: resident ids, bank cards, mobile and landline numbers, with the separators that people write.
 * A number begins at a run of digits that is not a part of a longer one; at most `digitsMax` digits in `groupsMax` groups are looked at from
 * there, so each place of a text costs the same whatever stands behind it.
 */
import { bankCardIsValid, divisionCodeIsWellFormed, parseResidentId } from '../../identifiers/index.ts';
import { asciiAt, asciiText, isAlphanumericAt, isDigitAt } from './character-classes.ts';
import type { Finding, IdentifierKind } from './identifier-kinds.ts';
import { saysBefore } from './words-before.ts';

const digitsMin = 10;
const digitsMax = 20;
const groupsMax = 7;

const space = 0x20;
const parenthesisOpen = 0x28;
const parenthesisClose = 0x29;
const plus = 0x2b;
const dash = 0x2d;
const dot = 0x2e;

/** The first groups of digits from one place on. */
interface Groups {
  readonly text: string;
  /** Where the first digit is. */
  readonly start: number;
  /** Ends of the groups. */
  readonly ends: readonly number[];
  readonly lengths: readonly number[];
  /** All digits of the groups, as ASCII. */
  readonly digits: string;
  /** Whether an X ends the last group. */
  readonly endsWithX: boolean;
}

/** A finding of the first so many groups; `start` may be before the digits, at a plus or a parenthesis. */
type Rule = (groups: Groups, count: number, digits: string) => { readonly start: number; readonly checked: boolean } | null;

/** With the fewest and the most digits, so that most runs are asked about one kind or two. */
const rules: readonly { readonly kind: IdentifierKind; readonly rule: Rule; readonly least: number; readonly most: number }[] = [
  { kind: 'resident-id', rule: residentId, least: 15, most: 18 },
  { kind: 'bank-card', rule: bankCard, least: 13, most: 19 },
  { kind: 'mobile', rule: mobile, least: 11, most: 15 },
  { kind: 'landline', rule: landline, least: 10, most: 16 },
];

/** Whether a run of digits at `start` may be a number of its own, given what stands before it. */
export function findNumbers(text: string, start: number, wanted: ReadonlySet<IdentifierKind>, found: Finding[]): void {
  if (!hasDigits(text, start) || isFraction(text, start)) return;
  const groups = groupsFrom(text, start);
  let digits = 0;
  for (let index = 0; index < groups.ends.length; index += 1) {
    const count = index + 1;
    const end = groups.ends[index] as number;
    digits += groups.lengths[index] as number;
    if (digits < digitsMin || (count > 1 && !isApart(groups, end))) continue;
    if (asciiAt(text, end) === dot && isDigitAt(text, end + 1) && count === 1 && digits < 11) continue;
    const withX = count === groups.ends.length && groups.endsWithX;
    for (const { kind, rule, least, most } of rules) {
      if (digits < least || digits > most || !wanted.has(kind) || (withX && kind !== 'resident-id')) continue;
      const hit = rule(groups, count, withX ? groups.digits : groups.digits.slice(0, digits));
      if (hit !== null) found.push({ kind, start: hit.start, end: withX ? end + 1 : end, checked: hit.checked });
    }
  }
}

/** Whether there are enough digits for any number, before anything is made of them: most runs are years, ages and amounts. */
function hasDigits(text: string, start: number): boolean {
  let digits = 0;
  for (let at = start; digits < digitsMin; ) {
    if (isDigitAt(text, at)) {
      digits += 1;
      at += 1;
    } else {
      at = behindSeparator(text, at);
      if (at === 0) return false;
    }
  }
  return true;
}

/** Digits behind a decimal point: 6.13812345678. The number of an item, at the beginning of a line, is none: 2.13812345678. */
function isFraction(text: string, start: number): boolean {
  if (asciiAt(text, start - 1) !== dot || !isDigitAt(text, start - 2)) return false;
  const first = isDigitAt(text, start - 3) ? start - 3 : start - 2;
  return first > 0 && text[first - 1] !== '\n';
}

function groupsFrom(text: string, start: number): Groups {
  const ends: number[] = [];
  const lengths: number[] = [];
  let digits = '';
  let endsWithX = false;
  for (let from = start; ends.length < groupsMax; ) {
    let end = from;
    while (end - from <= digitsMax && isDigitAt(text, end)) end += 1;
    if (digits.length + end - from > digitsMax) break;
    const isX = (asciiAt(text, end) | 0x20) === 0x78 && digits.length + end - from === 17 && !isAlphanumericAt(text, end + 1);
    // Digits that a letter follows are a part of something else.
    if (isAlphanumericAt(text, end) && !isX) break;
    digits += asciiText(text, from, end);
    ends.push(end);
    lengths.push(end - from);
    if (isX) {
      digits += 'X';
      endsWithX = true;
      break;
    }
    const next = behindSeparator(text, end);
    if (next === 0) break;
    from = next;
  }
  return { text, start, ends, lengths, digits, endsWithX };
}

/** Where digits go on behind a space, a dash or a closing parenthesis with one of them; 0 when they do not. */
function behindSeparator(text: string, end: number): number {
  let at = end;
  if (asciiAt(text, at) === parenthesisClose) at += 1;
  const sign = asciiAt(text, at);
  if (sign === space || sign === dash) at += 1;
  return at > end && isDigitAt(text, at) ? at : 0;
}

const isDashBetweenDigits = (text: string, at: number): boolean =>
  asciiAt(text, at) === dash && isDigitAt(text, at - 1) && isDigitAt(text, at + 1);

/** Whether groups up to `end` are not the middle of a longer row of groups with dashes. An extension of up to five digits may follow. */
function isApart({ text, start }: Groups, end: number): boolean {
  if (isDashBetweenDigits(text, start - 1)) return false;
  if (!isDashBetweenDigits(text, end)) return true;
  let extension = end + 1;
  while (extension - end <= 6 && isDigitAt(text, extension)) extension += 1;
  return extension - end <= 6 && asciiAt(text, extension) !== dash;
}

/** Source: GB 11643; the 15 digits of its first edition have no check digit and a year of two digits. */
function residentId({ text, start, lengths }: Groups, count: number, digits: string): { start: number; checked: boolean } | null {
  if (digits.length === 15 && count === 1) return isOldResidentId(text, start, digits) ? { start, checked: false } : null;
  if (digits.length !== 18) return null;
  // 330106 19900307 1234 and the like: the area always stands together.
  if (count > 1 && lengths[0] !== 6 && lengths[0] !== 3) return null;
  const parsed = parseResidentId(digits);
  if (parsed !== null && divisionCodeIsWellFormed(parsed.areaCode)) {
    const year = Number(parsed.birthDate.slice(0, 4));
    if (year >= 1880 && year < 2040) return { start, checked: true };
  }
  return saysBefore(text, start, 'identity') ? { start, checked: false } : null;
}

function isOldResidentId(text: string, start: number, digits: string): boolean {
  if (saysBefore(text, start, 'identity')) return true;
  const month = Number(digits.slice(8, 10));
  const day = Number(digits.slice(10, 12));
  // Codes of cities end at 70 but for those that a province governs itself (90), codes of counties at 89.
  const [city, county] = [Number(digits.slice(2, 4)), Number(digits.slice(4, 6))];
  if (city === 0 || (city > 70 && city !== 90) || county === 0 || county > 89) return false;
  if (!divisionCodeIsWellFormed(digits.slice(0, 6)) || month < 1 || month > 12 || day < 1 || day > 31) return false;
  // IMEIs begin with 35 or 86 and have a Luhn digit.
  return !(digits.startsWith('35') && bankCardIsValid(digits)) && !saysBefore(text, start, 'goods');
}

/** First digits of cards by their count of digits. Source: ISO/IEC 7812-1; 62 is UnionPay's, the ones with 9 its banks' before that. */
const cardBeginnings: Readonly<Record<number, RegExp>> = {
  13: /^4/,
  14: /^3[068]/,
  15: /^3[47]/,
  16: /^(?:62|4|5[1-5]|2[2-7]|35|60[0-9]|81|95[5-9]|94[0-9])/,
  17: /^62/,
  18: /^62/,
  19: /^(?:62|60|81|95[5-9]|94[0-9]|43|45)/,
};

function bankCard({ text, start, lengths }: Groups, count: number, digits: string): { start: number; checked: boolean } | null {
  if (count > 1) {
    const whole = lengths.slice(0, count - 1);
    const isByFours = whole.every((length) => length === 4) && (lengths[count - 1] as number) <= 4;
    if (!isByFours && lengths[0] !== 6 && !(lengths[0] === 4 && count === 3)) return null;
  }
  if (cardBeginnings[digits.length]?.test(digits) !== true) return null;
  if (!bankCardIsValid(digits)) return saysBefore(text, start, 'bank card') ? { start, checked: false } : null;
  // Fifteen digits are an old resident id or the number of a device more often than a foreign card.
  const isSaid = saysBefore(text, start, 'card');
  if (!isSaid && (digits.length < 16 || saysBefore(text, start, 'goods'))) return null;
  return { start, checked: true };
}

/** Where the country code begins with its sign: 0086, +86, (+86) or plain 86. */
function countryStart(text: string, start: number): number {
  const signed = asciiAt(text, start - 1) === plus ? start - 1 : start;
  return asciiAt(text, signed - 1) === parenthesisOpen ? signed - 1 : signed;
}

/** Digits of the country code at the beginning: 0, 2 (86) or 4 (0086). */
function countryDigits(digits: string): number {
  if (digits.startsWith('0086')) return 4;
  return digits.startsWith('86') ? 2 : 0;
}

function mobile({ text, start, lengths }: Groups, count: number, digits: string): { start: number; checked: boolean } | null {
  const country = digits.length === 11 ? 0 : countryDigits(digits);
  if (digits.length - country !== 11 || !/^1[3-9]/.test(digits.slice(country))) return null;
  if (count > 1) {
    const isCountryApart = country > 0 && lengths[0] === country;
    const own = lengths.slice(isCountryApart ? 1 : 0, count);
    // 138 1234 5678, 138-123-45678, 1381 234 5678; not 1-3812345678.
    if (own.length > 4 || (own[0] as number) < 3 || own.some((length) => length < 2)) return null;
  }
  return { start: country > 0 ? countryStart(text, start) : start, checked: false };
}

/** Area codes by their first two digits: none begins with 030, 040, 050, 060 or 080. A subscriber number begins with 2 to 8. */
const areaAndSubscriber = /^(0?(?:10|2\d|3[1-9]\d|4[1-8]\d|5[1-9]\d|6[369]\d|7\d{2}|8[1-9]\d|9\d{2}))[2-8]\d{6,7}$/;

function landline({ text, start, lengths }: Groups, count: number, digits: string): { start: number; checked: boolean } | null {
  const country = countryDigits(digits);
  const own = digits.slice(country);
  const isSigned = country === 4 || (country === 2 && (asciiAt(text, start - 1) === plus || lengths[0] === 2));
  if (country > 0 && !isSigned) return null;
  const match = areaAndSubscriber.exec(own);
  if (match === null || (country === 0 && !own.startsWith('0'))) return null;
  const area = (match[1] as string).length;
  if (count > 1) {
    const parts = lengths.slice(country > 0 && lengths[0] === country ? 1 : 0, count);
    // 0571-87654321, 0571-8765-4321; area and number may also stand together behind the country code.
    if (parts.length > 1 && parts[0] !== area) return null;
    if (parts.length > 3) return null;
  }
  const first = country > 0 ? countryStart(text, start) : start;
  return {
    start: asciiAt(text, first - 1) === parenthesisOpen && hasClose(text, first, area) ? first - 1 : first,
    checked: false,
  };
}

const hasClose = (text: string, start: number, area: number): boolean => asciiAt(text, start + area) === parenthesisClose;
