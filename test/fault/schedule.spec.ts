import { describe, expect, test } from '@jest/globals';
import { Random } from '../scrub/random.ts';
import { feedFaults } from './load.ts';
import { drawSchedule, faultedActs, faultedApis } from './schedule.ts';
import { windows } from './windows.ts';

const amount = { killsPerWindow: 4, freezes: 3, brokers: 3, storms: 2, proxyFaults: true };

describe('the schedule of a fault run', () => {
  test('is the same for the same seed, and another one for another', () => {
    const drawn = (seed: number): string => JSON.stringify(drawSchedule(new Random(seed), amount));
    expect(drawn(3)).toBe(drawn(3));
    expect(drawn(3)).not.toBe(drawn(4));
  });

  test('has over three seeds what a full run owes: 50 kills and more, each window, each act on each api', () => {
    for (const seed of [1, 2, 3]) {
      const steps = drawSchedule(new Random(seed), amount);
      const kills = steps.flatMap((step) => (step.kind === 'kill' ? [step.window] : []));
      expect(kills.length * 3).toBeGreaterThan(50);
      for (const window of windows) expect(kills.filter((other) => other === window)).toHaveLength(4);
      const faulted = steps.flatMap((step) => (step.kind === 'proxy' ? [`${step.act.kind} ${step.api}`] : []));
      expect(faulted.sort()).toEqual(faultedApis.flatMap((api) => faultedActs.map((act) => `${act} ${api}`)).sort());
    }
  });
});

describe('the feed of a fault run', () => {
  const visit = (seq: number) => ({ seq, person: '000001', owner: 'o', cost: 60, note: 'n' });
  const input = [1, 2, 3].map((seq) => ({
    partition: 0,
    offset: seq,
    key: null,
    visit: visit(seq),
    fates: { open: 'govern', keyed: 'refuse' } as const,
  }));

  test('is good when what was acknowledged is there once, whatever became of what was not', () => {
    const sent = [
      { seqs: [1, 2], outcome: 'there' },
      { seqs: [3, 4], outcome: 'unknown' },
      { seqs: [5], outcome: 'aborted' },
    ] as const;
    expect(feedFaults(sent, input)).toEqual([]);
  });

  test('is no ground to judge by when a record was lost, doubled or not taken back', () => {
    expect(feedFaults([{ seqs: [9], outcome: 'there' }], input)).toEqual(['the feed lost record 9']);
    expect(feedFaults([{ seqs: [2], outcome: 'aborted' }], input)).toEqual(['the feed has the aborted record 2']);
    expect(feedFaults([{ seqs: [1], outcome: 'there' }], [...input, ...input])).toEqual(['the feed has record 1 2 times']);
  });
});
