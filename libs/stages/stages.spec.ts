/** Every stage against its golden vectors, and what must hold for all of them. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { unwrap } from '../base/index.ts';
import type { StageRule } from '../odrl/index.ts';
import { stages } from './index.ts';
import type { Beside, Engine } from './stage-fixture.ts';
import { govern, programOf } from './stage-fixture.ts';

interface Golden {
  readonly cases: readonly {
    readonly type: unknown;
    readonly with: StageRule['with'];
    readonly in: unknown;
    readonly out: unknown;
    /** Texts beside the field, for a stage that looks at one. */
    readonly beside?: Beside;
  }[];
}

/** A keyed stage's vectors are under the fixture's data key, dataset and field. */
const goldenFile = (stage: string): string => `proto-schemas/golden/stages/${stage}.json`;

/** Stages that the compiled engine has long known; each other one is held against it as soon as a Program of it compiles. */
const lowered = new Set(['band', 'constant', 'date-truncate', 'drop', 'keep', 'mask', 'null', 'prefix']);

for (const { name } of stages.filter(({ scope }) => scope === 'field')) {
  describe(`golden vectors of ${name}`, () => {
    test('are there', () => {
      expect(existsSync(goldenFile(name))).toBe(true);
    });
    const { cases } = JSON.parse(readFileSync(goldenFile(name), 'utf8')) as Golden;
    for (const item of cases) {
      const { type, with: config, beside = {} } = item;
      const trial = { type, stage: name, with: config, beside: Object.keys(beside) };
      const engines: readonly Engine[] = lowered.has(name) || compiles(trial) ? ['reference', 'wasm'] : ['reference'];
      for (const engine of engines) {
        test(`${JSON.stringify(config)} turns ${JSON.stringify(item.in)} into ${JSON.stringify(item.out)} on ${engine}`, () => {
          // A dropped field is not there.
          const expected = item.out === null && name === 'drop' ? undefined : item.out;
          expect(govern(unwrap(programOf({ ...trial, engine })), [item.in], { beside })).toEqual([expected]);
        });
      }
    }
  });
}

function compiles(trial: Parameters<typeof programOf>[0]): boolean {
  try {
    return programOf({ ...trial, engine: 'wasm' }).ok;
  } catch {
    return false;
  }
}

describe('every stage', () => {
  test('has a name of its own that a policy can use, and says what it does and costs', () => {
    expect(new Set(stages.map(({ name }) => name)).size).toBe(stages.length);
    for (const { name, summary, facts } of stages) {
      expect(name).toMatch(/^[a-z][a-z-]{0,31}$/);
      for (const sentence of [summary, ...Object.values(facts)]) expect(sentence.length).toBeGreaterThan(3);
    }
  });
});

describe('a plan that cannot work', () => {
  const date = { type: 'int', logicalType: 'date' };
  for (const [why, type, stage, config] of [
    ['mask of a number', 'int', 'mask', {}],
    ['mask with an unknown setting', 'string', 'mask', { fist: 1 }],
    ['mask with a symbol of two characters', 'string', 'mask', { symbol: '**' }],
    ['a band of texts', 'string', 'band', { width: 5 }],
    ['a band of dates without a unit', date, 'band', { width: 5 }],
    ['a band of numbers with a unit', 'int', 'band', { width: 5, unit: 'years' }],
    ['a fractional band of integers', 'int', 'band', { width: 0.5 }],
    ['a prefix of a number', 'int', 'prefix', { first: 1 }],
    ['two settings at once', 'string', 'prefix', { first: 1, width: 2 }],
    ['a date of a plain long', 'long', 'date-truncate', { to: 'day' }],
    ['the hour of a date', date, 'date-truncate', { to: 'hour' }],
    ['an infinite constant', 'int', 'constant', { value: Number.POSITIVE_INFINITY }],
    ['an else of the wrong type', 'int', 'band', { width: 10 }],
    ['a stage that does not exist', 'string', 'vanish', {}],
  ] as const) {
    test(`is refused at publish time: ${why}`, () => {
      const planned = programOf({ type, stage, with: config, otherwise: why.includes('else') ? { constant: 'text' } : 'refuse' });
      expect(planned).toMatchObject({
        ok: false,
        failure: { code: 'plan-invalid', message: expect.stringMatching(/^compiling program: /) },
      });
    });
  }
});
