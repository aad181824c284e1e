import { describe, expect, it } from '@jest/globals';
import { inStep } from './in-step.ts';

/** Where in its step a wait of `waitMs` ends that begins at `nowMs`. */
const ends = (waitMs: number, nowMs: number): number => (nowMs + inStep(waitMs, nowMs)) % 250;

describe('waits in step', () => {
  it('end within a millisecond of each other, whenever they begin', () => {
    for (let nowMs = 0; nowMs < 2_000; nowMs += 0.75) {
      expect(ends(4_000, nowMs)).toBeLessThan(1);
      expect(ends(5_000, nowMs)).toBeLessThan(1);
    }
  });

  it('are never longer than asked for, and shorter by less than a step', () => {
    for (let nowMs = 0; nowMs < 2_000; nowMs += 0.75) {
      for (const waitMs of [1_000, 4_000, 5_003]) {
        expect(inStep(waitMs, nowMs)).toBeLessThanOrEqual(waitMs);
        expect(inStep(waitMs, nowMs)).toBeGreaterThan(waitMs - 250);
        expect(Number.isInteger(inStep(waitMs, nowMs))).toBe(true);
      }
    }
  });

  it('stay as they are where they are short', () => {
    for (const waitMs of [0, 1, 250, 999]) expect(inStep(waitMs, 123.4)).toBe(waitMs);
  });
});
