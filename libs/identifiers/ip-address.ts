/** IP addresses: their texts as numbers, and numbers as their one canonical text. */

export interface IpAddress {
  /** `mapped` is an IPv4 address written into IPv6, ::ffff:192.0.2.1. */
  readonly form: 'ipv4' | 'ipv6' | 'mapped';
  /** 32 bits, of `ipv6` 128. */
  readonly bits: bigint;
}

const textMax = 45;
/** The upper 96 bits of ::ffff:0:0. */
const mappedPrefix = 0xffffn;

/** Null for anything but one address. Decimal parts have no leading zeros, which some read as octal. Source: RFC 4291, section 2.2. */
export function parseIpAddress(text: string): IpAddress | null {
  if (text.length > textMax) return null;
  if (!text.includes(':')) {
    const bits = ipv4Bits(text);
    return bits === null ? null : { form: 'ipv4', bits };
  }
  const bits = ipv6Bits(text);
  if (bits === null) return null;
  return bits >> 32n === mappedPrefix ? { form: 'mapped', bits: bits & 0xffff_ffffn } : { form: 'ipv6', bits };
}

function ipv4Bits(text: string): bigint | null {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255)) return null;
  return parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
}

function ipv6Bits(text: string): bigint | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  // An IPv4 address ends the whole text, so it cannot stand before the two colons.
  if (halves.length === 2 && halves[0]?.includes('.') === true) return null;
  const [head, tail] = halves.map(groupsOf);
  if (head === undefined || head === null || tail === null) return null;
  if (tail === undefined) return head.length === 8 ? numberOf(head) : null;
  const missing = 8 - head.length - tail.length;
  // Two colons stand for one group of zeros at least.
  return missing < 1 ? null : numberOf([...head, ...Array.from({ length: missing }, () => 0), ...tail]);
}

/** Groups of 16 bits between colons, the last two possibly as an IPv4 address; null when one is malformed. */
function groupsOf(text: string): number[] | null {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (/^[0-9A-Fa-f]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const embedded = index === parts.length - 1 ? ipv4Bits(part) : null;
    if (embedded === null) return null;
    groups.push(Number(embedded >> 16n), Number(embedded & 0xffffn));
  }
  return groups;
}

const numberOf = (groups: readonly number[]): bigint => groups.reduce((bits, group) => (bits << 16n) | BigInt(group), 0n);

/** Lower case, no leading zeros, the first of the longest runs of zero groups as two colons. Source: RFC 5952, sections 4 and 5. */
export function writtenIpAddress({ form, bits }: IpAddress): string {
  if (form !== 'ipv6') {
    const dotted = [24n, 16n, 8n, 0n].map((shift) => String((bits >> shift) & 0xffn)).join('.');
    return form === 'ipv4' ? dotted : `::ffff:${dotted}`;
  }
  const groups = Array.from({ length: 8 }, (_, index) => Number((bits >> BigInt(112 - index * 16)) & 0xffffn));
  const { start, length } = longestZeros(groups);
  const written = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  // A single zero group is written out.
  return length < 2 ? written(groups) : `${written(groups.slice(0, start))}::${written(groups.slice(start + length))}`;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start += 1) {
    let end = start;
    while (groups[end] === 0) end += 1;
    if (end - start > longest.length) longest = { start, length: end - start };
  }
  return longest;
}
