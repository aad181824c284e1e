import { expect, test } from '@jest/globals';
import { unwrap } from '../../base/index.ts';
import { governed, programOf } from '../stage-fixture.ts';

const datum = 'WGS-84';
const latitude = (config: object) => ({ type: 'double', stage: 'geo', with: { datum, axis: 'latitude', ...config } }) as const;

test('a coordinate is off by half a cell at most, and a cell has one result', () => {
  const values = Array.from({ length: 1001 }, (_, index) => -90 + index * 0.18);
  for (const degrees of [0.01, 0.1, 1, 7]) {
    const results = governed(latitude({ degrees }), values) as number[];
    for (const [index, result] of results.entries()) {
      expect(Math.abs(result - (values[index] as number))).toBeLessThanOrEqual(degrees / 2 + 1e-7);
      expect(Math.abs(result)).toBeLessThanOrEqual(90);
    }
    expect(new Set(results).size).toBeLessThanOrEqual(Math.ceil(90 / degrees) * 2 + 1);
  }
});

test('metres of a longitude hold at the latitude that is named: cells there are as wide as those of a latitude', () => {
  const counted = (trial: Parameters<typeof governed>[0], degrees: number): number =>
    new Set(
      governed(
        trial,
        Array.from({ length: 5000 }, (_, index) => (index * degrees) / 5000),
      ),
    ).size;
  const north = counted(latitude({ metres: 1000 }), 1);
  const east = counted({ type: 'double', stage: 'geo', with: { datum, axis: 'longitude', metres: 1000, atLatitude: 60 } }, 2);
  expect(Math.abs(north - east)).toBeLessThanOrEqual(1);
});

test('no number, and nothing beyond the poles or the date line, fits', () => {
  expect(governed(latitude({ degrees: 1 }), [90.000_01, -91, 1e300])).toEqual(['value-unfit', 'value-unfit', 'value-unfit']);
});

test('the datum must be declared, and stands in the decision', () => {
  expect(programOf({ type: 'double', stage: 'geo', with: { axis: 'latitude', degrees: 1 } })).toMatchObject({ ok: false });
  const [row] = unwrap(programOf({ type: 'string', stage: 'geo', with: { datum: 'GCJ-02', h3: 7 } })).explain();
  expect(row?.happens).toContain('GCJ-02');
  expect(row?.happens).toContain('shifted');
});

for (const [why, type, config] of [
  ['neither axis nor h3', 'double', {}],
  ['both', 'double', { axis: 'latitude', degrees: 1, h3: 7 }],
  ['an axis without a width', 'double', { axis: 'latitude' }],
  ['an axis with two widths', 'double', { axis: 'latitude', degrees: 1, metres: 1000 }],
  ['metres of a longitude without a latitude', 'double', { axis: 'longitude', metres: 1000 }],
  ['an axis of a text', 'string', { axis: 'latitude', degrees: 1 }],
  ['an H3 cell of a number', 'double', { h3: 7 }],
  ['an H3 cell as small as a room', 'string', { h3: 15 }],
] as const) {
  test(`refused at publish time: ${why}`, () => {
    expect(programOf({ type, stage: 'geo', with: { datum, ...config } })).toMatchObject({ ok: false });
  });
}
