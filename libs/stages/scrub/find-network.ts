/** Addresses of mail and of machines. Each place looks at no more units than such an address can have. */
import { emailIsWellFormed, parseIpAddress } from '../../identifiers/index.ts';
import { asciiAt, asciiOf, asciiText, isAlphanumericAt, isDigitAt } from './character-classes.ts';
import type { Finding } from './identifier-kinds.ts';
import { saysBefore } from './words-before.ts';

const localUnitsMax = 64;
const domainUnitsMax = 190;
const ipv6UnitsMax = 45;

/** By ASCII code: characters of a local part, of a domain, and of an IPv6 address. */
const [isLocal, isDomain, isIpv6] = [/[A-Za-z0-9'%&+_~.-]/, /[A-Za-z0-9.-]/, /[0-9A-Fa-f:.]/].map((pattern) =>
  Uint8Array.from({ length: 128 }, (_, code) => Number(pattern.test(String.fromCharCode(code)))),
) as [Uint8Array, Uint8Array, Uint8Array];

/** Last labels that end the name of a file or a package, such as logo@2x.png. */
const noDomain = new Set('png jpg jpeg gif svg webp js ts css json html mp3 mp4 zip'.split(' '));

/** An address around the sign at `sign`. */
export function findEmail(text: string, sign: number, found: Finding[]): void {
  let start = sign;
  while (sign - start < localUnitsMax && isLocal[asciiAt(text, start - 1)] === 1) start -= 1;
  // A dot, a slash or a quote before the local part belongs to the sentence.
  while (start < sign && !isAlphanumericAt(text, start) && asciiAt(text, start) !== 0x5f) start += 1;
  let end = sign + 1;
  while (end - sign < domainUnitsMax && isDomain[asciiAt(text, end)] === 1) end += 1;
  while (end > sign && !isAlphanumericAt(text, end - 1)) end -= 1;
  if (end <= sign + 1 || start === sign) return;
  const domain = asciiText(text, sign + 1, end).toLowerCase();
  const last = domain.slice(domain.lastIndexOf('.') + 1);
  if (!/^[a-z]{2,}$/.test(last) || noDomain.has(last)) return;
  if (emailIsWellFormed(asciiText(text, start, end))) found.push({ kind: 'email', start, end, checked: false });
}

/** An IPv4 address whose first digit is at `start`, where no digit is before. */
export function findIpv4(text: string, start: number, found: Finding[]): void {
  if (asciiAt(text, start - 1) === 0x2e && isAlphanumericAt(text, start - 2)) return;
  let at = start;
  for (let part = 0; part < 4; part += 1) {
    const from = at;
    while (at - from <= 3 && isDigitAt(text, at)) at += 1;
    if (at === from || at - from > 3) return;
    if (part === 3) break;
    if (asciiOf[text.charCodeAt(at)] !== 0x2e) return;
    at += 1;
  }
  if (isAlphanumericAt(text, at) || (asciiAt(text, at) === 0x2e && isAlphanumericAt(text, at + 1))) return;
  if (parseIpAddress(asciiText(text, start, at)) === null || saysBefore(text, start, 'version')) return;
  if (/[节章条款版]/.test(text.charAt(at))) return;
  found.push({ kind: 'ip', start, end: at, checked: false });
}

/**
 * An IPv6 address with its first colon at `colon`; returns the end of the characters that such an address may have, so that the caller looks at
 * none of them twice.
 */
export function findIpv6(text: string, colon: number, found: Finding[]): number {
  let start = colon;
  while (colon - start < 5 && isIpv6[text.charCodeAt(start - 1)] === 1) start -= 1;
  let end = colon;
  while (end < text.length && isIpv6[text.charCodeAt(end)] === 1) end += 1;
  const next = end;
  // One colon at either side, or a dot behind, belongs to the sentence.
  if (text[start] === ':' && text[start + 1] !== ':') start += 1;
  if ((text[end - 1] === ':' && text[end - 2] !== ':') || text[end - 1] === '.') end -= 1;
  if (end - start > ipv6UnitsMax || end - start < 3 || isAlphanumericAt(text, start - 1) || isAlphanumericAt(text, end))
    return next;
  const address = text.slice(start, end);
  const groups = address.split(':');
  if (groups.length < 3 || !/\d|[0-9A-Fa-f]{4}/.test(address)) return next;
  // Eight pairs are the name of a port of a storage network.
  if (groups.length === 8 && groups.every((group) => group.length === 2)) return next;
  if (parseIpAddress(address) !== null) found.push({ kind: 'ip', start, end, checked: false });
  return next;
}
