/**
 * Finds identifiers in a text. One walk over its UTF-16 units: a table says of each unit what may begin there, and only then is more looked at,
 * each time a stretch of bounded length. So the time is linear in the text, whatever the text is; nothing here tracks back.
 */
import { addressMarker, alphanumeric, classes, digit, letter, middleSign, plateProvince, surname } from './character-classes.ts';
import { AddressWalk } from './find-addresses.ts';
import { findCodes, findPlate } from './find-codes.ts';
import { findDottedName, findName } from './find-names.ts';
import type { ScoredName } from './find-names.ts';
import { findEmail, findIpv4, findIpv6 } from './find-network.ts';
import type { Finding, IdentifierKind } from './identifier-kinds.ts';
import { identifierKinds } from './identifier-kinds.ts';
import { withoutOverlaps } from './without-overlaps.ts';

type Finder = (text: string) => Finding[];

/** Finds all identifiers of the kinds, from left to right, none in another's way. The function is pure and throws on nothing. */
export function finderOf(kinds: readonly IdentifierKind[]): Finder {
  const wanted = new Set(kinds);
  const bits = bitsFor(wanted);
  const [names, addresses, plates, ips] = [wanted.has('name'), wanted.has('address'), wanted.has('plate'), wanted.has('ip')];

  return (text) => {
    const found: Finding[] = [];
    const walk = addresses ? new AddressWalk(text, found) : null;
    let ipv6End = 0;
    let lastName: ScoredName | null = null;
    for (let at = 0; at < text.length; at += 1) {
      const kind = (classes[text.charCodeAt(at)] as number) & bits;
      if (kind === 0) continue;
      if ((kind & alphanumeric) !== 0) {
        if (ips && (kind & digit) !== 0) findIpv4(text, at, found);
        at = findCodes(text, at, wanted, found) - 1;
        continue;
      }
      if (names && (kind & surname) !== 0) {
        const name = findName(text, at, lastName);
        if (name !== null) {
          if (lastName !== null && lastName.end > name.start && found.at(-1) === lastName) found.pop();
          found.push(name);
          lastName = name;
        }
      }
      if ((kind & addressMarker) !== 0) walk?.marker(at);
      if (plates && (kind & plateProvince) !== 0) findPlate(text, at, found);
      if ((kind & middleSign) !== 0) ipv6End = atMiddle(text, at, wanted, found, ipv6End);
    }
    walk?.finish();
    return withoutOverlaps(found);
  };
}

/** Finds identifiers of every kind. */
export const findIdentifiers: Finder = finderOf(identifierKinds);

/** Only what the wanted kinds need is looked at. */
function bitsFor(wanted: ReadonlySet<IdentifierKind>): number {
  let bits = 0;
  for (const kind of wanted) {
    if (kind === 'name') bits |= surname | middleSign;
    else if (kind === 'address') bits |= addressMarker;
    else if (kind === 'plate') bits |= plateProvince;
    else if (kind === 'email') bits |= middleSign;
    else bits |= digit | letter | (kind === 'ip' ? middleSign : 0);
  }
  return bits;
}

/** What has the sign at `at` in its middle; returns the end of the last stretch that was looked at for an IPv6 address. */
function atMiddle(text: string, at: number, wanted: ReadonlySet<IdentifierKind>, found: Finding[], ipv6End: number): number {
  const sign = text.charAt(at);
  if (sign === '@' || sign === '＠') {
    if (wanted.has('email')) findEmail(text, at, found);
  } else if (sign === ':') {
    if (wanted.has('ip') && at >= ipv6End) return findIpv6(text, at, found);
  } else if (wanted.has('name')) {
    const name = findDottedName(text, at);
    if (name !== null) found.push(name);
  }
  return ipv6End;
}
