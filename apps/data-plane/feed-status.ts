/** What the dashboard, health and metrics show of a feed. */
import type { PartitionBatches } from './fetch-ahead.ts';
import type { OutcomeCounts } from './tally.ts';
import type { TransactionDraft } from './transaction-draft.ts';

export interface ApartStatus {
  readonly agreement: string;
  /** Records that it has not had yet, in the partitions of this instance. */
  readonly lagRecords: number;
  readonly why: 'behind' | 'output-failed' | 'held' | 'gap';
}

export interface FeedStatus {
  readonly dataset: string;
  readonly recordsRead: number;
  readonly lagRecords: number;
  readonly lagSeconds: number;
  /** Partitions that this instance serves. */
  readonly partitions: readonly number[];
  readonly agreements: ReadonlyMap<string, OutcomeCounts>;
  /** Agreements that are not served with the others. */
  readonly apart: readonly ApartStatus[];
  /** Partitions that wait for an operator. */
  readonly gaps: readonly number[];
  readonly transactions: number;
  /** Wall time of all of them, milliseconds. */
  readonly transactionMs: number;
  readonly failure: string | undefined;
}

interface PartitionLook {
  next: bigint;
  lastStableOffset: bigint;
  logStartOffset: bigint;
  timestampMs: number;
}

/** Adds up what transactions did. */
export class FeedFigures {
  readonly totals = new Map<string, OutcomeCounts>();
  readonly looks = new Map<number, PartitionLook>();
  recordsRead = 0;
  transactions = 0;
  transactionMs = 0;

  committed(draft: TransactionDraft, tookMs: number, counts: boolean): void {
    this.transactions += 1;
    this.transactionMs += tookMs;
    if (counts) this.recordsRead += draft.recordsRead;
    for (const [agreement, { input, governed, withheld, refused }] of draft.counts()) {
      const total = this.totals.get(agreement) ?? { input: 0, governed: 0, withheld: 0, refused: 0 };
      total.input += input;
      total.governed += governed;
      total.withheld += withheld;
      total.refused += refused;
      this.totals.set(agreement, total);
    }
  }

  /** Where a partition is read, and where its end is. */
  look(partition: number, next: bigint, seen: PartitionBatches | undefined, timestampMs: number | undefined): void {
    const look = this.looks.get(partition) ?? { next, lastStableOffset: next, logStartOffset: 0n, timestampMs: Date.now() };
    look.next = next;
    if (seen !== undefined && seen.lastStableOffset >= 0n) {
      look.lastStableOffset = seen.lastStableOffset;
      look.logStartOffset = seen.logStartOffset;
    }
    if (timestampMs !== undefined) look.timestampMs = timestampMs;
    this.looks.set(partition, look);
  }

  /** Records and seconds behind. */
  lag(): { readonly lagRecords: number; readonly lagSeconds: number } {
    let lagRecords = 0;
    let oldest = Infinity;
    for (const { next, lastStableOffset, timestampMs } of this.looks.values()) {
      if (lastStableOffset <= next) continue;
      lagRecords += Number(lastStableOffset - next);
      oldest = Math.min(oldest, timestampMs);
    }
    return { lagRecords, lagSeconds: oldest === Infinity ? 0 : Math.max(0, (Date.now() - oldest) / 1000) };
  }

  /** Partitions of which most of what the topic keeps has not been read, while it deletes. */
  nearlyLost(): number[] {
    return [...this.looks].flatMap(([partition, { next, lastStableOffset, logStartOffset }]) => {
      const kept = lastStableOffset - logStartOffset;
      return logStartOffset > 0n && kept > 0n && (lastStableOffset - next) * 10n >= kept * 7n ? [partition] : [];
    });
  }
}
