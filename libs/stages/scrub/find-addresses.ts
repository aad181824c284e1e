/**
 * Chinese addresses: a chain of parts, each ending with its marker (省, 市, 区, 路, 号, 室 ...), one right behind the other. One walk over the text with
 * one chain at a time; from a marker no more than `nameUnitsMax` units are looked back over, so a text costs by its length alone.
 */
import {
  announcing,
  breaking,
  breakingLater,
  buildingMarkers,
  markers,
  noMarkers,
  noPlaces,
  numberMarkers,
  officesBehind,
} from './address-words.ts';
import type { PartLevel } from './address-words.ts';
import { byFirstUnit, byUnit, hasWordAt, hasWordBefore } from './by-unit.ts';
import { addressMarker, asciiAt, classAt, classes, han, isAlphanumericAt, isDigitAt, mark } from './character-classes.ts';
import type { Finding } from './identifier-kinds.ts';
import { placeAt, placeUnitsMax } from './places.ts';

const numberUnitsMax = 10;
const estateUnitsMax = 8;

const units = 65_536;
const breaks = new Uint8Array(units);
for (const character of breakingLater) breaks[character.charCodeAt(0)] = 1;
for (const character of breaking) breaks[character.charCodeAt(0)] = 2;
const numerals = new Uint8Array(units);
for (const character of '一二三四五六七八九十百零〇甲乙丙丁') numerals[character.charCodeAt(0)] = 1;
for (const character of '东西南北附之') numerals[character.charCodeAt(0)] = 2;

type NamedMarker = { readonly word: string; readonly level: PartLevel; readonly nameMax: number };

const namedMarkers = markers.flatMap(({ words, level, nameMax }) => words.map((word): NamedMarker => ({ word, level, nameMax })));
const named = byUnit(
  namedMarkers.sort((a, b) => b.word.length - a.word.length),
  ({ word }) => word.charCodeAt(0),
);
const numbered = byFirstUnit(numberMarkers);
const compounds = byFirstUnit(noMarkers);
const offices = byFirstUnit(officesBehind);
const announcingByLast = byUnit(announcing, (word) => word.charCodeAt(word.length - 1));
for (const word of [...namedMarkers.map((marker) => marker.word), ...numberMarkers]) mark(word.slice(0, 1), addressMarker);

/** Parts that stand together, not yet known to be an address. */
interface Chain {
  start: number;
  end: number;
  admin: number;
  fine: number;
  numbers: number;
  hasRoad: boolean;
  level: PartLevel;
}

const isAdmin = (level: PartLevel): boolean => level === 'province' || level === 'city' || level === 'district';

/** The addresses of a text; feed it the markers from left to right, then `finish`. */
export class AddressWalk {
  private chain: Chain | null = null;
  private passed = 0;
  private readonly text: string;
  private readonly found: Finding[];

  constructor(text: string, found: Finding[]) {
    this.text = text;
    this.found = found;
  }

  /** Looks at the marker that may begin at `at`; one inside of a marker that was taken is passed over. */
  marker(at: number): void {
    if (at < this.passed) return;
    const unit = this.text.charCodeAt(at);
    if (this.takeNumber(at, unit)) return;
    const isCompound = hasWordAt(compounds, this.text, at) && !this.isBehindPlace(at);
    for (const marker of named.at(unit)) {
      if (!this.text.startsWith(marker.word, at) || (isCompound && marker.word.length < 2)) continue;
      if (this.takeNamed(at, marker)) return;
    }
  }

  finish(): void {
    const { chain } = this;
    this.chain = null;
    if (chain === null || !this.isAddress(chain)) return;
    this.found.push({ kind: 'address', start: chain.start, end: this.behindTail(chain), checked: false });
  }

  /** 东莞市民主路: the marker belongs to the place before it. */
  private isBehindPlace(at: number): boolean {
    for (let from = Math.max(0, at - placeUnitsMax); from < at - 1; from += 1)
      if (placeAt(this.text, from)?.length === at - from) return true;
    return false;
  }

  private takeNumber(at: number, unit: number): boolean {
    const word = numbered.at(unit).find((candidate) => this.text.startsWith(candidate, at));
    if (word === undefined) return false;
    const floor = Math.max(this.chain?.end ?? 0, at - numberUnitsMax);
    let start = at;
    while (start > floor && this.isOfNumber(start - 1)) start -= 1;
    if (start === at || !this.isNumberFrom(start, at)) return false;
    const { chain } = this;
    const end = at + word.length;
    if (chain !== null && (this.isGap(chain.end, start) || this.isUnmarkedEstate(chain, start))) {
      // 中山路三楼 goes on; a district that is a part of a town does not.
      if (isAdmin(chain.level) && !buildingMarkers.has(word) && word !== '号') return false;
      this.extend(end, 'number');
      return true;
    }
    if (!buildingMarkers.has(word) || !isDigitAt(this.text, at - 1)) return false;
    this.finish();
    this.chain = { start, end, admin: 0, fine: 0, numbers: 1, hasRoad: false, level: 'number' };
    this.passed = end;
    return true;
  }

  /** 594号锦绣江南10楼: behind the number of a house a name may stand that no marker ends. */
  private isUnmarkedEstate(chain: Chain, end: number): boolean {
    const units = end - chain.end;
    return chain.level === 'number' && units >= 2 && units <= estateUnitsMax && this.isHanName(chain.end, end);
  }

  private isHanName(start: number, end: number): boolean {
    for (let at = start; at < end; at += 1)
      if (breaks[this.text.charCodeAt(at)] === 2 || (classAt(this.text, at) & han) === 0) return false;
    return true;
  }

  private isOfNumber(at: number): boolean {
    if (isAlphanumericAt(this.text, at) || numerals[this.text.charCodeAt(at)] !== 0) return true;
    const ascii = asciiAt(this.text, at);
    return ascii === 0x2d || ascii === 0x23 || ascii === 0x2f;
  }

  /** 东 alone is no number: 北区 is a name, 东3区 has one. */
  private isNumberFrom(start: number, end: number): boolean {
    for (let at = start; at < end; at += 1)
      if (isAlphanumericAt(this.text, at) || numerals[this.text.charCodeAt(at)] === 1) return true;
    return false;
  }

  /** Whether parts with this between them still stand together. */
  private isGap(from: number, to: number): boolean {
    if (from === to) return true;
    if (to - from > 2) return false;
    const gap = this.text.slice(from, to);
    return /^(?:[  　]|[(（]|[)）]|附|-|之)+$/.test(gap);
  }

  private takeNamed(at: number, { word, level, nameMax }: NamedMarker): boolean {
    const { chain } = this;
    const end = at + word.length;
    if (chain !== null && at - chain.end <= nameMax && this.isName(chain.end, at) && this.mayFollow(chain, level, at, end)) {
      this.extend(end, level);
      return true;
    }
    // 403号万科城市花园: the marker is in a name that goes on.
    if (level === 'estate' || (chain !== null && isAdmin(level) && this.isUnmarkedEstate(chain, at))) return false;
    const start = this.nameStart(at, nameMax, level);
    if (noPlaces.has(this.text.slice(start, end))) return false;
    if (at - start < 1 || (at - start === 1 && level !== 'district' && level !== 'road')) return false;
    this.finish();
    const placed = this.withPlacesBefore(start, at);
    this.chain = {
      start: placed.start,
      end,
      admin: placed.places + (isAdmin(level) ? 1 : 0),
      fine: isAdmin(level) ? 0 : 1,
      numbers: 0,
      hasRoad: level === 'road',
      level,
    };
    this.passed = end;
    return true;
  }

  private mayFollow(chain: Chain, level: PartLevel, at: number, end: number): boolean {
    // A marker right behind a part belongs to a name (路街道) or is a word of its own.
    if (at === chain.end) return level === 'town' || (level === 'estate' && chain.level === 'estate' && end - at > 1);
    // 花园巷, 学院路: the name of a road.
    if (level === 'estate') return !/^(?:[路街巷弄镇乡村区县]|大[道街])/.test(this.text.slice(end, end + 2));
    if (level === 'province') return false;
    if (level === 'city') return chain.level === 'province' || chain.level === 'city';
    if (level === 'district') return isAdmin(chain.level);
    return true;
  }

  private extend(end: number, level: PartLevel): void {
    const chain = this.chain as Chain;
    chain.end = end;
    chain.level = level;
    if (level === 'number') chain.numbers += 1;
    else if (isAdmin(level)) chain.admin += 1;
    else chain.fine += 1;
    if (level === 'road') chain.hasRoad = true;
    this.passed = end;
  }

  /** Whether everything between two markers may be the name of a part. */
  private isName(start: number, end: number): boolean {
    for (let at = start; at < end; at += 1) {
      const unit = this.text.charCodeAt(at);
      const kind = classes[unit] as number;
      if (breaks[unit] === 2 || ((kind & han) === 0 && !isAlphanumericAt(this.text, at) && !this.isGap(at, at + 1))) return false;
    }
    return true;
  }

  /** Where the name before a marker begins that no part is before. */
  private nameStart(at: number, nameMax: number, level: PartLevel): number {
    let start = at;
    while (start > this.passed && at - start < nameMax) {
      const unit = this.text.charCodeAt(start - 1);
      const kind = breaks[unit] as number;
      if ((classAt(this.text, start - 1) & han) === 0 || kind === 2 || (kind === 1 && at - start >= 2)) return start;
      if (at - start >= 2 && this.isAnnouncedAt(start)) return start;
      start -= 1;
    }
    if (start <= this.passed || (classAt(this.text, start - 1) & han) === 0) return start;
    // Nothing ends the search: a known place may begin the name, else it has the usual length.
    for (let from = start; from < at; from += 1) if (placeAt(this.text, from) !== undefined) return from;
    return Math.max(start, at - (level === 'road' ? 3 : 2));
  }

  /** Provinces and cities without a marker before the name: 浙江杭州西湖区. Two of them at most. */
  private withPlacesBefore(start: number, end: number): { start: number; places: number } {
    let first = start;
    // 天 ends the search for a name, and begins one in 天津滨海新区.
    for (let from = Math.max(0, start - placeUnitsMax); from < start; from += 1)
      if (from + (placeAt(this.text, from)?.length ?? 0) > start) first = from;
    let places = (placeAt(this.text, first)?.length ?? units) < end - first ? 1 : 0;
    for (let round = 0; round < 2; round += 1) {
      const before = first;
      for (let from = Math.max(0, first - placeUnitsMax); from < first - 1; from += 1) {
        if (placeAt(this.text, from)?.length !== first - from) continue;
        first = from;
        places += 1;
        break;
      }
      if (before === first) break;
    }
    return { start: first, places };
  }

  private isAddress(chain: Chain): boolean {
    const { admin, fine, numbers, start } = chain;
    if (numbers > 0 && (fine > 0 || admin > 0 || numbers > 1)) return true;
    if (this.hasLooseNumber(chain) && fine > 0) return true;
    const isAnnounced = this.isAnnounced(start);
    if (this.hasOfficeBehind(chain.end)) return false;
    if (fine > 0 && admin + fine >= 3) return true;
    return isAnnounced && admin + fine >= 2;
  }

  private hasOfficeBehind(end: number): boolean {
    return hasWordAt(offices, this.text, end);
  }

  /** Whether a word before, and signs such as a colon, say that an address begins at `start`. */
  private isAnnounced(start: number): boolean {
    let at = start;
    while (at > 0 && start - at < 3 && /[：: 　（(“为是=]/.test(this.text.charAt(at - 1))) at -= 1;
    return this.isAnnouncedAt(at);
  }

  private isAnnouncedAt(at: number): boolean {
    return hasWordBefore(announcingByLast, this.text, at);
  }

  private hasLooseNumber(chain: Chain): boolean {
    return this.behindLooseNumber(chain.end) > chain.end;
  }

  /** The end of an address: behind what no marker ends, the name of an estate and the number of a room. */
  private behindTail({ end, fine, numbers }: Chain): number {
    if (fine + numbers === 0) return end;
    return this.behindLooseNumber(fine > 0 && numbers > 0 ? this.behindUnmarkedEstate(end) : end);
  }

  /** 594号锦绣江南，: the name reaches to the end of the part of the sentence. */
  private behindUnmarkedEstate(from: number): number {
    let at = from;
    while (at - from < estateUnitsMax && (classAt(this.text, at) & han) !== 0 && breaks[this.text.charCodeAt(at)] !== 2) at += 1;
    return at - from < 2 || ((classAt(this.text, at) & han) !== 0 && this.text[at] !== '的') ? from : at;
  }

  /** Behind a number without a marker: 3栋501, 翠苑小区3-2-501. */
  private behindLooseNumber(from: number): number {
    let at = from;
    while (
      at - from < numberUnitsMax &&
      (isAlphanumericAt(this.text, at) || (asciiAt(this.text, at) === 0x2d && isAlphanumericAt(this.text, at + 1)))
    )
      at += 1;
    if (at === from || !isDigitAt(this.text, from + (isDigitAt(this.text, from) ? 0 : 1))) return from;
    // 路12岁, 路100米: the number belongs to what follows.
    return isAlphanumericAt(this.text, at) || /[岁米元年月日点分公%.:：次人个台辆万千吨亩]/.test(this.text.charAt(at))
      ? from
      : at;
  }
}
