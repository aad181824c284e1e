/** For random schemas, policies and records, sound and damaged: what an engine gives is what the oracle gives, byte for byte. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { codecOf, frame, parseSchema } from '../../libs/avro/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import type { BoundProgram } from '../../libs/govern/index.ts';
import type { StageRule } from '../../libs/odrl/index.ts';
import { stages } from '../../libs/stages/index.ts';
import { Acceptance } from './acceptance.ts';
import type { Case } from './case-arbitrary.ts';
import { cases } from './case-arbitrary.ts';
import type { Comparison } from './compare-engines.ts';
import { compareEngines } from './compare-engines.ts';
import type { EngineName } from './engines.ts';
import { bound, compileWith, engineExists } from './engines.ts';
import { programMemories } from './program-memory.ts';
import { brokenPromise } from './recheck.ts';
import type { Settled } from './run-case.ts';
import { framesOf, runCase } from './run-case.ts';
import { propertySettings } from './settings.ts';
import { canary } from './value-arbitrary.ts';

const settings = propertySettings();
const second: EngineName = engineExists('wasm') ? 'wasm' : 'reference';
const minute = 60_000;

describe('a Program', () => {
  test(
    `of the engine ${second} equals the oracle on ${settings.runs} schemas with policies`,
    () => {
      const acceptance = new Acceptance();
      const { seed, path, runs } = settings;
      process.stdout.write(`property: seed ${seed}, ${runs} cases of ${settings.records} records, reference against ${second}\n`);
      fc.assert(
        fc.property(cases(settings.records), (tried) => compareEngines(tried, { second, acceptance })),
        {
          seed,
          numRuns: runs,
          ...(path === undefined ? {} : { path }),
          endOnFailure: path !== undefined,
        },
      );
      process.stdout.write(`${acceptance}\n`);
      if (path !== undefined) return;
      expect(acceptance.compiled).toBeGreaterThanOrEqual(acceptance.cases / 2);
      expect(acceptance.passed).toBeGreaterThanOrEqual(acceptance.records / 2);
      expect(acceptance.notLowered).toBeLessThan(acceptance.compiled * 0.3);
      const passed = [...acceptance.stages].filter(([, row]) => row.passed > 0).map(([name]) => name.split(' ')[0]);
      expect(stages.map(({ name }) => name).filter((name) => !passed.includes(name))).toEqual([]);
    },
    Math.max(2 * minute, settings.runs * settings.records * 6),
  );
});

describe('the comparison finds', () => {
  /** The sentence of the comparison about a planted fault. */
  const found = (wrap: Comparison['wrap']): string => {
    const acceptance = new Acceptance();
    const property = fc.property(cases(10), (tried) => compareEngines(tried, { second, acceptance, ...(wrap && { wrap }) }));
    const details = fc.check(property, {
      seed: 1,
      numRuns: 100,
      endOnFailure: true,
    });
    return details.errorInstance instanceof Error ? details.errorInstance.message : 'nothing';
  };
  const changed =
    (after: (...args: Parameters<BoundProgram['run']>) => void) =>
    (program: BoundProgram): BoundProgram => ({
      ...program,
      run(frames, from, to, out) {
        const done = program.run(frames, from, to, out);
        after(frames, from, done, out);
        return done;
      },
    });

  test('nothing where nothing is wrong', () => expect(found((program) => program)).toBe('nothing'));

  test('one flipped bit of a value', () => {
    const flip = changed((_frames, from, _to, out) => {
      const last = (out.valueEnd[from] as number) - 1;
      if (last > 5) out.bytes[last] = (out.bytes[last] as number) ^ 1;
    });
    expect(found(flip)).toMatch(/record \d+: value [0-9a-f]+ against [0-9a-f]+/);
  });

  test('bytes left outside the ranges, before and behind the end of what is used', () => {
    const behind = changed((_frames, _from, _to, out) => {
      if (out.length < out.bytes.length) out.bytes[out.length] = 0x63;
    });
    const before = changed((_frames, from, _to, out) => {
      if ((out.valueStart[from] as number) >= 0) out.valueEnd[from] = (out.valueEnd[from] as number) - 1;
    });
    expect(found(behind)).toMatch(/residue/);
    expect(found(before)).toMatch(/residue|against/);
  });

  test('a protected text that stays in the memory of the module', () => {
    const kept = changed(() => {
      for (const memory of programMemories()) memory.write(canary, memory.length - 64);
    });
    const message = found(kept);
    for (const memory of programMemories()) memory.fill(0, memory.length - 64);
    expect(message).toMatch(second === 'wasm' ? /stayed in memory: residue/ : /nothing/);
  });

  test('another outcome, another reason, another field', () => {
    expect(found(changed((_frames, from, _to, out) => out.outcome.fill(1, from, from + 1)))).toMatch(/outcome/);
    expect(
      found(
        changed((_frames, from, _to, out) => {
          if (out.reason[from] !== 0) out.reason[from] = ((out.reason[from] as number) % 5) + 1;
        }),
      ),
    ).toMatch(/reason/);
    expect(
      found(
        changed((_frames, from, to, out) => {
          for (let index = from; index < to; index += 1) if ((out.field[index] as number) >= 0) out.field[index] = -1;
        }),
      ),
    ).toMatch(/field/);
  });

  test('a run that throws, does not go on, or writes to its input', () => {
    expect(
      found((program) => ({
        ...program,
        run() {
          throw new RangeError('out of bounds');
        },
      })),
    ).toBe('out of bounds');
    expect(
      found((program) => ({
        ...program,
        run: (_frames, from) => from,
      })),
    ).toMatch(/empty output/);
    const writing = changed((frames, from) => {
      const start = frames.valueStart[from] as number;
      if (start >= 0) frames.bytes[start + 1] = 9;
    });
    expect(found(writing)).toMatch(/the input was written to|against/);
  });

  test('another count of values that else replaced', () => {
    const more = changed((_frames, _from, _to, out) => {
      out.otherwise[0] = (out.otherwise[0] as number) + 1;
    });
    expect(found(more)).toMatch(/other counts of values that else replaced/);
  });
});

describe('the promises of a policy are checked:', () => {
  const schema = unwrap(
    parseSchema(
      JSON.stringify({
        type: 'record',
        name: 'R',
        fields: ['kept', 'gone', 'empty', 'same', 'token'].map((name) => ({ name, type: 'string' })),
      }),
    ),
  );
  const rule = (stage: string, field: string, config: StageRule['with'] = {}): StageRule => ({
    stage,
    at: [`/${field}`],
    with: config,
    else: 'refuse',
  });
  const rules = [
    rule('keep', 'kept'),
    rule('drop', 'gone'),
    rule('null', 'empty'),
    rule('constant', 'same', { value: 'x' }),
    rule('pseudonymize', 'token'),
  ];
  const terms = { rules, channels: { key: { repeats: '/token' }, timestamp: 'keep' } as const };
  const body = unwrap(codecOf(schema).encode({ kept: 'k', gone: canary, empty: 'e', same: 's', token: 't' }));
  const record = { key: Buffer.from('t'), value: frame(77, body), sound: true };
  const tried: Case = { schema, writer: undefined, terms, records: [record], hidden: new Set() };
  const program = unwrap(compileWith('reference', schema, terms));
  const honest = runCase(bound(program), framesOf(tried.records), 4096);
  const broken = (change: (settled: Settled) => Settled): string | undefined => brokenPromise(tried, program, honest.map(change));
  /** The same record with other values under the governed schema. */
  const withValues = (values: object) => (settled: Settled) => {
    const codec = codecOf(program.governedSchema);
    const before = unwrap(codec.decode(settled.value?.subarray(5) ?? Buffer.alloc(0))) as object;
    const value = Buffer.concat([
      settled.value?.subarray(0, 5) ?? Buffer.alloc(0),
      unwrap(codec.encode({ ...before, ...values })),
    ]);
    return { ...settled, value };
  };

  test.each([
    ['an honest run', (settled: Settled) => settled, undefined],
    ['a kept value that changed', withValues({ kept: 'other' }), /kept, and yet changed/],
    ['a constant that is another one', withValues({ same: 'y' }), /not the value that the policy says/],
    ['a null that is none', withValues({ empty: { string: 'e' } }), /not the value that the policy says/],
    ['a protected text that left', withValues({ kept: canary }), /a protected text left/],
    [
      'a key that is not the governed text',
      (settled: Settled) => ({ ...settled, key: Buffer.from('t') }),
      /not the governed text/,
    ],
    ['another schema id', (settled: Settled) => ({ ...settled, value: Buffer.concat([Buffer.alloc(5), body]) }), /not framed/],
    ['bytes that left with a refusal', (settled: Settled) => ({ ...settled, outcome: 'refuse' }), /refuse left bytes/],
  ] as const)('%s', (_name, change, expected) => {
    const said = broken(change);
    if (expected === undefined) expect(said).toBeUndefined();
    else expect(said).toMatch(expected);
  });
});
