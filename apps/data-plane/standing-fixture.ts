/** A play in which agreements on a partition are suspended, fail, crash and come back, and what each has of it in the end. */
import fc from 'fast-check';
import type { Apart, Standing } from './standing.ts';
import { PartitionBook } from './standing.ts';
import type { UnreadableOnce } from './unreadable-once.ts';
import { unreadableOnce } from './unreadable-once.ts';

export const agreements = ['a', 'b', 'c'] as const;
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
/**
 * Committed; taken back; committed, and whoever asked is not told, and finds out at once or (unsure) later; not committed, and not told either; or committed, and
 * the process does not live to know it.
 */
type Fate = 'committed' | 'aborted' | 'untold' | 'unsure' | 'failed' | 'lost';

const who = fc.constantFrom(...agreements);
const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 5, arbitrary: fc.constant('committed' as const) },
  { weight: 4, arbitrary: fc.constantFrom<Fate>('aborted', 'untold', 'unsure', 'failed', 'lost') },
);
const most = fc.oneof(fc.nat(50), fc.nat(30_000));
const alone = fc.record({ do: fc.constant('apart' as const), who, most, fate });
export const step: fc.Arbitrary<Step> = fc.oneof(
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

/** Offsets of records that nobody can read: many at first, where plays are short, and then few. */
export function badIn(from: bigint, to: bigint): bigint[] {
  const found: bigint[] = [];
  for (let offset = from; offset < to && offset < 400n; offset += 1n) if (offset % 7n === 0n) found.push(offset);
  const first = from < 400n ? 400n : from;
  for (let offset = ((first + 1_008n) / 1_009n) * 1_009n; offset < to; offset += 1_009n) found.push(offset);
  return found;
}

/** What Kafka has, and what each agreement was given of it. */
export class World {
  end = 0n;
  next = 0n;
  readonly log: Sent[] = [];
  readonly open = new Map<
    string,
    { readonly from: bigint; readonly after: Apart; readonly found: readonly bigint[]; readonly sent: Sent }
  >();
  /** Committed with `next`. */
  unreadable: readonly bigint[] = [];
  readonly quarantined = new Set<bigint>();
  readonly live = new Set<string>(agreements);
  /** The next offset that each has not had. */
  readonly had = new Map<string, bigint>(agreements.map((agreement) => [agreement, 0n]));
  /** Agreements apart of which it is not known what was committed last. */
  readonly unsure = new Set<string>();
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

  /** What a transaction that reads these offsets would put into quarantine. */
  find(from: bigint, to: bigint): bigint[] {
    return badIn(from, to).filter((offset) => !this.book.unreadable.has(offset));
  }

  once(who: string): UnreadableOnce {
    return unreadableOnce(new Map([[0, this.book]]), who);
  }

  /** False when it does not get there: another transaction was first with it, or this one is not committed after all. */
  quarantine(who: string, found: readonly bigint[], fate: Fate): boolean {
    const done = this.once(who).claim(new Map([[0, found]]));
    done?.(fate === 'committed' ? 'committed' : 'not-known');
    if (done === undefined || fate === 'failed') return false;
    for (const offset of found) if (this.quarantined.has(offset)) this.faults.push(`${offset} is in quarantine twice`);
    for (const offset of found) this.quarantined.add(offset);
    return true;
  }

  standings(): Map<string, Standing> {
    const standings = new Map<string, Standing>();
    for (const { changes, committed } of this.log) {
      if (!committed) continue;
      for (const [agreement, standing] of changes) {
        if (standing === null) standings.delete(agreement);
        else standings.set(agreement, standing);
      }
    }
    return standings;
  }

  send(changes: Changes): Sent {
    const sent = { changes, committed: false };
    this.log.push(sent);
    return sent;
  }

  begin(): void {
    this.open.clear();
    this.unsure.clear();
    this.outputFailed.clear();
    this.book = this.bookOf({ next: this.next, standings: this.standings(), unreadable: this.unreadable });
    this.settle();
  }

  others(step: Extract<Step, { do: 'others' }>): void {
    const { book } = this;
    this.settle();
    const unwritten = book.unwritten();
    if (unwritten.size > 0) {
      this.send([...unwritten]).committed = true;
      this.next = book.next;
      this.unreadable = [...book.unreadable];
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
    const found = this.find(position, to);
    const { next, changes } = book.after(to, takers);
    const sent = this.send([...changes]);
    const unreadable = book.toCome([...book.unreadable, ...found], next, changes);
    for (const one of step.ending) this.apart(one);
    if (this.book !== book || step.fate === 'aborted') return;
    if (!this.quarantine('', found, step.fate)) {
      if (step.fate === 'failed') this.begin();
      return;
    }
    this.unreadable = unreadable;
    for (const { agreement, from } of takers) this.give(agreement, from > position ? from : position, to);
    this.next = next;
    sent.committed = true;
    if (step.fate === 'committed') book.commit(next, changes);
    else this.begin();
  }

  apart({ who: agreement, most: count, fate: what }: Alone): void {
    const open = this.open.get(agreement);
    if (open !== undefined) {
      this.open.delete(agreement);
      if (what === 'aborted') return;
      if (what === 'untold' || what === 'unsure' || what === 'failed') this.unsure.add(agreement);
      if (!this.quarantine(agreement, open.found, what)) return;
      this.give(agreement, open.from, open.after.next);
      this.outputFailed.delete(agreement);
      open.sent.committed = true;
      if (what === 'lost') this.begin();
      else if (what === 'committed') this.book.committedApart(agreement, open.after);
      else if (what === 'untold') this.findOut(agreement);
      return;
    }
    this.findOut(agreement);
    const standing = this.live.has(agreement) ? this.book.alone(agreement, 1) : undefined;
    if (standing === undefined) return;
    if (!this.outputFailed.has(agreement) && this.book.near(agreement)) {
      this.book.joining.add(agreement);
      return;
    }
    const to = standing.next + BigInt(count) < this.end ? standing.next + BigInt(count) : this.end;
    if (to <= standing.next) return;
    const found = this.find(standing.next, to);
    const after = this.book.withUnreadable(agreement, { ...standing, next: to }, found);
    this.open.set(agreement, { from: standing.next, after, found, sent: this.send([[agreement, after]]) });
  }

  /** Where it stands is read again. */
  findOut(agreement: string): void {
    if (!this.unsure.delete(agreement)) return;
    const standing = this.standings().get(agreement);
    if (standing?.kind === 'apart') this.book.committedApart(agreement, standing);
    this.once(agreement).release();
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
