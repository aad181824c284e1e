/** Compacted feeds: which keys they can have, that a key is governed alike with and without its value, and what leaves as a delete. */
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { codecOf, frame, parseSchema } from '../avro/index.ts';
import { limits, ok, unwrap } from '../base/index.ts';
import type { ChannelTerms, StageRule } from '../odrl/index.ts';
import type { RecordFrames } from '../records/index.ts';
import { BatchBuilder, frameRecords, readBatches, sharedArena } from '../records/index.ts';
import { stages } from '../stages/index.ts';
import type { BatchSink, BoundProgram, Program, Stage } from './index.ts';
import { compile, createOutput, defineFieldStage, governBatch, instantiate, outcomes, screenBatch } from './index.ts';

const schema = unwrap(
  parseSchema(
    JSON.stringify({
      type: 'record',
      name: 'Person',
      fields: [
        { name: 'id', type: 'string' },
        { name: 'level', type: 'int' },
      ],
    }),
  ),
);

const rule = (stage: string, at: string[], config: StageRule['with'] = {}): StageRule => ({
  stage,
  at,
  with: config,
  else: 'refuse',
});
const repeats = { repeats: '/id' } as const;
type Engine = 'reference' | 'wasm';
const engines = ['reference', 'wasm'] as const;

interface Case {
  readonly key: ChannelTerms['key'];
  readonly id: StageRule;
  readonly rows?: readonly StageRule[];
  readonly headers?: ChannelTerms['headers'];
  readonly engine?: Engine;
  readonly compacted?: boolean;
  readonly among?: readonly Stage[];
}

const compiled = ({ key, id, rows = [], headers, engine = 'wasm', compacted = true, among = stages }: Case) =>
  compile({
    schema,
    stages: among,
    engine,
    compacted,
    terms: {
      rules: [...rows, id, rule('keep', ['/level'])],
      channels: { key, timestamp: 'keep', ...(headers === undefined ? {} : { headers }) },
    },
  });

const binding = { governedSchemaId: 2, datasetId: 'd', dataKey: Buffer.alloc(32, 7) };
const bound = (program: Pick<Program, 'bind'>): BoundProgram => unwrap(program.bind(binding));

interface Given {
  readonly key: Uint8Array | null;
  readonly id?: string;
  readonly level?: number;
}

/** Records of partition 3; without an id the value is null. */
function framesOf(records: readonly Given[]): RecordFrames {
  const builder = new BatchBuilder();
  for (const { key, id, level = 1 } of records) {
    const value = id === undefined ? null : frame(1, unwrap(codecOf(schema).encode({ id, level })));
    builder.append(key, value, [], 0n);
  }
  const found: (RecordFrames | null)[] = [];
  const place = { producerId: -1n, producerEpoch: -1, baseSequence: -1, transactional: false };
  readBatches(builder.finish(place), (batch) => found.push(frameRecords(batch, 3)));
  return found[0] as RecordFrames;
}

/** The key that a run writes for a record with this id as its key; null where the record is refused. */
function keyOfRun(program: BoundProgram, id: string): Buffer | null {
  const frames = framesOf([{ key: Buffer.from(id), id }]);
  const out = createOutput(1, 1 << 20);
  expect(program.run(frames, 0, 1, out)).toBe(1);
  if (out.outcome[0] === outcomes.refuse) return null;
  return Buffer.from(out.bytes.subarray(out.keyStart[0], out.keyEnd[0]));
}

afterAll(() => sharedArena().dismiss());

describe('the key of a compacted feed', () => {
  test('can stay, or be a token; what merges keys, looks elsewhere or leaves nothing is refused, and named', () => {
    const fine = [
      rule('keep', ['/id']),
      rule('pseudonymize', ['/id']),
      rule('tokenize', ['/id']),
      rule('fpe', ['/id'], { kind: 'phone' }),
    ];
    for (const id of fine) expect(compiled({ key: repeats, id }).ok).toBe(true);
    expect(compiled({ key: 'keep', id: rule('drop', ['/id']) }).ok).toBe(true);
    const refused: [ChannelTerms['key'], StageRule][] = [
      ['drop', rule('keep', ['/id'])],
      [repeats, rule('mask', ['/id'], { first: 1 })],
      [repeats, rule('prefix', ['/id'], { first: 3 })],
      [repeats, rule('scrub', ['/id'])],
      [repeats, rule('ip-prefix', ['/id'])],
      [repeats, rule('region', ['/id'], { to: 'city' })],
      [repeats, rule('dictionary', ['/id'], { levels: { a: 'b' } })],
    ];
    for (const [key, id] of refused) {
      const terms = { key, id };
      const failure = compiled(terms);
      if (failure.ok) throw new Error(`${id.stage} was compiled`);
      expect(failure.failure).toMatchObject({ code: 'plan-invalid', message: expect.stringContaining('(key)') });
      // It is the compaction that refuses it.
      expect(compiled({ ...terms, compacted: false }).ok).toBe(true);
    }
  });

  test('every stage that says it is one to one is tried below', () => {
    const field = { path: '/id', type: { kind: 'string' } as const, nullable: false };
    const configs: Record<string, unknown> = { fpe: { kind: 'phone' } };
    const declared = stages.flatMap((stage) => {
      if (stage.scope !== 'field') return [];
      const config = stage.config.safeParse(configs[stage.name] ?? {});
      const plan = config.success ? stage.planWith(field, config.data) : undefined;
      return plan?.ok === true && plan.value.action.kind === 'transform' && plan.value.action.oneToOne === true
        ? [stage.name]
        : [];
    });
    expect(declared.sort()).toEqual(['fpe', 'pseudonymize', 'tokenize']);
  });

  test('compaction is in the hash, and a Program without it has the hash that it always had', () => {
    const id = rule('pseudonymize', ['/id']);
    const [plain, compacted] = [unwrap(compiled({ key: repeats, id, compacted: false })), unwrap(compiled({ key: repeats, id }))];
    expect(compacted.hash).not.toBe(plain.hash);
    expect(Buffer.from(compacted.module ?? [])).toEqual(Buffer.from(plain.module ?? [1]));
    expect(JSON.parse(plain.manifest)).not.toHaveProperty('compacted');
    const absent = compile({
      schema,
      stages,
      terms: { rules: [id, rule('keep', ['/level'])], channels: { key: repeats, timestamp: 'keep' } },
    });
    expect(unwrap(absent).hash).toBe(plain.hash);
    expect([plain.compacted, compacted.compacted]).toEqual([false, true]);
  });

  test('explain says of it that deletes show which keys there are, also of withheld rows', () => {
    const rows = (compacted: boolean) =>
      unwrap(compiled({ key: 'keep', id: rule('drop', ['/id']), compacted }))
        .explain()
        .filter(({ field }) => field === '(tombstones)');
    expect(rows(false)).toEqual([]);
    expect(rows(true)).toEqual([
      expect.objectContaining({ happens: expect.stringMatching(/deletes .* withheld rows too/), lengthLeaked: true }),
    ]);
  });
});

const digits = (least: number, most: number): fc.Arbitrary<string> =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: least, maxLength: most }).map((found) => found.join(''));
const texts = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  digits(0, 25),
  fc.constantFrom('', '\ufeffx', '13812345678', '11010519491231002X', '11010519491231002x', '6222021234567890128'),
);

const ids: readonly StageRule[] = [
  rule('keep', ['/id']),
  ...['hmac-sha256', 'hmac-sm3', 'aes-128-cmac', 'sm4-cmac'].map((prf) => rule('pseudonymize', ['/id'], { prf, length: 20 })),
  rule('pseudonymize', ['/id'], { pattern: '[0-9]{6}' }),
  rule('tokenize', ['/id']),
  rule('tokenize', ['/id'], { cipher: 'sm4' }),
  ...['resident-id', 'bank-card', 'phone'].map((kind) => rule('fpe', ['/id'], { kind })),
  rule('fpe', ['/id'], { kind: 'digits', first: 2, cipher: 'sm4' }),
];

/** The first text whose key a run writes otherwise than `governKey` says. */
function firstDifference(program: BoundProgram, seen: { fit: number; unfit: number }): string | undefined {
  const found = fc.check(
    fc.property(texts, (id) => {
      const key = program.governKey(Buffer.from(id));
      if (key === null) seen.unfit += 1;
      else seen.fit += 1;
      return Buffer.from(key ?? 'none').equals(keyOfRun(program, id) ?? Buffer.from('none'));
    }),
    { seed: 20_261_128, numRuns: 300 },
  );
  return found.failed ? (found.counterexample?.[0] ?? '') : undefined;
}

describe('a key governed without its value', () => {
  for (const engine of engines)
    test(`is byte for byte the one that a run writes with it, by every stage that may govern it (${engine})`, () => {
      const seen = { fit: 0, unfit: 0 };
      for (const id of ids) expect(firstDifference(bound(unwrap(compiled({ key: repeats, id, engine }))), seen)).toBeUndefined();
      const stays = compiled({ key: 'keep', id: rule('mask', ['/id']), engine });
      expect(firstDifference(bound(unwrap(stays)), seen)).toBeUndefined();
      expect(seen.fit).toBeGreaterThan(1_000);
      expect(seen.unfit).toBeGreaterThan(300);
    });

  test('is the same once the approved module is brought to life, and not without the stage that made it', () => {
    for (const id of ids) {
      const program = unwrap(compiled({ key: repeats, id }));
      const approved = {
        manifest: program.manifest,
        programHash: program.hash,
        module: Buffer.from(program.module ?? []).toString('base64'),
      };
      expect(firstDifference(bound(unwrap(instantiate(approved, stages))), { fit: 0, unfit: 0 })).toBeUndefined();
      const others = stages.filter(({ name }) => name !== id.stage);
      expect(instantiate(approved, others)).toMatchObject({ ok: false, failure: { code: 'program-mismatch' } });
    }
  });

  test('is found different when a stage that says it is one to one is not (planted)', () => {
    const looks = defineFieldStage({
      name: 'looks',
      version: 1,
      scope: 'field',
      summary: '',
      facts: { reversible: '', bias: '', informationLoss: '', cost: '' },
      config: z.strictObject({}),
      plan: () =>
        ok({
          action: {
            kind: 'transform',
            result: { kind: 'string' },
            width: 'result',
            oneToOne: true,
            lower: { op: 'host' },
            reference: () => (value, at) => `${String(value)}/${at.partition}`,
          },
          decision: { happens: '', reversible: 'no', informationLost: '', lengthLeaked: true, clause: '' },
        }),
      atLeast: () => 'incomparable',
    });
    for (const engine of engines) {
      const program = bound(unwrap(compiled({ key: repeats, id: rule('looks', ['/id']), engine, among: [...stages, looks] })));
      expect(firstDifference(program, { fit: 0, unfit: 0 })).toBeDefined();
    }
  });

  test('is null for bytes that are no text, and for every key of a feed that is not compacted', () => {
    for (const engine of engines) {
      const token = bound(unwrap(compiled({ key: repeats, id: rule('pseudonymize', ['/id']), engine })));
      expect(token.governKey(Buffer.from([0xff, 0xfe]))).toBeNull();
      const plain = bound(unwrap(compiled({ key: repeats, id: rule('keep', ['/id']), engine, compacted: false })));
      expect(plain.governKey(Buffer.from('a'))).toBeNull();
    }
  });
});

type Told = [what: string, key: string | null];

/** What a lane tells of records: the governed, those that leave as deletes, and the refused. */
function told(programs: readonly BoundProgram[], records: readonly Given[]): Told[] {
  const frames = framesOf(records);
  const found: Told[] = [];
  const sink: BatchSink = {
    governed: (index, _program, out) => {
      found[index] = ['governed', out.bytes.toString('utf8', out.keyStart[index], out.keyEnd[index])];
    },
    withheld: (index) => (found[index] = ['withheld', null]),
    deleted: (index, _program, key, why) => (found[index] = [why, Buffer.from(key).toString()]),
    otherwise: () => undefined,
    refused: (index, reason) => (found[index] = [reason, null]),
  };
  const lane = { agreement: 'a', programs: new Map(programs.map((program, index) => [index + 1, program])) };
  governBatch(frames, 0, screenBatch(frames), lane, createOutput(frames.count, 1 << 20), sink);
  return found;
}

describe('a record of a compacted feed', () => {
  const rows = [rule('filter', [], { where: 'level > 0' })];
  const key = (text: string): Uint8Array => Buffer.from(text);
  const records: readonly Given[] = [
    { key: key('000001'), id: '000001' },
    { key: key('000001') },
    { key: key('000002'), id: '000002', level: 0 },
    { key: null, id: '000003' },
    { key: null },
    { key: null, id: '000004', level: 0 },
    { key: key('no number') },
    { key: key('no number'), id: '000005', level: 0 },
    { key: key('000006'), id: '000007' },
  ];

  for (const engine of engines)
    test(`leaves as a delete under its governed key where its value is null or its row withheld, and needs a key that fits (${engine})`, () => {
      const program = bound(
        unwrap(compiled({ key: repeats, id: rule('pseudonymize', ['/id'], { pattern: '[0-9]{6}' }), rows, engine })),
      );
      const token = (text: string): string => Buffer.from(program.governKey(key(text)) ?? []).toString();
      expect(token('000001')).toMatch(/^[0-9a-f]{32}$/);
      expect(told([program], records)).toEqual([
        ['governed', token('000001')],
        ['null-value', token('000001')],
        ['withheld', token('000002')],
        ['key-unfit', null],
        ['key-unfit', null],
        ['key-unfit', null],
        ['key-unfit', null],
        ['key-unfit', null],
        ['key-unfit', null],
      ]);
    });

  test('without a key is refused also where the key stays as it is', () => {
    const program = bound(unwrap(compiled({ key: 'keep', id: rule('drop', ['/id']), rows })));
    expect(told([program], records.slice(0, 7))).toEqual([
      ['governed', '000001'],
      ['null-value', '000001'],
      ['withheld', '000002'],
      ['key-unfit', null],
      ['key-unfit', null],
      ['key-unfit', null],
      ['null-value', 'no number'],
    ]);
  });

  test('with a key that is too large, before or after it was governed, is refused', () => {
    const program = bound(unwrap(compiled({ key: repeats, id: rule('tokenize', ['/id']) })));
    const large = (bytes: number): Given => ({ key: Buffer.alloc(bytes, 'a') });
    const some = [large(limits.recordBytesMax), large(limits.recordBytesMax - 1_000), large(1_000)];
    expect(told([program], some).map(([what]) => what)).toEqual(['record-too-large', 'output-too-large', 'null-value']);
  });

  test('is what it always was where the feed, or one Program of it, is not compacted', () => {
    const plain = bound(unwrap(compiled({ key: repeats, id: rule('keep', ['/id']), rows, compacted: false })));
    const compacted = bound(unwrap(compiled({ key: repeats, id: rule('keep', ['/id']), rows })));
    expect(told([plain], records.slice(0, 3))).toEqual([
      ['governed', '000001'],
      ['tombstone-refused', null],
      ['withheld', null],
    ]);
    expect(told([compacted, plain], records.slice(1, 2))).toEqual([['tombstone-refused', null]]);
    expect(told([], records.slice(1, 2))).toEqual([['tombstone-refused', null]]);
  });
});
