/** The sides that are compared. Each governs whole batches and can show what it made of the last one. */
import type { Result } from '../../libs/base/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import type { Program, ProgramOutput } from '../../libs/govern/index.ts';
import { compile, createOutput, outcomes, wipeOutput } from '../../libs/govern/index.ts';
import type { RecordFrames } from '../../libs/records/index.ts';
import { sharedArena } from '../../libs/records/index.ts';
import { stages } from '../../libs/stages/index.ts';
import { batchRecords } from './workloads.ts';
import type { Terms, Workload } from './workloads.ts';

export interface Side {
  readonly name: string;
  /** Governs a batch for each agreement; what it gave for an earlier one is gone. */
  run(frames: RecordFrames): void;
  /** The governed value of a record of the last batch, framed, for the last agreement; null where none left. The bytes are valid until the next run. */
  value(index: number): Uint8Array | null;
}

export type EngineName = 'reference' | 'wasm';

export const governedSchemaId = 2;
export const datasetId = 'clinic-visits';
/** One data key for each agreement. */
export const dataKeys = (agreements: number): Uint8Array[] =>
  Array.from({ length: agreements }, (_, index) => new Uint8Array(32).fill(7 + index));

const outputBytes = 2 * 1024 * 1024;

/** The Programs of a workload's terms by an engine, bound to each key, or the reason why there are none. */
export function programSide(
  engine: EngineName,
  { schema }: Workload,
  terms: Terms,
  keys: readonly Uint8Array[],
): { side: Side; program: Program } | { missing: string } {
  const compiled: Result<Program> = compile({ schema, terms, stages, engine });
  if (!compiled.ok) return { missing: compiled.failure.message };
  const program = compiled.value;
  const bound = keys.map((dataKey) => unwrap(program.bind({ governedSchemaId, datasetId, dataKey })));
  const arena = sharedArena();
  // The emitted engine works where the data plane has it work: records are admitted once, and outputs are read in the arena.
  const inArena = engine === 'wasm';
  const out: ProgramOutput = inArena ? arena.output : createOutput(batchRecords, outputBytes);
  const side: Side = {
    name: engine,
    run(frames) {
      const given = inArena ? arena.admit(frames) : frames;
      for (const one of bound) {
        wipeOutput(out, given.count);
        const done = one.run(given, 0, given.count, out);
        if (done !== given.count) throw new Error(`${engine}: the output was full after ${done} records`);
      }
    },
    value(index) {
      if (out.outcome[index] === outcomes.refuse) throw new Error(`${engine}: record ${index} was refused`);
      const start = out.valueStart[index] as number;
      return start < 0 ? null : out.bytes.subarray(start, out.valueEnd[index]);
    },
  };
  return { side, program };
}

/** Runs both over all batches. Throws at the first value that differs; returns how many records left and how many there were. */
export function verifyEqual(oracle: Side, other: Side, batches: readonly RecordFrames[]): { left: number; records: number } {
  let left = 0;
  let records = 0;
  for (const frames of batches) {
    oracle.run(frames);
    other.run(frames);
    for (let index = 0; index < frames.count; index += 1) {
      const [expected, actual] = [oracle.value(index), other.value(index)];
      const equal = expected === null || actual === null ? expected === actual : Buffer.compare(expected, actual) === 0;
      if (!equal) throw new Error(`${other.name}: record ${records} is not what ${oracle.name} gives`);
      if (expected !== null) left += 1;
      records += 1;
    }
  }
  return { left, records };
}
