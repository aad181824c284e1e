import { describe, expect, test } from '@jest/globals';
import { unwrap } from '../../base/index.ts';
import { govern, governed, keyOf, programOf } from '../stage-fixture.ts';
import { noiseSource } from './noise-source.ts';

const place = { partition: 0, offset: 0n, occurrence: 0, subject: null };
const bounded = { epsilon: 1, low: 0, high: 1000, sensitivity: 10 };

describe('the source', () => {
  const decay = 0.1;
  const draw = noiseSource(keyOf('noise/f'), '/f', decay);
  const drawn = Array.from({ length: 40_000 }, (_, offset) => draw({ ...place, offset: BigInt(offset) }));

  test('draws the two-sided geometric distribution', () => {
    const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
    const variance = drawn.reduce((sum, value) => sum + value ** 2, 0) / drawn.length;
    const ratio = Math.exp(-decay);
    const expected = (2 * ratio) / (1 - ratio) ** 2;
    // Five standard errors; the key is fixed, so these never fail by chance.
    expect(Math.abs(mean)).toBeLessThan(5 * Math.sqrt(expected / drawn.length));
    expect(Math.abs(variance / expected - 1)).toBeLessThan(5 * Math.sqrt(5 / drawn.length));
    const zeros = drawn.filter((value) => value === 0).length / drawn.length;
    expect(Math.abs(zeros - (1 - ratio) / (1 + ratio))).toBeLessThan(0.006);
  });

  test('draws anew for each partition, offset, occurrence, path and key, and the same for the same', () => {
    const fine = (key = keyOf('noise/f'), path = '/f') => noiseSource(key, path, 1e-6);
    const first = fine()(place);
    expect(fine()(place)).toBe(first);
    const others = [
      fine()({ ...place, partition: 1 }),
      fine()({ ...place, offset: 1n }),
      fine()({ ...place, occurrence: 1 }),
      fine(keyOf('noise/f'), '/g')(place),
      fine(keyOf('noise/g'))(place),
    ];
    expect(new Set([first, ...others]).size).toBe(6);
  });
});

describe('the stage', () => {
  test('gives a record that is governed again the same noise, and the next record another', () => {
    const trial = { type: 'long', stage: 'noise', with: bounded } as const;
    const values = Array.from({ length: 50 }, () => 500);
    const results = governed(trial, values);
    expect(governed(trial, values)).toEqual(results);
    expect(new Set(results).size).toBeGreaterThan(15);
    expect(govern(unwrap(programOf(trial)), values, { partition: 1 })).not.toEqual(results);
  });

  for (const type of ['int', 'long', 'float', 'double']) {
    test(`keeps to the bounds, also of values far beyond, and is right on average (${type})`, () => {
      const values = Array.from({ length: 4000 }, () => 500);
      const results = governed({ type, stage: 'noise', with: bounded }, values) as number[];
      const mean = results.reduce((sum, value) => sum + value, 0) / results.length;
      expect(Math.abs(mean - 500)).toBeLessThan(1.2);
      const beyond = governed({ type, stage: 'noise', with: bounded }, [-1_000_000, 2_000_000_000, 0, 1000]) as number[];
      for (const result of [...results, ...beyond]) expect(result >= 0 && result <= 1000).toBe(true);
    });
  }

  test('leaves nothing of the low bits of a fractional value: results lie on a grid whatever the value', () => {
    const [row] = unwrap(programOf({ type: 'double', stage: 'noise', with: bounded })).explain();
    const step = Number(/on a grid of (.*)$/.exec(row?.happens ?? '')?.[1]);
    expect(Number.isInteger(Math.log2(step))).toBe(true);
    const values = Array.from({ length: 500 }, (_, index) => 300 + Math.sqrt(index));
    for (const result of governed({ type: 'double', stage: 'noise', with: bounded }, values) as number[])
      expect(Number.isInteger(result / step)).toBe(true);
  });

  test('tells two values within the sensitivity apart no better than epsilon allows', () => {
    const trial = { type: 'int', stage: 'noise', with: { epsilon: 1, low: 0, high: 40, sensitivity: 5 } } as const;
    const counts = [15, 20].map((value) => {
      const seen = Array.from({ length: 41 }, () => 0);
      for (const result of governed(
        trial,
        Array.from({ length: 40_000 }, () => value),
      ) as number[])
        seen[result] = (seen[result] ?? 0) + 1;
      return seen;
    });
    for (let result = 0; result <= 40; result += 1) {
      const [a, b] = [counts[0]?.[result] ?? 0, counts[1]?.[result] ?? 0];
      if (a > 400 && b > 400) expect(Math.abs(Math.log(a / b))).toBeLessThan(1 + 0.2);
    }
  });

  test('hides every value when no sensitivity is named: it is the width of the bounds', () => {
    const [row] = unwrap(programOf({ type: 'int', stage: 'noise', with: { epsilon: 1, low: 0, high: 40 } })).explain();
    expect(row?.happens).toContain('up to 40 apart');
  });

  for (const [why, type, config] of [
    ['no bounds', 'double', { epsilon: 1 }],
    ['no epsilon', 'double', { low: 0, high: 1 }],
    ['bounds the wrong way', 'double', { epsilon: 1, low: 1, high: 0 }],
    ['fractional bounds of whole numbers', 'int', { epsilon: 1, low: 0, high: 1.5 }],
    ['bounds that an int cannot hold', 'int', { epsilon: 1, low: 0, high: 2 ** 31 }],
    ['bounds too far apart for the scale', 'double', { epsilon: 1, low: 0, high: 1e300, sensitivity: 1e-3 }],
    ['a date', { type: 'int', logicalType: 'date' }, { epsilon: 1, low: 0, high: 1 }],
    ['a text', 'string', { epsilon: 1, low: 0, high: 1 }],
  ] as const) {
    test(`is refused at publish time: ${why}`, () => {
      expect(programOf({ type, stage: 'noise', with: config })).toMatchObject({ ok: false, failure: { code: 'plan-invalid' } });
    });
  }
});
