/** Compiles and runs a few records on both engines, which must agree on schema, bytes and refusals: shared by specs of places and evolution. */
import { expect } from '@jest/globals';
import type { AvroSchema } from '../avro/index.ts';
import { codecOf, frame, fromJson, parseSchema, toJson } from '../avro/index.ts';
import type { Failure } from '../base/index.ts';
import { unwrap } from '../base/index.ts';
import type { StageRule } from '../odrl/index.ts';
import type { RecordFrames } from '../records/index.ts';
import { BatchBuilder, frameRecords, readBatches } from '../records/index.ts';
import { stages } from '../stages/index.ts';
import type { Program } from './index.ts';
import { compile, createOutput, outcomes, refusals } from './index.ts';

export interface Trial {
  /** The contract, as Avro JSON. */
  readonly schema: unknown;
  /** The writer's schema where it is another one. */
  readonly writer?: unknown;
  readonly rules: readonly StageRule[];
}

/** A rule whose places are the rest of the arguments. */
export const rule = (stage: string, config: StageRule['with'], ...at: string[]): StageRule => ({
  stage,
  at,
  with: config,
  else: 'refuse',
});
export const keep = (...at: string[]): StageRule => rule('keep', {}, ...at);
export const drop = (...at: string[]): StageRule => rule('drop', {}, ...at);
export const stars = (...at: string[]): StageRule => rule('mask', {}, ...at);

export const record = (name: string, ...fields: unknown[]): unknown => ({ type: 'record', name, fields });
export const field = (name: string, type: unknown, more: object = {}): unknown => ({ name, type, ...more });

const parsed = (schema: unknown): AvroSchema => unwrap(parseSchema(JSON.stringify(schema)));

function compiledOn(engine: 'reference' | 'wasm', { schema, writer, rules }: Trial): ReturnType<typeof compile> {
  const terms = { rules, channels: { key: 'drop', timestamp: 'keep' } } as const;
  return compile({ schema: parsed(schema), ...(writer === undefined ? {} : { writer: parsed(writer) }), stages, engine, terms });
}

/** The failure that both engines give instead of a Program. */
export function refusedPlan(trial: Trial): Failure {
  const [oracle, emitted] = (['reference', 'wasm'] as const).map((engine) => compiledOn(engine, trial));
  if (oracle?.ok !== false || emitted?.ok !== false) throw new Error('it was compiled');
  expect(emitted.failure).toEqual(oracle.failure);
  return oracle.failure;
}

/** Names of the governed record's fields with their types, as both engines derive them. */
export function governedFields(trial: Trial): [string, unknown][] {
  const [oracle, emitted] = (['reference', 'wasm'] as const).map((engine) => unwrap(compiledOn(engine, trial)));
  expect(emitted?.governedSchema.text).toBe(oracle?.governedSchema.text);
  const { fields } = JSON.parse(oracle?.governedSchema.text ?? '') as { fields: { name: string; type: unknown }[] };
  return fields.map(({ name, type }) => [name, type]);
}

/** The governed records as plain JSON, or `reason at field` of what was refused. */
export function governed(trial: Trial, ...records: unknown[]): unknown[] {
  const [oracle, emitted] = (['reference', 'wasm'] as const).map((engine) => {
    const program = unwrap(compiledOn(engine, trial));
    return runOn(program, framesOf(program.writerSchema, records));
  });
  expect(emitted).toEqual(oracle);
  return (oracle ?? []).map(({ shown }) => shown);
}

function framesOf(writer: AvroSchema, records: readonly unknown[]): RecordFrames {
  const builder = new BatchBuilder();
  for (const json of records)
    builder.append(null, frame(1, unwrap(codecOf(writer).encode(unwrap(fromJson(writer, json))))), [], 0n);
  const found: (RecordFrames | null)[] = [];
  const place = { producerId: -1n, producerEpoch: -1, baseSequence: -1, transactional: false };
  readBatches(builder.finish(place), (batch) => found.push(frameRecords(batch, 0)));
  return found[0] as RecordFrames;
}

function runOn(program: Program, frames: RecordFrames): { shown: unknown; bytes: string }[] {
  const out = createOutput(frames.count, 1 << 20);
  const bound = unwrap(program.bind({ governedSchemaId: 2, datasetId: 'd', dataKey: Buffer.alloc(32, 7) }));
  expect(bound.run(frames, 0, frames.count, out)).toBe(frames.count);
  return Array.from({ length: frames.count }, (_, index) => {
    if (out.outcome[index] === outcomes.refuse) {
      const at = program.fieldPaths[out.field[index] as number];
      return { shown: `${refusals[out.reason[index] as number] ?? ''}${at === undefined ? '' : ` at ${at}`}`, bytes: '' };
    }
    const avro = Buffer.from(out.bytes.subarray((out.valueStart[index] as number) + 5, out.valueEnd[index]));
    const value = unwrap(codecOf(program.governedSchema).decode(avro));
    return { shown: toJson(program.governedSchema, value), bytes: avro.toString('hex') };
  });
}
