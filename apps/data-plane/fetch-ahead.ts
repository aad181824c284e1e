/** Fetches raw batches one step ahead: while one answer is governed, the next is on its way. */
import type { Fetched, FetchLimits, FetchedPartition, PartitionFetcher } from '../../libs/adapters/kafka/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { ok } from '../../libs/base/index.ts';
import type { Batches } from '../../libs/records/index.ts';
import { abortedFilter, readBatches, WaitingBatches } from '../../libs/records/index.ts';

/** What one partition of an answer has. */
export interface PartitionBatches {
  readonly partition: number;
  /** The batches that are committed data, in order. */
  readonly batches: Batches;
  /** The next offset to read once these are done: behind aborted and control batches too. */
  readonly next: bigint;
  readonly lastStableOffset: bigint;
  readonly logStartOffset: bigint;
  /** The position that was asked for is not in the topic, or what stands before it is not what was read. */
  readonly outOfRange: boolean;
  readonly bytes: number;
}

interface Ahead {
  readonly positions: ReadonlyMap<number, bigint>;
  readonly waitMs: number;
  readonly answer: Promise<Result<Fetched>>;
}

export class FetchAhead {
  readonly #fetcher: PartitionFetcher;
  readonly #limits: FetchLimits;
  #ahead: Ahead | undefined;
  #woken = false;
  #wake: (() => void) | undefined;
  /** How long `take` may wait for the first record, milliseconds. */
  waitMs: number;
  /** When an answer last came, milliseconds since the epoch; 0 before the first. */
  answeredAtMs = 0;

  constructor(fetcher: PartitionFetcher, limits: FetchLimits) {
    this.#fetcher = fetcher;
    this.#limits = limits;
    this.waitMs = limits.maxWaitMs;
  }

  /** Sends the fetch for these positions now. */
  begin(positions: ReadonlyMap<number, bigint>): Ahead {
    this.drop();
    this.#ahead = { positions: new Map(positions), waitMs: this.waitMs, answer: this.#fetch(positions) };
    return this.#ahead;
  }

  /**
   * The answer for these positions: the one that is on its way, where it was asked for the same. Its views hold until `release`. Answers with nothing when it
   * was woken since `calm`, or when what is on its way may wait for longer than it: what was asked for stays asked for.
   */
  async take(positions: ReadonlyMap<number, bigint>): Promise<Result<Fetched>> {
    const asked = this.#ahead;
    const ahead = asked !== undefined && equal(asked.positions, positions) ? asked : this.begin(positions);
    const woken = this.#woken ? undefined : new Promise<undefined>((resolve) => (this.#wake = () => resolve(undefined)));
    const timer = ahead.waitMs > this.waitMs ? setTimeout(() => this.#wake?.(), this.waitMs) : undefined;
    const answer = await Promise.race([ahead.answer, woken]);
    clearTimeout(timer);
    if (answer === undefined) return ok({ partitions: [], release: () => undefined });
    if (this.#ahead === ahead) this.#ahead = undefined;
    return answer;
  }

  /** Ends the waiting for records: there is something else to do. */
  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  /** What it was woken for is about to be done. */
  calm(): void {
    this.#woken = false;
  }

  async #fetch(positions: ReadonlyMap<number, bigint>): Promise<Result<Fetched>> {
    const answer = await this.#fetcher.fetch(positions, { ...this.#limits, maxWaitMs: this.waitMs });
    if (answer.ok) this.answeredAtMs = Date.now();
    return answer;
  }

  /** The epoch of the leader that wrote the record before a position; -1 where it was not read here. */
  epochBefore(partition: number, offset: bigint): number {
    return this.#fetcher.epochBefore(partition, offset);
  }

  /** What is committed of it with a position; -1 forgets what was read here. */
  seen(partition: number, offset: bigint, epoch: number): void {
    this.#fetcher.seen(partition, offset, epoch);
  }

  close(): void {
    this.drop();
    this.#fetcher.close();
  }

  /** Forgets what is on its way. */
  drop(): void {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    void ahead?.answer.then((answer) => answer.ok && answer.value.release());
  }
}

/** Cuts an answer into batches; those of aborted transactions, control batches and those before the position are left out. */
export function batchesOf(fetched: FetchedPartition, position: bigint, outOfRange: boolean): PartitionBatches {
  const { partition, lastStableOffset, logStartOffset, records } = fetched;
  const isAborted = abortedFilter(fetched.aborted);
  const batches = new WaitingBatches(records);
  let next = position;
  readBatches(records, (batch, start) => {
    const dropped = isAborted(batch);
    if (batch.lastOffset < position) return;
    if (!dropped) batches.push(start);
    next = batch.lastOffset + 1n;
  });
  return { partition, batches, next, lastStableOffset, logStartOffset, outOfRange, bytes: records.length };
}

function equal(one: ReadonlyMap<number, bigint>, other: ReadonlyMap<number, bigint>): boolean {
  if (one.size !== other.size) return false;
  for (const [partition, offset] of one) if (other.get(partition) !== offset) return false;
  return true;
}
