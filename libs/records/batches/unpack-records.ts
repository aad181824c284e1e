/** Decompresses the records of a batch into the arena's input: LZ4 and snappy by kernels, gzip and zstd by node:zlib. */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { Arena } from '../arena/arena.ts';
import type { CodecName } from '../batch-layout.ts';
import { isXerial, xerialHeaderBytes } from '../codecs/snappy.ts';
import type { BatchKernel } from './batch-kernel.ts';
import { batchKernel } from './batch-kernel.ts';
import { unpackFaults } from './unpack-code.ts';

/** The bytes are malformed. */
export const corrupt = -1;
/** They stand for more than there is room for. */
export const tooLarge = -2;

/** Whether the bytes come into the arena as they are, to be read there. */
export const readInArena = (codec: CodecName): boolean => codec !== 'gzip' && codec !== 'zstd';

/** Where an unpacking writes: addresses, and `end` is the one that it may not pass. */
interface Target {
  readonly kernel: BatchKernel;
  readonly arena: Arena;
  readonly start: number;
  readonly end: number;
}

/**
 * Decompresses `records`, at most `intake.bytesMax` bytes, to `start`, an address in the arena's input, at most `bytesMax` bytes, and answers how
 * many there are, or `corrupt`, or `tooLarge`. Up to `strayBytes` more are written, on a fault anything up to there; the compressed bytes are
 * wiped. What is refused and why is the same as with `decompress`. For a codec that is `readInArena`, `sound` is asked where the bytes stand before they
 * are read; those that are not are corrupt.
 */
export function unpackRecords(
  arena: Arena,
  codec: CodecName,
  records: Uint8Array,
  start: number,
  bytesMax: number,
  sound: (at: number) => boolean = () => true,
): number {
  const target = {
    arena,
    kernel: batchKernel(arena),
    start,
    end: start + bytesMax,
  };
  switch (codec) {
    case 'none':
      if (records.length > bytesMax) return tooLarge;
      arena.bytes.set(records, start);
      return sound(start) ? records.length : corrupt;
    case 'gzip':
      return placed(target, (maxOutputLength) => gunzipSync(records, { maxOutputLength }));
    case 'zstd':
      return placed(target, (maxOutputLength) => zstdDecompressSync(records, { maxOutputLength }));
    case 'lz4':
      return inArena(target, records, sound, unpackLz4Frame);
    case 'snappy':
      return inArena(target, records, sound, isXerial(records) ? unpackXerial : unpackSnappyBlock);
  }
}

/** Decodes with node:zlib, which throws at malformed and at oversized input, and copies the result. */
function placed({ arena, start, end }: Target, decode: (bytesMax: number) => Uint8Array): number {
  try {
    const bytes = decode(end - start);
    arena.bytes.set(bytes, start);
    return bytes.length;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge : corrupt;
  }
}

/** Decodes from a copy of the compressed bytes in the arena, which is wiped again. */
function inArena(
  target: Target,
  records: Uint8Array,
  sound: (at: number) => boolean,
  decode: (target: Target, at: number, end: number) => number,
): number {
  const { packed } = target.arena.intake;
  target.arena.bytes.set(records, packed);
  const written = sound(packed) ? decode(target, packed, packed + records.length) : corrupt;
  target.arena.bytes.fill(0, packed, packed + records.length);
  return written < 0 ? written : written - target.start;
}

/** What codecs/lz4.ts says of frames. The address behind the decoded bytes, or a fault. */
function unpackLz4Frame({ kernel, arena, start, end: targetEnd }: Target, from: number, end: number): number {
  const { bytes } = arena;
  let at = from;
  let target = start;
  while (at < end) {
    if (at + 7 > end) return corrupt;
    const magic = bytes.readUInt32LE(at);
    if (magic >>> 4 === 0x184d2a5) {
      if (at + 8 > end) return corrupt;
      at += 8 + bytes.readUInt32LE(at + 4);
      continue;
    }
    if (magic !== 0x184d2204) return corrupt;
    const flags = bytes[at + 4] as number;
    if (flags >> 6 !== 1 || (flags & 0x01) !== 0) return corrupt;
    const frameStart = target;
    at += 7 + ((flags & 0x08) === 0 ? 0 : 8);
    for (;;) {
      if (at + 4 > end) return corrupt;
      const header = bytes.readUInt32LE(at);
      at += 4;
      if (header === 0) break;
      const size = header & 0x7fff_ffff;
      if (at + size > end) return corrupt;
      if (header >>> 31 === 1) {
        if (target + size > targetEnd) return tooLarge;
        bytes.copyWithin(target, at, at + size);
        target += size;
      } else {
        target = kernel.unpackLz4(at, at + size, target, frameStart, targetEnd);
        if (target < 0) return target === unpackFaults.full ? tooLarge : corrupt;
      }
      at += size + ((flags & 0x10) === 0 ? 0 : 4);
    }
    if ((flags & 0x04) !== 0) at += 4;
    if (at > end) return corrupt;
  }
  return target;
}

/** What codecs/snappy.ts says of one block: its length, then the rest by the kernel. */
function unpackSnappyBlock({ kernel, arena, start, end: targetEnd }: Target, from: number, end: number): number {
  const { bytes } = arena;
  let at = from;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    if (shift > 28 || at >= end) return corrupt;
    const byte = bytes[at++] as number;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  if (length > (end - from) * 64) return corrupt;
  if (start + length > targetEnd) return tooLarge;
  return kernel.unpackSnappy(at, end, start, start + length) === 1 ? start + length : corrupt;
}

function unpackXerial(target: Target, from: number, end: number): number {
  const { bytes } = target.arena;
  let at = from + xerialHeaderBytes;
  let { start } = target;
  while (at < end) {
    if (at + 4 > end) return corrupt;
    const size = bytes.readUInt32BE(at);
    at += 4;
    if (at + size > end) return corrupt;
    start = unpackSnappyBlock({ ...target, start }, at, at + size);
    if (start < 0) return start;
    at += size;
  }
  return start;
}
