/** What stages say of each other: whoever lets out at most what another one does tells no two values apart that look alike there. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { weighPlans } from '../govern/index.ts';
import type { AtLeast, PlannedField } from '../govern/index.ts';
import type { Ground, Rule } from './at-least-fixture.ts';
import { counterexample, grounds, planned } from './at-least-fixture.ts';
import { stages } from './index.ts';

type Weigh = (mine: Rule, other: Rule, field: PlannedField) => AtLeast;

const weigh: Weigh = (mine, other, field) => weighPlans(planOf(mine), planOf(other), field, stages);
const planOf = ({ stage, config, action }: Rule) => ({ stage: stage.name, config, action, otherwise: 'refuse' as const });

const plain = { keep: fc.constant({}), drop: fc.constant({}), constant: fc.constant({ value: 'x' }) };
const fieldOf = ({ type }: Ground): PlannedField => ({ path: '/f', type, nullable: false });

/** A pair of rules on a ground, half the time of one stage, and values to try them on. */
const pairOn = (ground: Ground, among: Ground['rules']) => {
  const rule = (name: string) => fc.tuple(fc.constant(name), among[name] ?? fc.constant({}));
  const names = fc.constantFrom(...Object.keys(among));
  const pair = fc.oneof(
    names.chain((name) => fc.tuple(rule(name), rule(name))),
    fc.tuple(names.chain(rule), names.chain(rule)),
  );
  return fc.tuple(pair, fc.array(ground.values, { minLength: 30, maxLength: 60 }));
};

interface Searched {
  readonly found: unknown;
  /** How often `yes` was said of two rules with different settings. */
  readonly yes: Map<string, number>;
}

/** Looks for a `yes` that two values refute. */
function search(ground: Ground, among: Ground['rules'], verdict: Weigh, runs: number): Searched {
  const yes = new Map<string, number>();
  const outcome = fc.check(
    fc.property(pairOn(ground, among), ([[[mineName, mineWith], [otherName, otherWith]], values]) => {
      const [mine, other] = [planned(mineName, ground.type, mineWith), planned(otherName, ground.type, otherWith)];
      if (mine === undefined || other === undefined || verdict(mine, other, fieldOf(ground)) !== 'yes') return true;
      if (JSON.stringify(mineWith) !== JSON.stringify(otherWith)) yes.set(mineName, (yes.get(mineName) ?? 0) + 1);
      return counterexample(mine, other, values) === null;
    }),
    { numRuns: runs, seed: 20_260_128, maxSkipsPerRun: 0 },
  );
  return { found: outcome.counterexample, yes };
}

describe('whoever is said to let out at most what another rule does', () => {
  const said = new Map<string, number>();
  for (const ground of grounds) {
    test(`tells no two values apart that look alike there, on ${JSON.stringify(ground.type)}`, () => {
      const { found, yes } = search(ground, { ...ground.rules, ...plain }, weigh, 6_000);
      expect(found).toBeNull();
      for (const [name, count] of yes) said.set(name, (said.get(name) ?? 0) + count);
    });
  }

  test('was said of every stage that can be stricter than another setting of its own', () => {
    const alone = ['geo', 'noise', 'scrub', 'filter'];
    const names = stages.map(({ name }) => name).filter((name) => !alone.includes(name) && name !== 'null' && name !== 'keep');
    expect(names.filter((name) => (said.get(name) ?? 0) < 3)).toEqual([]);
  });
});

describe('a stage that claims too much is found out (planted):', () => {
  const [texts, ints] = [grounds[0], grounds[1]] as [Ground, Ground];
  const only = (ground: Ground, name: string): Ground['rules'] => ({ [name]: ground.rules[name] ?? fc.constant({}) });
  const settings = (rule: Rule): Record<string, number> => rule.config as Record<string, number>;
  const less =
    (name: string): Weigh =>
    (mine, other) =>
      (settings(mine)[name] ?? 0) <= (settings(other)[name] ?? 0) ? 'yes' : 'no';
  const levels = ['province', 'city', 'district', 'street'];
  const level = ({ config }: Rule): number => levels.indexOf((config as { to: string }).to);
  for (const [why, ground, stage, wrong] of [
    ['a mask that keeps fewer characters', texts, 'mask', less('first')],
    ['a coarser address', texts, 'region', (mine: Rule, other: Rule) => (level(mine) <= level(other) ? 'yes' : 'no')],
    ['fewer buckets, whatever their number', texts, 'hash-bucket', less('buckets')],
    [
      'a multiple of the step of a rounding',
      ints,
      'round',
      (mine: Rule, other: Rule) => ((settings(mine)['to'] ?? 1) % (settings(other)['to'] ?? 1) === 0 ? 'yes' : 'no'),
    ],
  ] as const) {
    test(why, () => {
      expect(search(ground, only(ground, stage), wrong, 6_000).found).not.toBeNull();
    });
  }
});

describe('noise', () => {
  const field: PlannedField = { path: '/f', type: { kind: 'int' }, nullable: false };
  const weighed = (mine: object, other: object): AtLeast => {
    const rules = [mine, other].map((with_) => planned('noise', field.type, { low: 0, high: 100, ...with_ }));
    const [first, second] = rules;
    if (first === undefined || second === undefined) throw new Error('noise is not planned');
    return weigh(first, second, field);
  };

  test('of less epsilon on the same grid and within the same bounds lets out at most what that of more does', () => {
    expect(weighed({ epsilon: 0.5 }, { epsilon: 1 })).toBe('yes');
    expect(weighed({ epsilon: 1, sensitivity: 100 }, { epsilon: 1 })).toBe('yes');
    expect(weighed({ epsilon: 1 }, { epsilon: 0.5 })).toBe('no');
  });

  test('with other bounds is another mechanism', () => {
    expect(weighed({ epsilon: 0.5, high: 90 }, { epsilon: 1 })).toBe('incomparable');
  });

  test('of less epsilon is the other one with noise added: one matrix of chances takes the one to the other', () => {
    // Rows are true values, columns results, of the geometric mechanism cut to 0..n.
    const n = 12;
    const mechanism = (decay: number): number[][] => {
      const a = Math.exp(-decay);
      return Array.from({ length: n + 1 }, (_, value) =>
        Array.from({ length: n + 1 }, (__, result) => {
          const tail = result === 0 || result === n ? 1 / (1 + a) : (1 - a) / (1 + a);
          return tail * a ** Math.abs(value - result);
        }),
      );
    };
    const taken = solved(mechanism(1), mechanism(0.4));
    for (const row of taken) {
      for (const chance of row) expect(chance).toBeGreaterThan(-1e-9);
      expect(row.reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(1, 9);
    }
    const back = solved(mechanism(0.4), mechanism(1));
    expect(Math.min(...back.flat())).toBeLessThan(-1e-3);
  });
});

/** The matrix T with first x T = second, by elimination. */
function solved(first: readonly (readonly number[])[], second: readonly (readonly number[])[]): number[][] {
  const rows = first.map((row, index) => [...row, ...(second[index] ?? [])]);
  const size = first.length;
  for (let pivot = 0; pivot < size; pivot += 1) {
    const scale = rows[pivot]?.[pivot] ?? 1;
    rows[pivot] = (rows[pivot] ?? []).map((value) => value / scale);
    rows.forEach((row, index) => {
      const factor = row[pivot] ?? 0;
      if (index !== pivot) rows[index] = row.map((value, column) => value - factor * (rows[pivot]?.[column] ?? 0));
    });
  }
  return rows.map((row) => row.slice(size));
}
