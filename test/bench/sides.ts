/** The sides that are compared. Each governs whole batches and can show what it made of the last one. */
import type { Result } from '../../libs/base/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import type { Program } from '../../libs/govern/index.ts';
import { compile, createOutput, outcomes, wipeOutput } from '../../libs/govern/index.ts';
import type { RecordFrames } from '../../libs/records/index.ts';
import { stages } from '../../libs/stages/index.ts';
import { batchRecords } from './workloads.ts';
import type { Workload } from './workloads.ts';

export interface Side {
  readonly name: string;
  /** Governs a batch; what it gave for an earlier one is gone. */
  run(frames: RecordFrames): void;
  /** The governed value of a record of the last batch, framed, or null where none left. The bytes are valid until the next run. */
  value(index: number): Uint8Array | null;
}

export type EngineName = 'reference' | 'wasm';

export const governedSchemaId = 2;
export const datasetId = 'clinic-visits';
export const dataKey = new Uint8Array(32).fill(7);

const outputBytes = 2 * 1024 * 1024;

/** The Program of a workload by an engine, or the reason why there is none. */
export function programSide(engine: EngineName, workload: Workload): { side: Side; program: Program } | { missing: string } {
  const input = { schema: workload.schema, terms: workload.terms, stages, engine };
  const compiled: Result<Program> = compile(input);
  if (!compiled.ok) return { missing: compiled.failure.message };
  const program = compiled.value;
  const made = (JSON.parse(program.manifest) as { engine?: string }).engine;
  if (engine !== 'reference' && made === 'reference') return { missing: `compile has no engine ${engine} yet` };
  const bound = unwrap(program.bind({ governedSchemaId, datasetId, dataKey }));
  const out = createOutput(batchRecords, outputBytes);
  const side: Side = {
    name: engine,
    run(frames) {
      wipeOutput(out);
      const done = bound.run(frames, 0, frames.count, out);
      if (done !== frames.count) throw new Error(`${engine}: the output was full after ${done} records`);
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
