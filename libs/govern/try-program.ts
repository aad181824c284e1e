/** Runs a Program over a few records under a key that is made for this run alone, and shows each before and after: for whoever approves. */
import { randomBytes } from 'node:crypto';
import type { AvroSchema } from '../avro/index.ts';
import { codecOf, frame, frameHeaderBytes, toJson } from '../avro/index.ts';
import type { Result } from '../base/index.ts';
import { ok } from '../base/index.ts';
import type { RecordFrames } from '../records/index.ts';
import { BatchBuilder, frameRecords, readBatches } from '../records/index.ts';
import type { Program, ProgramOutput, Refusal } from './program.ts';
import { createOutput, outcomes, refusals } from './program.ts';

/** A record of the Program's writer schema. */
export interface TrialRecord {
  readonly key: Uint8Array | null;
  /** Avro without the frame of the wire format; null for a delete. */
  readonly value: Uint8Array | null;
}

type Row = Readonly<Record<string, unknown>>;

export interface Tried {
  /** `delete`: leaves as a delete under the governed key, which only records of a compacted feed do. */
  readonly outcome: 'governed' | 'withheld' | 'delete' | 'refused';
  /** Of a refused record, with the field where one refused. */
  readonly reason: Refusal | null;
  readonly field: string | null;
  /** Plain JSON; null for a delete, and for bytes that are not of the schema. */
  readonly before: Row | null;
  readonly after: Row | null;
}

/** No governed record has more bytes than this for each of its raw ones, and a little. */
const growthMax = 6;
const recordRoomBytes = 4_096;
const noProducer = { producerId: -1n, producerEpoch: -1, baseSequence: -1, transactional: false };
const anySchemaId = 1;

/** Tokens are other ones than an agreement's. Fails as binding does. */
export function tryProgram(program: Program, datasetId: string, records: readonly TrialRecord[]): Result<Tried[]> {
  if (records.length === 0) return ok([]);
  const bound = program.bind({ governedSchemaId: anySchemaId, datasetId, dataKey: randomBytes(32) });
  if (!bound.ok) return bound;
  const frames = framesOf(records);
  const room = records.reduce((sum, { value }) => sum + growthMax * (value?.length ?? 0) + recordRoomBytes, 0);
  const output = createOutput(frames.count, room);
  if (bound.value.run(frames, 0, frames.count, output) < frames.count)
    throw new Error('tryProgram: the output is smaller than any that a Program writes');
  const deletes = (key: Uint8Array | null): boolean => key !== null && bound.value.governKey(key) !== null;
  return ok(
    records.map(({ key, value }, index): Tried => {
      const before = value === null ? null : plain(program.writerSchema, value);
      const rest = { reason: null, field: null, before, after: null };
      const isErased = value === null || output.outcome[index] === outcomes.withhold;
      if (program.compacted && isErased)
        return deletes(key)
          ? { ...rest, outcome: 'delete' }
          : { ...rest, outcome: 'refused', reason: 'key-unfit', field: '(key)' };
      if (output.outcome[index] === outcomes.withhold) return { ...rest, outcome: 'withheld' };
      if (output.outcome[index] === outcomes.refuse) return { ...rest, ...refusalAt(program, output, index) };
      const bytes = output.bytes.subarray((output.valueStart[index] as number) + frameHeaderBytes, output.valueEnd[index]);
      return { ...rest, outcome: 'governed', after: plain(program.governedSchema, bytes) };
    }),
  );
}

function refusalAt(program: Program, output: ProgramOutput, index: number): Pick<Tried, 'outcome' | 'reason' | 'field'> {
  const field = output.field[index] as number;
  return {
    outcome: 'refused',
    reason: refusals[output.reason[index] as number] ?? 'record-malformed',
    field: field < 0 ? null : (program.fieldPaths[field] ?? null),
  };
}

function framesOf(records: readonly TrialRecord[]): RecordFrames {
  const builder = new BatchBuilder();
  for (const { key, value } of records) builder.append(key, value === null ? null : frame(anySchemaId, value), [], 0n);
  const found: (RecordFrames | null)[] = [];
  readBatches(builder.finish(noProducer), (batch) => found.push(frameRecords(batch, 0)));
  const [frames] = found;
  if (frames === null || frames === undefined) throw new Error('tryProgram: a batch that was just built is framed');
  return frames;
}

function plain(schema: AvroSchema, bytes: Uint8Array): Row | null {
  const decoded = codecOf(schema).decode(bytes);
  return decoded.ok ? (toJson(schema, decoded.value) as Row) : null;
}
