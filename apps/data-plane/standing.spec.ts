/** The standings of a partition, played through: whatever is suspended, fails, crashes or comes back, each agreement has each record once and in order. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { unreadableOnce } from './owned-partitions.ts';
import type { Standing, Taker } from './standing.ts';
import { joinGapRecordsMax, PartitionBook } from './standing.ts';

const agreements = ['a', 'b', 'c'] as const;
type Agreement = (typeof agreements)[number];

/** Begins a transaction in which an agreement is read alone up to so many offsets, or ends the one that is under way as its fate says. */
interface Alone {
  readonly do: 'apart';
  readonly who: Agreement;
  readonly most: number;
  readonly fate: Fate;
}

type Step =
  /** So many records are published. */
  | { readonly do: 'publish'; readonly count: number }
  /**
   * The others read up to so many offsets; `fate` says what becomes of the transaction. Agreements apart go on while it reads, and after it has
   * said what it writes.
   */
  | {
      readonly do: 'others';
      readonly most: number;
      readonly fate: Fate;
      readonly failing: Agreement | undefined;
      readonly reading: readonly Alone[];
      readonly ending: readonly Alone[];
    }
  | Alone
  | { readonly do: 'suspend' | 'resume'; readonly who: Agreement }
  /** The process ends and begins again. */
  | { readonly do: 'crash' };
/** Committed; taken back; or committed, and the process does not live to know it. */
type Fate = 'committed' | 'aborted' | 'lost';

const who = fc.constantFrom(...agreements);
const fate: fc.Arbitrary<Fate> = fc.constantFrom('committed', 'committed', 'committed', 'aborted', 'lost');
const most = fc.oneof(fc.nat(50), fc.nat(30_000));
const alone = fc.record({ do: fc.constant('apart' as const), who, most, fate });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('publish' as const), count: most }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('others' as const),
      most,
      fate,
      failing: fc.option(who, { nil: undefined, freq: 6 }),
      reading: fc.array(alone, { maxLength: 3 }),
      ending: fc.array(alone, { maxLength: 3 }),
    }),
  },
  { weight: 6, arbitrary: alone },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('suspend' as const), who }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('resume' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
);

type Changes = Iterable<readonly [string, Standing | null]>;
/** What a transaction has sent to the topic of positions; it counts once it is committed, in the place where it stands. */
interface Sent {
  readonly changes: Changes;
  committed: boolean;
}

/** What Kafka has, and what each agreement was given of it. */
class World {
  end = 0n;
  next = 0n;
  readonly log: Sent[] = [];
  readonly open = new Map<
    string,
    { readonly from: bigint; readonly after: Extract<Standing, { kind: 'apart' }>; readonly sent: Sent }
  >();
  readonly live = new Set<string>(agreements);
  /** The next offset that each has not had. */
  readonly had = new Map<string, bigint>(agreements.map((agreement) => [agreement, 0n]));
  /** Whose output failed: they go on alone until it has taken something. */
  readonly outputFailed = new Set<string>();
  readonly faults: string[] = [];
  book: PartitionBook;

  constructor(
    readonly bookOf: (place: ConstructorParameters<typeof PartitionBook>[0]) => PartitionBook = (place) =>
      new PartitionBook(place),
  ) {
    this.book = bookOf({ next: 0n });
    this.settle();
  }

  settle(): void {
    for (const agreement of agreements) {
      if (!this.book.standings.has(agreement)) this.book.begin(agreement, this.book.next);
      if (!this.live.has(agreement)) this.book.part(agreement);
    }
  }

  /** Offsets [from, to) are committed for an agreement. */
  give(agreement: string, from: bigint, to: bigint): void {
    if (to <= from) return;
    const next = this.had.get(agreement) ?? 0n;
    if (from !== next) this.faults.push(`${agreement} was given ${from} to ${to} and had all before ${next}`);
    this.had.set(agreement, to);
  }

  send(changes: Changes): Sent {
    const sent = { changes, committed: false };
    this.log.push(sent);
    return sent;
  }

  begin(): void {
    this.open.clear();
    this.outputFailed.clear();
    const standings = new Map<string, Standing>();
    for (const { changes, committed } of this.log) {
      if (!committed) continue;
      for (const [agreement, standing] of changes) {
        if (standing === null) standings.delete(agreement);
        else standings.set(agreement, standing);
      }
    }
    this.book = this.bookOf({ next: this.next, standings });
    this.settle();
  }

  others(step: Extract<Step, { do: 'others' }>): void {
    const { book } = this;
    this.settle();
    const unwritten = book.unwritten();
    if (unwritten.size > 0) {
      this.send([...unwritten]).committed = true;
      this.next = book.next;
      for (const [agreement, standing] of unwritten) book.committedApart(agreement, standing);
    }
    book.join(this.live);
    const { position, takers } = book.takers(this.live);
    if (takers.length === 0) return;
    for (const one of step.reading) this.apart(one);
    // A process that has ended ends this too.
    if (this.book !== book) return;
    if (step.failing !== undefined && takers.some(({ agreement }) => agreement === step.failing)) {
      book.joining.delete(step.failing);
      book.part(step.failing);
      this.outputFailed.add(step.failing);
      return;
    }
    const to = position + BigInt(step.most) < this.end ? position + BigInt(step.most) : this.end;
    if (to <= position) return;
    const { next, changes } = book.after(to, takers);
    const sent = this.send([...changes]);
    for (const one of step.ending) this.apart(one);
    if (this.book !== book || step.fate === 'aborted') return;
    for (const { agreement, from } of takers) this.give(agreement, from > position ? from : position, to);
    this.next = next;
    sent.committed = true;
    if (step.fate === 'lost') this.begin();
    else book.commit(next, changes);
  }

  apart({ who: agreement, most: count, fate: what }: Alone): void {
    const open = this.open.get(agreement);
    if (open !== undefined) {
      this.open.delete(agreement);
      if (what === 'aborted') return;
      this.give(agreement, open.from, open.after.next);
      this.outputFailed.delete(agreement);
      open.sent.committed = true;
      if (what === 'lost') this.begin();
      else this.book.committedApart(agreement, open.after);
      return;
    }
    const standing = this.live.has(agreement) ? this.book.alone(agreement, 1) : undefined;
    if (standing === undefined) return;
    if (!this.outputFailed.has(agreement) && this.book.near(agreement)) {
      this.book.joining.add(agreement);
      return;
    }
    const to = standing.next + BigInt(count) < this.end ? standing.next + BigInt(count) : this.end;
    if (to <= standing.next) return;
    const after = { ...standing, next: to };
    this.open.set(agreement, { from: standing.next, after, sent: this.send([[agreement, after]]) });
  }

  play(steps: readonly Step[]): void {
    for (const one of steps) {
      if (one.do === 'publish') this.end += BigInt(one.count);
      else if (one.do === 'others') this.others(one);
      else if (one.do === 'apart') this.apart(one);
      else if (one.do === 'crash') this.begin();
      else if (one.do === 'suspend') this.live.delete(one.who);
      else this.live.add(one.who);
    }
  }

  /** Everybody is live, there is something to read, and nothing fails from now on. */
  rest(): void {
    this.end += 1n;
    for (const agreement of agreements) this.live.add(agreement);
    for (let round = 0; round < 40; round += 1) {
      for (const agreement of agreements) this.apart({ do: 'apart', who: agreement, most: 1_000_000, fate: 'committed' });
      this.others({ do: 'others', most: 1_000_000, fate: 'committed', failing: undefined, reading: [], ending: [] });
    }
    this.settle();
    this.book.join(this.live);
  }
}

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
        expect([...world.book.standings.values()].every(({ kind }) => kind === 'joined')).toBe(true);
      }),
      { seed: 20_261_124, numRuns: 3_000 },
    );
    // The plays are not all the same easy one.
    expect(seen.apart).toBeGreaterThan(500);
    expect(seen.rewound).toBeGreaterThan(100);
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
  ])('are found wrong when %s (planted)', (_fault, Faulty) => {
    const planted = fc.check(
      fc.property(steps, (given) => {
        const world = new World((place) => new Faulty(place));
        world.play(given);
        world.rest();
        return world.faults.length === 0 && [...world.had.values()].every((next) => next === world.end);
      }),
      { seed: 20_261_124, numRuns: 2_000 },
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

  test('what nobody could read is remembered while somebody apart has still to come by it', () => {
    const head = new Uint8Array(32);
    const book = new PartitionBook({ next: 50n, unreadable: [10n, 20n] });
    expect(book.unreadableAfter([55n])).toEqual([]);
    book.standings.set('a', { kind: 'apart', next: 15n, head });
    book.standings.set('b', { kind: 'apart', next: 40n, head });
    expect(book.unreadableAfter([55n])).toEqual([20n, 55n]);
    expect(book.unreadableAfter([55n], new Map([['a', { kind: 'joined', from: 60n }]]))).toEqual([55n]);
    book.keepUnreadable([20n, 55n]);
    expect([...book.unreadable]).toEqual([20n, 55n]);
    book.forget('a');
    book.forget('b');
    expect(book.unreadableAfter([])).toEqual([]);
  });

  test('of two transactions that come by what nobody can read, the one that commits first has it, and the other begins again', () => {
    const once = unreadableOnce(new Map([[3, new PartitionBook({ next: 50n })]]));
    const claim = (...offsets: bigint[]) => once.claim(new Map([[3, offsets]]));
    const first = claim(10n, 20n);
    expect([typeof first, claim(20n, 30n), typeof claim(30n), once.has(3, 20n)]).toEqual([
      'function',
      undefined,
      'function',
      false,
    ]);
    first?.(false);
    const second = claim(20n);
    second?.(true);
    expect([once.has(3, 10n), once.has(3, 20n), claim(20n), typeof claim(10n)]).toEqual([false, true, undefined, 'function']);
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
