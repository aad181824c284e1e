/** Implications between row conditions: those that are said hold on every row, and those that people rely on are said. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseSchema } from '../avro/index.ts';
import { unwrap } from '../base/index.ts';
import { evaluate } from './evaluate.ts';
import { canonicalCondition, conjunctsOf, implies } from './implies.ts';
import type { Predicate } from './predicate.ts';
import { compilePredicate } from './predicate.ts';

const schema = unwrap(
  parseSchema(
    JSON.stringify({
      type: 'record',
      name: 'Visit',
      fields: [
        { name: 'age', type: ['null', 'int'], default: null },
        { name: 'cost', type: 'double' },
        { name: 'dept', type: 'string' },
        { name: 'open', type: 'boolean' },
      ],
    }),
  ),
);
const condition = (text: string): Predicate => unwrap(compilePredicate(schema, text));
const implied = (mine: string, wanted: string): boolean => implies(conjunctsOf(condition(mine)), condition(wanted));

describe('a condition implies', () => {
  for (const [mine, wanted] of [
    ['age >= 60 && dept == "surgery"', 'dept == "surgery" && age >= 60'],
    ['age >= 60', 'age > 17'],
    ['age > 17', 'age >= 17'],
    ['60 <= age', 'age != null'],
    ['cost < 10.0', 'cost <= 10'],
    ['cost == 10.0', 'cost > 9'],
    ['dept in ["a", "b"]', 'dept in ["a", "b", "c"]'],
    ['dept == "a"', 'dept in ["a", "b"]'],
    ['dept == "surgery"', 'dept.startsWith("sur")'],
    ['dept.startsWith("surgery")', 'dept.startsWith("sur")'],
    ['dept.startsWith("abc")', 'dept.contains("b")'],
    ['age > 5', 'age != 5'],
    ['age == 3 || age == 4', 'age < 5'],
    ['age > 60', 'age > 17 || dept == "x"'],
    ['open', 'open == true'],
    ['!(!(age > 3))', 'age > 2'],
  ] as const)
    test(`${mine}  =>  ${wanted}`, () => expect(implied(mine, wanted)).toBe(true));
});

describe('a condition does not imply', () => {
  for (const [mine, wanted] of [
    ['age >= 17', 'age > 17'],
    ['age < 60', 'age > 17'],
    ['age != 5', 'age > 5'],
    ['age == null || age > 17', 'age > 17'],
    ['dept in ["a", "d"]', 'dept in ["a", "b", "c"]'],
    ['dept.endsWith("abc")', 'dept.startsWith("a")'],
    ['dept < "b"', 'dept < "c"'],
    ['age > 17 || open', 'age > 17'],
    ['!(age > 17)', 'age <= 17'],
  ] as const)
    test(`${mine}  =>  ${wanted}`, () => expect(implied(mine, wanted)).toBe(false));
});

const atom = fc.oneof(
  fc
    .tuple(fc.constantFrom('age', 'cost'), fc.constantFrom('==', '!=', '<', '<=', '>', '>='), fc.integer({ min: 0, max: 4 }))
    .map(([name, by, to]) => `${name} ${by} ${name === 'cost' ? `${to}.0` : to}`),
  fc.constantFrom(
    'age == null',
    'age != null',
    'open',
    'dept == "a"',
    'dept.startsWith("a")',
    'dept.contains("b")',
    'dept in ["a", "ab"]',
    'dept < "b"',
  ),
  fc.uniqueArray(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 3 }).map((list) => `age in [${list.join(', ')}]`),
);
const written: fc.Arbitrary<string> = fc.letrec((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small' },
    atom,
    fc
      .tuple(tie('condition'), fc.constantFrom('&&', '||'), tie('condition'))
      .map(([a, by, b]) => `(${String(a)}) ${by} (${String(b)})`),
    tie('condition').map((inner) => `!(${String(inner)})`),
  ),
})).condition;

const rows = [null, 0, 1, 2, 3, 4, 5].flatMap((age) =>
  [0, 1.5, 3, 4, Number.NaN].flatMap((cost) =>
    ['a', 'ab', 'b', ''].flatMap((dept) => [true, false].map((open) => ({ age, cost, dept, open }))),
  ),
);

test('what is said to be implied is so on every row', () => {
  let said = 0;
  fc.assert(
    fc.property(written, written, (mine, wanted) => {
      const [a, b] = [condition(mine), condition(wanted)];
      if (canonicalCondition(a) === canonicalCondition(b))
        expect(rows.map((row) => evaluate(a, row) === true)).toEqual(rows.map((row) => evaluate(b, row) === true));
      if (!implies(conjunctsOf(a), b)) return;
      said += 1;
      for (const row of rows)
        if (evaluate(a, row) === true) expect([mine, wanted, row, evaluate(b, row)]).toEqual([mine, wanted, row, true]);
    }),
    { numRuns: 20_000, seed: 20_260_129 },
  );
  expect(said).toBeGreaterThan(500);
});
