/** One walk over records for several keys: each Program is told exactly what its own run makes, and nothing of another's key is in it. */
import { describe, expect, test } from '@jest/globals';
import { codecOf, frame, fromJson, parseSchema } from '../../avro/index.ts';
import { unwrap } from '../../base/index.ts';
import type { ChannelTerms, StageRule } from '../../odrl/index.ts';
import type { RecordFrames } from '../../records/index.ts';
import { BatchBuilder, frameRecords, readBatches, sharedArena } from '../../records/index.ts';
import { stages } from '../../stages/index.ts';
import { clinicVisits } from '../../../deploy/local/demo/feeds/clinic-visits.ts';
import { readDataset } from '../../../deploy/local/demo/load.ts';
import type { Lane, RunSink } from '../govern-batch.ts';
import { runLane, runLanes, screenBatch } from '../govern-batch.ts';
import type { BoundProgram, ProgramOutput } from '../index.ts';
import { compile, createOutput } from '../index.ts';
import { runTogether } from './bind-module.ts';

const schema = unwrap(parseSchema(readDataset('clinic-visits').schemaText));
const schemaId = 7;
const rule = (
  stage: string,
  at: string[],
  config: StageRule['with'] = {},
  otherwise: StageRule['else'] = 'refuse',
): StageRule => ({
  stage,
  at,
  with: config,
  else: otherwise,
});
const others = [
  '/visitId',
  '/birthDate',
  '/districtCode',
  '/address',
  '/sex',
  '/diagnosisCode',
  '/dept',
  '/cost',
  '/paidBy',
  '/visitTime',
  '/tags',
];
const filtered = rule('filter', [], { where: 'cost >= 50.0' });
const kept = rule('keep', [...others, '/notes']);

interface Policy {
  readonly rules: readonly StageRule[];
  readonly key: ChannelTerms['key'];
}

const token = (prf: string, length: number, key: ChannelTerms['key'] = 'drop'): Policy => ({
  rules: [
    filtered,
    rule('pseudonymize', ['/residentId'], { prf, length }),
    rule('mask', ['/name', '/phone'], { first: 1 }),
    kept,
  ],
  key,
});
const policies: readonly (readonly [string, Policy])[] = [
  ...['hmac-sha256', 'hmac-sm3', 'aes-128-cmac', 'sm4-cmac'].map((prf) => [`tokens by ${prf}`, token(prf, 24)] as const),
  ['a token that is the key too', token('aes-128-cmac', 32, { repeats: '/residentId' })],
  [
    'numbers of the same form, with check characters',
    {
      rules: [
        rule('fpe', ['/residentId'], { kind: 'resident-id' }),
        rule('fpe', ['/phone'], { kind: 'phone' }, 'null'),
        rule('pseudonymize', ['/name'], { length: 16 }),
        kept,
      ],
      key: { repeats: '/residentId' },
    },
  ],
  [
    'no key at all',
    { rules: [filtered, rule('keep', [...others, '/residentId', '/name', '/phone']), rule('drop', ['/notes'])], key: 'keep' },
  ],
];

const keys = [3, 4, 200].map((byte) => Buffer.alloc(32, byte));

function boundTo({ rules, key }: Policy, dataKey: Uint8Array, engine: 'reference' | 'wasm', governedSchemaId = 9): BoundProgram {
  const terms = { rules, channels: { key, timestamp: 'keep' as const } };
  const program = unwrap(compile({ schema, stages, engine, terms }));
  return unwrap(program.bind({ governedSchemaId, datasetId: 'clinic-visits', dataKey }));
}

/** Some of them cut off, some without a value, some without a frame. */
function visits(count: number): RecordFrames {
  const builder = new BatchBuilder();
  const generated = clinicVisits();
  for (let index = 0; index < count; index += 1) {
    const visit = generated.next().value;
    const avro = unwrap(codecOf(schema).encode(unwrap(fromJson(schema, visit))));
    const bytes = index % 97 === 96 ? avro.subarray(0, avro.length - (index % 40)) : avro;
    const value = index % 53 === 52 ? bytes : frame(schemaId, bytes);
    builder.append(Buffer.from(visit.residentId), index % 101 === 100 ? null : value, [], BigInt(index));
  }
  const found: (RecordFrames | null)[] = [];
  const place = { producerId: -1n, producerEpoch: -1, baseSequence: -1, transactional: false };
  readBatches(builder.finish(place), (batch) => found.push(frameRecords(batch, 0)));
  return found[0] as RecordFrames;
}

const lane = (agreement: string, program: BoundProgram): Lane => ({ agreement, programs: new Map([[schemaId, program]]) });

/** Everything a sink is told, each record a line. */
function recorder(): { sink: RunSink; lines: string[] } {
  const lines: string[] = [];
  const hex = (out: ProgramOutput, start: number, end: number): string =>
    start < 0 ? 'none' : Buffer.from(out.bytes.subarray(start, end)).toString('hex');
  const sink: RunSink = {
    ran: (program, from, to, out) => {
      for (let at = from; at < to; at += 1) {
        const value = hex(out, out.valueStart[at] as number, out.valueEnd[at] as number);
        const key = hex(out, out.keyStart[at] as number, out.keyEnd[at] as number);
        lines.push(`${at} ${out.outcome[at]} ${out.reason[at]} ${out.field[at]} ${key} ${value}`);
      }
      for (const [plan, path] of program.program.fieldPaths.entries()) lines.push(`${path}: ${out.otherwise[plan]}`);
    },
    unread: (index, reason) => lines.push(`${index} ${reason}`),
    erased: (_, index) => lines.push(`${index} erased`),
    suppressed: (_, index) => lines.push(`${index} suppressed`),
  };
  return { sink, lines };
}

/** What the reference engine makes of the records under one key, in the form of `recorder`. */
function oracleLines(policy: Policy, dataKey: Uint8Array, frames: RecordFrames): string[] {
  const { sink, lines } = recorder();
  const program = boundTo(policy, dataKey, 'reference');
  runLane(frames, 0, screenBatch(frames), lane('alone', program), createOutput(frames.count, 8 << 20), sink);
  return lines;
}

describe.each(policies)('several keys, and %s', (name, policy) => {
  test('are served by one walk, each as the reference engine serves it alone', () => {
    const frames = visits(1_500);
    const arena = sharedArena();
    const admitted = arena.admit(frames);
    const runs = keys.map((key, index) => ({ ...recorder(), lane: lane(`a-${index}`, boundTo(policy, key, 'wasm')) }));
    expect(new Set(runs.map((run) => run.lane.programs.get(schemaId)?.walk)).size).toBe(1);
    runLanes(admitted, 0, screenBatch(admitted), runs, arena.output);
    arena.dismiss();
    for (const [index, { lines }] of runs.entries()) expect(lines).toEqual(oracleLines(policy, keys[index] as Buffer, frames));
    const distinct = new Set(runs.map(({ lines }) => lines.join()));
    expect(distinct.size).toBe(name === 'no key at all' ? 1 : keys.length);
  });

  test('leave nothing in the arena, also when whoever is told throws', () => {
    const frames = visits(200);
    const arena = sharedArena();
    const programs = keys.map((key) => boundTo(policy, key, 'wasm'));
    const admitted = arena.admit(frames);
    const told: number[] = [];
    const failing = (index: number): void => {
      told.push(index);
      if (index === 1) throw new Error('the second fails');
    };
    expect(() => runTogether(programs, admitted, 0, admitted.count, failing)).toThrow('the second fails');
    expect(told).toEqual([0, 1]);
    arena.output.recycle?.(admitted.count);
    arena.dismiss();
    expect(arena.bytes.subarray(arena.gathers).every((byte) => byte === 0)).toBe(true);
  });
});

describe('Programs that do not go over records alike', () => {
  const policy = token('hmac-sha256', 24);
  const key = keys[0] as Buffer;
  const frames = visits(10);

  test.each([
    ['another policy', boundTo(token('hmac-sha256', 25), key, 'wasm')],
    ['another governed schema id', boundTo(policy, key, 'wasm', 10)],
    ['the reference engine', boundTo(policy, key, 'reference')],
    [
      'a stage that the host answers for',
      boundTo(
        {
          ...policy,
          rules: [
            rule('hash-bucket', ['/visitId'], { buckets: 8 }),
            rule('keep', [...others.slice(1), '/residentId', '/name', '/phone', '/notes']),
          ],
        },
        key,
        'wasm',
      ),
    ],
  ])('are not run together: %s', (_, other) => {
    const admitted = sharedArena().admit(frames);
    const told: number[] = [];
    expect(other.walk).not.toBe(boundTo(policy, key, 'wasm').walk);
    expect(() => runTogether([boundTo(policy, key, 'wasm'), other], admitted, 0, 10, (index) => told.push(index))).toThrow(
      'alike',
    );
    expect(told).toEqual([]);
    sharedArena().dismiss();
  });

  test('and none is over records that the arena does not hold', () => {
    const programs = keys.map((one) => boundTo(policy, one, 'wasm'));
    expect(() => runTogether(programs, frames, 0, 10, () => undefined)).toThrow('does not hold');
  });
});
