import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { DeliveredCounts } from './delivered-counts.ts';
import { lagSeconds } from './watch.ts';

describe('the lag of an agreement', () => {
  const now = 100_000;

  test('is the data plane behind the feed, or the receiver behind the governed stream, whichever is more', () => {
    expect(lagSeconds(0.5, 10, 10, 1_000, now)).toBe(0.5);
    expect(lagSeconds(0.5, 10, 9, 97_000, now)).toBe(3);
    expect(lagSeconds(8, 10, 9, 97_000, now)).toBe(8);
  });

  test('is unknown before the first record, and does not guess about a receiver that has told nothing', () => {
    expect(lagSeconds(undefined, 0, undefined, undefined, now)).toBeUndefined();
    expect(lagSeconds(0, 10, undefined, undefined, now)).toBe(0);
  });
});

describe('delivered records', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'sluice-counts-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test('are counted on over restarts, since receivers count from their own start', () => {
    const file = path.join(directory, 'delivered.json');
    const first = new DeliveredCounts(file);
    expect(first.of('a')).toBeUndefined();
    first.tell('a', 5);
    first.tell('a', 7);
    first.save();
    const second = new DeliveredCounts(file);
    expect(second.of('a')).toBe(7);
    second.tell('a', 1);
    expect(second.of('a')).toBe(8);
  });

  test('begin at nothing when the file is damaged', () => {
    const file = path.join(directory, 'damaged.json');
    writeFileSync(file, '{"a":');
    expect(new DeliveredCounts(file).of('a')).toBeUndefined();
  });
});
