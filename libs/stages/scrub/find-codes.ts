/** Identifiers of letters and digits: credit codes, passports, plates, and numbers behind a word such as tel. Each looks at a bounded stretch. */
import {
  divisionCodeIsWellFormed,
  passportIsWellFormed,
  plateIsWellFormed,
  socialCreditCodeIsValid,
} from '../../identifiers/index.ts';
import { asciiAt, asciiText, classes, digit, isAlphanumericAt, isDigitAt, letter } from './character-classes.ts';
import { findNumbers } from './find-numbers.ts';
import type { Finding, IdentifierKind } from './identifier-kinds.ts';
import { saysBefore } from './words-before.ts';

const wordMax = 8;
/** Words that people write without a space before a number. */
const wordsBeforeNumber = new Set('tel phone mobile mob cell call ph id no card sfz dh sj wx vx v t m p e in'.split(' '));

/** Looks at the letters and digits from `start` on, where no letter or digit is before; returns their end. */
export function findCodes(text: string, start: number, wanted: ReadonlySet<IdentifierKind>, found: Finding[]): number {
  let end = start;
  let seen = 0;
  for (; end < text.length; end += 1) {
    const unit = classes[text.charCodeAt(end)] as number;
    if ((unit & (digit | letter)) === 0) break;
    seen |= unit;
  }
  if ((seen & digit) === 0) return end;
  if (isDigitAt(text, start)) findNumbers(text, start, wanted, found);
  else {
    let numberStart = start;
    while (numberStart - start <= wordMax && !isDigitAt(text, numberStart)) numberStart += 1;
    if (wordsBeforeNumber.has(asciiText(text, start, numberStart).toLowerCase())) findNumbers(text, numberStart, wanted, found);
  }
  if (end - start === 18 && wanted.has('social-credit-code')) creditCode(text, start, found);
  if (end - start === 9 && wanted.has('passport')) passport(text, start, found);
  return end;
}

/** First two symbols: who registers, and what. Source: GB 32100, table 1, with the later additions. */
const registrations = /^(?:1[1-39]|2[1-49]|3[1-59]|4[1-2]|5[1-39]|6[1-9]|7[1-29]|8[1-9]|9[1-3]|A[19]|N[1-39]|Y1)/;

function creditCode(text: string, start: number, found: Finding[]): void {
  const code = asciiText(text, start, start + 18);
  if (!registrations.test(code) || !/^[0-9A-HJ-NPQRTUWXY]{18}$/.test(code)) return;
  const area = code.slice(2, 8);
  const checked = socialCreditCodeIsValid(code) && (divisionCodeIsWellFormed(area) || area === '100000');
  if (checked || saysBefore(text, start, 'credit code'))
    found.push({ kind: 'social-credit-code', start, end: start + 18, checked });
}

/** Ordinary passports since 1997 have G or E; the letters of all other kinds also begin numbers of goods, so the text has to say passport. */
function passport(text: string, start: number, found: Finding[]): void {
  const code = asciiText(text, start, start + 9);
  if (!passportIsWellFormed(code)) return;
  const isSaid = saysBefore(text, start, 'passport');
  const isOrdinary = /^[EG]/.test(code) && !/^.20[0-4]\d(?:0[1-9]|1[0-2])/.test(code) && !saysBefore(text, start, 'goods');
  const isPart = asciiAt(text, start - 1) === 0x2d || (asciiAt(text, start + 9) === 0x2d && isAlphanumericAt(text, start + 10));
  if (isSaid || (isOrdinary && !isPart)) found.push({ kind: 'passport', start, end: start + 9, checked: false });
}

/** Words that end with the character of a province before something that only looks like a plate: 创新A12345. */
const noPlateBefore: Readonly<Record<string, string>> = { 新: '创最全更革', 云: '里为讯公私', 青: '年', 宁: '安' };

const isEndOfWord = (text: string, at: number): boolean =>
  at > 0 && noPlateBefore[text.charAt(at)]?.includes(text.charAt(at - 1)) === true;

/** A plate whose first character is at `start`. */
export function findPlate(text: string, start: number, found: Finding[]): void {
  const city = asciiAt(text, start + 1) & ~0x20;
  if (city < 0x41 || city > 0x5a) return;
  let at = start + 2;
  if (/[·•・‧･ \-.]/.test(text.charAt(at))) at += 1;
  const first = at;
  while (at - first <= 6 && isAlphanumericAt(text, at)) at += 1;
  const symbols = asciiText(text, first, at);
  if (symbols.length === 4 && /[挂学警港澳]/.test(text.charAt(at))) at += 1;
  else if (symbols.length < 5 || isAlphanumericAt(text, at) || isVersionAfter(text, at)) return;
  if (symbols.replace(/\D/g, '').length < 2 || isEndOfWord(text, start)) return;
  const plate = `${text.charAt(start)}${String.fromCharCode(city)}${symbols}${text.slice(first + symbols.length, at)}`;
  if (plateIsWellFormed(plate)) found.push({ kind: 'plate', start, end: at, checked: false });
}

/** 川A12345-67 is a number of something else. */
const isVersionAfter = (text: string, at: number): boolean => asciiAt(text, at) === 0x2d && isAlphanumericAt(text, at + 1);
