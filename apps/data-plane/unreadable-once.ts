/** Input that nobody can read is put into quarantine once, whoever comes by it and when. */
import type { PartitionBook } from './standing.ts';

/** Keeps what nobody can read from being put into quarantine by two transactions, such as that of an agreement apart and that of the others. */
export interface UnreadableOnce {
  /** Whether it is there already; the time is the record's, milliseconds since the epoch. */
  readonly has: (partition: number, offset: bigint, timestampMs: bigint) => boolean;
  /** Asked before the commit; undefined when another transaction has done it since, or is about to. The answer is told how this one ended. */
  readonly claim: (offsets: ReadonlyMap<number, readonly bigint[]>) => ((end: ClaimEnd) => void) | undefined;
  /** Gives up the claims of transactions whose outcome was not known: the books have it by now. */
  readonly release: () => void;
}

/** A claim stays while it is not known whether the transaction was committed: who takes its place would not know what is in quarantine. */
export type ClaimEnd = 'committed' | 'not-committed' | 'not-known';

/** For one after the other of the transactions of `who` on these partitions: an agreement apart, or the others. */
export function unreadableOnce(books: ReadonlyMap<number, PartitionBook>, who: string): UnreadableOnce {
  return {
    has: (partition, offset, timestampMs) => {
      const book = books.get(partition);
      return book !== undefined && (book.unreadable.has(offset) || book.quarantined.get(offset) === timestampMs);
    },
    claim: (offsets) => {
      const places = [...offsets].flatMap(([partition, of]) => {
        const book = books.get(partition);
        return book === undefined ? [] : of.map((offset) => [book, offset] as const);
      });
      if (places.some(([book, offset]) => book.unreadable.has(offset) || book.claimed.has(offset))) return undefined;
      for (const [book, offset] of places) book.claimed.set(offset, who);
      return (end) => {
        if (end === 'not-known') return;
        for (const [book, offset] of places) {
          book.claimed.delete(offset);
          if (end === 'committed') book.unreadable.add(offset);
        }
      };
    },
    release: () => {
      for (const { claimed } of books.values())
        for (const [offset, holder] of claimed) if (holder === who) claimed.delete(offset);
    },
  };
}
