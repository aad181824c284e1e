/** Runs the Programs of an agreement over originals of one partition, and says of each what became of it. Writes nothing. */
import type { ErrorCode, Result } from '../../../libs/base/index.ts';
import { ok } from '../../../libs/base/index.ts';
import type { BatchSink, BoundProgram, ProgramOutput, RunSink } from '../../../libs/govern/index.ts';
import { createOutput, runLane, screenBatch, tellErased, tellRecords, tellSuppressed } from '../../../libs/govern/index.ts';
import type { HeaderList, RecordFrames } from '../../../libs/records/index.ts';
import { frameArrays, sharedArena } from '../../../libs/records/index.ts';
import type { LiveAgreement } from '../directive-board.ts';
import { fitsBatch, recordId, refuseTooLarge } from '../lane-group.ts';
import type { SchemaVerdicts } from '../schema-verdicts.ts';
import { suppressRecords } from '../suppress.ts';
import type { DatasetSuppressions } from '../suppression-board.ts';
import type { SourceRecord } from './originals.ts';

export type Verdict =
  | {
      readonly kind: 'governed';
      readonly passed: boolean;
      readonly program: BoundProgram;
      readonly key: Uint8Array | null;
      readonly value: Uint8Array | null;
      readonly headers: HeaderList;
    }
  | {
      readonly kind: 'withheld';
      readonly program: BoundProgram;
      /** Whether its subject was erased. */
      readonly erased?: true;
      /** What leaves all the same, under a compacted Program: a delete. */
      readonly tombstone?: { readonly key: Uint8Array; readonly headers: HeaderList };
    }
  | {
      readonly kind: 'refused';
      readonly reason: ErrorCode;
      readonly field: string | null;
      readonly program: BoundProgram | undefined;
    };

export interface Judged {
  readonly frames: RecordFrames;
  /** Index = that of the original. */
  readonly verdicts: readonly Verdict[];
  /** Values that `else` replaced in governed records, by field path. */
  readonly replaced: ReadonlyMap<string, number>;
}

export interface JudgeOptions {
  readonly dataset: string;
  readonly live: LiveAgreement;
  readonly schemas: SchemaVerdicts;
  /** Largest batch of the governed topic. */
  readonly bytesMax: number;
  /** Whose records are withheld; absent where nobody was erased. */
  readonly suppressions?: DatasetSuppressions;
}

const outputBytesMax = 4 * 1024 * 1024;

/** The originals are of one partition, in offset order. Fails while the registry cannot say whether a schema exists. */
export async function judge(records: readonly SourceRecord[], options: JudgeOptions): Promise<Result<Judged>> {
  const { dataset, live, schemas, bytesMax } = options;
  const frames = framesOf(records);
  const ids = schemas.unserved(screenBatch(frames).ids, dataset);
  const refused = await schemas.of(ids, dataset);
  if (!refused.ok) return refused;
  const verdicts: Verdict[] = [];
  const replaced = new Map<string, number>();
  const told: BatchSink = {
    governed: (index, program, results, outcome, leaving) => {
      verdicts[index] = {
        kind: 'governed',
        passed: outcome === 'pass',
        program,
        ...copied(results, index),
        headers: [
          ...leaving.map(([name, value]) => [name, value && Buffer.from(value)] as const),
          ...recordId(live, frames, index),
        ],
      };
    },
    withheld: (index, program) => (verdicts[index] = { kind: 'withheld', program }),
    deleted: (index, program, governedKey, why) => {
      const [key, headers] = [Buffer.from(governedKey), recordId(live, frames, index)];
      if (!fitsBatch(key.length, bytesMax)) told.refused(index, 'output-too-large', program, null);
      else if (why !== 'null-value') verdicts[index] = { kind: 'withheld', program, tombstone: { key, headers } };
      else verdicts[index] = { kind: 'governed', passed: false, program, key, value: null, headers };
    },
    otherwise: (field, count) => replaced.set(field, (replaced.get(field) ?? 0) + count),
    refused: (index, reason, program, field) => (verdicts[index] = { kind: 'refused', reason, field, program }),
  };
  const sink: RunSink = {
    ran: (program, from, to, out) => {
      refuseTooLarge(out, from, to, bytesMax);
      tellRecords(frames, program, from, to, out, told);
    },
    unread: (index, reason) => told.refused(index, reason, undefined, null),
    erased: (program, index) => tellErased(frames, program, index, told),
    suppressed: (program, index) => {
      tellSuppressed(frames, program, index, told);
      const verdict = verdicts[index];
      if (verdict?.kind === 'withheld') verdicts[index] = { ...verdict, erased: true };
    },
  };
  try {
    const screening = screenBatch(frames, refused.value);
    const { suppressions } = options;
    const looked = suppressions === undefined ? screening : suppressRecords(frames, screening, suppressions);
    runLane(frames, 0, looked, live, createOutput(frames.count, outputBytesMax), sink);
  } finally {
    sharedArena().dismiss();
  }
  return ok({ frames, verdicts, replaced });
}

function copied(out: ProgramOutput, index: number): { readonly key: Uint8Array | null; readonly value: Uint8Array | null } {
  const copy = (start: number, end: number): Uint8Array | null =>
    start < 0 ? null : Buffer.from(out.bytes.subarray(start, end));
  return {
    key: copy(out.keyStart[index] as number, out.keyEnd[index] as number),
    value: copy(out.valueStart[index] as number, out.valueEnd[index] as number),
  };
}

const noHeaders = Buffer.from([0]);

/** The originals side by side at their own offsets, as if one batch had held them. They span less than 2^31 offsets. */
function framesOf(records: readonly SourceRecord[]): RecordFrames {
  const count = records.length;
  const baseOffset = records[0]?.candidate.offset ?? 0n;
  const parts: Uint8Array[] = [];
  let length = 0;
  const frames = {
    count,
    partition: records[0]?.candidate.partition ?? 0,
    baseOffset,
    ...frameArrays(count),
  };
  records.forEach(({ candidate, key, value, headers }, index) => {
    frames.offsetDelta[index] = Number(candidate.offset - baseOffset);
    frames.timestampMs[index] = Number(candidate.timestampMs);
    put(key, frames.keyStart, frames.keyEnd, index);
    put(value, frames.valueStart, frames.valueEnd, index);
    put(headers ?? noHeaders, frames.headersStart, frames.headersEnd, index);
  });
  return { ...frames, bytes: Buffer.concat(parts) };

  function put(part: Uint8Array | null, start: Int32Array, end: Int32Array, index: number): void {
    if (part === null) return;
    start[index] = length;
    parts.push(part);
    length += part.length;
    end[index] = length;
  }
}
