/** Policies that write much more than they read: refused as too large on both engines, and nothing of it stays in the arena. */
import { describe, expect, test } from '@jest/globals';
import { sharedArena } from '../records/index.ts';
import { field, governed, record, rule } from './both-engines-fixture.ts';

const constant = 'QZQZ'.repeat(1_000);
const names = Array.from({ length: 15 }, (_, index) => `c${index}`);
const constants = (path: string) => rule('constant', { value: constant }, ...names.map((name) => `${path}/${name}`));
const full = names.map((name) => field(name, 'null'));
const nothing = Object.fromEntries(names.map((name) => [name, null]));
const staysInArena = (): boolean => sharedArena().bytes.includes('QZQZ');

describe('a record that grows beyond the largest', () => {
  test('in the items of an array that takes hardly a byte', () => {
    const schema = record('R', field('items', { type: 'array', items: record('Item', ...full) }));
    const rules = [constants('/items[]')];
    const items = (count: number): unknown => ({ items: Array.from({ length: count }, () => nothing) });
    const [small, large] = governed({ schema, rules }, items(3), items(9_000));
    expect(small).toMatchObject({ items: [{ c0: constant }, {}, {}] });
    expect(large).toMatch(/output-too-large/);
    expect(staysInArena()).toBe(false);
  });

  test('at every depth of a record that contains itself, with what grows before what is deeper and behind it', () => {
    for (const deeper of [0, full.length]) {
      const next = field('next', ['null', 'R'], { default: null });
      const schema = record('R', ...full.slice(0, deeper), next, ...full.slice(deeper));
      const rules = [constants('')];
      const list = (depth: number): unknown => ({ ...nothing, next: depth === 0 ? null : list(depth - 1) });
      const [small, large] = governed({ schema, rules }, list(2), list(30));
      expect(small).toMatchObject({ c14: constant, next: { next: { c0: constant } } });
      expect(large).toMatch(/output-too-large/);
      expect(staysInArena()).toBe(false);
    }
  });
});
