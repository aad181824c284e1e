/** Results that are known again: the same as made, for nobody else, and nothing of the text kept. */
import { createHmac, randomBytes, randomInt } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { sharedArena } from '../arena/arena.ts';
import { gatherEntryBytes, recallSpace, textsOfStep } from '../arena/arena-layout.ts';
import { formatMaker } from './format-maker.ts';
import { knownResults, recallingMaker } from './recalling-maker.ts';
import type { SlotMaker } from './slot-maker.ts';
import type { SlotRequest } from './slots-fixture.ts';
import { layOut, residues } from './slots-fixture.ts';
import { tokenMaker } from './token-maker.ts';

const arena = sharedArena();
const field = 7;
const { recall: work } = arena;
const table = knownResults(arena);

const texts = (of: readonly Buffer[]): SlotRequest[] => of.map((text) => ({ text, field }));
const hmac = (key: Buffer, text: Buffer, length: number): string =>
  createHmac('sha256', key).update(text).digest('hex').slice(0, length);

/** A maker that writes the first characters of the HMAC, and says how many it made. */
function countingMaker(key: Buffer, length: number): SlotMaker & { made: number } {
  const counting = {
    made: 0,
    fill: (_: typeof arena, entries: number, wanted: number, gathers = arena.gathers) => {
      for (let at = gathers >> 2; at < (gathers + entries * gatherEntryBytes) >> 2; at += gatherEntryBytes >> 2) {
        const [source, bytes, slot, second, of] = arena.words.subarray(at, at + 5) as unknown as [
          number,
          number,
          number,
          number,
          number,
        ];
        if (of !== wanted) continue;
        counting.made += 1;
        const token = hmac(key, arena.bytes.subarray(source, source + bytes), length > 0 ? length : bytes);
        for (const to of [slot, second]) if (to !== 0) arena.bytes.write(token, to, 'latin1');
      }
    },
  };
  return counting;
}

/** Lines of the table that hold something. */
function lines(): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < table.length; at += recallSpace.lineBytes) {
    const line = table.subarray(at, at + recallSpace.lineBytes);
    if (line.some((byte) => byte !== 0)) found.push(line);
  }
  return found;
}

beforeEach(() => {
  table.fill(0);
});

describe('a text that came before', () => {
  test('is not made again, and gets the same result in both of its slots', () => {
    const key = randomBytes(32);
    const inner = countingMaker(key, 32);
    const maker = recallingMaker(arena, inner, 32);
    const known = Array.from({ length: 60 }, (_, length) => randomBytes(length));
    for (const [round, made] of [60, 60].entries()) {
      const run = layOut(
        arena,
        texts(known).map((request, index) => ({ ...request, twice: (index + round) % 3 === 0 })),
        () => 32,
      );
      maker.fill(arena, run.entries, field);
      expect(run.output()).toBe(run.expected(field, (text) => hmac(key, text, 32)));
      expect(inner.made).toBe(made);
      run.dismiss();
    }
  });

  test('has a result of any length up to 48, and longer ones are made each time', () => {
    for (let length = 1; length <= 64; length += 1) {
      const key = randomBytes(32);
      const inner = countingMaker(key, length);
      const maker = recallingMaker(arena, inner, length);
      const known = [randomBytes(18), randomBytes(7), randomBytes(0)];
      for (let round = 0; round < 2; round += 1) {
        const run = layOut(arena, texts(known), () => length);
        maker.fill(arena, run.entries, field);
        expect(run.output()).toBe(run.expected(field, (text) => hmac(key, text, length)));
      }
      expect(inner.made).toBe(length <= recallSpace.resultBytesMax ? 3 : 6);
    }
  });

  test('has a result as long as itself where the maker says so', () => {
    const key = randomBytes(32);
    const inner = countingMaker(key, 0);
    const maker = recallingMaker(arena, inner, 0);
    const known = Array.from({ length: 64 }, (_, length) => randomBytes(length));
    for (let round = 0; round < 2; round += 1) {
      const run = layOut(arena, texts(known), ({ length }) => length);
      maker.fill(arena, run.entries, field);
      expect(run.output()).toBe(run.expected(field, (text) => hmac(key, text, text.length)));
    }
    expect(inner.made).toBe(64 + 64 - 49);
  });

  test('is told from texts that differ in their last byte, in a zero byte at the end, or in what stands behind them', () => {
    const key = randomBytes(32);
    const maker = recallingMaker(arena, countingMaker(key, 32), 32);
    const one = Buffer.from('330106199003071234');
    for (let round = 0; round < 3; round += 1) {
      const close = [one, Buffer.concat([one, Buffer.alloc(1)]), one.subarray(0, 17), Buffer.from('330106199003071235')];
      const run = layOut(arena, texts([...close, ...Array.from({ length: 17 }, (_, length) => Buffer.alloc(length))]), () => 32);
      // What follows a text is of no matter.
      for (let entry = 0; entry < run.entries; entry += 1) {
        const at = (arena.gathers + entry * gatherEntryBytes) >> 2;
        randomBytes(3).copy(arena.bytes, (arena.words[at] as number) + (arena.words[at + 1] as number));
      }
      maker.fill(arena, run.entries, field);
      expect(run.output()).toBe(run.expected(field, (text) => hmac(key, text, 32)));
    }
  });
});

for (const [name, maker, text] of [
  ['hmac-sm3', (key: Buffer) => tokenMaker(arena, 'hmac-sm3', key, 32), () => randomBytes(18)],
  ['sm4-cmac', (key: Buffer) => tokenMaker(arena, 'sm4-cmac', key, 32), () => randomBytes(18)],
  ['hmac-sha256', (key: Buffer) => tokenMaker(arena, 'hmac-sha256', key, 40), () => randomBytes(18)],
  [
    'FF1 over SM4',
    (key: Buffer) => formatMaker(arena, { cipher: 'sm4', first: 3, check: 'none' }, key, Buffer.from('phone')),
    () => Buffer.from(`138${randomInt(10_000_000, 99_999_999)}`),
  ],
] as const)
  test(`${name}: thousands of texts that come again and again in runs of any size are as without the table`, () => {
    const key = randomBytes(32);
    const few = Array.from({ length: 3_000 }, text);
    const again = maker(key);
    for (const count of [3_000, 1, 7, 2 * textsOfStep + 5, 900, textsOfStep]) {
      const wanted = Array.from({ length: count }, () => few[Math.floor(few.length * Math.random() ** 3)] as Buffer);
      const length = (of: Buffer): number => (name.startsWith('FF1') ? of.length : name === 'hmac-sha256' ? 40 : 32);
      const fresh = layOut(arena, texts(wanted), length);
      const clean = Buffer.from(table);
      maker(key).fill(arena, fresh.entries, field);
      const expected = fresh.output();
      table.set(clean);
      const run = layOut(arena, texts(wanted), length);
      again.fill(arena, run.entries, field);
      expect(run.output()).toBe(expected);
    }
  });

test('more texts than the table holds push each other out, and every result is right', () => {
  const key = randomBytes(32);
  const maker = tokenMaker(arena, 'hmac-sm3', key, 8);
  const plainly = (text: Buffer): string => createHmac('sm3', key).update(text).digest('hex').slice(0, 8);
  const number = (of: number): Buffer => Buffer.from(`subject-${of}`);
  const most = 2 * recallSpace.sets * 2;
  for (let from = 0; from < most; from += 16_000) {
    // A third of each run came before, so that the maker goes on looking.
    const run = layOut(
      arena,
      texts(Array.from({ length: 24_000 }, (_, at) => number(at < 16_000 ? from + at : from + at - 16_000))),
      () => 8,
    );
    maker.fill(arena, run.entries, field);
    if (from % 64_000 === 0) expect(run.output()).toBe(run.expected(field, plainly));
    run.dismiss();
  }
  expect(lines().length).toBeGreaterThan(recallSpace.sets);
});

test('what one maker knows no other one does: another key, another length, the same key once more', () => {
  const keys = [randomBytes(32), randomBytes(32)] as const;
  const known = Array.from({ length: 50 }, () => randomBytes(18));
  const makers = [
    [keys[0], 32],
    [keys[1], 32],
    [keys[0], 20],
    [keys[0], 32],
  ] as const;
  for (const [key, length] of makers) {
    const inner = countingMaker(key, length);
    const maker = recallingMaker(arena, inner, length);
    for (let round = 0; round < 2; round += 1) {
      const run = layOut(arena, texts(known), () => length);
      maker.fill(arena, run.entries, field);
      expect(run.output()).toBe(run.expected(field, (text) => hmac(key, text, length)));
    }
    expect(inner.made).toBe(50);
  }
});

test('of a text, a key and what stands behind a slot nothing is kept', () => {
  const key = randomBytes(32);
  const maker = tokenMaker(arena, 'hmac-sha256', key, 33);
  const known = Array.from({ length: 100 }, () => randomBytes(18));
  const run = layOut(arena, texts(known), () => 33);
  maker.fill(arena, run.entries, field);
  run.dismiss();
  expect(residues(arena, [key, ...known.flatMap((text) => [text.subarray(0, 8), text.subarray(-8)])])).toEqual([]);
  expect(arena.bytes.subarray(work, work + recallSpace.bytes).every((byte) => byte === 0)).toBe(true);
  const kept = lines();
  for (const text of [key, ...known]) expect(table.includes(text.subarray(0, 8))).toBe(false);
  expect(kept).toHaveLength(100);
  for (const line of kept) {
    expect(line.toString('latin1', 16, 49)).toMatch(/^[0-9a-f]{33}$/u);
    expect(line.subarray(49).every((byte) => byte === 0)).toBe(true);
  }
});

test('nothing is kept of a run whose maker failed', () => {
  const failing = recallingMaker(
    arena,
    {
      fill: () => {
        throw new Error('a text was let through');
      },
    },
    32,
  );
  const run = layOut(arena, texts([randomBytes(18)]), () => 32);
  expect(() => failing.fill(arena, run.entries, field)).toThrow('let through');
  expect(lines()).toHaveLength(0);
  expect(arena.bytes.subarray(work, work + recallSpace.bytes).every((byte) => byte === 0)).toBe(true);
});

test('texts that hardly come again are made without being looked for, and later the maker tries again', () => {
  const key = randomBytes(32);
  const inner = countingMaker(key, 16);
  const maker = recallingMaker(arena, inner, 16);
  const fill = (of: readonly Buffer[]): void => {
    const run = layOut(arena, texts(of), () => 16);
    maker.fill(arena, run.entries, field);
    run.dismiss();
  };
  const distinct = (count: number): Buffer[] => Array.from({ length: count }, () => randomBytes(12));
  fill(distinct(8_192));
  expect(lines().length).toBeGreaterThan(7_500);
  const before = lines().length;
  const same = distinct(4_096);
  for (let round = 0; round < 32; round += 1) fill(same);
  expect(inner.made).toBe(8_192 + 32 * 4_096);
  expect(lines()).toHaveLength(before);
  fill(same);
  fill(same);
  // But for those that push each other out of a set.
  expect(inner.made).toBeGreaterThanOrEqual(8_192 + 33 * 4_096);
  expect(inner.made).toBeLessThan(8_192 + 33 * 4_096 + 41);
});

test('the tag is SipHash-2-4 with 128 bits: the vectors of its reference implementation', () => {
  // Key 00 to 0f, text 00, 01 and so on; of the last byte of the second half the kernel sets the lowest bit of the first.
  const vectors = ['a3817f04ba25a8e66df67214c7550293', 'da87c1d86b99af44347659119b22fc45'];
  const known = vectors.map((_, length) => Buffer.from([...Array(length).keys()]));
  const key = Buffer.from([...Array(16).keys()]);
  const inner: SlotMaker = { fill: () => undefined };
  const maker = recallingMaker(arena, inner, 16);
  const run = layOut(arena, texts(known), () => 16);
  const set = arena.words.set.bind(arena.words);
  const spied = Object.assign(arena.words, {
    set: (values: ArrayLike<number>, at: number) => {
      set(values, at);
      if (at === (work + recallSpace.key) >> 2) key.copy(arena.bytes, work + recallSpace.key);
    },
  });
  maker.fill(arena, run.entries, field);
  Reflect.deleteProperty(spied, 'set');
  const tags = lines().map((line) => line.toString('hex', 0, 16));
  const expected = vectors.map((vector) => {
    const bytes = Buffer.from(vector, 'hex');
    bytes[8] = (bytes[8] as number) | 1;
    return bytes.toString('hex');
  });
  expect(new Set(tags)).toEqual(new Set(expected));
});

test('results come from the table: one that was falsified there comes out false', () => {
  const key = randomBytes(32);
  const maker = tokenMaker(arena, 'hmac-sha256', key, 32);
  const once = layOut(arena, texts([randomBytes(18)]), () => 32);
  maker.fill(arena, once.entries, field);
  (lines()[0] as Buffer).fill('0', 16, 48);
  maker.fill(arena, once.entries, field);
  expect(once.output()).toBe(once.expected(field, () => '0'.repeat(32)));
});
