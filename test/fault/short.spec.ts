/** The fault run in short: one broker, two data planes and a third that comes and goes, a kill in each window. `npm run test:fault` is the long one. */
import { describe, expect, test } from '@jest/globals';
import type { Step } from './schedule.ts';
import { runFaults } from './run-faults.ts';
import { windows } from './windows.ts';

const seed = 20_261_124;

const steps: readonly Step[] = [
  ...windows.map((window, index): Step => ({ kind: 'kill', window, instance: index % 2 === 0 ? 'one' : 'two', lagMs: 0 })),
  { kind: 'proxy', instance: 'one', api: 'produce', on: 'answer', act: { kind: 'drop' }, times: 1 },
  { kind: 'proxy', instance: 'two', api: 'endTxn', on: 'request', act: { kind: 'answer', code: 51 }, times: 2 },
  { kind: 'proxy', instance: 'one', api: 'consumerGroupHeartbeat', on: 'answer', act: { kind: 'drop' }, times: 1 },
];

describe('the data plane while it is killed', () => {
  test('loses nothing, doubles nothing, keeps the order and accounts for every record', async () => {
    const said: string[] = [];
    const report = await runFaults({
      seed,
      brokers: 1,
      partitions: 3,
      records: 5_000,
      trickleRecordsPerSecond: 200,
      steps,
      log: (sentence) => said.push(sentence),
    });
    const { faults, tally, input } = report;
    if (faults.length > 0) console.error([...said, ...report.logs].join('\n'));
    expect(faults).toEqual([]);
    expect(tally.missed).toEqual([]);
    for (const window of windows) expect({ window, hits: tally.hits.get(`kill: ${window}`) }).toEqual({ window, hits: 1 });
    expect(input).toBeGreaterThan(3_000);
  }, 180_000);
});
