/** Programs of one field under test, and what they make of plain JSON values. */
import { expect } from '@jest/globals';
import { codecOf, frame, fromJson, parseSchema, toJson } from '../avro/index.ts';
import type { AvroSchema } from '../avro/index.ts';
import type { Result } from '../base/index.ts';
import { unwrap } from '../base/index.ts';
import type { Program } from '../govern/index.ts';
import { compile, createOutput, deriveFieldKey, outcomes, refusals } from '../govern/index.ts';
import type { Otherwise, StageRule } from '../odrl/index.ts';
import { BatchBuilder, frameRecords, readBatches } from '../records/index.ts';
import type { RecordFrames } from '../records/index.ts';
import { stages } from './index.ts';

export type Engine = 'wasm' | 'reference';

/** The data key of the tests, and the key that the field `f` gets from it under a label; the dataset is `d`. */
export const dataKey = Buffer.alloc(32, 7);
export const keyOf = (label: string): Uint8Array => deriveFieldKey(dataKey, 'd', label);

/** Texts of the record beside the field `f`, kept as they are; null where there is none. */
export type Beside = Readonly<Record<string, string | null>>;

export interface Trial {
  readonly type: unknown;
  readonly stage: string;
  readonly with?: StageRule['with'];
  readonly otherwise?: Otherwise;
  readonly engine?: Engine;
  /** Names of optional text fields beside `f`. */
  readonly beside?: readonly string[];
}

const schemaOf = (type: unknown, beside: readonly string[]): AvroSchema =>
  unwrap(
    parseSchema(
      JSON.stringify({
        type: 'record',
        name: 'R',
        fields: [{ name: 'f', type }, ...beside.map((name) => ({ name, type: ['null', 'string'] }))],
      }),
    ),
  );

/** Compiles for the reference engine, when none is named: every stage is defined by it. */
export function programOf({
  type,
  stage,
  otherwise = 'refuse',
  engine = 'reference',
  beside = [],
  ...rest
}: Trial): Result<Program> {
  const keep = { stage: 'keep', at: beside.map((name) => `/${name}`), with: {}, else: 'refuse' } as const;
  const rules: StageRule[] = [{ stage, at: ['/f'], with: rest.with ?? {}, else: otherwise }];
  return compile({
    schema: schemaOf(type, beside),
    stages,
    engine,
    terms: { rules: beside.length === 0 ? rules : [...rules, keep], channels: { key: 'drop', timestamp: 'keep' } },
  });
}

function framesOf(program: Program, values: readonly unknown[], beside: Beside, partition: number): RecordFrames {
  const builder = new BatchBuilder();
  for (const f of values) {
    const record = unwrap(fromJson(program.writerSchema, { ...beside, f }));
    builder.append(null, frame(1, unwrap(codecOf(program.writerSchema).encode(record))), [], 0n);
  }
  const found: RecordFrames[] = [];
  readBatches(builder.finish({ producerId: -1n, producerEpoch: -1, baseSequence: -1, transactional: false }), (batch) => {
    const frames = frameRecords(batch, partition);
    if (frames !== null) found.push(frames);
  });
  const [frames] = found;
  if (frames === undefined) throw new Error('not framed');
  return frames;
}

/** The governed value of each input, or the refusal's code. The values stand at the offsets from 0 on. */
export function govern(
  program: Program,
  values: readonly unknown[],
  { key = dataKey, beside = {}, partition = 0 }: { key?: Uint8Array; beside?: Beside; partition?: number } = {},
): unknown[] {
  const frames = framesOf(program, values, beside, partition);
  const out = createOutput(values.length, 4 * 1024 * 1024);
  const bound = unwrap(program.bind({ governedSchemaId: 2, datasetId: 'd', dataKey: key }));
  expect(bound.run(frames, 0, frames.count, out)).toBe(frames.count);
  return values.map((_, index) => {
    if (out.outcome[index] === outcomes.refuse) return refusals[out.reason[index] as number];
    const avro = out.bytes.subarray((out.valueStart[index] as number) + 5, out.valueEnd[index]);
    return (toJson(program.governedSchema, unwrap(codecOf(program.governedSchema).decode(avro))) as { f: unknown }).f;
  });
}

/** Governs the values by the rule with the reference engine. */
export const governed = (trial: Trial, values: readonly unknown[], beside: Beside = {}): unknown[] =>
  govern(unwrap(programOf({ ...trial, beside: Object.keys(beside) })), values, { beside });
