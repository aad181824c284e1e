/** Builds governed batches in the arena: the records that a Program let through become one RecordBatch (magic 2), compressed or not. */
import { gzipSync, constants as zlib, zstdCompressSync } from 'node:zlib';
import { writeVarint } from '../../base/index.ts';
import type { Arena } from '../arena/arena.ts';
import type { GovernedRanges } from '../arena/governed-ranges.ts';
import { batchSpace } from '../arena/arena-layout.ts';
import type { CodecName } from '../batch-layout.ts';
import { batchLayout } from '../batch-layout.ts';
import type { HeaderList, ProducerPlace } from '../build-batch.ts';
import { finishBatch, writeWithLength } from '../build-batch.ts';
import type { RecordFrames } from '../record-frames.ts';
import { batchKernel } from './batch-kernel.ts';
import { checksum } from './checksum.ts';
import { strayBytes } from './copy-code.ts';
import { encodeFaults } from './encode-code.ts';

export interface EncodeOptions {
  /** A batch that it would not make smaller is left uncompressed. */
  readonly codec: CodecName;
  /** The records' own timestamps, or one for all: milliseconds since the epoch. */
  readonly timestamp: 'keep' | { readonly nowMs: number };
  /** The same for each record; up to `headersBytesMax` encoded. */
  readonly headers: HeaderList;
  readonly place: ProducerPlace;
  /** Largest batch. A single record that is larger makes a batch of its own. */
  readonly bytesMax: number;
}

export interface EncodedBatch {
  /** A view of the arena, valid until the next call or `dismiss`; empty when there was nothing to write. */
  readonly batch: Uint8Array;
  /** How many records are in it. */
  readonly count: number;
  /** The first record that is not in it. */
  readonly next: number;
}

/** Largest header section of a record, bytes. */
const headersBytesMax = 64 * 1024;

/** What one call left in the arena's rooms for a batch and for a compressed one, bytes. */
interface Left {
  readonly encodedBytes: number;
  readonly packedBytes: number;
}

const nothing: Left = { encodedBytes: 0, packedBytes: 0 };
const leftIn = new WeakMap<Arena, Left>();

/** All encoders of one arena write to the same place. */
export class BatchEncoder {
  /**
   * Writes the records [from, to) of `ranges`, which must be the arena's output, into one batch with base offset 0: those without a value are
   * left out, and offset deltas count up. The batch ends before it would pass `bytesMax`. The timestamps that are kept are those of `frames`,
   * which the arena must hold. Throws when that is not so, or when a range lies outside of the output.
   */
  encode(
    arena: Arena,
    frames: RecordFrames,
    ranges: GovernedRanges,
    from: number,
    to: number,
    { codec, timestamp, headers, place, bytesMax }: EncodeOptions,
  ): EncodedBatch {
    if (ranges !== arena.output) throw new Error('batch encoder: the ranges are not those of the arena');
    if (from < 0 || to > ranges.valueStart.length) throw new RangeError('batch encoder: there are no such records');
    const keeps = timestamp === 'keep';
    if (keeps && (!arena.holds(frames) || to > frames.count)) throw new Error('batch encoder: the frames are not in the arena');
    const { outlet, intake } = arena;
    const headersBytes = writeHeaders(arena.bytes, outlet.packed, headers);
    const end = batchKernel(arena).encode(
      outlet.ranges,
      from,
      to,
      outlet.output,
      ranges.length,
      keeps ? intake.timestamps : 0,
      BigInt(keeps ? 0 : Math.trunc(timestamp.nowMs)),
      outlet.packed,
      headersBytes,
      outlet.encoded,
      outlet.encoded + Math.min(bytesMax, outlet.encodedBytesMax),
      outlet.encoded + outlet.encodedBytesMax,
    );
    if (end < 0) {
      wipe(arena, { encodedBytes: outlet.encodedBytesMax, packedBytes: headersBytes }, nothing);
      throw new Error(
        `batch encoder: ${end === encodeFaults.range ? 'a range is outside of the output' : 'a record is too large'}`,
      );
    }
    const [next, count] = [arena.words[batchSpace.answers >> 2] as number, arena.words[(batchSpace.answers >> 2) + 1] as number];
    arena.words.fill(0, batchSpace.answers >> 2, (batchSpace.answers >> 2) + 2);
    const encodedBytes = end - outlet.encoded;
    const packedBytes = count === 0 || codec === 'none' ? 0 : pack(arena, codec, encodedBytes);
    wipe(arena, { encodedBytes: 0, packedBytes: headersBytes }, { encodedBytes, packedBytes });
    const packs = packedBytes > 0 && packedBytes < encodedBytes;
    const start = packs ? outlet.packed : outlet.encoded;
    const batch = arena.bytes.subarray(start, start + (count === 0 ? 0 : packs ? packedBytes : encodedBytes));
    const checked = start + batchLayout.attributes;
    if (count > 0)
      finishBatch(batch, packs ? codec : 'none', count, place, () => checksum(arena, checked, start + batch.length - checked));
    return { batch, count, next };
  }

  /** Wipes what the last call left in the arena. */
  dismiss(arena: Arena): void {
    wipe(arena, nothing, nothing);
  }
}

/** Wipes what the last call left, or as much as `more`, except for what is there `now`. */
function wipe(arena: Arena, more: Left, now: Left): void {
  const left = leftIn.get(arena) ?? nothing;
  const behind = (start: number, used: number, stays: number): void => {
    arena.bytes.fill(0, start + stays, start + Math.max(used, stays) + packStrayBytes);
  };
  behind(arena.outlet.encoded, Math.max(left.encodedBytes, more.encodedBytes), now.encodedBytes);
  behind(arena.outlet.packed, Math.max(left.packedBytes, more.packedBytes), now.packedBytes);
  leftIn.set(arena, now);
}

/** Most bytes behind a compressed batch that hold what did not become smaller, and behind an encoded one. */
const packStrayBytes = 2048 + strayBytes;

/** Writes the header section that each record gets; its size in bytes. */
function writeHeaders(bytes: Buffer, start: number, headers: HeaderList): number {
  const size = headers.reduce((sum, [name, data]) => sum + 10 + Buffer.byteLength(name) + (data?.length ?? 0), 5);
  if (size > headersBytesMax) throw new RangeError('batch encoder: the headers are too large');
  let at = writeVarint(bytes, start, headers.length);
  for (const [name, data] of headers) {
    at = writeVarint(bytes, at, Buffer.byteLength(name));
    at += bytes.write(name, at, 'utf8');
    at = writeWithLength(bytes, at, data);
  }
  return at - start;
}

/** Compresses the records of the encoded batch to behind the header of the packed one. Bytes of the whole; as many as before when it is not smaller. */
function pack(arena: Arena, codec: Exclude<CodecName, 'none'>, encodedBytes: number): number {
  const { bytes, outlet } = arena;
  const start = outlet.encoded + batchLayout.records;
  const records = bytes.subarray(start, outlet.encoded + encodedBytes);
  const target = outlet.packed + batchLayout.records;
  // The two timestamps; the rest of the header is still to be written.
  bytes.copyWithin(outlet.packed, outlet.encoded, start);
  switch (codec) {
    case 'lz4':
      return batchKernel(arena).packLz4(start, records.length, target) - outlet.packed;
    case 'snappy':
      return batchKernel(arena).packSnappy(start, records.length, target) - outlet.packed;
    case 'gzip':
      return placed(gzipSync(records, { level: 1 }));
    case 'zstd':
      return placed(
        zstdCompressSync(records, {
          params: { [zlib.ZSTD_c_compressionLevel]: 1 },
        }),
      );
  }
  function placed(packed: Uint8Array): number {
    if (packed.length < records.length) bytes.set(packed, target);
    return batchLayout.records + Math.min(packed.length, records.length);
  }
}
