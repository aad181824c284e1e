/** Runs the Programs of one Agreement over one batch: records are screened once, then handed to the Program of their writer schema in runs. */
import type { ErrorCode } from '../base/index.ts';
import { limits } from '../base/index.ts';
import { frameSchemaId } from '../avro/index.ts';
import type { HeaderTerm } from '../odrl/index.ts';
import type { RecordFrames } from '../records/index.ts';
import { firstByte } from '../records/index.ts';
import type { LeavingHeaders } from './headers.ts';
import { governHeaders, noHeaders } from './headers.ts';
import type { BoundProgram, ProgramOutput } from './program.ts';
import { outcomes, refusals, wipeOutput } from './program.ts';

/** What the screening of a batch found, index = record. */
export interface Screening {
  /** Writer schema id, -1 where there is none. */
  readonly schemaIds: Int32Array;
  /** Refusals that hold for every Program; absent for a readable record. */
  readonly unreadable: ReadonlyMap<number, ErrorCode>;
}

/** The Programs of one Agreement, by writer schema id. */
export interface Lane {
  readonly agreement: string;
  readonly programs: ReadonlyMap<number, BoundProgram>;
}

/** Receives what became of each record, in offset order. The output's bytes and the headers are valid during the call alone. */
export interface BatchSink {
  /** `headers` are those of the raw record that leave. */
  governed(index: number, program: BoundProgram, out: ProgramOutput, outcome: 'pass' | 'reshape', headers: LeavingHeaders): void;
  withheld(index: number, program: BoundProgram): void;
  /** So many values at a place were replaced by the rule's `else` in records that were governed since the last call. */
  otherwise(field: string, count: number): void;
  refused(index: number, reason: ErrorCode, program: BoundProgram | undefined, field: string | null): void;
}

/** The distinct schema ids that a batch names, so that unknown ones can be looked up before the screening. */
export function schemaIdsOf(frames: RecordFrames): Set<number> {
  const ids = new Set<number>();
  for (let index = 0; index < frames.count; index += 1) {
    const id = frameSchemaId(frames.bytes, frames.valueStart[index] as number, frames.valueEnd[index] as number);
    if (id >= 0) ids.add(id);
  }
  return ids;
}

/** Finds the records that no Program can read. `verdicts` says of each schema id without a Program why it is refused. */
export function screenBatch(frames: RecordFrames, verdicts: ReadonlyMap<number, ErrorCode>): Screening {
  const schemaIds = new Int32Array(frames.count).fill(-1);
  const unreadable = new Map<number, ErrorCode>();
  for (let index = 0; index < frames.count; index += 1) {
    const start = frames.valueStart[index] as number;
    const end = frames.valueEnd[index] as number;
    if (start < 0) {
      unreadable.set(index, 'tombstone-refused');
      continue;
    }
    const id = frameSchemaId(frames.bytes, start, end);
    schemaIds[index] = id;
    const verdict = verdicts.get(id);
    if (id < 0) unreadable.set(index, 'frame-invalid');
    // Key, value and headers together: an engine's room is for the whole record.
    else if ((frames.headersEnd[index] as number) - firstByte(frames, index) > limits.recordBytesMax)
      unreadable.set(index, 'record-too-large');
    else if (verdict !== undefined) unreadable.set(index, verdict);
  }
  return { schemaIds, unreadable };
}

/** Governs the records from `first` on into `sink`. Uses `out` as working space and leaves it wiped. */
export function governBatch(
  frames: RecordFrames,
  first: number,
  screening: Screening,
  lane: Lane,
  out: ProgramOutput,
  sink: BatchSink,
): void {
  let index = first;
  while (index < frames.count) {
    const refusal = screening.unreadable.get(index);
    if (refusal !== undefined) {
      sink.refused(index, refusal, undefined, null);
      index += 1;
      continue;
    }
    const end = runEnd(frames, screening, index);
    const program = lane.programs.get(screening.schemaIds[index] as number);
    if (program === undefined) {
      for (; index < end; index += 1) sink.refused(index, 'schema-not-approved', undefined, null);
      continue;
    }
    const terms = program.program.headers;
    while (index < end) {
      const done = program.run(frames, index, end, out);
      if (done === index) throw new Error('governBatch: a Program made no progress on an empty output');
      for (let record = index; record < done; record += 1) tell(sink, record, program, out, frames, terms);
      tellOtherwise(sink, program, out);
      wipeOutput(out, done);
      index = done;
    }
  }
}

function tellOtherwise(sink: BatchSink, { program: { fieldPaths } }: BoundProgram, { otherwise }: ProgramOutput): void {
  for (let plan = 0; plan < fieldPaths.length; plan += 1) {
    const count = otherwise[plan] as number;
    if (count > 0) sink.otherwise(fieldPaths[plan] as string, count);
  }
}

/** The end of the run of readable records with the same schema id that starts at `index`. */
function runEnd(frames: RecordFrames, { schemaIds, unreadable }: Screening, index: number): number {
  let end = index + 1;
  while (end < frames.count && schemaIds[end] === schemaIds[index] && !unreadable.has(end)) end += 1;
  return end;
}

function tell(
  sink: BatchSink,
  index: number,
  program: BoundProgram,
  out: ProgramOutput,
  frames: RecordFrames,
  terms: readonly HeaderTerm[],
): void {
  switch (out.outcome[index]) {
    case outcomes.pass:
    case outcomes.reshape: {
      const outcome = out.outcome[index] === outcomes.pass ? 'pass' : 'reshape';
      if (terms.length === 0) {
        sink.governed(index, program, out, outcome, noHeaders);
        break;
      }
      const verdict = governHeaders(terms, frames, index, out);
      if (verdict.refusal === undefined) sink.governed(index, program, out, outcome, verdict.leaving);
      else sink.refused(index, verdict.refusal, program, verdict.field);
      break;
    }
    case outcomes.withhold:
      sink.withheld(index, program);
      break;
    default: {
      const reason = refusals[out.reason[index] as number] ?? 'none';
      if (reason === 'none') throw new Error('governBatch: a refusal without a reason');
      const field = out.field[index] as number;
      sink.refused(index, reason, program, field < 0 ? null : (program.program.fieldPaths[field] ?? null));
    }
  }
}
