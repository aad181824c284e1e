/** What the dashboard, health and metrics show of a feed. */
import type { PartitionBatches } from './fetch-ahead.ts';
import type { DurationHistogram } from './metrics.ts';
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
  /** Partitions that wait until every topic that their records go to has grown to have them. */
  readonly outputsTooFew: readonly number[];
  readonly transactions: number;
  /** Wall time of all of them, milliseconds. */
  readonly transactionMs: number;
  readonly failure: string | undefined;
}

/** What metrics and readiness need to know of a feed besides its status. */
export interface FeedView {
  readonly status: FeedStatus;
  readonly figures: FeedFigures;
  readonly group: string;
  readonly topic: string;
  /** Whether any agreement is live. */
  readonly serves: boolean;
  /** Bytes that are on their way to the brokers. */
  readonly pendingBytes: number;
  /** Partitions that wait for a moment, because of something that passes. */
  readonly paused: number;
  /** When the last answer to a fetch came, or when it was last seen that there is nothing to fetch: milliseconds since the epoch. */
  readonly polledAtMs: number;
}

interface PartitionLook {
  next: bigint;
  lastStableOffset: bigint;
  logStartOffset: bigint;
  /** Of the newest record that was read, milliseconds since the epoch. */
  timestampMs: number;
  /** When there was last nothing left to read, milliseconds since the epoch. */
  caughtUpAtMs: number;
  lookedAtMs: number;
  /** The time of the record at `next`, where that was looked up. */
  waiting?: { readonly next: bigint; readonly timestampMs: number };
}

/** How far behind a partition is read. */
export interface PartitionLag {
  readonly partition: number;
  readonly lagRecords: number;
  /** Age of the oldest record that was not read; 0 where everything was. */
  readonly lagSeconds: number;
}

type TransactionEnd = 'committed' | 'idle' | 'stale' | 'outputs-failed' | 'refused-too-much';

/** Adds up what transactions did. */
export class FeedFigures {
  readonly totals = new Map<string, OutcomeCounts>();
  readonly looks = new Map<number, PartitionLook>();
  /** Seconds on the thread by agreement: Programs, and the writing of what they gave. What several had at once is shared out. */
  readonly programSeconds = new Map<string, number>();
  readonly ends = new Map<TransactionEnd, number>();
  /** Of the loop and of the agreements served alone, by error code. */
  readonly failures = new Map<string, number>();
  recordsRead = 0;
  batchesRead = 0;
  governedBytes = 0;
  receipts = 0;
  transactions = 0;
  transactionMs = 0;
  /** Since when it has no partition although it should: milliseconds since the epoch. */
  unassignedSinceMs: number | undefined = Date.now();
  /** The others of its group have every partition. */
  standby = false;
  restedAtMs = Date.now();
  readonly #durations: DurationHistogram;

  constructor(durations: DurationHistogram) {
    this.#durations = durations;
  }

  committed(draft: TransactionDraft, tookMs: number, counts: boolean): void {
    this.transactions += 1;
    this.transactionMs += tookMs;
    this.#durations.record(Math.max(0, performance.now() - draft.begunAtMs) / 1000);
    if (counts) {
      this.recordsRead += draft.recordsRead;
      this.batchesRead += draft.batchesRead;
    }
    this.governedBytes += draft.governedBytes;
    for (const { input } of draft.tallies) if (input > 0) this.receipts += 1;
    for (const [agreement, ms] of draft.programMs)
      this.programSeconds.set(agreement, (this.programSeconds.get(agreement) ?? 0) + ms / 1000);
    for (const [agreement, { input, governed, withheld, suppressed, refused }] of draft.counts()) {
      const total = this.totals.get(agreement) ?? { input: 0, governed: 0, withheld: 0, suppressed: 0, refused: 0 };
      total.input += input;
      total.governed += governed;
      total.withheld += withheld;
      total.suppressed += suppressed;
      total.refused += refused;
      this.totals.set(agreement, total);
    }
  }

  ended(end: TransactionEnd): void {
    this.ends.set(end, (this.ends.get(end) ?? 0) + 1);
  }

  failed(code: string): void {
    this.failures.set(code, (this.failures.get(code) ?? 0) + 1);
  }

  /** Where a partition is read, and where its end is. */
  look(partition: number, next: bigint, seen: PartitionBatches | undefined, timestampMs: number | undefined): void {
    const look = this.#look(partition, next);
    if (timestampMs !== undefined) look.timestampMs = timestampMs;
    if (seen === undefined || seen.lastStableOffset < 0n) return;
    look.logStartOffset = seen.logStartOffset;
    this.#sawEnd(look, seen.lastStableOffset);
  }

  /** The end of a partition as it was seen from outside of the loop that reads it, and the time of the record that waits there. */
  lookFromOutside(partition: number, next: bigint, lastStableOffset: bigint): void {
    this.#sawEnd(this.#look(partition, next), lastStableOffset);
  }

  waits(partition: number, next: bigint, timestampMs: number): void {
    this.#look(partition, next).waiting = { next, timestampMs };
  }

  /** Forgets the partitions that are not among these. */
  keepOnly(partitions: readonly number[]): void {
    for (const partition of this.looks.keys()) if (!partitions.includes(partition)) this.looks.delete(partition);
  }

  #look(partition: number, next: bigint): PartitionLook {
    const now = Date.now();
    let look = this.looks.get(partition);
    if (look === undefined) {
      look = { next, lastStableOffset: next, logStartOffset: 0n, timestampMs: now, caughtUpAtMs: 0, lookedAtMs: 0 };
      this.looks.set(partition, look);
    }
    look.next = next;
    return look;
  }

  #sawEnd(look: PartitionLook, lastStableOffset: bigint): void {
    look.lookedAtMs = Date.now();
    look.lastStableOffset = lastStableOffset;
    if (lastStableOffset <= look.next) look.caughtUpAtMs = look.lookedAtMs;
  }

  lags(): PartitionLag[] {
    const now = Date.now();
    return [...this.looks].map(([partition, look]) => {
      const { next, lastStableOffset } = look;
      if (lastStableOffset <= next) return { partition, lagRecords: 0, lagSeconds: 0 };
      const oldest = look.waiting?.next === next ? look.waiting.timestampMs : look.timestampMs;
      // A record that came after everything had been read does not wait for longer than since then, whatever time it carries.
      const since = Math.max(oldest, look.caughtUpAtMs);
      return { partition, lagRecords: Number(lastStableOffset - next), lagSeconds: Math.max(0, (now - since) / 1000) };
    });
  }

  /** Records and seconds behind. */
  lag(): { readonly lagRecords: number; readonly lagSeconds: number } {
    let [records, seconds] = [0, 0];
    for (const { lagRecords, lagSeconds } of this.lags()) {
      records += lagRecords;
      seconds = Math.max(seconds, lagSeconds);
    }
    return { lagRecords: records, lagSeconds: seconds };
  }

  /** Partitions of which most of what the topic keeps has not been read, while it deletes. */
  nearlyLost(): number[] {
    return [...this.looks].flatMap(([partition, { next, lastStableOffset, logStartOffset }]) => {
      const kept = lastStableOffset - logStartOffset;
      return logStartOffset > 0n && kept > 0n && (lastStableOffset - next) * 10n >= kept * 7n ? [partition] : [];
    });
  }
}
