/** Looks at a feed from outside the loop that reads it: how far behind it is while partitions wait or the loop hangs, and whether it has partitions at all. */
import { PartitionFetcher, topicOffsets } from '../../libs/adapters/kafka/index.ts';
import { readBatches } from '../../libs/records/index.ts';
import type { FeedContext } from './feed-context.ts';
import type { FeedFigures } from './feed-status.ts';
import type { PartitionBook } from './standing.ts';

/** How often feeds are to be looked at, milliseconds. */
export const watchTickMs = 1_000;
/** A partition is left to its loop that has looked at it more lately than this, beside the time for which its fetch may wait. */
const staleMs = 1_000;
/** Waiting records whose times are looked up in one tick: each costs a fetch of one batch, once. */
const timesPerTickMax = 16;
const fetchLimits = { maxWaitMs: 100, maxBytes: 1, partitionMaxBytes: 1 };

export interface Watched {
  readonly context: FeedContext;
  readonly books: ReadonlyMap<number, PartitionBook>;
  readonly figures: FeedFigures;
  /** How long a fetch of the loop may wait for records, milliseconds. */
  readonly waitMs: () => number;
  /** The group knows this member and has given it no partition. */
  readonly idleMember: () => boolean;
}

export class FeedWatch {
  readonly #watched: Watched;
  #fetcher: PartitionFetcher | undefined;
  #looking: Promise<void> | undefined;
  #stopped = false;

  constructor(watched: Watched) {
    this.#watched = watched;
  }

  /** To be called every `watchTickMs`. A look that takes longer is not joined by another. */
  look(): void {
    if (this.#stopped || this.#isFresh()) return;
    this.#looking ??= this.#tick().finally(() => (this.#looking = undefined));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#looking;
    this.#fetcher?.close();
  }

  /** It has partitions, and its loop looked at each of them lately: most feeds, most of the time. */
  #isFresh(): boolean {
    const { figures, books } = this.#watched;
    if (books.size === 0) return false;
    figures.unassignedSinceMs = undefined;
    figures.standby = false;
    const sinceMs = this.#staleSinceMs();
    for (const partition of books.keys()) if (!figures.looks.has(partition)) return false;
    for (const { lookedAtMs } of figures.looks.values()) if (lookedAtMs < sinceMs) return false;
    return true;
  }

  #staleSinceMs(): number {
    return Date.now() - staleMs - this.#watched.waitMs();
  }

  async #tick(): Promise<void> {
    const { figures, books, context, idleMember } = this.#watched;
    const sinceMs = this.#staleSinceMs();
    const stale = this.#partitions().filter((partition) => (figures.looks.get(partition)?.lookedAtMs ?? 0) < sinceMs);
    const ends = await topicOffsets(context.options.cluster, context.topic, 'latest');
    if (books.size === 0) {
      // Where there is no topic, nobody has its partitions.
      figures.standby = idleMember() && ends.ok && ends.value.length > 0;
      if (figures.standby) figures.unassignedSinceMs = undefined;
      else figures.unassignedSinceMs ??= Date.now();
    }
    if (!ends.ok) return;
    for (const partition of stale) {
      const [next, end] = [this.#nextOf(partition), ends.value[partition]];
      if (next !== undefined && end !== undefined) figures.lookFromOutside(partition, next, end);
    }
    await this.#lookUpTimes(stale);
  }

  /** Also those that the loop has put down after a failure and will take up again. */
  #partitions(): number[] {
    return [...new Set([...this.#watched.books.keys(), ...this.#watched.figures.looks.keys()])];
  }

  #nextOf(partition: number): bigint | undefined {
    return this.#watched.books.get(partition)?.next ?? this.#watched.figures.looks.get(partition)?.next;
  }

  async #lookUpTimes(partitions: readonly number[]): Promise<void> {
    const { figures } = this.#watched;
    let left = timesPerTickMax;
    for (const partition of partitions) {
      const look = figures.looks.get(partition);
      if (look === undefined || look.lastStableOffset <= look.next || look.waiting?.next === look.next) continue;
      if (left === 0 || this.#stopped) return;
      left -= 1;
      const { next } = look;
      const timestampMs = await this.#timeOf(partition, next);
      if (timestampMs !== undefined && figures.looks.get(partition)?.next === next) figures.waits(partition, next, timestampMs);
    }
  }

  /** The time of the batch that has this offset or comes behind it. A broker gives at least one batch, whatever the limits. */
  async #timeOf(partition: number, next: bigint): Promise<number | undefined> {
    const { context } = this.#watched;
    this.#fetcher ??= new PartitionFetcher(context.options.cluster, context.topic);
    const fetched = await this.#fetcher.fetch(new Map([[partition, next]]), fetchLimits);
    if (!fetched.ok) return undefined;
    let timestampMs: number | undefined;
    for (const { records } of fetched.value.partitions.filter((found) => found.partition === partition)) {
      readBatches(records, ({ lastOffset, logAppendTime, baseTimestampMs, maxTimestampMs }) => {
        if (lastOffset >= next) timestampMs ??= Number(logAppendTime ? maxTimestampMs : baseTimestampMs);
      });
    }
    fetched.value.release();
    return timestampMs;
  }
}
