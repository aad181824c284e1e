/**
 * LZ4 frame decoding into a bounded output. Source: LZ4 Frame Format 1.6.4 and LZ4 Block Format.
 * Checksums of the frame are skipped: the RecordBatch's CRC-32C covers the same bytes. Dictionaries are refused.
 */

/** Returns the decoded bytes, or null when the frame is malformed or would pass `outputMax` bytes. */
export function decodeLz4Frame(input: Uint8Array, outputMax: number): Uint8Array | null {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  let output: Uint8Array = new Uint8Array(Math.min(outputMax, Math.max(1024, input.length * 4)));
  let written = 0;
  let position = 0;
  while (position < input.length) {
    if (position + 7 > input.length) return null;
    const magic = view.getUint32(position, true);
    if (magic >>> 4 === 0x184d2a5) {
      if (position + 8 > input.length) return null;
      position += 8 + view.getUint32(position + 4, true);
      continue;
    }
    if (magic !== 0x184d2204) return null;
    const flags = input[position + 4] as number;
    if (flags >> 6 !== 1 || (flags & 0x01) !== 0) return null;
    const blockChecksum = (flags & 0x10) !== 0;
    const contentSize = (flags & 0x08) !== 0;
    const contentChecksum = (flags & 0x04) !== 0;
    const frameStart = written;
    position += 6 + (contentSize ? 8 : 0) + 1;
    for (;;) {
      if (position + 4 > input.length) return null;
      const header = view.getUint32(position, true);
      position += 4;
      if (header === 0) break;
      const size = header & 0x7fff_ffff;
      if (position + size > input.length) return null;
      if (header >>> 31 === 1) {
        const grown = room(output, written, size, outputMax);
        if (grown === null) return null;
        output = grown;
        output.set(input.subarray(position, position + size), written);
        written += size;
      } else {
        const state = { output, written };
        if (!decodeBlock(input, position, position + size, state, frameStart, outputMax)) return null;
        output = state.output;
        written = state.written;
      }
      position += size + (blockChecksum ? 4 : 0);
    }
    if (contentChecksum) position += 4;
    if (position > input.length) return null;
  }
  return output.subarray(0, written);
}

interface Growing {
  output: Uint8Array;
  written: number;
}

function decodeBlock(input: Uint8Array, start: number, end: number, state: Growing, windowStart: number, max: number): boolean {
  let position = start;
  while (position < end) {
    const token = input[position++] as number;
    let literals = token >> 4;
    if (literals === 15) {
      let byte = 255;
      while (byte === 255) {
        if (position >= end) return false;
        byte = input[position++] as number;
        literals += byte;
      }
    }
    if (position + literals > end) return false;
    const forLiterals = room(state.output, state.written, literals, max);
    if (forLiterals === null) return false;
    state.output = forLiterals;
    state.output.set(input.subarray(position, position + literals), state.written);
    state.written += literals;
    position += literals;
    if (position === end) return true;
    if (position + 2 > end) return false;
    const distance = (input[position] as number) | ((input[position + 1] as number) << 8);
    position += 2;
    let length = (token & 15) + 4;
    if (length === 19) {
      let byte = 255;
      while (byte === 255) {
        if (position >= end) return false;
        byte = input[position++] as number;
        length += byte;
      }
    }
    if (distance === 0 || distance > state.written - windowStart) return false;
    const forMatch = room(state.output, state.written, length, max);
    if (forMatch === null) return false;
    state.output = forMatch;
    copyMatch(state.output, state.written, distance, length);
    state.written += length;
  }
  return false;
}

/** Copies `length` bytes from `distance` bytes back; the ranges may overlap, which repeats the pattern. */
export function copyMatch(output: Uint8Array, written: number, distance: number, length: number): void {
  if (distance >= length) {
    output.copyWithin(written, written - distance, written - distance + length);
    return;
  }
  for (let index = 0; index < length; index += 1) output[written + index] = output[written + index - distance] as number;
}

/** The output, grown when `more` bytes do not fit; null when that would pass `max`. */
export function room(output: Uint8Array, written: number, more: number, max: number): Uint8Array | null {
  const needed = written + more;
  if (needed <= output.length) return output;
  if (needed > max) return null;
  const grown = new Uint8Array(Math.min(max, Math.max(needed, output.length * 2)));
  grown.set(output.subarray(0, written));
  return grown;
}
