/** Snappy decoding into a bounded output: the raw block format, and the xerial framing that Java's client writes. Source: snappy format_description.txt. */
import { copyMatch, room } from './lz4.ts';

const xerialMagic = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00] as const;
export const xerialHeaderBytes = 16;

/** Whether the input has xerial framing: it starts with its magic, and has room for the versions behind it. */
export const isXerial = (input: Uint8Array): boolean =>
  input.length >= xerialHeaderBytes && xerialMagic.every((byte, index) => input[index] === byte);

/** Returns the decoded bytes, or null when the input is malformed or would pass `outputMax` bytes. */
export function decodeSnappy(input: Uint8Array, outputMax: number): Uint8Array | null {
  if (!isXerial(input)) return decodeBlock(input, outputMax);
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  let output: Uint8Array = new Uint8Array(Math.min(outputMax, Math.max(1024, input.length * 3)));
  let written = 0;
  let position = xerialHeaderBytes;
  while (position < input.length) {
    if (position + 4 > input.length) return null;
    const size = view.getUint32(position);
    position += 4;
    if (position + size > input.length) return null;
    const block = decodeBlock(input.subarray(position, position + size), outputMax - written);
    if (block === null) return null;
    const grown = room(output, written, block.length, outputMax);
    if (grown === null) return null;
    output = grown;
    output.set(block, written);
    written += block.length;
    position += size;
  }
  return output.subarray(0, written);
}

function decodeBlock(input: Uint8Array, outputMax: number): Uint8Array | null {
  let position = 0;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    if (shift > 28 || position >= input.length) return null;
    const byte = input[position++] as number;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  // One input byte cannot stand for more than 64 output bytes, so a lying length costs no memory.
  if (length > outputMax || length > input.length * 64) return null;
  const output = new Uint8Array(length);
  let written = 0;
  while (position < input.length) {
    const tag = input[position++] as number;
    if ((tag & 3) === 0) {
      let size = (tag >> 2) + 1;
      if (size > 60) {
        const bytes = size - 60;
        if (position + bytes > input.length) return null;
        size = 1;
        for (let index = 0; index < bytes; index += 1) size += (input[position + index] as number) * 2 ** (8 * index);
        position += bytes;
      }
      if (position + size > input.length || written + size > length) return null;
      output.set(input.subarray(position, position + size), written);
      position += size;
      written += size;
      continue;
    }
    const distanceBytes = (tag & 3) === 1 ? 1 : (tag & 3) === 2 ? 2 : 4;
    if (position + distanceBytes > input.length) return null;
    let distance = 0;
    for (let index = 0; index < distanceBytes; index += 1) distance += (input[position + index] as number) * 2 ** (8 * index);
    position += distanceBytes;
    const size = (tag & 3) === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    if ((tag & 3) === 1) distance += (tag >> 5) << 8;
    if (distance === 0 || distance > written || written + size > length) return null;
    copyMatch(output, written, distance, size);
    written += size;
  }
  return written === length ? output : null;
}
