/** What Programs make of records, as ranges in `bytes`; index = record. A start of -1 stands for null or none. */
export interface GovernedRanges {
  readonly bytes: Buffer;
  /** Bytes used so far. */
  length: number;
  /** How the arena's own output is made ready for the next run; what it held is overwritten or wiped by that run, or by `dismiss`. */
  readonly recycle?: (records: number) => void;
  readonly keyStart: Int32Array;
  readonly keyEnd: Int32Array;
  readonly valueStart: Int32Array;
  readonly valueEnd: Int32Array;
}
