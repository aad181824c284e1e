/** What is committed with a position is read back as it was, and what is not ours is not read at all. */
import { expect, test } from '@jest/globals';
import { chainStart } from '../../libs/ledger/index.ts';
import { parseState, stateText } from './partition-state.ts';

const head = Buffer.alloc(32, 5);

test('a state is read back as it was', () => {
  const state = { head, gap: true, resumed: 'command-1', unreadable: [3n, 9_223_372_036_854_775_807n] };
  expect(parseState(stateText(state))).toEqual(state);
  const plain = { head, gap: false, resumed: undefined, unreadable: [] };
  expect(parseState(stateText(plain))).toEqual(plain);
  expect(parseState('')).toEqual({ ...plain, head: chainStart });
});

test('however much nobody could read, a broker takes the text, and the oldest is in it', () => {
  const unreadable = Array.from({ length: 5_000 }, (_, index) => 9_223_372_036_854_770_000n + BigInt(index));
  const text = stateText({ head, gap: true, resumed: 'x'.repeat(64), unreadable });
  expect(text.length).toBeLessThan(4_096);
  expect(parseState(text)?.unreadable).toEqual(unreadable.slice(0, 100));
});

test.each([
  '{',
  'null',
  '{}',
  JSON.stringify({ head: 'short' }),
  JSON.stringify({ head: head.toString('base64url'), unreadable: ['-1'] }),
  JSON.stringify({ head: head.toString('base64url'), unreadable: Array.from({ length: 101 }, String) }),
  JSON.stringify({ head: head.toString('base64url'), other: 1 }),
])('%s is none', (text) => {
  expect(parseState(text)).toBeUndefined();
});
