/**
 * Plain encoders of LZ4 and snappy for tests, written from the formats' texts and sharing nothing with the kernels: they cut where `choose`
 * says, so that every form of literal and match occurs. Source: LZ4 Block Format, LZ4 Frame Format 1.6.4, snappy format_description.txt.
 */

/** A number from 0 to `below` - 1. */
export type Choose = (below: number) => number;

type Piece = { readonly literals: Uint8Array } | { readonly distance: number; readonly length: number };

/** Cuts data into literals and matches that reach back to `windowStart`. */
function pieces(data: Uint8Array, from: number, to: number, windowStart: number, choose: Choose): Piece[] {
  const found: Piece[] = [];
  let literalsStart = from;
  let at = from;
  while (at < to) {
    const match = choose(4) === 0 ? undefined : matchAt(data, at, to, windowStart, choose);
    if (match === undefined) {
      at += 1 + choose(3);
      continue;
    }
    if (at > literalsStart) found.push({ literals: data.subarray(literalsStart, at) });
    found.push(match);
    at += match.length;
    literalsStart = at;
  }
  if (to > literalsStart) found.push({ literals: data.subarray(literalsStart, to) });
  return found;
}

function matchAt(data: Uint8Array, at: number, to: number, windowStart: number, choose: Choose) {
  const nearest = choose(2) === 0;
  const distances = Array.from({ length: Math.min(at - windowStart, 100) }, (_, index) => index + 1);
  for (const distance of nearest ? distances : distances.toReversed()) {
    let length = 0;
    while (at + length < to && data[at + length] === data[at + length - distance]) length += 1;
    if (length >= 4)
      return {
        distance,
        length: choose(3) === 0 ? 4 + choose(length - 3) : length,
      };
  }
  return undefined;
}

/** One block of LZ4; without literals at the end it gets none there, which the format's decoders need not take. */
function lz4Block(parts: readonly Piece[]): number[] {
  const bytes: number[] = [];
  const long = (length: number): number[] =>
    length < 15 ? [] : [...Array.from({ length: Math.floor((length - 15) / 255) }, () => 255), (length - 15) % 255];
  for (let index = 0; index < parts.length; index += 1) {
    const first = parts[index] as Piece;
    const literals = 'literals' in first ? first.literals : new Uint8Array();
    if ('literals' in first) index += 1;
    const match = parts[index];
    const matched = match !== undefined && 'distance' in match ? match : undefined;
    const less = matched === undefined ? 0 : matched.length - 4;
    bytes.push((Math.min(literals.length, 15) << 4) | Math.min(less, 15), ...long(literals.length), ...literals);
    if (matched !== undefined) bytes.push(matched.distance & 0xff, matched.distance >> 8, ...long(less));
  }
  const last = parts.at(-1);
  if (last !== undefined && 'distance' in last) bytes.push(0);
  return bytes;
}

/** One frame of blocks of any size, some of them stored, with whatever of the optional fields `choose` wants; their checksums are wrong. */
export function packLz4Plainly(data: Uint8Array, choose: Choose): Uint8Array {
  const [checksums, size, checksum] = [choose(2), choose(2), choose(2)];
  const bytes = [0x04, 0x22, 0x4d, 0x18, 0x40 | (checksums << 4) | (size << 3) | (checksum << 2), 0x70];
  if (size === 1) bytes.push(...Buffer.alloc(8, 0xff));
  bytes.push(0);
  for (let from = 0; from < data.length; ) {
    const to = Math.min(data.length, from + 1 + choose(600));
    const stored = choose(5) === 0;
    const block = stored ? [...data.subarray(from, to)] : lz4Block(pieces(data, from, to, 0, choose));
    const header = Buffer.alloc(4);
    header.writeUInt32LE((block.length | (stored ? 0x8000_0000 : 0)) >>> 0);
    bytes.push(...header, ...block, ...(checksums === 1 ? [1, 2, 3, 4] : []));
    from = to;
  }
  bytes.push(0, 0, 0, 0, ...(checksum === 1 ? [5, 6, 7, 8] : []));
  return Uint8Array.from(bytes);
}

export function packSnappyPlainly(data: Uint8Array, choose: Choose): Uint8Array {
  const bytes: number[] = [];
  let rest = data.length;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  for (const part of pieces(data, 0, data.length, 0, choose)) {
    if ('literals' in part) bytes.push(...snappyLiterals(part.literals, choose));
    else bytes.push(...snappyCopies(part.distance, part.length, choose));
  }
  return Uint8Array.from(bytes);
}

function snappyLiterals(literals: Uint8Array, choose: Choose): number[] {
  const less = literals.length - 1;
  const extra = Math.max(less < 60 ? 0 : less < 256 ? 1 : 2, choose(2) === 0 ? 0 : choose(5));
  if (extra === 0) return [less << 2, ...literals];
  return [(59 + extra) << 2, ...Array.from({ length: extra }, (_, byte) => (less >>> (8 * byte)) & 0xff), ...literals];
}

function snappyCopies(distance: number, length: number, choose: Choose): number[] {
  const bytes: number[] = [];
  for (let left = length; left > 0; ) {
    const piece = Math.min(left, 1 + choose(64));
    const [low, high] = [distance & 0xff, distance >> 8];
    const form = choose(3);
    if (form === 0 && piece >= 4 && piece <= 11) bytes.push(1 | ((piece - 4) << 2) | (high << 5), low);
    else if (form === 1) bytes.push(3 | ((piece - 1) << 2), low, high, 0, 0);
    else bytes.push(2 | ((piece - 1) << 2), low, high);
    left -= piece;
  }
  return bytes;
}

/** Xerial framing over blocks of up to `blockBytes`. */
export function packXerialPlainly(data: Uint8Array, choose: Choose, blockBytes: number): Uint8Array {
  const parts: Uint8Array[] = [xerialHeader];
  for (let from = 0; from < data.length; from += blockBytes) {
    const block = packSnappyPlainly(data.subarray(from, from + blockBytes), choose);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(block.length);
    parts.push(size, block);
  }
  return Buffer.concat(parts);
}

/** Magic, version 1, compatible with version 1. */
const xerialHeader = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
