/** The header channel: what leaves, what refuses the record, how it stands in hash and explanation. */
import { describe, expect, test } from '@jest/globals';
import { codecOf, frame, fromJson } from '../avro/index.ts';
import { limits, unwrap } from '../base/index.ts';
import type { HeaderTerm } from '../odrl/index.ts';
import type { RecordFrames } from '../records/index.ts';
import { BatchBuilder, frameRecords, readBatches } from '../records/index.ts';
import type { Program } from './index.ts';
import { compile, createOutput, governBatch, screenBatch } from './index.ts';
import { stages } from '../stages/index.ts';
import { all, compiled, order, rule, schema } from './order-fixture.ts';

type Raw = readonly (readonly [string, string | null])[];
const keepSource: HeaderTerm = { name: 'source', keep: true };
const repeatKey: HeaderTerm = { name: 'order', repeats: 'key' };
const masked = [
  { ...rule('mask', '/id'), with: { first: 1 } },
  rule('keep', '/amount', '/units', '/note', '/state', '/urgent', '/buyer'),
];

function framed(headers: Raw, key: string | null = 'o1', note: string | null = null): RecordFrames {
  const value = unwrap(codecOf(schema).encode(unwrap(fromJson(schema, { ...order, note }))));
  const builder = new BatchBuilder();
  // The builder writes null values, which its type does not know.
  const list = headers.map(([name, text]) => [name, text === null ? null : Buffer.from(text)]) as unknown as [string, Buffer][];
  builder.append(key === null ? null : Buffer.from(key), frame(1, value), list, 0n);
  const found: (RecordFrames | null)[] = [];
  const place = { producerId: -1n, producerEpoch: -1, baseSequence: -1, transactional: false };
  readBatches(builder.finish(place), (batch) => found.push(frameRecords(batch, 0)));
  return found[0] as RecordFrames;
}

/** The headers that leave, or the reason of the refusal with the row that refused. */
function leaving(program: Program, frames: RecordFrames): unknown {
  const bound = unwrap(program.bind({ governedSchemaId: 9, datasetId: 'd', dataKey: new Uint8Array(32) }));
  let told: unknown;
  governBatch(
    frames,
    0,
    screenBatch(frames, new Map()),
    { agreement: 'a', programs: new Map([[1, bound]]) },
    createOutput(1, 2 * limits.recordBytesMax),
    {
      governed: (_index, _program, _out, _outcome, headers) => {
        told = headers.map(([name, value]) => [name, value === null ? null : Buffer.from(value).toString()]);
      },
      otherwise: () => undefined,
      withheld: () => (told = 'withheld'),
      deleted: () => (told = 'deleted'),
      refused: (_index, reason, _program, field) => (told = { reason, field }),
    },
  );
  return told;
}

for (const engine of ['reference', 'wasm'] as const) {
  const programOf = (headers: readonly HeaderTerm[], key: 'drop' | 'keep' | { repeats: string } = 'drop'): Program => {
    const terms = { rules: masked, channels: { key, timestamp: 'keep', headers } } as const;
    return unwrap(compile({ schema, stages, engine, terms }));
  };

  describe(`headers of a record that the ${engine} engine governed`, () => {
    test('without a term are dropped', () => {
      expect(leaving(programOf([]), framed([['source', 'x']]))).toEqual([]);
      expect(leaving(programOf([keepSource]), framed([['Source', 'x']]))).toEqual([]);
    });

    test('that are kept leave with every value, in order, null and empty ones as they came', () => {
      const raw: Raw = [
        ['source', 'b'],
        ['other', 'x'],
        ['site', '1'],
        ['source', 'a'],
        ['source', null],
        ['source', ''],
      ];
      const kept = raw.filter(([name]) => name !== 'other');
      expect(leaving(programOf([keepSource, { name: 'site', keep: true }]), framed(raw))).toEqual(kept);
      expect(leaving(programOf([keepSource]), framed([]))).toEqual([]);
    });

    test('that repeat the key leave as the governed key', () => {
      const repeats = programOf([repeatKey, keepSource], { repeats: '/id' });
      const raw: Raw = [
        ['order', 'o1'],
        ['source', 'x'],
        ['order', 'o1'],
      ];
      expect(leaving(repeats, framed(raw))).toEqual([
        ['order', 'o*'],
        ['source', 'x'],
        ['order', 'o*'],
      ]);
      expect(leaving(programOf([repeatKey], 'keep'), framed([['order', 'k']], 'k'))).toEqual([['order', 'k']]);
    });

    for (const [why, raw, key] of [
      ['another value', [['order', 'o2']], 'o1'],
      [
        'a second value that is another',
        [
          ['order', 'o1'],
          ['order', 'O1'],
        ],
        'o1',
      ],
      ['the key and more', [['order', 'o1x']], 'o1'],
      ['null', [['order', null]], 'o1'],
      ['no value at all', [['source', 'o1']], 'o1'],
      ['null beside a key that is null', [['order', null]], null],
      ['no bytes beside a key that is null', [['order', '']], null],
    ] as const) {
      test(`that should repeat the key and have ${why} refuse the record`, () => {
        expect(leaving(programOf([repeatKey], 'keep'), framed(raw, key))).toEqual({
          reason: 'header-unfit',
          field: '(header order)',
        });
      });
    }

    test('that are malformed refuse the record where a term is about headers, and are dropped with the rest where none is', () => {
      const frames = framed([['source', 'x']]);
      // The section promises a second header that is not there.
      frames.bytes[frames.headersStart[0] as number] = 4;
      expect(leaving(programOf([keepSource]), frames)).toEqual({ reason: 'header-unfit', field: '(headers)' });
      expect(leaving(programOf([]), frames)).toEqual([]);
    });

    test('that make the governed record too large refuse it', () => {
      const wide = { ...rule('mask', '/note'), with: { symbol: '密' } };
      const rules = [wide, rule('keep', '/id', '/amount', '/units', '/state', '/urgent', '/buyer')];
      const terms = { rules, channels: { key: 'drop', timestamp: 'keep', headers: [keepSource] } } as const;
      const program = unwrap(compile({ schema, stages, engine, terms }));
      const [header, note] = [['source', 'x'.repeat(500_000)] as const, 'n'.repeat(200_000)];
      expect(leaving(program, framed([header], null, 'n'))).toHaveLength(1);
      expect(leaving(program, framed([], null, note))).toEqual([]);
      expect(leaving(program, framed([header], null, note))).toEqual({ reason: 'output-too-large', field: null });
    });
  });
}

describe('header terms', () => {
  const withHeaders = (headers: readonly HeaderTerm[], key: 'drop' | 'keep' = 'keep') =>
    compiled([all], { key, timestamp: 'keep', headers });

  test('decide the hash, their order does not, and an empty list is as none', () => {
    const [base, turned, other, none, empty] = [
      [keepSource, repeatKey],
      [repeatKey, keepSource],
      [keepSource],
      undefined,
      [],
    ].map((headers) =>
      unwrap(compiled([all], { key: 'keep', timestamp: 'keep', ...(headers === undefined ? {} : { headers }) })),
    );
    expect(turned?.hash).toBe(base?.hash);
    expect(other?.hash).not.toBe(base?.hash);
    expect(empty?.hash).toBe(none?.hash);
    expect(new Set([base, other, none].map((program) => program?.hash)).size).toBe(3);
  });

  test('that a policy could not say are refused by the compiler as well', () => {
    for (const [headers, key] of [
      [[{ name: 'traceparent', keep: true }], 'keep'],
      [[keepSource, keepSource], 'keep'],
      [[repeatKey], 'drop'],
    ] as const)
      expect(withHeaders(headers, key)).toMatchObject({
        ok: false,
        failure: { code: 'plan-invalid', message: expect.stringContaining('(header ') },
      });
  });

  test('have a row each in the explanation, and one for all other headers', () => {
    const rows = unwrap(withHeaders([keepSource, repeatKey])).explain();
    const channels = rows.slice(rows.findIndex(({ field }) => field === '(key)')).map(({ field }) => field);
    expect(channels).toEqual(['(key)', '(header order)', '(header source)', '(headers)', '(timestamp)', '(partition, order)']);
    const row = (name: string) => rows.find(({ field }) => field === name);
    expect(row('(header source)')).toMatchObject({ reversible: 'yes', informationLost: 'none', lengthLeaked: true });
    expect(row('(header order)')?.happens).toContain('refuses the record');
    expect(row('(headers)')?.happens).toMatch(/^all others are dropped; /);
  });
});
