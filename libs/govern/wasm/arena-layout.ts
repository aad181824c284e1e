/** Where things stand in the arena: the context that a module reads at the start of a run, as byte offsets of 32-bit words from 0. */

export const place = {
  /** Base of the input bytes. */
  inBase: 0,
  /** Arrays of i32 by record: ranges relative to the input base, -1 for null. */
  valueStarts: 4,
  valueEnds: 8,
  keyStarts: 12,
  keyEnds: 16,
  /** Arrays of u8, u8 and i16 by record. */
  outcomes: 20,
  reasons: 24,
  fields: 28,
  /** Arrays of i32 by record: ranges relative to the output base. */
  outStarts: 32,
  outEnds: 36,
  outKeyStarts: 40,
  outKeyEnds: 44,
  /** Base of the output, bytes used so far, and bytes that may be used. */
  outBase: 48,
  outUsed: 52,
  outLimit: 56,
  /** Largest governed record, bytes. */
  recordBytesMax: 60,
  /** Gather entries, and how many there are. */
  gathers: 64,
  gatherCount: 68,
  /** The governed schema id's four bytes as they are written. */
  schemaIdBytes: 72,
} as const;

/** Source, length, destination, second destination or 0, index of the field plan: five i32. */
export const gatherEntryBytes = 20;

/** Most bytes that a policy may write into a record whatever the record's size; the arena has room for them behind the output. */
export const fixedGrowthMax = 64 * 1024;

/** Working space of the token kernel, as byte offsets. */
export const scratch = {
  /** Inner and outer state of the key at hand: sixteen words. */
  keyStates: 128,
  /** Eight vectors, and sixteen. */
  state: 192,
  block: 320,
  /** One padded text, with room for a store behind its last byte. */
  text: 576,
  hex: 656,
  /** The gather entries in the four lanes. */
  laneEntries: 720,
  end: 736,
} as const;
