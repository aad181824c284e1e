/**
 * What the thread that computes digests shares with the one that governs: a ring of bytes, a ring of entries that say what to do with them, and words
 * that say how far each has come. One thread writes, one reads. Nothing but types is imported here: the other thread starts with little.
 */

/** Of bytes; a power of two. */
export const ringBytes = 16 * 1024 * 1024;
/** Copies may go this far behind the last byte. */
export const ringSlackBytes = 64 * 1024;
/** A power of two. */
export const entriesMax = 4_096;
/** i32 of an entry: what, digest, address of the bytes, how many, the ring's position that is free up to there afterwards. */
export const entryWords = 5;

export const entryKinds = {
  /** Adds bytes to a digest, which begins with the first of them. */
  add: 0,
  /** The same, and the bytes are not needed any more. */
  addLast: 1,
  /** Ends a digest and keeps it for the next `tell`. */
  finish: 2,
  /** Sends what was kept, with the entry's digest as its number. */
  tell: 3,
  /** Forgets a digest. */
  drop: 4,
} as const;

/** Indexes of i32. The first three count on and overflow. */
export const words = {
  /** Entries that were written, and that were done. */
  written: 0,
  done: 1,
  /** Position of the byte ring up to which it is free again. */
  freed: 2,
  count: 3,
} as const;

export interface SharedRing {
  readonly words: Int32Array;
  readonly entries: Int32Array;
  readonly bytes: Uint8Array;
}

/** What the thread tells: SHA-256 of each finished digest one behind the other, in the order of the `finish` entries. */
export interface Told {
  readonly number: number;
  readonly digests: Uint8Array;
}
