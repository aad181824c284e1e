/**
 * Where the token kernels work, as byte offsets: everything here and in the arena's lock-step region is wiped before a maker's `fill` returns.
 * Text that is not in it never leaves registers.
 */
import { kernelSpace, scratch, textsOfStep } from '../arena/arena-layout.ts';

export const blockBytes = 16;

/** One row of `finals`: the mask of a last block with so many bytes of text, then what is added to it. */
export const finalRowBytes = 2 * blockBytes;

const afterScratch = scratch.end;

export const tokenSpace = {
  start: kernelSpace.tokens,
  /** Inner and outer state of the key at hand, sixteen words. */
  keyStates: scratch.keyStates,
  /** The hash of the four texts in the lanes, eight vectors, and the block that comes next, sixteen. */
  state: scratch.state,
  block: scratch.block,
  laneEntries: scratch.laneEntries,
  /** One word for each of the 64 rounds. */
  roundConstants: afterScratch,
  /** The hash before the last block. */
  earlierState: afterScratch + 256,
  /** First gather entry that was not taken into the step. */
  cursor: afterScratch + 384,
  /** Of CMAC, by bytes of text in the last block, 0 to 16. */
  finals: afterScratch + 400,
  /** Of FF1, what depends on the count of digits. */
  shape: afterScratch + 400 + 17 * finalRowBytes,
  hashesEnd: afterScratch + 384,
  /** Addresses of the gather entries whose texts are in the step, i32. */
  list: kernelSpace.tokens + 4 * 1024,
} as const;

/** The byte behind the list, which is all of the room that is used. */
export const listEnd = tokenSpace.list + textsOfStep * 4;

/** Fields of `tokenSpace.shape`, as offsets from it. */
export const shapePlace = {
  /** Block of a round with zeros for its number and the half. */
  base: 0,
  /** Of the last eight digits of each half, in two times eight bytes: 255 where the half has a digit. */
  digitMask: 16,
  /** Where a character of the result comes from in them, and 255 for each of its characters; up to sixteen digits. */
  outIndex: 32,
  outMask: 48,
  /** 255 for each of the last sixteen characters before the check character that there is. */
  checkMask: 64,
  /** 10 to the power of the left and of the right half's digits, i64. */
  moduli: 80,
  /** Bits that a round's number is moved left to stand before the half, i64. */
  roundShift: 96,
  bytes: 112,
} as const;
