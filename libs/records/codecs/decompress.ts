/** Decompresses the records of a batch under a cap on bytes and on ratio: a bomb is refused, not expanded. */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { limits } from '../../base/index.ts';
import type { CodecName } from '../batch-layout.ts';
import { decodeLz4Frame } from './lz4.ts';
import { decodeSnappy } from './snappy.ts';

/** Most bytes that so many compressed ones may stand for. */
export const decompressedBytesMax = (inputBytes: number): number =>
  Math.min(limits.batchBytesMax, Math.max(1024, inputBytes * limits.batchRatioMax));

/** Returns the decompressed bytes, or null when they are malformed or over the caps of `limits`. */
export function decompress(codec: CodecName, input: Uint8Array): Uint8Array | null {
  const outputMax = decompressedBytesMax(input.length);
  switch (codec) {
    case 'none':
      return input;
    case 'gzip':
      return quietly(() => gunzipSync(input, { maxOutputLength: outputMax }));
    case 'zstd':
      return quietly(() => zstdDecompressSync(input, { maxOutputLength: outputMax }));
    case 'lz4':
      return decodeLz4Frame(input, outputMax);
    case 'snappy':
      return decodeSnappy(input, outputMax);
  }
}

/** node:zlib reports malformed and oversized input by throwing; here both mean the same refusal. */
function quietly(decode: () => Uint8Array): Uint8Array | null {
  try {
    return decode();
  } catch {
    return null;
  }
}
