/** An order schema, stages made for tests, and short ways to compile and run: shared by the specs of this room. */
import { codecOf, frame, fromJson, parseSchema, toJson } from '../avro/index.ts';
import { unwrap } from '../base/index.ts';
import type { ChannelTerms, StageRule } from '../odrl/index.ts';
import { BatchBuilder, frameRecords, readBatches } from '../records/index.ts';
import type { RecordFrames } from '../records/index.ts';
import type { RunnableProgram } from './index.ts';
import {
  compile,
  compilePredicate,
  createOutput,
  defineFieldStage,
  defineRowStage,
  outcomes,
  refusals,
  wipeOutput,
} from './index.ts';
import { z } from 'zod';

export const schema = unwrap(
  parseSchema(
    JSON.stringify({
      type: 'record',
      name: 'Order',
      fields: [
        { name: 'id', type: 'string' },
        { name: 'amount', type: 'double' },
        { name: 'units', type: 'long' },
        { name: 'note', type: ['null', 'string'], default: null },
        {
          name: 'state',
          type: { type: 'enum', name: 'State', symbols: ['open', 'paid'] },
        },
        { name: 'urgent', type: 'boolean' },
        {
          name: 'buyer',
          type: {
            type: 'record',
            name: 'Buyer',
            fields: [
              { name: 'name', type: 'string' },
              { name: 'state', type: 'State' },
            ],
          },
        },
      ],
    }),
  ),
);
const noFacts = { reversible: '', bias: '', informationLoss: '', cost: '' };
const decision = {
  happens: '',
  reversible: 'no',
  informationLost: '',
  lengthLeaked: false,
  clause: '',
} as const;
const keep = defineFieldStage({
  name: 'keep',
  version: 1,
  scope: 'field',
  summary: '',
  facts: noFacts,
  config: z.strictObject({}),
  plan: () => ({ ok: true, value: { action: { kind: 'keep' }, decision } }),
  atLeast: () => 'no',
});
const drop = defineFieldStage({
  ...keepBase('drop'),
  plan: () => ({ ok: true, value: { action: { kind: 'drop' }, decision } }),
});
const upper = defineFieldStage({
  ...keepBase('upper'),
  plan: () => ({
    ok: true,
    value: {
      action: {
        kind: 'transform',
        result: { kind: 'string' },
        width: 'input',
        lower: { op: 'prefix', count: 0 },
        reference: () => (value) => String(value).toUpperCase(),
      },
      decision,
    },
  }),
});
const lying = defineFieldStage({
  ...keepBase('lying'),
  plan: () => ({
    ok: true,
    value: {
      action: {
        kind: 'transform',
        result: { kind: 'string' },
        width: 'input',
        lower: { op: 'prefix', count: 0 },
        reference: () => () => 42,
      },
      decision,
    },
  }),
});
const where = defineRowStage({
  name: 'where',
  version: 1,
  scope: 'row',
  summary: '',
  facts: noFacts,
  config: z.strictObject({ cel: z.string() }),
  plan: (forSchema, { cel }) => {
    const predicate = compilePredicate(forSchema, cel);
    return predicate.ok ? { ok: true, value: { predicate: predicate.value, decision } } : predicate;
  },
});
export const stages = [keep, drop, upper, lying, where];

function keepBase(name: string) {
  return {
    name,
    version: 1,
    scope: 'field' as const,
    summary: '',
    facts: noFacts,
    config: z.strictObject({}),
    atLeast: () => 'incomparable' as const,
  };
}

export const rule = (stage: string, ...at: string[]): StageRule => ({
  stage,
  at,
  with: {},
  else: 'refuse',
});
export const condition = (cel: string): StageRule => ({
  stage: 'where',
  at: [],
  with: { cel },
  else: 'refuse',
});
export const closed: ChannelTerms = { key: 'drop', timestamp: 'keep' };
export const all = rule('keep', '/id', '/amount', '/units', '/note', '/state', '/urgent', '/buyer');
export const compiled = (rules: readonly StageRule[], channels = closed) =>
  compile({ schema, stages, engine: 'reference', terms: { rules, channels } });
export const order = {
  id: 'o1',
  amount: 12.5,
  units: 3,
  note: null,
  state: 'open',
  urgent: true,
  buyer: { name: 'wang', state: 'paid' },
};

export function framesOf(values: readonly { json?: unknown; key?: string; raw?: Uint8Array | null }[]): RecordFrames {
  const builder = new BatchBuilder();
  for (const { json, key, raw } of values) {
    const value = raw === undefined ? frame(1, unwrap(codecOf(schema).encode(unwrap(fromJson(schema, json))))) : raw;
    builder.append(key === undefined ? null : Buffer.from(key), value, [], 0n);
  }
  const found: RecordFrames[] = [];
  readBatches(
    builder.finish({
      producerId: -1n,
      producerEpoch: -1,
      baseSequence: -1,
      transactional: false,
    }),
    (batch) => {
      const frames = frameRecords(batch, 0);
      if (frames !== null) found.push(frames);
    },
  );
  return found[0] as RecordFrames;
}

export function run(program: RunnableProgram, frames: RecordFrames, bytesMax = 1 << 20) {
  const out = createOutput(frames.count, bytesMax);
  const bound = unwrap(
    program.bind({
      governedSchemaId: 9,
      datasetId: 'd',
      dataKey: new Uint8Array(32),
    }),
  );
  const results: { outcome: string; value?: unknown; key?: string | null }[] = [];
  for (let from = 0; from < frames.count; ) {
    const to = bound.run(frames, from, frames.count, out);
    if (to === from) throw new Error('no progress');
    for (let index = from; index < to; index += 1) {
      if (out.outcome[index] === outcomes.withhold) results.push({ outcome: 'withhold' });
      else if (out.outcome[index] === outcomes.refuse)
        results.push({
          outcome: refusals[out.reason[index] as number] as string,
        });
      else {
        const value = unwrap(
          codecOf(program.governedSchema).decode(out.bytes.subarray((out.valueStart[index] as number) + 5, out.valueEnd[index])),
        );
        const keyStart = out.keyStart[index] as number;
        const key = keyStart < 0 ? null : out.bytes.subarray(keyStart, out.keyEnd[index]).toString();
        results.push({
          outcome: out.outcome[index] === outcomes.pass ? 'pass' : 'reshape',
          value: toJson(program.governedSchema, value),
          key,
        });
      }
    }
    wipeOutput(out);
    from = to;
  }
  return results;
}

export const one = (rules: readonly StageRule[], json: unknown = order, channels = closed, key?: string) =>
  run(unwrap(compiled(rules, channels)), framesOf([key === undefined ? { json } : { json, key }]))[0];
