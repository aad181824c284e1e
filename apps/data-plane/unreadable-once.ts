/** Input that nobody can read is put into quarantine once, whoever comes by it and when. */
import type { PartitionBook } from './standing.ts';

/** Keeps what nobody can read from being put into quarantine by two transactions, such as that of an agreement apart and that of the others. */
export interface UnreadableOnce {
  /** Whether it is there already; the time is the record's, milliseconds since the epoch. */
  readonly has: (partition: number, offset: bigint, timestampMs: bigint) => boolean;
  /** Asked before the commit; undefined when another transaction has done it since, or is about to. `done` is told whether this one was committed. */
  readonly claim: (offsets: ReadonlyMap<number, readonly bigint[]>) => ((committed: boolean) => void) | undefined;
}

/** For all transactions on these partitions. */
export function unreadableOnce(books: ReadonlyMap<number, PartitionBook>): UnreadableOnce {
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
      for (const [book, offset] of places) book.claimed.add(offset);
      return (committed) => {
        for (const [book, offset] of places) {
          book.claimed.delete(offset);
          if (committed) book.unreadable.add(offset);
        }
      };
    },
  };
}
