/** Where things stand in the arena. The context is what a module reads at the start of a run, as byte offsets of 32-bit words from 0. */

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
  /** Values that the host is asked about, how many there are, and for each record where its own start (i32 by record). */
  asks: 76,
  askCount: 80,
  askStarts: 84,
  /** What the host answered, by ask. */
  answers: 88,
  /** Room for the defaults of fields that the writer does not have; the module fills it. */
  constants: 92,
  /** Values that a rule's `else` replaced in what was written, by field plan: i32. */
  otherwise: 96,
} as const;

/**
 * Tables of the functions over text that every module carries, 128 to 512: each module's data puts the same bytes there. A vector that is loaded costs
 * an instruction, one that is written as a constant four.
 */
export const textTables = 128;

/** Source, length, destination, second destination or 0, index of the field plan: five i32. Addresses are absolute. */
export const gatherEntryBytes = 20;
/** Most gather entries of a run; more than a record of the largest size can have, since each takes seven bytes of it. */
export const gathersMax = 160_000;

/** Source, byte behind it, index of the field plan, record, occurrence, start of the subject's text or -1, its length, 0: eight i32. */
export const askEntryBytes = 32;
/** Most values of one record, and of one run, that the host is asked about. */
export const asksMax = 65_536;

/** Start of the encoded result, its length, and 0 for a result or 1 for a value that does not fit: three i32, and one unused. */
export const answerEntryBytes = 16;

/**
 * Most bytes that a policy may write into a record, or into one item of it, whatever the record's size; the arena has room for them behind the
 * output. Also most bytes of a schema's defaults.
 */
export const fixedGrowthMax = 64 * 1024;

/** Most records of one run of a module; a longer batch takes several. */
export const recordsMax = 16_384;

/** From one array of ranges to the next, bytes. */
export const rangeStride = recordsMax * 4;

/** Most texts that a step of a kernel takes: enough to pay for what a step costs, few enough to stay in the cache. */
export const textsOfStep = 2_048;

/** Fixed addresses of the kernels' working space and tables: each kernel module has its own. */
export const kernelSpace = {
  /** Of the token kernels: 512 to 32 Ki. */
  tokens: 512,
  /** Of the batch kernels: 32 Ki to 72 Ki. */
  batches: 32 * 1024,
  end: 72 * 1024,
} as const;

/** Working space and tables of the batch kernels. */
export const batchSpace = {
  /** Of the matchers: 8,192 positions of 16 bits. */
  hashes: kernelSpace.batches,
  hashesEnd: kernelSpace.batches + 16 * 1024,
  /** What a kernel answers besides its result: two i32. */
  answers: kernelSpace.batches + 16 * 1024,
  /** Tables; they are there from the start and are only read. By distance 0 to 15: sixteen indexes, then how far the pattern goes. */
  patterns: kernelSpace.batches + 17 * 1024,
  patternSteps: kernelSpace.batches + 17 * 1024 + 256,
  /** By snappy tag: 256 of u16. */
  tags: kernelSpace.batches + 18 * 1024,
  /** Of folding: its ring, 8 Ki and a step of 128, and what it leaves, less than 6 Ki; zero but while it works. */
  ring: kernelSpace.batches + 19 * 1024,
  folded: kernelSpace.batches + 28 * 1024,
} as const;

/** Working space of the HMAC kernels, as byte offsets. */
export const scratch = {
  /** Inner and outer state of the key at hand: sixteen words. */
  keyStates: kernelSpace.tokens,
  /** Eight vectors, and sixteen. */
  state: kernelSpace.tokens + 64,
  block: kernelSpace.tokens + 192,
  /** The gather entries in the four lanes. */
  laneEntries: kernelSpace.tokens + 592,
  end: kernelSpace.tokens + 608,
} as const;

const [recallSets, recallLineBytes] = [32_768, 64];

/**
 * Where results are known again, as offsets from `arena.recall`, and the size of the table. A set of the table has two lines of 64 bytes, each a tag of
 * 16, which is never zero, and a result of up to 48.
 */
export const recallSpace = {
  /** First gather entry that is not in the step: i32. */
  cursor: 0,
  key: 16,
  /** Addresses of the step's gather entries, i32, and the tags of their texts. */
  entries: 64,
  tags: 64 + textsOfStep * 4,
  /** Gather entries of the texts that are not known. */
  missing: 64 + textsOfStep * (4 + 16),
  bytes: 64 + textsOfStep * (4 + 16 + gatherEntryBytes),
  lineBytes: recallLineBytes,
  resultBytesMax: 48,
  sets: recallSets,
  tablePages: (recallSets * 2 * recallLineBytes) / 65_536,
} as const;
