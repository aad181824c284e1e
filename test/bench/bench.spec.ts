/** The two sides of the bench do the same work. No time is looked at here. */
import { describe, expect, test } from '@jest/globals';
import { avscSide } from './avsc-side.ts';
import type { Side } from './sides.ts';
import { dataKeys, programSide, verifyEqual } from './sides.ts';
import { makeWorkloads } from './workloads.ts';

const workloads = makeWorkloads(2);

describe('the bench', () => {
  const keys = dataKeys(1);
  for (const workload of workloads) {
    const made = programSide('reference', workload, workload.avscTerms, keys);
    if ('missing' in made) throw new Error(made.missing);

    test(`${workload.name}: avsc gives what the oracle gives, of records as described`, () => {
      const { left, records } = verifyEqual(made.side, avscSide(workload, made.program, keys), workload.batches);
      const [lowRate, highRate] = workload.passRateExpected;
      const [lowBytes, highBytes] = workload.valueBytesExpected;
      expect(left / records).toBeGreaterThanOrEqual(lowRate - 0.02);
      expect(left / records).toBeLessThanOrEqual(highRate + 0.02);
      expect(workload.valueBytesMean).toBeGreaterThanOrEqual(lowBytes);
      expect(workload.valueBytesMean).toBeLessThanOrEqual(highBytes);
    });

    test(`${workload.name}: a side that does other work is found`, () => {
      const honest = avscSide(workload, made.program, keys);
      const idle: Side = { ...honest, value: (index) => (index === 7 ? null : honest.value(index)) };
      const wrong: Side = {
        ...honest,
        value: (index) => honest.value(index)?.map((byte, at) => (at === 30 ? byte ^ 1 : byte)) ?? null,
      };
      expect(() => verifyEqual(made.side, wrong, workload.batches)).toThrow(/avsc: record \d+ is not what reference gives/);
      expect(() => verifyEqual(made.side, idle, workload.batches)).toThrow(/avsc: record \d+ is not what reference gives/);
    });
  }

  test('the wide record has 60 fields', () => {
    const wide = workloads.find(({ name }) => name === 'W2');
    expect((JSON.parse(wide?.schema.text ?? '') as { fields: unknown[] }).fields).toHaveLength(60);
  });
});
