/** Where each agreement stands on one input partition: with the others, or apart at an offset of its own. Pure; what changes is written by the caller. */
import { chainStart } from '../../libs/ledger/index.ts';

export type Standing =
  /** Served with the others, from this raw offset on. `head` is that of its own chain of Receipts, where it was apart before: the chain goes on if it is again. */
  | { readonly kind: 'joined'; readonly from: bigint; readonly head?: Uint8Array }
  /** Not served with the others: suspended, behind, or its output failed. `next` is the raw offset that it has not had yet. */
  | {
      readonly kind: 'apart';
      readonly next: bigint;
      /** Of its own chain of Receipts. */
      readonly head: Uint8Array;
      /** Not served at all until its directive has a higher revision than this. */
      readonly heldRevision?: number;
      /** The topic no longer has `next`; an operator decides how to go on. */
      readonly gap?: boolean;
      /** Offsets of what nobody could read that it put into quarantine and that others have still to come by, in ascending order. */
      readonly unreadable?: readonly bigint[];
    };

export type Apart = Extract<Standing, { kind: 'apart' }>;

/** A live agreement that is served with the others now, and the first offset that it takes. */
export interface Taker {
  readonly agreement: string;
  readonly from: bigint;
}

/** Agreement to standing; null for one that has ended. */
type Changes = ReadonlyMap<string, Standing | null>;
const none: Changes = new Map();

/** Of so many offsets a partition knows that nobody could read what is there, while somebody has still to come by. */
const unreadableMax = 10_000;
/** So many of them are written with a standing: a record of the topic of positions. */
export const unreadableKeptMax = 1_000;

/** So near behind the others an agreement is taken along again: they read these records once more, and only for it. */
export const joinGapRecordsMax = 10_000n;

/** One input partition of a dataset as its worker knows it: what is committed, and nothing else. */
export class PartitionBook {
  /** The next raw offset for the agreements that are joined. */
  next: bigint;
  /** Of the chain of Receipts of those. */
  head: Uint8Array;
  /** Set when the topic no longer has `next`. */
  gap: boolean;
  readonly standings: Map<string, Standing>;
  /**
   * Agreements whose standing must be written before, or with, the next change of `next`. One that stands apart is not served alone before: two
   * transactions at once would write its standing, and the earlier might be read last.
   */
  readonly changed = new Set<string>();
  /**
   * Agreements apart that are near enough: the reader of their own has let them go, and the others take them along from their next transaction on.
   * They come in while a transaction of the others is under way, so that one goes by who its takers were when it began.
   */
  readonly joining = new Set<string>();
  /**
   * Offsets of what nobody could read that is in quarantine already and that somebody has still to come by, apart or with the others: it is put there once for
   * all. In ascending order as far as one transaction wrote them.
   */
  readonly unreadable: Set<bigint>;
  /** The same as it was read in quarantine: offset to the record's time. */
  readonly quarantined = new Map<bigint, bigint>();
  /** Offsets like these that a transaction is about to put into quarantine, or may have: whose it is. */
  readonly claimed = new Map<bigint, string>();

  constructor(place: {
    readonly next: bigint;
    readonly head?: Uint8Array;
    readonly gap?: boolean;
    readonly standings?: ReadonlyMap<string, Standing>;
    readonly unreadable?: readonly bigint[];
  }) {
    this.next = place.next;
    this.head = place.head ?? chainStart;
    this.gap = place.gap ?? false;
    this.standings = new Map(place.standings);
    this.unreadable = new Set(place.unreadable);
    for (const standing of this.standings.values()) this.#learn(standing);
  }

  /** Whether everybody is served with the others, and nothing of it waits to be written or to be looked at again. */
  get settled(): boolean {
    if (this.gap || this.changed.size > 0 || this.joining.size > 0) return false;
    for (const { kind } of this.standings.values()) if (kind !== 'joined') return false;
    return true;
  }

  /** An agreement is on this partition for the first time. */
  begin(agreement: string, from: bigint): void {
    const behind = from < this.next;
    this.#set(agreement, behind ? { kind: 'apart', next: from, head: chainStart } : { kind: 'joined', from });
  }

  /** An agreement is not served with the others any longer: they go on without it. */
  part(agreement: string, heldRevision?: number): void {
    const standing = this.standings.get(agreement);
    if (standing === undefined) return;
    this.joining.delete(agreement);
    const held = heldRevision === undefined ? {} : { heldRevision };
    if (standing.kind === 'joined') {
      this.#set(agreement, { kind: 'apart', next: larger(standing.from, this.next), head: standing.head ?? chainStart, ...held });
    } else if (heldRevision !== undefined) this.#set(agreement, { ...standing, ...held });
  }

  /** An agreement has ended. */
  forget(agreement: string): void {
    if (!this.standings.delete(agreement)) return;
    this.joining.delete(agreement);
    this.changed.add(agreement);
  }

  /** Where an agreement stands that may be served alone under a directive of this revision; undefined for any other. */
  alone(agreement: string, revision: number): Apart | undefined {
    const standing = this.standings.get(agreement);
    if (standing?.kind !== 'apart' || standing.gap === true || (standing.heldRevision ?? 0) >= revision) return undefined;
    return this.joining.has(agreement) || this.changed.has(agreement) ? undefined : standing;
  }

  /** Who came to stand apart, and it is not written yet. */
  unwritten(): ReadonlyMap<string, Apart> {
    const found = new Map<string, Apart>();
    for (const agreement of this.changed) {
      const standing = this.standings.get(agreement);
      if (standing?.kind === 'apart') found.set(agreement, standing);
    }
    return found;
  }

  /** Whether an agreement may come by what was put into quarantine before this book knew of it: it is new, or far behind. */
  late(agreement: string): boolean {
    const standing = this.standings.get(agreement);
    if (standing?.kind !== 'apart') return false;
    return Buffer.compare(standing.head, chainStart) === 0 || this.next - standing.next > joinGapRecordsMax;
  }

  /** Whether an agreement apart may be taken along by the others now. */
  near(agreement: string): boolean {
    const standing = this.standings.get(agreement);
    return standing?.kind === 'apart' && standing.gap !== true && !this.gap && this.next - standing.next <= joinGapRecordsMax;
  }

  /** Takes in those that have come up to the others: nothing needs to be read for them. It is written with what is written next. */
  join(live: ReadonlySet<string>): void {
    for (const agreement of this.joining) {
      const standing = this.standings.get(agreement);
      if (standing?.kind !== 'apart' || standing.next < this.next) continue;
      const others = [...this.standings].some(([other, { kind }]) => kind === 'joined' && live.has(other));
      if (!others) this.next = standing.next;
      this.joining.delete(agreement);
      this.#set(agreement, { kind: 'joined', from: standing.next, head: standing.head });
    }
  }

  /** Where the others read next, and who takes from where; `live` are the agreements that may be served at all. */
  takers(live: ReadonlySet<string>): { readonly position: bigint; readonly takers: readonly Taker[] } {
    const takers: Taker[] = [];
    let position: bigint | undefined;
    let joined = false;
    for (const [agreement, standing] of this.standings) {
      if (!live.has(agreement)) continue;
      if (standing.kind === 'joined') {
        joined = true;
        takers.push({ agreement, from: larger(standing.from, this.next) });
      } else if (this.joining.has(agreement)) {
        takers.push({ agreement, from: standing.next });
        if (position === undefined || standing.next < position) position = standing.next;
      }
    }
    // Without anybody who stands at `next`, nobody has to be led over what lies between.
    if (position === undefined || (joined && position > this.next)) position = this.next;
    return { position, takers };
  }

  /**
   * What the positions and standings are once a transaction is committed in which the others read up to `position` for these takers: the changes in
   * the order in which they are to be written. Nothing changes here before `commit`.
   */
  after(position: bigint, takers: readonly Taker[]): { readonly next: bigint; readonly changes: Changes } {
    const joined = takers.some(({ agreement }) => this.standings.get(agreement)?.kind === 'joined');
    const next = joined || takers.length === 0 ? larger(position, this.next) : position;
    const changes = new Map<string, Standing | null>();
    for (const agreement of this.changed) changes.set(agreement, this.standings.get(agreement) ?? null);
    for (const { agreement } of takers) {
      const standing = this.standings.get(agreement);
      if (standing?.kind !== 'apart' || !this.joining.has(agreement)) continue;
      const at = larger(position, standing.next);
      changes.set(agreement, at >= next ? { kind: 'joined', from: at, head: standing.head } : { ...standing, next: at });
    }
    return { next, changes };
  }

  /** A transaction with what `after` said is committed. */
  commit(next: bigint, changes: Changes, head?: Uint8Array): void {
    this.next = next;
    if (head !== undefined) this.head = head;
    for (const [agreement, standing] of changes) {
      this.changed.delete(agreement);
      if (standing === null) continue;
      this.standings.set(agreement, standing);
      if (standing.kind === 'joined') this.joining.delete(agreement);
    }
    this.forgetUnreadable();
  }

  /** Of these offsets, which are in quarantine, those that somebody but `except` has still to come by when these are the positions. */
  toCome(offsets: Iterable<bigint>, next = this.next, changes = none, except?: string): bigint[] {
    const among = [...new Set(offsets)];
    const behind = among.length === 0 ? undefined : this.#hindmost(next, changes, except);
    return behind === undefined ? [] : among.filter((offset) => offset >= behind);
  }

  /** The least offset that somebody but `except` has still to come by; undefined without anybody. */
  #hindmost(next: bigint, changes: Changes, except?: string): bigint | undefined {
    let least: bigint | undefined;
    for (const [agreement, before] of this.standings) {
      const standing = changes.has(agreement) ? changes.get(agreement) : before;
      if (standing === undefined || standing === null || agreement === except) continue;
      const at = standing.kind === 'apart' ? standing.next : next;
      if (least === undefined || at < least) least = at;
    }
    return least;
  }

  /** Where an agreement apart will stand, with what it put into quarantine by then, `found` included, that others have still to come by. */
  withUnreadable(agreement: string, { unreadable = [], ...after }: Apart, found: readonly bigint[]): Apart {
    const toCome = this.toCome([...unreadable, ...found], this.next, none, agreement).slice(0, unreadableKeptMax);
    return toCome.length === 0 ? after : { ...after, unreadable: toCome };
  }

  /** Forgets what everybody has come by, and what is too much to remember. */
  forgetUnreadable(): void {
    if (this.unreadable.size === 0 && this.quarantined.size === 0) return;
    const behind = this.#hindmost(this.next, none);
    for (const known of [this.unreadable, this.quarantined]) {
      let kept = 0;
      for (const offset of known.keys()) {
        if (behind === undefined || offset < behind || kept === unreadableMax) known.delete(offset);
        else kept += 1;
      }
    }
  }

  /** This is committed of an agreement apart, by the reader of its own or by itself. */
  committedApart(agreement: string, standing: Apart): void {
    // It may have ended meanwhile.
    if (!this.standings.has(agreement)) return;
    this.standings.set(agreement, standing);
    this.changed.delete(agreement);
    this.#learn(standing);
    this.forgetUnreadable();
  }

  /** What an agreement apart put into quarantine stands with its position. */
  #learn(standing: Standing): void {
    if (standing.kind === 'apart') for (const offset of standing.unreadable ?? []) this.unreadable.add(offset);
  }

  #set(agreement: string, standing: Standing): void {
    this.standings.set(agreement, standing);
    this.changed.add(agreement);
  }
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
