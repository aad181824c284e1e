/** Compiling, the manifest and its hash, nested fields, row conditions, keys, full outputs: the contract of a Program. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
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
  instantiate,
  outcomes,
  refusals,
  wipeOutput,
} from './index.ts';
import { z } from 'zod';

const schema = unwrap(
  parseSchema(
    JSON.stringify({
      type: 'record',
      name: 'Order',
      fields: [
        { name: 'id', type: 'string' },
        { name: 'amount', type: 'double' },
        { name: 'units', type: 'long' },
        { name: 'note', type: ['null', 'string'], default: null },
        { name: 'state', type: { type: 'enum', name: 'State', symbols: ['open', 'paid'] } },
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
const decision = { happens: '', reversible: 'no', informationLost: '', lengthLeaked: false, clause: '' } as const;
const keep = defineFieldStage({
  name: 'keep',
  version: 1,
  scope: 'field',
  summary: '',
  config: z.strictObject({}),
  plan: () => ({ ok: true, value: { action: { kind: 'keep' }, decision } }),
});
const drop = defineFieldStage({ ...keepBase('drop'), plan: () => ({ ok: true, value: { action: { kind: 'drop' }, decision } }) });
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
  config: z.strictObject({ cel: z.string() }),
  plan: (forSchema, { cel }) => {
    const predicate = compilePredicate(forSchema, cel);
    return predicate.ok ? { ok: true, value: { predicate: predicate.value, decision } } : predicate;
  },
});
const stages = [keep, drop, upper, lying, where];

function keepBase(name: string) {
  return { name, version: 1, scope: 'field' as const, summary: '', config: z.strictObject({}) };
}

const rule = (stage: string, ...at: string[]): StageRule => ({ stage, at, with: {}, else: 'refuse' });
const condition = (cel: string): StageRule => ({ stage: 'where', at: [], with: { cel }, else: 'refuse' });
const closed: ChannelTerms = { key: 'drop', timestamp: 'keep' };
const all = rule('keep', '/id', '/amount', '/units', '/note', '/state', '/urgent', '/buyer');
const compiled = (rules: readonly StageRule[], channels = closed) =>
  compile({ schema, stages, engine: 'reference', terms: { rules, channels } });
const order = {
  id: 'o1',
  amount: 12.5,
  units: 3,
  note: null,
  state: 'open',
  urgent: true,
  buyer: { name: 'wang', state: 'paid' },
};

function framesOf(values: readonly { json?: unknown; key?: string; raw?: Uint8Array | null }[]): RecordFrames {
  const builder = new BatchBuilder();
  for (const { json, key, raw } of values) {
    const value = raw === undefined ? frame(1, unwrap(codecOf(schema).encode(unwrap(fromJson(schema, json))))) : raw;
    builder.append(key === undefined ? null : Buffer.from(key), value, [], 0n);
  }
  const found: RecordFrames[] = [];
  readBatches(builder.finish({ producerId: -1n, producerEpoch: -1, baseSequence: -1, transactional: false }), (batch) => {
    const frames = frameRecords(batch);
    if (frames !== null) found.push(frames);
  });
  return found[0] as RecordFrames;
}

function run(program: RunnableProgram, frames: RecordFrames, bytesMax = 1 << 20) {
  const out = createOutput(frames.count, bytesMax);
  const bound = unwrap(program.bind({ governedSchemaId: 9, datasetId: 'd', dataKey: new Uint8Array(32) }));
  const results: { outcome: string; value?: unknown; key?: string | null }[] = [];
  for (let from = 0; from < frames.count; ) {
    const to = bound.run(frames, from, frames.count, out);
    if (to === from) throw new Error('no progress');
    for (let index = from; index < to; index += 1) {
      if (out.outcome[index] === outcomes.withhold) results.push({ outcome: 'withhold' });
      else if (out.outcome[index] === outcomes.refuse) results.push({ outcome: refusals[out.reason[index] as number] as string });
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

const one = (rules: readonly StageRule[], json: unknown = order, channels = closed, key?: string) =>
  run(unwrap(compiled(rules, channels)), framesOf([key === undefined ? { json } : { json, key }]))[0];

describe('compiling', () => {
  test('refuses a field that no rule names, and says which', () => {
    expect(compiled([rule('keep', '/id', '/amount', '/units', '/note', '/state', '/urgent', '/buyer/name')])).toMatchObject({
      ok: false,
      failure: { code: 'field-unnamed', at: '/buyer/state' },
    });
  });

  test('refuses two rules on one field, also where one is above the other', () => {
    expect(compiled([all, rule('drop', '/id')])).toMatchObject({ ok: false, failure: { code: 'plan-invalid' } });
    expect(compiled([all, rule('drop', '/buyer/name')])).toMatchObject({ ok: false, failure: { code: 'plan-invalid' } });
  });

  test('refuses a field that the schema does not have', () => {
    expect(compiled([all, rule('drop', '/constructor')])).toMatchObject({
      ok: false,
      failure: { code: 'plan-invalid', at: '/constructor' },
    });
  });

  test('derives the governed schema: dropped fields go, a type defined in a dropped field is defined where it is used next', () => {
    const program = unwrap(
      compiled([rule('keep', '/id', '/amount', '/units', '/note', '/urgent', '/buyer'), rule('drop', '/state')]),
    );
    const fields = (JSON.parse(program.governedSchema.text) as { fields: { name: string }[] }).fields;
    expect(fields.map(({ name }) => name)).toEqual(['id', 'amount', 'units', 'note', 'urgent', 'buyer']);
    expect(parseSchema(program.governedSchema.text).ok).toBe(true);
  });

  test('gives the same manifest and hash whatever the order of rules, and another when anything that decides changes', () => {
    const split = [
      rule('upper', '/id'),
      rule('keep', '/urgent', '/amount'),
      rule('keep', '/note'),
      rule('keep', '/buyer', '/state', '/units'),
    ];
    const base = unwrap(compiled(split));
    fc.assert(
      fc.property(fc.shuffledSubarray(split, { minLength: split.length }), (shuffled) => {
        expect(unwrap(compiled(shuffled)).manifest).toBe(base.manifest);
      }),
    );
    const hashes = [
      base,
      unwrap(compiled([...split, condition('urgent')])),
      unwrap(compiled(split, { key: 'keep', timestamp: 'keep' })),
    ].map(({ hash }) => hash);
    expect(new Set(hashes).size).toBe(3);
    expect(base.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  test('an approved module gives the same Program again without the stages; a changed manifest, module or hash is refused', () => {
    const terms = { rules: [all, condition('amount > 1.0')], channels: closed };
    const program = unwrap(compile({ schema, stages, engine: 'wasm', terms }));
    const module = Buffer.from(program.module ?? []).toString('base64');
    const approved = { manifest: program.manifest, programHash: program.hash, module };
    const again = unwrap(instantiate(approved));
    expect([again.hash, again.governedSchema.root, again.fieldPaths]).toEqual([
      program.hash,
      program.governedSchema.root,
      program.fieldPaths,
    ]);
    expect(run(again, framesOf([{ json: order }]))).toMatchObject([{ outcome: 'pass', value: order }]);
    const other = unwrap(compile({ schema, stages, engine: 'wasm', terms: { rules: [all], channels: closed } }));
    for (const changed of [
      { ...approved, manifest: program.manifest.replace('amount > 1.0', 'amount > 0.0') },
      { ...approved, module: Buffer.from(other.module ?? []).toString('base64') },
      { ...approved, programHash: other.hash },
      { ...approved, module: '' },
    ]) {
      expect(instantiate(changed)).toMatchObject({ ok: false, failure: { code: 'program-mismatch' } });
    }
  });

  test('explains every field and every channel', () => {
    const rows = unwrap(compiled([all, condition('urgent')]))
      .explain()
      .map(({ field }) => field);
    expect(rows).toEqual([
      '(rows)',
      '/amount',
      '/buyer',
      '/id',
      '/note',
      '/state',
      '/units',
      '/urgent',
      '(key)',
      '(headers)',
      '(timestamp)',
      '(partition, order)',
    ]);
  });
});

describe('running', () => {
  test('a Program of keeps passes the value unchanged', () => {
    expect(one([all])).toEqual({ outcome: 'pass', value: order, key: null });
  });

  test('a nested field is changed in its place', () => {
    const rules = [
      rule('keep', '/id', '/amount', '/units', '/note', '/state', '/urgent', '/buyer/state'),
      rule('upper', '/buyer/name'),
    ];
    expect(one(rules)).toMatchObject({ outcome: 'reshape', value: { ...order, buyer: { name: 'WANG', state: 'paid' } } });
  });

  test('a null value, malformed bytes and a stage that breaks its promise are refused', () => {
    const program = unwrap(compiled([all]));
    expect(run(program, framesOf([{ raw: null }, { raw: Buffer.from([0, 0, 0, 0, 1, 2]) }]))).toEqual([
      { outcome: 'tombstone-refused' },
      { outcome: 'record-malformed' },
    ]);
    expect(one([rule('lying', '/id'), rule('keep', '/amount', '/units', '/note', '/state', '/urgent', '/buyer')])).toEqual({
      outcome: 'value-unfit',
    });
  });

  test('stops at a full output and goes on from there, with the same result', () => {
    const frames = framesOf(Array.from({ length: 50 }, (_, index) => ({ json: { ...order, id: `o${index}` } })));
    const program = unwrap(compiled([all]));
    expect(run(program, frames, 200)).toEqual(run(program, frames));
    expect(run(program, frames, 200)).toHaveLength(50);
  });

  test('refuses a record that does not fit an empty output', () => {
    expect(
      run(unwrap(compiled([all])), framesOf([{ json: { ...order, id: 'x'.repeat(500) } }, { json: order }]), 200),
    ).toMatchObject([{ outcome: 'output-too-large' }, { outcome: 'pass' }]);
  });

  test('a key that repeats a field leaves as the governed field; another key refuses the record', () => {
    const rules = [rule('upper', '/id'), rule('keep', '/amount', '/units', '/note', '/state', '/urgent', '/buyer')];
    const repeats: ChannelTerms = { key: { repeats: '/id' }, timestamp: 'keep' };
    expect(one(rules, order, repeats, 'o1')).toMatchObject({ key: 'O1' });
    expect(one(rules, order, repeats, 'o2')).toEqual({ outcome: 'key-unfit' });
    expect(one(rules, order, repeats)).toEqual({ outcome: 'key-unfit' });
    expect(one(rules, order, { key: 'keep', timestamp: 'keep' }, 'raw')).toMatchObject({ key: 'raw' });
  });

  test('a key cannot repeat a field that is dropped or may be null', () => {
    const repeats = (field: string): ChannelTerms => ({ key: { repeats: field }, timestamp: 'keep' });
    expect(compiled([all], repeats('/note')).ok).toBe(false);
    expect(
      compiled([rule('drop', '/id'), rule('keep', '/amount', '/units', '/note', '/state', '/urgent', '/buyer')], repeats('/id'))
        .ok,
    ).toBe(false);
  });
});

describe('a row condition', () => {
  for (const [cel, passes] of [
    ['amount >= 12.5 && state in ["open"]', true],
    ['amount > 12.5', false],
    ['13.0 > amount', true],
    ['units == 3 && units < 4.5', true],
    ['!(urgent) || buyer.name.startsWith("wa")', true],
    ['note == null', true],
    ['note != null && note.contains("x")', false],
    ['id < "o2" && id != "o1"', false],
    ['state == "paid" || buyer.state == "paid"', true],
    ['units > -1', true],
  ] as const) {
    test(`${cel} ${passes ? 'passes' : 'withholds'} the row`, () => {
      expect(one([all, condition(cel)])?.outcome).toBe(passes ? 'pass' : 'withhold');
    });
  }

  test('that has no answer for a row refuses it, unless the other side decides', () => {
    expect(one([all, condition('note < "x"')])?.outcome).toBe('value-unfit');
    expect(one([all, condition('note < "x" || urgent')])?.outcome).toBe('pass');
    expect(one([all, condition('note < "x" && !urgent')])?.outcome).toBe('withhold');
  });

  for (const cel of [
    'amount >',
    'missing == 1',
    'amount == "12"',
    'state == "gone"',
    'state < "paid"',
    'amount == null',
    'size(id) > 2',
    'id.matches("(a+)+")',
    'amount + 1.0 > 2.0',
    'id',
    'amount > units',
    '1 == 1',
    '['.repeat(10_000),
  ]) {
    test(`${cel.slice(0, 30)} is refused at publish time`, () => {
      expect(compiled([all, condition(cel)])).toMatchObject({ ok: false, failure: { code: 'predicate-invalid' } });
    });
  }
});
