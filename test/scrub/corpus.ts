/** Builds labelled texts from a seed: sentences with made identifiers and where each stands, and sentences with near-misses. */
import type { IdentifierKind } from '../../libs/stages/index.ts';
import { ofHalf } from './half.ts';
import type { Half } from './half.ts';
import { madeName } from './made-names.ts';
import * as numbers from './made-numbers.ts';
import { companies, generalPlaces, madeAddress } from './made-places.ts';
import { nearMisses } from './near-misses.ts';
import { Random } from './random.ts';
import { fillers, plain, templates } from './templates.ts';

export interface Label {
  readonly kind: IdentifierKind;
  /** UTF-16 units; `end` is behind it. */
  readonly start: number;
  readonly end: number;
}

export interface LabelledText {
  readonly text: string;
  readonly labels: readonly Label[];
}

export interface NearMiss {
  readonly text: string;
  /** What in it only looks like this kind. */
  readonly kind: IdentifierKind;
}

const makers: Readonly<Record<IdentifierKind, (random: Random, half: Half) => string>> = {
  'resident-id': numbers.residentIdOf,
  'social-credit-code': numbers.creditCodeOf,
  'bank-card': numbers.bankCardOf,
  'mobile': numbers.mobileOf,
  'landline': numbers.landlineOf,
  'plate': numbers.plateOf,
  'passport': numbers.passportOf,
  'email': numbers.emailOf,
  'ip': numbers.ipOf,
  'name': madeName,
  'address': madeAddress,
};

/** So many sentences of a half, a fifth of them without an identifier. */
export function labelledTexts(seed: number, half: Half, count: number): LabelledText[] {
  const random = new Random(seed);
  const genres = Object.values(templates).map((list) => ofHalf(list, half));
  const plainOnes = ofHalf(plain, half);
  return Array.from({ length: count }, () =>
    filled(random.chance(0.2) ? random.of(plainOnes) : random.of(random.of(genres)), random, half),
  );
}

/** So many near-misses of each kind. */
export function nearMissTexts(seed: number, half: Half, countOfKind: number): NearMiss[] {
  const random = new Random(seed);
  return Object.entries(nearMisses).flatMap(([kind, list]) =>
    Array.from({ length: countOfKind }, () => {
      const chosen = random.of(ofHalf(list, half));
      const template = typeof chosen === 'string' ? chosen : chosen(random);
      return { text: filled(template, random, half).text, kind: kind as IdentifierKind };
    }),
  );
}

/** Puts made things into the places of a template. */
function filled(template: string, random: Random, half: Half): LabelledText {
  const labels: Label[] = [];
  let text = '';
  for (const part of template.split(/(\{[a-z-]+\}|<[a-z]+>)/)) {
    const slot = part.slice(1, -1);
    if (part.startsWith('{') && slot in makers) {
      const kind = slot as IdentifierKind;
      const start = text.length;
      text += makers[kind](random, half);
      labels.push({ kind, start, end: text.length });
    } else text += /^<[a-z]+>$/.test(part) ? filler(slot, random, half) : part;
  }
  return { text, labels };
}

function filler(name: string, random: Random, half: Half): string {
  switch (name) {
    case 'age':
      return String(random.whole(1, 95));
    case 'n':
      return String(random.whole(2, 60));
    case 'year':
      return String(random.whole(1950, 2005));
    case 'date':
      return random.of([
        `${random.whole(2020, 2026)}年${random.whole(1, 12)}月${random.whole(1, 28)}日`,
        `${random.whole(2020, 2026)}-0${random.whole(1, 9)}-${random.whole(10, 28)}`,
        `${random.whole(1, 12)}月${random.whole(1, 28)}日`,
      ]);
    case 'time':
      return `${random.whole(0, 23)}:${random.whole(10, 59)}`;
    case 'amount':
      return `${random.whole(10, 9999)}.${random.digits(2)}元`;
    case 'serial':
      return `${random.letters(2)}${random.digits(8)}`;
    case 'company':
      return random.of(ofHalf(companies, half));
    case 'place':
      return random.of(generalPlaces);
    default: {
      const words = fillers[name];
      if (words === undefined) throw new Error(`there is no filler ${name}`);
      return random.of(words);
    }
  }
}
