/** What a Program is: fused, immutable, hashed; bound to keys once, then run over batches. */
import type { ErrorCode, Result } from '../base/index.ts';
import { limits } from '../base/index.ts';
import type { AvroSchema } from '../avro/index.ts';
import type { HeaderTerm } from '../odrl/index.ts';
import type { GovernedRanges, RecordFrames } from '../records/index.ts';

/** What became of a record. The numbers stand in `ProgramOutput.outcome`. */
export const outcomes = {
  pass: 0,
  reshape: 1,
  withhold: 2,
  refuse: 3,
} as const;

/** Why a record was refused; index = `ProgramOutput.reason`, 0 for none. */
export const refusals = [
  'none',
  'tombstone-refused',
  'record-malformed',
  'value-unfit',
  'key-unfit',
  'output-too-large',
  'header-unfit',
] as const satisfies readonly (ErrorCode | 'none')[];
export type Refusal = (typeof refusals)[number];

/** Refusals that say that the input is unreadable for every Program of the feed, not that one rule refused it. */
export const unreadable: ReadonlySet<string> = new Set<ErrorCode>([
  'batch-corrupt',
  'frame-invalid',
  'schema-unknown',
  'schema-not-approved',
  'record-too-large',
  'tombstone-refused',
  'record-malformed',
]);

/** Results of a run, index = record of the input. Ranges point into `bytes`; a start of -1 stands for null or none. */
export interface ProgramOutput extends GovernedRanges {
  readonly outcome: Uint8Array;
  /** Index into `refusals`. */
  readonly reason: Uint8Array;
  /** Index into the Program's `fieldPaths` of the field that refused, -1 for none. */
  readonly field: Int16Array;
  /** Values that a rule's `else` replaced in the records that were written, by index into `fieldPaths`. */
  readonly otherwise: Uint32Array;
}

/** Room for `recordsMax` records and `bytesMax` bytes. */
export function createOutput(recordsMax: number, bytesMax: number): ProgramOutput {
  const ranges = (): Int32Array => new Int32Array(recordsMax).fill(-1);
  return {
    bytes: Buffer.alloc(bytesMax),
    length: 0,
    outcome: new Uint8Array(recordsMax),
    reason: new Uint8Array(recordsMax),
    field: new Int16Array(recordsMax).fill(-1),
    otherwise: new Uint32Array(limits.schemaFieldsMax),
    keyStart: ranges(),
    keyEnd: ranges(),
    valueStart: ranges(),
    valueEnd: ranges(),
  };
}

/**
 * Makes an output ready for the next batch; what it held is overwritten, so that nothing of one batch is seen in another. `records` is the
 * largest record index that was governed into it, plus one.
 */
export function wipeOutput(output: ProgramOutput, records: number = output.outcome.length): void {
  if (output.recycle !== undefined) {
    output.recycle(records);
    return;
  }
  output.bytes.fill(0, 0, output.length);
  output.length = 0;
  output.outcome.fill(0, 0, records);
  output.reason.fill(0, 0, records);
  output.field.fill(-1, 0, records);
  output.otherwise.fill(0);
  output.keyStart.fill(-1, 0, records);
  output.keyEnd.fill(-1, 0, records);
  output.valueStart.fill(-1, 0, records);
  output.valueEnd.fill(-1, 0, records);
}

/** One line of the table that a publisher reads before approving. */
export interface ExplainRow {
  /** Field path, or `(rows)`, `(tombstones)`, `(key)`, `(header <name>)`, `(headers)` for all others, `(timestamp)`, `(partition, order)`. */
  readonly field: string;
  readonly stage: string;
  readonly happens: string;
  readonly why: string;
  readonly reversible: 'no' | 'with the key' | 'yes';
  readonly informationLost: string;
  readonly lengthLeaked: boolean;
  /** Standard and clause the method comes from, '' for none. */
  readonly clause: string;
}

/** A key that the host resolves before running: derived from the agreement's data key for this label. */
export interface KeyNeed {
  /** E.g. `pseudonymize/residentId`; part of the derivation. */
  readonly label: string;
}

/** What the host knows and the Program does not: parameters, never part of the hash. */
export interface ProgramBinding {
  readonly governedSchemaId: number;
  readonly datasetId: string;
  /** The agreement's data key, 32 bytes. */
  readonly dataKey: Uint8Array;
}

export interface Program {
  /** SHA-256 of `manifest`, hex. */
  readonly hash: string;
  /** Canonical JSON of everything that decides the output: ABI, stages with versions, plans, schemas. */
  readonly manifest: string;
  readonly writerSchema: AvroSchema;
  readonly governedSchema: AvroSchema;
  readonly needs: readonly KeyNeed[];
  /** Field paths that rules name; `ProgramOutput.field` indexes it. */
  readonly fieldPaths: readonly string[];
  /** The emitted module; the reference engine has none. */
  readonly module?: Uint8Array;
  /** Whether governed records carry the record's own time or the time of the governed write. */
  readonly timestamp: 'keep' | 'drop';
  /** Headers of the raw record that leave; none where it is empty. */
  readonly headers: readonly HeaderTerm[];
  /** Whether the governed topic keeps the last record of each key: what is withheld or has no value leaves as a delete. */
  readonly compacted: boolean;
  explain(): readonly ExplainRow[];
  /** Resolves the needs. Fails with `key-missing`: without its keys a Program governs nothing. */
  bind(binding: ProgramBinding): Result<BoundProgram>;
}

/** What running needs of a Program; `explain` is for who approves. */
export type RunnableProgram = Omit<Program, 'explain'>;

export interface BoundProgram {
  readonly program: RunnableProgram;
  /**
   * Names all that decides what `run` makes of records but the keys. Programs for which it is equal differ in the values that their keys make, and in nothing
   * else: not in what becomes of a record, nor in where its parts are. Absent where that cannot be said.
   */
  readonly walk?: string;
  /**
   * Governs the records [from, to) of `frames` into `out`, whose values are framed with the governed schema id. Synchronous; reads nothing
   * outside its arguments. Returns the index of the first record not done: `to`, or less when `out` is full. Every record in the range
   * must be framed with the Program's writer schema or be null.
   */
  run(frames: RecordFrames, from: number, to: number, out: ProgramOutput): number;
  /**
   * The governed key for the bytes of a raw one, byte for byte what `run` writes with a record that has it; null where it does not fit, and always
   * of a Program that is not compacted. It costs what the field's plain function does, so it is not for each record.
   */
  governKey(key: Uint8Array): Uint8Array | null;
}
