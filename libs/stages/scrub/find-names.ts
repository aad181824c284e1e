/**
 * Chinese names: a surname and a given name of one or two characters, scored with what stands on both sides; and names of other languages, written
 * with a dot between their parts. Every place of a text looks at no more than `announcingUnitsMax` units before and a few behind.
 */
import { byFirstUnit, byUnit, hasWordAt } from './by-unit.ts';
import type { ByUnit } from './by-unit.ts';
import { asciiAt, asciiOf, classes, digit, han, hanUnits, letter, mark, surname } from './character-classes.ts';
import type { Finding } from './identifier-kinds.ts';
import { announcing, firmsBehind, following, neverGiven, seldomGiven, transliterating, typicalGiven } from './name-words.ts';
import { placeAt, placeUnitsMax } from './places.ts';
import { surnames } from './surnames.ts';
import { wordsBefore } from './words-before-surnames.ts';
import { wordsBehind } from './words-behind-surnames.ts';

/** A name needs so much. Chosen on the tuning half of the corpus. */
const scoreMin = 6;
const score = {
  typicalGiven: 2,
  possibleGiven: 1,
  seldomGiven: -1,
  neverGiven: -6,
  /** 圆圆, 莎莎. */
  twice: 2,
  ordinaryWordBehind: -5,
  /** 周一鸣: the given name goes on behind the ordinary word. */
  ordinaryWordWithin: -3,
  firmBehind: -5,
  place: -5,
  ordinaryWordBefore: -4,
  edge: 1,
  middle: -1,
  colon: 2,
  /** Between two signs, as in a list. */
  alone: 1,
} as const;

const announcingUnitsMax = 7;
const partUnitsMax = 8;
const firmUnitsMax = 7;
/** So many of the given characters are the typical ones, the rest are possible ones. */
const mostTypical = 260;

const units = 65_536;
/** What a character adds as part of a given name; `notHan` for one that is no ideograph. */
const givenScore = new Int8Array(units);
const notHan = -128;
for (let unit = 0; unit < units; unit += 1) givenScore[unit] = ((classes[unit] as number) & han) === 0 ? notHan : 0;
[...typicalGiven].forEach((character, index) => {
  givenScore[character.charCodeAt(0)] = index < mostTypical ? score.typicalGiven : score.possibleGiven;
});
for (const character of seldomGiven) givenScore[character.charCodeAt(0)] = score.seldomGiven;
for (const character of neverGiven) givenScore[character.charCodeAt(0)] = score.neverGiven;
for (let unit = 0xd840; unit <= 0xd888; unit += 1) givenScore[unit] = score.possibleGiven;

/** Weight of a surname of one character by its unit. One of two units, U+20BB7, is found by its name. */
const singleWeight = new Uint8Array(units);
for (const [name, weight] of surnames) {
  mark(name.slice(0, 1), surname);
  if (name.length === 1) singleWeight[name.charCodeAt(0)] = weight;
}
const compounds = byUnit(
  [...surnames].filter(([name]) => name.length > 1),
  ([name]) => name.charCodeAt(0),
);

/** Two ideographs of the first plane as one small number. */
const pair = (first: number, second: number): number => (first - 0x4e00) * 0x5200 + (second - 0x4e00);
const ordinaryPairs = new Set<number>();
for (const [character, others] of Object.entries(wordsBehind))
  for (const other of others) ordinaryPairs.add(pair(character.charCodeAt(0), other.charCodeAt(0)));
const ordinaryPairsBefore = new Set<number>();
for (const [character, others] of Object.entries(wordsBefore))
  for (const other of others) ordinaryPairsBefore.add(pair(other.charCodeAt(0), character.charCodeAt(0)));

type ScoredWords = ByUnit<readonly [word: string, points: number]>;

/** The word with the most points first, then the longest. */
function scoredWords(words: Readonly<Record<number, readonly string[]>>, unitOf: (word: string) => number): ScoredWords {
  const pairs = Object.entries(words).flatMap(([points, list]) => list.map((word): [string, number] => [word, Number(points)]));
  pairs.sort(([a, pointsA], [b, pointsB]) => pointsB - pointsA || b.length - a.length);
  return byUnit(pairs, ([word]) => unitOf(word));
}
const announcingByLast = scoredWords(announcing, (word) => word.charCodeAt(word.length - 1));
const followingByFirst = scoredWords(following, (word) => word.charCodeAt(0));
const firmsByFirst = byFirstUnit(firmsBehind);
const firmWordsByFirst = byFirstUnit(firmsBehind.filter(({ length }) => length > 1));

/** The best name that begins at `start`, where a surname may stand; `last` is the name that was found before it. */
export function findName(text: string, start: number, last: ScoredName | null): ScoredName | null {
  const unit = text.charCodeAt(start);
  let best: ScoredName | null = null;
  const before = scoreBefore(text, start);
  for (const [name, weight] of compounds.at(unit)) {
    if (text.startsWith(name, start)) best = better(best, withGiven(text, start, start + name.length, weight, before));
  }
  const weight = singleWeight[unit] as number;
  if (best === null && weight > 0) best = withGiven(text, start, start + 1, weight, before);
  if (best === null) return null;
  if (best.score + score.place < scoreMin && isInPlace(text, start)) return null;
  if (isOfFirm(text, start, best.end)) return null;
  // Of two names in each other's way the surer one stays; the later one has to be surer by what its neighbour took from it.
  if (last !== null && last.end > start && last.score >= best.score) return null;
  return best;
}

/** Whether the name is the beginning of a firm's: no word that follows persons, but one for firms a few characters on. */
function isOfFirm(text: string, start: number, end: number): boolean {
  if (hasFirmWord(text, start + 1, end - 1)) return true;
  if (pointsBehind(text, end) > 0) return false;
  return hasFirmWord(text, end - 1, end + firmUnitsMax);
}

/** Whether a word for firms begins between two places, with nothing but ideographs before it. */
function hasFirmWord(text: string, start: number, end: number): boolean {
  for (let at = start; at < end && at < text.length && !isOpen(text.charCodeAt(at)); at += 1)
    if (hasWordAt(firmWordsByFirst, text, at)) return true;
  return false;
}

/** Whether a known place covers the surname and what stands behind it: 石家庄, 江苏. */
function isInPlace(text: string, start: number): boolean {
  for (let from = Math.max(0, start - placeUnitsMax + 1); from <= start; from += 1) {
    const place = placeAt(text, from);
    if (place !== undefined && from + place.length > start) return true;
  }
  // 江苏和安徽: a word that is seldom a surname, and a place.
  return singleWeight[text.charCodeAt(start)] === 1 && placeAt(text, start + 1) !== undefined;
}

export interface ScoredName extends Finding {
  readonly score: number;
}

const better = (a: ScoredName | null, b: ScoredName | null): ScoredName | null =>
  a === null || (b !== null && b.score > a.score) ? b : a;

function withGiven(text: string, start: number, givenStart: number, weight: number, before: number): ScoredName | null {
  const firstUnits = hanUnits(text, givenStart);
  if (firstUnits === 0) return null;
  const firstUnit = text.charCodeAt(givenStart);
  const isOrdinary = givenStart - start === 1 && ordinaryPairs.has(pair(text.charCodeAt(start), firstUnit));
  const base = weight + (givenScore[firstUnit] as number) + before;
  const firstEnd = givenStart + firstUnits;
  const shortScore = base + scoreBehind(text, start, firstEnd) + (isOrdinary ? score.ordinaryWordBehind : 0);

  const secondUnits = hanUnits(text, firstEnd);
  if (secondUnits === 0) return named(start, firstEnd, shortScore);
  const secondUnit = text.charCodeAt(firstEnd);
  const second = givenScore[secondUnit] as number;
  const secondEnd = firstEnd + secondUnits;
  const ordinary = second >= score.possibleGiven ? score.ordinaryWordWithin : score.ordinaryWordBehind;
  const longScore =
    base +
    second +
    scoreBehind(text, start, secondEnd) +
    (firstUnit === secondUnit ? score.twice : 0) +
    (isOrdinary ? ordinary : 0);
  // Most given names have two characters.
  return longScore >= shortScore ? named(start, secondEnd, longScore) : named(start, firstEnd, shortScore);
}

const named = (start: number, end: number, points: number): ScoredName | null =>
  points < scoreMin ? null : { kind: 'name', start, end, checked: false, score: points };

const isOpen = (unit: number): boolean => ((classes[unit] as number) & han) === 0;

/** What the text before a name says: a word that announces one, an edge, or an ordinary word that the surname ends. */
function scoreBefore(text: string, start: number): number {
  if (start === 0) return score.edge;
  const unit = text.charCodeAt(start - 1);
  if (isOpen(unit)) {
    const kind = classes[unit] as number;
    // 3张, 12万: a number before a measure.
    if ((kind & digit) !== 0) return score.ordinaryWordBefore;
    return Math.max(asciiOf[unit] === 0x3a ? score.colon : score.edge, announcedBy(text, behindSigns(text, start)));
  }
  const announced = announcedBy(text, start);
  if (announced > 2) return announced;
  const next = text.charCodeAt(start);
  return ordinaryPairsBefore.has(pair(unit, next)) ? score.ordinaryWordBefore : announced;
}

/** The place before a colon, a parenthesis and spaces. */
function behindSigns(text: string, start: number): number {
  let at = start;
  while (at > 0 && start - at < 3 && isSign(asciiAt(text, at - 1), text.charAt(at - 1))) at -= 1;
  return at;
}
const isSign = (ascii: number, sign: string): boolean =>
  ascii === 0x3a ||
  ascii === 0x20 ||
  ascii === 0x28 ||
  ascii === 0x3d ||
  sign === '【' ||
  sign === '“' ||
  sign === '|' ||
  sign === '\t';

function announcedBy(text: string, end: number): number {
  if (end === 0) return 0;
  const unit = text.charCodeAt(end - 1);
  if (((classes[unit] as number) & letter) !== 0) return announcedByEnglish(text, end);
  for (const [word, points] of announcingByLast.at(unit)) if (text.startsWith(word, end - word.length)) return points;
  return 0;
}

function announcedByEnglish(text: string, end: number): number {
  const before = text.slice(Math.max(0, end - announcingUnitsMax), end).toLowerCase();
  for (const [word, points] of announcingByLast.at(before.charCodeAt(before.length - 1))) {
    if (before.endsWith(word) && !/[a-z]/.test(before.charAt(before.length - word.length - 1))) return points;
  }
  return 0;
}

/** What the text behind a name says: a word that follows persons, a sign, a firm, or nothing, which is a little against an end right here. */
function scoreBehind(text: string, start: number, end: number): number {
  if (end >= text.length) return score.edge + aloneScore(text, start);
  const unit = text.charCodeAt(end);
  const points = pointsBehind(text, end);
  if (points > 0) return points;
  if (isOpen(unit)) return score.edge + aloneScore(text, start);
  return hasWordAt(firmsByFirst, text, end) ? score.firmBehind : score.middle;
}

/** Of the words that follow persons; 0 without one. */
function pointsBehind(text: string, end: number): number {
  if (end >= text.length) return 0;
  for (const [word, points] of followingByFirst.at(text.charCodeAt(end))) if (text.startsWith(word, end)) return points;
  return 0;
}

const aloneScore = (text: string, start: number): number => (start === 0 || isOpen(text.charCodeAt(start - 1)) ? score.alone : 0);

const isTransliterating = new Uint8Array(units);
for (const character of transliterating) isTransliterating[character.charCodeAt(0)] = 1;

/** A name around the dot at `dot`, of two parts or more: 买买提·吐尔逊. */
export function findDottedName(text: string, dot: number): Finding | null {
  const start = partStart(text, dot);
  let end = partEnd(text, dot + 1);
  if (dot - start < 2 || end - dot < 2) return null;
  for (let part = 0; part < 2 && isDot(text, end); part += 1) {
    const next = partEnd(text, end + 1);
    if (next - end < 2) break;
    end = next;
  }
  return { kind: 'name', start, end, checked: false };
}

const isDot = (text: string, at: number): boolean => /[·•・‧･]/.test(text.charAt(at));

function partStart(text: string, end: number): number {
  let at = end;
  while (at > 0 && end - at < partUnitsMax && isTransliterating[text.charCodeAt(at - 1)] === 1) at -= 1;
  return at;
}

function partEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length && at - start < partUnitsMax && isTransliterating[text.charCodeAt(at)] === 1) at += 1;
  return at;
}
