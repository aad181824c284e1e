/** Runs the Programs of one Agreement over one batch: records are screened once, then handed to the Program of their writer schema in runs. */
import type { ErrorCode } from '../base/index.ts';
import { limits } from '../base/index.ts';
import { frameSchemaId } from '../avro/index.ts';
import type { HeaderTerm } from '../odrl/index.ts';
import type { RecordFrames } from '../records/index.ts';
import { alikeRecords, firstByte, sharedArena } from '../records/index.ts';
import type { LeavingHeaders } from './headers.ts';
import { governHeaders, noHeaders } from './headers.ts';
import type { BoundProgram, ProgramOutput } from './program.ts';
import { outcomes, refusals, wipeOutput } from './program.ts';
import { runTogether } from './wasm/bind-module.ts';

/** What the screening of a batch found, index = record. */
export interface Screening {
  /** Writer schema id, -1 where there is none. */
  readonly schemaIds: Int32Array;
  /** The distinct ones. */
  readonly ids: ReadonlySet<number>;
  /** Refusals that hold for every Program, and records that no Program may look at; absent for a readable record. */
  readonly unreadable: ReadonlyMap<number, ErrorCode | typeof suppressed>;
}

/** Stands in a `Screening` for a record of an erased subject: it is withheld whatever it holds. */
export const suppressed = 'suppressed';

/** The Programs of one Agreement, by writer schema id. */
export interface Lane {
  readonly agreement: string;
  readonly programs: ReadonlyMap<number, BoundProgram>;
}

/** Receives what became of runs of records, in offset order. */
export interface RunSink {
  /** The records [from, to) were run; their results stand at their indexes in `out` and are valid during the call alone. */
  ran(program: BoundProgram, from: number, to: number, out: ProgramOutput): void;
  /** A record that no Program of the lane can read. */
  unread(index: number, reason: ErrorCode): void;
  /** A record without a value under this compacted Program; `tellErased` says what becomes of it. */
  erased(program: BoundProgram, index: number): void;
  /** A record of an erased subject, which no Program has looked at; `tellSuppressed` says what becomes of it. */
  suppressed(program: BoundProgram, index: number): void;
}

type DeleteReason = 'null-value' | 'withheld' | 'suppressed';

/** Receives what became of each record, in offset order. The output's bytes and the headers are valid during the call alone. */
export interface BatchSink {
  /** `headers` are those of the raw record that leave. */
  governed(index: number, program: BoundProgram, out: ProgramOutput, outcome: 'pass' | 'reshape', headers: LeavingHeaders): void;
  withheld(index: number, program: BoundProgram): void;
  /** It leaves as a delete under the governed `key`, which is valid during the call alone: its value was null, its row is withheld, or its subject erased. */
  deleted(index: number, program: BoundProgram, key: Uint8Array, why: DeleteReason): void;
  /** So many values at a place were replaced by the rule's `else` in records that were governed since the last call. */
  otherwise(field: string, count: number): void;
  refused(index: number, reason: ErrorCode, program: BoundProgram | undefined, field: string | null): void;
}

const noVerdicts: ReadonlyMap<number, ErrorCode> = new Map();

/**
 * Finds the records that no Program can read, and which schema ids there are. `verdicts` says of each schema id without a Program why it is
 * refused; without them the ids alone can be relied on where one has no Program.
 */
export function screenBatch(frames: RecordFrames, verdicts: ReadonlyMap<number, ErrorCode> = noVerdicts): Screening {
  const { bytes, count, valueStart, valueEnd } = frames;
  const schemaIds = new Int32Array(count).fill(-1);
  const unreadable = new Map<number, ErrorCode>();
  const ids = new Set<number>();
  let last = -1;
  let verdict: ErrorCode | undefined;
  // As nearly always, all of them begin alike and are small enough: those with a known id and no verdict need no look at each.
  let next = alikeRecords(sharedArena(), frames, limits.recordBytesMax);
  if (next > 0) {
    last = frameSchemaId(bytes, valueStart[0] as number, valueEnd[0] as number);
    verdict = verdicts.get(last);
    if (last < 0 || verdict !== undefined) [next, last] = [0, -1];
    else {
      ids.add(last);
      schemaIds.fill(last, 0, next);
    }
  }
  for (let index = next; index < count; index += 1) {
    const start = valueStart[index] as number;
    if (start < 0) {
      unreadable.set(index, 'tombstone-refused');
      continue;
    }
    const id = frameSchemaId(bytes, start, valueEnd[index] as number);
    schemaIds[index] = id;
    if (id < 0) unreadable.set(index, 'frame-invalid');
    // Key, value and headers together: an engine's room is for the whole record.
    else if (bytesOf(frames, index) > limits.recordBytesMax) unreadable.set(index, 'record-too-large');
    else {
      if (id !== last) {
        ids.add(id);
        verdict = verdicts.get(id);
        last = id;
      }
      if (verdict !== undefined) unreadable.set(index, verdict);
    }
  }
  return { schemaIds, ids, unreadable };
}

/** A lane, and who is told what became of its records. */
export interface LaneRun {
  readonly lane: Lane;
  readonly sink: RunSink;
}

/**
 * Runs the records from `first` on through a lane's Programs. Uses `out` as working space and leaves it wiped. A withheld row of a compacted Program
 * stands in `out` as of any other: `tellRecords` makes a delete of it.
 */
export function runLane(
  frames: RecordFrames,
  first: number,
  screening: Screening,
  lane: Lane,
  out: ProgramOutput,
  sink: RunSink,
): void {
  runLanes(frames, first, screening, [{ lane, sink }], out);
}

/**
 * `runLane` for several lanes in one go. More than one must have Programs of the same schema ids and, for each of these, of one walk, `frames` must be
 * what the arena holds and `out` its own output; each sink is told what `runLane` would tell it.
 */
export function runLanes(
  frames: RecordFrames,
  first: number,
  screening: Screening,
  runs: readonly LaneRun[],
  out: ProgramOutput,
): void {
  let index = first;
  while (index < frames.count) {
    const refusal = screening.unreadable.get(index);
    if (refusal !== undefined) {
      for (const { lane, sink } of runs) tellUnreadable(frames, index, refusal, screening, lane, sink);
      index += 1;
      continue;
    }
    const end = runEnd(frames, screening, index);
    const programs = programsOf(runs, screening.schemaIds[index] as number);
    if (programs === undefined) {
      for (; index < end; index += 1) for (const { sink } of runs) sink.unread(index, 'schema-not-approved');
      continue;
    }
    while (index < end) index = runPrograms(frames, index, end, programs, runs, out);
  }
}

/** The Program of each lane for this schema id; undefined where none has one. */
function programsOf(runs: readonly LaneRun[], schemaId: number): readonly BoundProgram[] | undefined {
  const programs = runs.flatMap(({ lane }) => lane.programs.get(schemaId) ?? []);
  if (programs.length === 0) return undefined;
  if (programs.length !== runs.length) throw new Error('runLanes: the lanes do not serve the same schemas');
  return programs;
}

/** One run, told to each; the first record not done comes back. */
function runPrograms(
  frames: RecordFrames,
  from: number,
  end: number,
  programs: readonly BoundProgram[],
  runs: readonly LaneRun[],
  out: ProgramOutput,
): number {
  const [first] = programs as readonly [BoundProgram];
  const ran = (lane: number, done: number): void => {
    if (done === from) throw new Error('runLanes: a Program made no progress on an empty output');
    runs[lane]?.sink.ran(programs[lane] as BoundProgram, from, done, out);
  };
  if (programs.length > 1) {
    const done = runTogether(programs, frames, from, end, ran);
    wipeOutput(out, done);
    return done;
  }
  const done = first.run(frames, from, end, out);
  ran(0, done);
  wipeOutput(out, done);
  return done;
}

/** Tells of a record that no Program may look at, and of a delete. */
function tellUnreadable(
  frames: RecordFrames,
  index: number,
  refusal: ErrorCode | typeof suppressed,
  { schemaIds }: Screening,
  lane: Lane,
  sink: RunSink,
): void {
  if (refusal === suppressed) {
    // Without a Program of its schema any will do: none looks at it, and all govern a key alike.
    const program = lane.programs.get(schemaIds[index] as number) ?? lane.programs.values().next().value;
    if (program === undefined) sink.unread(index, 'schema-not-approved');
    else sink.suppressed(program, index);
    return;
  }
  const eraser = refusal === 'tombstone-refused' ? eraserOf(lane) : undefined;
  if (eraser === undefined) sink.unread(index, refusal);
  else if (bytesOf(frames, index) > limits.recordBytesMax) sink.unread(index, 'record-too-large');
  else sink.erased(eraser, index);
}

/** `runLane` told record by record. */
export function governBatch(
  frames: RecordFrames,
  first: number,
  screening: Screening,
  lane: Lane,
  out: ProgramOutput,
  sink: BatchSink,
): void {
  runLane(frames, first, screening, lane, out, {
    ran: (program, from, to, ran) => tellRecords(frames, program, from, to, ran, sink),
    unread: (index, reason) => sink.refused(index, reason, undefined, null),
    erased: (program, index) => tellErased(frames, program, index, sink),
    suppressed: (program, index) => tellSuppressed(frames, program, index, sink),
  });
}

/** Tells of each record of a run, its headers governed too. */
export function tellRecords(
  frames: RecordFrames,
  program: BoundProgram,
  from: number,
  to: number,
  out: ProgramOutput,
  sink: BatchSink,
): void {
  const terms = program.program.headers;
  for (let record = from; record < to; record += 1) tell(sink, record, program, out, frames, terms);
  tellOtherwise(sink, program, out);
}

/** Tells of a record without a value: the publisher deletes its key. */
export function tellErased(frames: RecordFrames, program: BoundProgram, index: number, sink: BatchSink): void {
  tellDeleted(frames, program, index, sink, 'null-value');
}

/** Tells of a record of an erased subject: it is withheld, and on a compacted feed what was governed of its key before is deleted. */
export function tellSuppressed(frames: RecordFrames, program: BoundProgram, index: number, sink: BatchSink): void {
  if (program.program.compacted) tellDeleted(frames, program, index, sink, 'suppressed');
  else sink.withheld(index, program);
}

/** Whether a run of a compacted Program has records that `tellRecords` makes deletes or refusals of. */
export function hasDeletes({ outcome, valueStart, keyStart }: ProgramOutput, from: number, to: number): boolean {
  for (let index = from; index < to; index += 1) {
    if (outcome[index] === outcomes.withhold) return true;
    if ((valueStart[index] as number) >= 0 && (keyStart[index] as number) < 0) return true;
  }
  return false;
}

/** Why a record of a run was refused, and the path of the field that refused it. Throws for one that was not. */
export function refusalOf(program: BoundProgram, out: ProgramOutput, index: number): { reason: ErrorCode; field: string | null } {
  const reason = refusals[out.reason[index] as number] ?? 'none';
  if (reason === 'none') throw new Error('refusalOf: a refusal without a reason');
  const field = out.field[index] as number;
  return { reason, field: field < 0 ? null : (program.program.fieldPaths[field] ?? null) };
}

function tellOtherwise(sink: BatchSink, { program: { fieldPaths } }: BoundProgram, { otherwise }: ProgramOutput): void {
  for (let plan = 0; plan < fieldPaths.length; plan += 1) {
    const count = otherwise[plan] as number;
    if (count > 0) sink.otherwise(fieldPaths[plan] as string, count);
  }
}

/** The end of the run of readable records with the same schema id that starts at `index`. */
function runEnd(frames: RecordFrames, { schemaIds, ids, unreadable }: Screening, index: number): number {
  // As nearly always: everything can be read, and is of one schema.
  if (unreadable.size === 0 && ids.size === 1) return frames.count;
  let end = index + 1;
  while (end < frames.count && schemaIds[end] === schemaIds[index] && !unreadable.has(end)) end += 1;
  return end;
}

/** Bytes of key, value and headers together. */
const bytesOf = (frames: RecordFrames, index: number): number => (frames.headersEnd[index] as number) - firstByte(frames, index);

/**
 * The Program that governs the key of a record that has no schema: the Programs of a lane are of one policy, so that each governs a key alike.
 * Undefined unless all of them are compacted.
 */
function eraserOf({ programs }: Lane): BoundProgram | undefined {
  let eraser: BoundProgram | undefined;
  for (const program of programs.values()) {
    if (!program.program.compacted) return undefined;
    eraser = program;
  }
  return eraser;
}

function tellDeleted(frames: RecordFrames, program: BoundProgram, index: number, sink: BatchSink, why: DeleteReason): void {
  const start = frames.keyStart[index] as number;
  const key = start < 0 ? null : program.governKey(frames.bytes.subarray(start, frames.keyEnd[index]));
  if (key === null) sink.refused(index, 'key-unfit', program, null);
  else if (key.length > limits.recordBytesMax) sink.refused(index, 'output-too-large', program, null);
  else sink.deleted(index, program, key, why);
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
      if (program.program.compacted && (out.keyStart[index] as number) < 0) {
        // Without a key a compacted topic does not take it.
        sink.refused(index, 'key-unfit', program, null);
        break;
      }
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
      if (program.program.compacted) tellDeleted(frames, program, index, sink, 'withheld');
      else sink.withheld(index, program);
      break;
    default: {
      const { reason, field } = refusalOf(program, out, index);
      sink.refused(index, reason, program, field);
    }
  }
}
