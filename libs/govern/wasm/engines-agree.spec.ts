/** The emitted module against the oracle on the demo's workload, and what the module may see. */
import { describe, expect, test } from '@jest/globals';
import { codecOf, frame, fromJson, parseSchema } from '../../avro/index.ts';
import { unwrap } from '../../base/index.ts';
import { BatchBuilder, frameRecords, readBatches } from '../../records/index.ts';
import type { RecordFrames } from '../../records/index.ts';
import type { ProgramOutput } from '../program.ts';
import { compile, createOutput, wipeOutput } from '../index.ts';
import type { SlotSpec } from './bind-module.ts';
import { bindModule } from './bind-module.ts';
import type { ChannelTerms, StageRule } from '../../odrl/index.ts';
import { stages } from '../../stages/index.ts';
import { sharedArena } from '../../records/index.ts';
import { readDataset } from '../../../deploy/local/demo/load.ts';
import { clinicVisits } from '../../../deploy/local/demo/feeds/clinic-visits.ts';

const schema = unwrap(parseSchema(readDataset('clinic-visits').schemaText));
const rule = (stage: string, at: string[], config: StageRule['with'] = {}): StageRule => ({
  stage,
  at,
  with: config,
  else: 'refuse',
});
const rules = [
  rule('filter', [], {
    where: 'cost >= 50.0 && dept in ["internal", "surgery", "pediatrics", "emergency"]',
  }),
  rule('pseudonymize', ['/residentId'], { length: 32 }),
  rule('mask', ['/name'], { first: 1 }),
  rule('mask', ['/phone'], { first: 3, last: 4, width: 4 }),
  rule('band', ['/birthDate'], { width: 5, unit: 'years' }),
  rule('prefix', ['/districtCode'], { first: 4 }),
  rule('mask', ['/address'], { first: 9, width: 3 }),
  rule('drop', ['/notes']),
  rule('keep', ['/visitId', '/sex', '/diagnosisCode', '/dept', '/cost', '/paidBy', '/visitTime', '/tags']),
];

function frames(count: number): RecordFrames {
  const builder = new BatchBuilder();
  const visits = clinicVisits();
  for (let index = 0; index < count; index += 1) {
    const visit = visits.next().value;
    const avro = unwrap(codecOf(schema).encode(unwrap(fromJson(schema, visit))));
    const bytes = index % 97 === 96 ? avro.subarray(0, avro.length - (index % 40)) : avro;
    builder.append(Buffer.from(visit.residentId), index % 101 === 100 ? null : frame(7, bytes), [], BigInt(index));
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
      const framed = frameRecords(batch, 0);
      if (framed !== null) found.push(framed);
    },
  );
  return found[0] as RecordFrames;
}

function described(out: ProgramOutput, count: number): unknown[] {
  return Array.from({ length: count }, (_, index) => ({
    outcome: out.outcome[index],
    reason: out.reason[index],
    field: out.field[index],
    value: hex(out, out.valueStart[index] as number, out.valueEnd[index] as number),
    key: hex(out, out.keyStart[index] as number, out.keyEnd[index] as number),
  }));
}

const hex = (out: ProgramOutput, start: number, end: number): string =>
  start < 0 ? `${start}/${end}` : out.bytes.subarray(start, end).toString('hex');

/** Where the context and the arrays of numbers end: behind them are gather entries, input and output. */
const arraysEnd = (): number => sharedArena().gathers;

describe('the emitted module', () => {
  for (const key of [
    'drop',
    'keep',
    { repeats: '/residentId' },
    { repeats: '/name' },
    { repeats: '/visitId' },
  ] as ChannelTerms['key'][]) {
    test(`agrees with the oracle on every byte, with the key ${JSON.stringify(key)}`, () => {
      const input = frames(2_000);
      const [expected, actual] = (['reference', 'wasm'] as const).map((engine) => {
        const program = unwrap(
          compile({
            schema,
            stages,
            engine,
            terms: { rules, channels: { key, timestamp: 'keep' } },
          }),
        );
        const bound = unwrap(
          program.bind({
            governedSchemaId: 0x01020304,
            datasetId: 'clinic-visits',
            dataKey: Buffer.alloc(32, 3),
          }),
        );
        const out = createOutput(input.count, 4 * 1024 * 1024);
        expect(bound.run(input, 0, input.count, out)).toBe(input.count);
        return described(out, input.count);
      });
      expect(actual).toEqual(expected);
    });
  }

  test('imports its memory and nothing else', () => {
    const program = unwrap(
      compile({
        schema,
        stages,
        engine: 'wasm',
        terms: { rules, channels: { key: 'drop', timestamp: 'keep' } },
      }),
    );
    expect(program.module === undefined ? [] : WebAssembly.Module.imports(new WebAssembly.Module(program.module))).toEqual([
      { module: 'env', name: 'memory', kind: 'memory' },
    ]);
  });

  test('is not emitted for constants that the arena has no room for', () => {
    const big = rule('constant', ['/notes'], { value: 'x'.repeat(4_096) });
    const fields = [
      'visitId',
      'residentId',
      'name',
      'phone',
      'districtCode',
      'address',
      'diagnosisCode',
      'dept',
      'paidBy',
      'tags',
      'cost',
      'sex',
    ];
    const wide = fields.map((field) => rule('constant', [`/${field}`], { value: '密'.repeat(4_096) }));
    const kept = rule('keep', ['/birthDate', '/visitTime']);
    const terms = {
      rules: [big, ...wide, kept],
      channels: { key: 'drop', timestamp: 'keep' } as const,
    };
    const compiled = compile({ schema, stages, engine: 'wasm', terms });
    expect(compiled).toMatchObject({
      ok: false,
      failure: {
        code: 'plan-invalid',
        message: expect.stringContaining('lowering'),
      },
    });
    expect(compile({ schema, stages, engine: 'reference', terms }).ok).toBe(true);
  });

  test('leaves nothing of a batch in the arena, also after a record that was too large and a stop at a full output', () => {
    const program = unwrap(
      compile({
        schema,
        stages,
        engine: 'wasm',
        terms: { rules, channels: { key: 'keep', timestamp: 'keep' } },
      }),
    );
    const bound = unwrap(
      program.bind({
        governedSchemaId: 7,
        datasetId: 'd',
        dataKey: Buffer.alloc(32, 1),
      }),
    );
    const input = frames(300);
    for (const bytesMax of [150, 400, 1 << 20]) {
      const out = createOutput(input.count, bytesMax);
      bound.run(input, 0, input.count, out);
      for (const text of ['浙江省', '社区', '复诊']) expect(sharedArena().bytes.includes(Buffer.from(text))).toBe(false);
      expect(sharedArena().bytes.findIndex((byte, at) => at >= arraysEnd() && byte !== 0)).toBe(-1);
    }
  });

  test('gives the same in place and copied out, whatever an earlier run left in the arena', () => {
    const terms = { rules, channels: { key: 'keep', timestamp: 'keep' } as const };
    const program = unwrap(compile({ schema, stages, engine: 'wasm', terms }));
    const bound = unwrap(program.bind({ governedSchemaId: 7, datasetId: 'd', dataKey: Buffer.alloc(32, 1) }));
    const arena = sharedArena();
    const input = frames(500);
    const expected = createOutput(input.count, 1 << 20);
    expect(bound.run(input, 0, input.count, expected)).toBe(input.count);
    for (let round = 0; round < 2; round += 1) {
      const admitted = arena.admit(input);
      wipeOutput(arena.output, admitted.count);
      expect(bound.run(admitted, 0, admitted.count, arena.output)).toBe(input.count);
      expect(described(arena.output, input.count)).toEqual(described(expected, input.count));
      // The output in the arena is left as it is, as one whose reader has stopped.
      const copied = createOutput(input.count, 1 << 20);
      expect(bound.run(frames(500), 0, input.count, copied)).toBe(input.count);
      expect(described(copied, input.count)).toEqual(described(expected, input.count));
    }
    arena.dismiss();
    for (const text of ['浙江省', '社区', '复诊']) expect(arena.bytes.includes(Buffer.from(text))).toBe(false);
  });

  test('lets nothing leave when a slot has nobody who fills it', () => {
    const twice = [...rules.filter(({ at }) => !at.includes('/visitId')), rule('pseudonymize', ['/visitId'])];
    const kept = ['/sex', '/diagnosisCode', '/dept', '/cost', '/paidBy', '/visitTime', '/tags'];
    const named = [...twice.filter(({ stage }) => stage !== 'keep'), rule('keep', kept)];
    const terms = { rules: named, channels: { key: 'drop', timestamp: 'keep' } as const };
    const program = unwrap(compile({ schema, stages, engine: 'wasm', terms }));
    const { slots } = JSON.parse(program.manifest) as { slots: SlotSpec[] };
    expect(slots).toHaveLength(2);
    const binding = { governedSchemaId: 7, datasetId: 'd', dataKey: Buffer.alloc(32, 1) };
    const input = frames(50);
    for (const some of [slots, slots.slice(0, 1), slots.slice(1), []]) {
      const parts = { module: program.module ?? new Uint8Array(), slots: some, asks: [], keyPlan: undefined };
      const bound = unwrap(bindModule(program, parts, binding));
      const run = (): number => bound.run(input, 0, input.count, createOutput(input.count, 1 << 20));
      if (some === slots) expect(run()).toBe(input.count);
      else expect(run).toThrow(/a slot has no maker/);
    }
    sharedArena().dismiss();
  });
});
