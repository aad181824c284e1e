/** Every stage against its golden vectors, and the promises of its docstring. */
import { createHmac, hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { codecOf, frame, fromJson, parseSchema, toJson } from '../avro/index.ts';
import type { AvroSchema } from '../avro/index.ts';
import { unwrap } from '../base/index.ts';
import type { Program } from '../govern/index.ts';
import { compile, createOutput, outcomes, refusals } from '../govern/index.ts';
import type { Otherwise, StageRule } from '../odrl/index.ts';
import { BatchBuilder, frameRecords, readBatches } from '../records/index.ts';
import type { RecordFrames } from '../records/index.ts';
import { stages } from './index.ts';

interface Golden {
  readonly cases: readonly {
    readonly stage: string;
    readonly type: unknown;
    readonly with: StageRule['with'];
    readonly in: unknown;
    readonly out: unknown;
  }[];
}

const golden = JSON.parse(readFileSync('proto-schemas/golden/stages/stages.json', 'utf8')) as Golden;
const dataKey = Buffer.alloc(32, 7);

const schemaOf = (type: unknown): AvroSchema =>
  unwrap(parseSchema(JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'f', type }] })));
const programOf = (
  type: unknown,
  stage: string,
  config: StageRule['with'],
  otherwise: Otherwise = 'refuse',
  engine: 'wasm' | 'reference' = 'wasm',
) =>
  compile({
    schema: schemaOf(type),
    stages,
    engine,
    terms: { rules: [{ stage, at: ['/f'], with: config, else: otherwise }], channels: { key: 'drop', timestamp: 'keep' } },
  });

function framesOf(program: Program, values: readonly unknown[]): RecordFrames {
  const builder = new BatchBuilder();
  for (const f of values) {
    const encoded = unwrap(codecOf(program.writerSchema).encode(unwrap(fromJson(program.writerSchema, { f }))));
    builder.append(null, frame(1, encoded), [], 0n);
  }
  let frames: RecordFrames | null = null;
  readBatches(builder.finish({ producerId: -1n, producerEpoch: -1, baseSequence: -1, transactional: false }), (batch) => {
    frames = frameRecords(batch);
  });
  if (frames === null) throw new Error('not framed');
  return frames;
}

/** The governed value of each input, or the refusal's code. */
function govern(program: Program, values: readonly unknown[], key: Uint8Array = dataKey): unknown[] {
  const frames = framesOf(program, values);
  const out = createOutput(values.length, 1024 * 1024);
  const bound = unwrap(program.bind({ governedSchemaId: 2, datasetId: 'd', dataKey: key }));
  expect(bound.run(frames, 0, frames.count, out)).toBe(frames.count);
  return values.map((_, index) => {
    if (out.outcome[index] === outcomes.refuse) return refusals[out.reason[index] as number];
    const avro = out.bytes.subarray((out.valueStart[index] as number) + 5, out.valueEnd[index]);
    return (toJson(program.governedSchema, unwrap(codecOf(program.governedSchema).decode(avro))) as { f: unknown }).f;
  });
}

describe('golden vectors', () => {
  for (const item of golden.cases) {
    test(`${item.stage} ${JSON.stringify(item.with)} turns ${JSON.stringify(item.in)} into ${JSON.stringify(item.out)}`, () => {
      for (const engine of ['wasm', 'reference'] as const) {
        expect(govern(unwrap(programOf(item.type, item.stage, item.with, 'refuse', engine)), [item.in])).toEqual([item.out]);
      }
    });
  }

  test('cover every stage that acts on a field', () => {
    const covered = new Set(golden.cases.map(({ stage }) => stage));
    const fieldStages = stages.filter(({ scope }) => scope === 'field').map(({ name }) => name);
    expect([...covered, 'pseudonymize'].sort()).toEqual([...fieldStages].sort());
  });
});

describe('mask', () => {
  test('with a width does not leak the length', () => {
    const masked = govern(unwrap(programOf('string', 'mask', { first: 1, width: 2 })), ['王明', '欧阳小明明明']) as string[];
    expect(masked.map((text) => [...text].length)).toEqual([3, 3]);
    const [row] = unwrap(programOf('string', 'mask', { first: 1, width: 2 })).explain();
    expect(row).toMatchObject({ field: '/f', lengthLeaked: false, reversible: 'no' });
    expect(unwrap(programOf('string', 'mask', { first: 1 })).explain()[0]).toMatchObject({ lengthLeaked: true });
  });
});

describe('pseudonymize', () => {
  const program = unwrap(programOf('string', 'pseudonymize', { length: 32 }));

  test('is HMAC-SHA256 under the key derived for the dataset and field (computed here independently)', () => {
    const fieldKey = Buffer.from(hkdfSync('sha256', dataKey, '', 'sluice/1/d/pseudonymize/f', 32));
    const expected = createHmac('sha256', fieldKey).update('11010519491231002X').digest('hex').slice(0, 32);
    expect(govern(program, ['11010519491231002X'])).toEqual([expected]);
  });

  test('gives one token for one text, and no token in common with another agreement', () => {
    const values = ['a', 'b', 'a', ''];
    const [first, second, third, empty] = govern(program, values);
    expect(first).toBe(third);
    expect(new Set([first, second, empty]).size).toBe(3);
    const others = govern(program, values, Buffer.alloc(32, 8));
    expect(others.filter((token) => [first, second, empty].includes(token))).toEqual([]);
  });

  test('refuses a value that does not match its pattern, or does what else says', () => {
    const config = { pattern: '[0-9]{3}' };
    expect(govern(unwrap(programOf('string', 'pseudonymize', config)), ['12', '1234'])).toEqual(['value-unfit', 'value-unfit']);
    expect(govern(unwrap(programOf('string', 'pseudonymize', config, 'null')), ['12'])).toEqual([null]);
    expect(govern(unwrap(programOf('string', 'pseudonymize', config, { constant: '?' })), ['12'])).toEqual(['?']);
    expect(govern(unwrap(programOf(['null', 'string'], 'pseudonymize', config)), [null])).toEqual([null]);
  });

  test('takes no pattern that could be slow', () => {
    for (const pattern of ['(a+)+', 'a*', 'a|b', '[0-9]+', '(?=x)', '\\d', '[^a]']) {
      expect(programOf('string', 'pseudonymize', { pattern })).toMatchObject({ ok: false, failure: { code: 'plan-invalid' } });
    }
  });

  test('runs with no missing or short key', () => {
    expect(program.bind({ governedSchemaId: 1, datasetId: 'd', dataKey: new Uint8Array(0) })).toMatchObject({
      ok: false,
      failure: { code: 'key-missing' },
    });
  });
});

describe('a plan that cannot work', () => {
  for (const [why, type, stage, config] of [
    ['mask of a number', 'int', 'mask', {}],
    ['mask with an unknown setting', 'string', 'mask', { fist: 1 }],
    ['mask with a symbol of two characters', 'string', 'mask', { symbol: '**' }],
    ['a band of texts', 'string', 'generalize', { band: 5 }],
    ['a band of dates without a unit', { type: 'int', logicalType: 'date' }, 'generalize', { band: 5 }],
    ['a fractional band of integers', 'int', 'generalize', { band: 0.5 }],
    ['two settings at once', 'string', 'generalize', { prefix: 1, band: 2 }],
    ['a date of a plain long', 'long', 'generalize', { date: 'day' }],
    ['an else of the wrong type', 'int', 'generalize', { band: 10 }],
    ['a stage that does not exist', 'string', 'vanish', {}],
  ] as const) {
    test(`is refused at publish time: ${why}`, () => {
      const planned = programOf(type, stage, config, why.includes('else') ? { constant: 'text' } : 'refuse');
      expect(planned).toMatchObject({
        ok: false,
        failure: { code: 'plan-invalid', message: expect.stringMatching(/^compiling program: /) },
      });
    });
  }
});
