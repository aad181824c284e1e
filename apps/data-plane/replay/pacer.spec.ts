import { describe, expect, test } from '@jest/globals';
import { Pacer } from './pacer.ts';
import { fakeClock } from './replay-fixture.ts';

describe('a pacer', () => {
  test('lets no more go in any time than the rate and one portion', async () => {
    for (const [rate, portion] of [
      [10, 10],
      [1, 1],
      [250, 100],
    ] as const) {
      const clock = fakeClock();
      const pacer = new Pacer(rate, clock);
      const went: number[] = [];
      for (let turn = 0; turn < 30; turn += 1) {
        await pacer.take(portion, new AbortController().signal);
        went.push(clock.ms);
      }
      went.forEach((until, last) => {
        for (let first = 0; first <= last; first += 1) {
          const seconds = (until - (went[first] as number)) / 1_000;
          expect((last - first + 1) * portion).toBeLessThanOrEqual(portion + rate * seconds + 1e-6);
        }
      });
      // And it does not dawdle: the whole took what the rate says.
      expect(clock.ms).toBeCloseTo((29 * portion * 1_000) / rate, 3);
    }
  });

  test('does not save up what was not used', async () => {
    const clock = fakeClock();
    const pacer = new Pacer(10, clock);
    await pacer.take(10, new AbortController().signal);
    clock.ms += 60_000;
    const before = clock.ms;
    await pacer.take(10, new AbortController().signal);
    await pacer.take(10, new AbortController().signal);
    expect(clock.ms - before).toBe(1_000);
  });

  test('does not wait any longer after a stop', async () => {
    const clock = fakeClock();
    const stop = new AbortController();
    const pacer = new Pacer(1, clock);
    await pacer.take(3_600, stop.signal);
    stop.abort();
    const before = clock.ms;
    await pacer.take(1, stop.signal);
    expect(clock.ms).toBe(before);
  });
});
