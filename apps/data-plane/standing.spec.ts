/**
 * The standings of a partition, played through: whatever is suspended, fails, crashes or comes back, each agreement has each record once and in order, and what
 * nobody can read is in quarantine once.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { agreements, badIn, step, World } from './standing-fixture.ts';
import type { Apart, Standing, Taker } from './standing.ts';
import { joinGapRecordsMax, PartitionBook } from './standing.ts';
import { unreadableOnce } from './unreadable-once.ts';

describe('the standings of a partition', () => {
  const steps = fc.array(step, { minLength: 1, maxLength: 60 });

  test('give each agreement each record once and in order, and in the end all of them stand together', () => {
    const seen = { apart: 0, rewound: 0 };
    fc.assert(
      fc.property(steps, (given) => {
        const world = new World();
        world.play(given);
        for (const standing of world.book.standings.values()) if (standing.kind === 'apart') seen.apart += 1;
        if (world.book.joining.size > 0) seen.rewound += 1;
        world.rest();
        expect(world.faults).toEqual([]);
        expect([...world.had.values()]).toEqual(agreements.map(() => world.end));
        expect(world.quarantined.size).toBe(badIn(0n, world.end).length);
        expect([...world.book.standings.values()].every(({ kind }) => kind === 'joined')).toBe(true);
      }),
      { seed: 20_261_124, numRuns: 20_000 },
    );
    // The plays are not all the same easy one.
    expect(seen.apart).toBeGreaterThan(3_000);
    expect(seen.rewound).toBeGreaterThan(700);
  });

  test.each([
    [
      'one that is suspended is not written down before the others go on',
      class extends PartitionBook {
        override part(): void {
          // Nothing is noted.
        }
      },
    ],
    [
      'one that comes near while the others read counts as taken along by what they were reading',
      class extends PartitionBook {
        override after(position: bigint, takers: readonly Taker[]): ReturnType<PartitionBook['after']> {
          const joining = [...this.joining].map((agreement) => ({ agreement, from: 0n }));
          return super.after(position, [...takers, ...joining]);
        }
      },
    ],
    [
      'one is served alone while the others still write where it stands',
      class extends PartitionBook {
        override alone(agreement: string): ReturnType<PartitionBook['alone']> {
          const standing = this.standings.get(agreement);
          return standing?.kind === 'apart' && !this.joining.has(agreement) ? standing : undefined;
        }
        override unwritten(): ReturnType<PartitionBook['unwritten']> {
          return new Map();
        }
      },
    ],
    [
      'what one puts into quarantine before the others have come by is forgotten when it is committed',
      class extends PartitionBook {
        override toCome(offsets: Iterable<bigint>, _next?: bigint, changes?: ReadonlyMap<string, Standing | null>): bigint[] {
          return super.toCome(offsets, 2n ** 62n, changes);
        }
      },
    ],
    [
      'what one puts into quarantine before the others have come by is not written with its standing',
      class extends PartitionBook {
        override withUnreadable(_agreement: string, after: Apart): Apart {
          return after;
        }
      },
    ],
    [
      'what may be in quarantine is put there by another, before it is known',
      class extends PartitionBook {
        override readonly claimed = new (class extends Map<bigint, string> {
          override set(): this {
            return this;
          }
        })();
      },
    ],
    [
      'nothing in quarantine is remembered while somebody is behind',
      class extends PartitionBook {
        override toCome(): bigint[] {
          return [];
        }
      },
    ],
  ])('are found wrong when %s (planted)', (_fault, Faulty) => {
    const planted = fc.check(
      fc.property(steps, (given) => {
        const world = new World((place) => new Faulty(place));
        world.play(given);
        world.rest();
        return world.faults.length === 0 && [...world.had.values()].every((next) => next === world.end);
      }),
      { seed: 20_261_124, numRuns: 60_000 },
    );
    expect(planted.failed).toBe(true);
  });

  test('an agreement that begins behind the others is apart, one that begins before them waits for them', () => {
    const book = new PartitionBook({ next: 1_000_000n });
    book.begin('behind', 5n);
    book.begin('ahead', 1_000_100n);
    const live = new Set(['behind', 'ahead']);
    expect(book.standings.get('behind')).toMatchObject({ kind: 'apart', next: 5n });
    expect(book.takers(live)).toEqual({ position: 1_000_000n, takers: [{ agreement: 'ahead', from: 1_000_100n }] });
    expect(book.near('behind')).toBe(false);
    book.committedApart('behind', { kind: 'apart', next: 1_000_000n - joinGapRecordsMax, head: new Uint8Array(32) });
    expect(book.near('behind')).toBe(true);
  });

  test('one that waits for an operator is not taken along', () => {
    const book = new PartitionBook({
      next: 10n,
      standings: new Map([['lost', { kind: 'apart', next: 5n, head: new Uint8Array(32), gap: true }]]),
    });
    expect(book.near('lost')).toBe(false);
  });

  test('one that is apart again goes on with the chain of its Receipts', () => {
    const [book, head] = [new PartitionBook({ next: 100n }), new Uint8Array(32).fill(7)];
    book.begin('late', 0n);
    book.committedApart('late', { kind: 'apart', next: 100n, head });
    book.joining.add('late');
    book.join(new Set(['late']));
    expect(book.standings.get('late')?.kind).toBe('joined');
    book.part('late');
    expect(book.standings.get('late')).toEqual({ kind: 'apart', next: 100n, head });
    const { changes } = book.after(100n, []);
    book.commit(100n, changes);
    book.joining.add('late');
    const along = book.after(120n, [{ agreement: 'late', from: 100n }]);
    expect(along.changes.get('late')).toEqual({ kind: 'joined', from: 120n, head });
  });

  test('what nobody could read is remembered while anybody has still to come by it, apart or with the others', () => {
    const head = new Uint8Array(32);
    const book = new PartitionBook({ next: 50n, unreadable: [10n, 20n] });
    expect(book.toCome([10n, 55n])).toEqual([]);
    book.standings.set('a', { kind: 'apart', next: 15n, head });
    book.standings.set('b', { kind: 'apart', next: 40n, head });
    expect(book.toCome([10n, 20n, 55n])).toEqual([20n, 55n]);
    expect(book.toCome([20n, 55n], 50n, new Map([['a', { kind: 'joined', from: 60n }]]))).toEqual([55n]);
    book.forget('a');
    book.committedApart('b', book.withUnreadable('b', { kind: 'apart', next: 80n, head }, [60n, 70n]));
    // Nobody else has to come by.
    expect([book.standings.get('b'), [...book.unreadable]]).toEqual([{ kind: 'apart', next: 80n, head }, []]);
    book.begin('c', 65n);
    const after = book.withUnreadable('b', { kind: 'apart', next: 90n, head, unreadable: [40n, 70n] }, [85n]);
    expect(after.unreadable).toEqual([70n, 85n]);
    book.committedApart('b', after);
    expect([...book.unreadable]).toEqual([70n, 85n]);
    expect([...new PartitionBook({ next: 50n, standings: book.standings }).unreadable]).toEqual([70n, 85n]);
    book.commit(75n, new Map());
    expect([...book.unreadable]).toEqual([85n]);
  });

  test('of two transactions that come by what nobody can read, the one that commits first has it, and the other begins again', () => {
    const books = new Map([[3, new PartitionBook({ next: 50n })]]);
    const once = unreadableOnce(books, '');
    const claim = (...offsets: bigint[]) => once.claim(new Map([[3, offsets]]));
    const first = claim(10n, 20n);
    expect([typeof first, claim(20n, 30n), typeof claim(30n), once.has(3, 20n, 0n)]).toEqual([
      'function',
      undefined,
      'function',
      false,
    ]);
    first?.('not-committed');
    const second = claim(20n);
    second?.('committed');
    expect([once.has(3, 10n, 0n), once.has(3, 20n, 0n), claim(20n), typeof claim(10n)]).toEqual([
      false,
      true,
      undefined,
      'function',
    ]);
  });

  test('where it is not known whether a transaction was committed, nobody else has what it came by before its reader has found out', () => {
    const books = new Map([[3, new PartitionBook({ next: 50n })]]);
    const [others, apart] = [unreadableOnce(books, ''), unreadableOnce(books, 'apart')];
    apart.claim(new Map([[3, [10n]]]))?.('not-known');
    expect(others.claim(new Map([[3, [10n]]]))).toBeUndefined();
    others.release();
    expect(others.claim(new Map([[3, [10n]]]))).toBeUndefined();
    apart.release();
    expect(others.claim(new Map([[3, [10n]]]))).toBeDefined();
  });

  test('what was found in quarantine counts for a record of that time alone, while somebody has still to come by it', () => {
    const head = new Uint8Array(32);
    const book = new PartitionBook({ next: 100n });
    const once = unreadableOnce(new Map([[3, book]]), '');
    book.begin('late', 10n);
    for (const offset of [5n, 20n, 30n]) book.quarantined.set(offset, 1_700_000_000_000n);
    expect([once.has(3, 20n, 1_700_000_000_000n), once.has(3, 20n, 1_800_000_000_000n)]).toEqual([true, false]);
    expect([once.has(3, 21n, 1_700_000_000_000n), once.has(4, 20n, 1_700_000_000_000n)]).toEqual([false, false]);
    book.committedApart('late', { kind: 'apart', next: 25n, head });
    expect([...book.quarantined.keys()]).toEqual([30n]);
    book.joining.add('late');
    book.commit(120n, new Map([['late', { kind: 'joined', from: 120n }]]));
    expect(book.quarantined.size).toBe(0);
  });

  test('one that is new, or far behind, is late: it may come by what this process has never heard of', () => {
    const head = new Uint8Array(32).fill(1);
    const book = new PartitionBook({ next: 100_000n });
    book.begin('new', 99_999n);
    book.begin('with the others', 100_000n);
    const late = (next: bigint): boolean => {
      book.committedApart('new', { kind: 'apart', next, head });
      return book.late('new');
    };
    expect([book.late('new'), book.late('with the others'), late(99_999n), late(1n)]).toEqual([true, false, false, true]);
  });

  test('a partition is settled while everybody is served with the others, all of it is written and none of it is missing', () => {
    const head = new Uint8Array(32);
    const joined = (): PartitionBook =>
      new PartitionBook({ next: 10n, standings: new Map([['a', { kind: 'joined', from: 0n }]]) });
    expect(joined().settled).toBe(true);
    const unsettling: readonly ((book: PartitionBook) => unknown)[] = [
      (book) => (book.gap = true),
      (book) => book.begin('b', 20n),
      (book) => book.standings.set('b', { kind: 'apart', next: 5n, head }),
      (book) => book.joining.add('a'),
    ];
    for (const unsettle of unsettling) {
      const book = joined();
      unsettle(book);
      expect(book.settled).toBe(false);
    }
  });
});
