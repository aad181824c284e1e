/** CRC-32C of bytes in the arena, faster over long ranges than the processor's instruction for it, whose results wait for each other. */
import { crc32c } from '@node-rs/crc32';
import type { Arena } from '../arena/arena.ts';
import { batchSpace } from '../arena/arena-layout.ts';
import { batchKernel } from './batch-kernel.ts';
import { foldDistances, stepBytes, vectorBytes } from './fold-code.ts';

/** A shorter range is not worth folding. */
export const foldBytesMin = 16 * 1024;

/**
 * CRC-32C (Castagnoli, as in RFC 3720, appendix B.4) of `length` bytes of the arena from the address `start` on; with `previous` of the bytes that this is the CRC of
 * and these. Reads up to 128 bytes behind them, and leaves nothing in the arena.
 */
export function checksum(arena: Arena, start: number, length: number, previous = 0): number {
  if (length < foldBytesMin) return crc32c(arena.bytes.subarray(start, start + length), previous);
  const reach = foldDistances[4] * vectorBytes;
  const folded = Math.floor((length - reach) / stepBytes) * stepBytes;
  const rest = length - folded;
  batchKernel(arena).fold(start, start + folded, start + length, ~previous, batchSpace.folded);
  // A CRC begins with all ones in the register: with none when it goes on from this.
  const crc = crc32c(arena.bytes.subarray(batchSpace.folded, batchSpace.folded + rest), 0xffff_ffff);
  arena.bytes.fill(0, batchSpace.folded, batchSpace.folded + rest + stepBytes);
  return crc;
}
