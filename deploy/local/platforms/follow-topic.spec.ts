import { expect, test } from '@jest/globals';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { takeRecord } from './follow-topic.ts';
import { Tally } from './platform-process.ts';

const record = { value: Buffer.from('v'), timestamp: '7' };

test('a record is counted together with its verdict, not while the registry is being asked', async () => {
  const tally = new Tally();
  let answer: (read: Result<unknown>) => void = () => undefined;
  const values = { read: () => new Promise<Result<unknown>>((resolve) => void (answer = resolve)) };
  const taken = takeRecord({ values, tally }, record, () => true);
  expect(tally.received).toBe(0);
  answer(ok({ id: 1 }));
  expect(await taken).toBe(true);
  expect(tally).toMatchObject({ received: 1, ok: 1, newestMs: 7 });
});

test('a record that reading ended before is left for the next start', async () => {
  const tally = new Tally();
  const values = { read: () => Promise.resolve(fail('registry-unreachable', 'no answer')) };
  expect(await takeRecord({ values, tally }, record, () => false)).toBe(false);
  expect(tally.received).toBe(0);
});
