/** Zigzag varints, as Kafka's record framing and Avro both write them, with length caps. */

/** A position in bytes that moves as values are read; `failed` is sticky, so a caller checks once. */
export interface Cursor {
  readonly bytes: Uint8Array;
  position: number;
  readonly end: number;
  failed: boolean;
}

export function cursorOver(bytes: Uint8Array, start = 0, end = bytes.length): Cursor {
  return { bytes, position: start, end, failed: false };
}

/** Reads a zigzag varint of at most 5 bytes as a signed 32-bit integer. On overflow or truncation sets `failed` and returns 0. */
export function readVarint(cursor: Cursor): number {
  const { bytes, end } = cursor;
  let position = cursor.position;
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    if (position >= end) break;
    const byte = bytes[position++] as number;
    if (shift === 28 && byte > 0x0f) break;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      cursor.position = position;
      return (value >>> 1) ^ -(value & 1);
    }
  }
  cursor.failed = true;
  return 0;
}

/** Reads a zigzag varint of at most 10 bytes. The result is exact; on overflow or truncation sets `failed` and returns 0n. */
export function readVarlong(cursor: Cursor): bigint {
  const { bytes, end } = cursor;
  let position = cursor.position;
  let low = 0;
  let middle = 0;
  let high = 0;
  for (let index = 0; index < 10; index += 1) {
    if (position >= end) break;
    const byte = bytes[position++] as number;
    const bits = byte & 0x7f;
    if (index < 4) low |= bits << (7 * index);
    else if (index < 8) middle |= bits << (7 * (index - 4));
    else if (index === 9 && byte > 1) break;
    else high |= bits << (7 * (index - 8));
    if (byte < 0x80) {
      cursor.position = position;
      if (index < 4) return BigInt((low >>> 1) ^ -(low & 1));
      const raw = BigInt(low >>> 0) | (BigInt(middle >>> 0) << 28n) | (BigInt(high >>> 0) << 56n);
      return (raw >> 1n) ^ -(raw & 1n);
    }
  }
  cursor.failed = true;
  return 0n;
}

/** Bytes that a zigzag varint of this signed 32-bit integer takes. */
export function varintBytes(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x20_0000 ? 3 : zigzag < 0x1000_0000 ? 4 : 5;
}

/** Writes a signed 32-bit integer as a zigzag varint and returns the position behind it. */
export function writeVarint(bytes: Uint8Array, position: number, value: number): number {
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  let at = position;
  while (zigzag >= 0x80) {
    bytes[at++] = (zigzag & 0x7f) | 0x80;
    zigzag >>>= 7;
  }
  bytes[at++] = zigzag;
  return at;
}

/** Writes a signed 64-bit integer as a zigzag varint and returns the position behind it. */
export function writeVarlong(bytes: Uint8Array, position: number, value: bigint): number {
  let zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  let at = position;
  while (zigzag >= 0x80n) {
    bytes[at++] = Number(zigzag & 0x7fn) | 0x80;
    zigzag >>= 7n;
  }
  bytes[at++] = Number(zigzag);
  return at;
}
