/** What the record path asks of a producer: batches go out as they become ready, and one answer says whether all of them arrived. */
import type { Result } from '../../base/index.ts';
import type { ProducerPlace } from '../../records/index.ts';
import type { GroupPlace, OffsetToCommit } from './transaction-calls.ts';

/**
 * One round at a time: begin, then place and enqueue in any number, flush, commitOffsets, commit; or abort at any point. Calls out of
 * this order throw. A producer that is not `usable` any more is to be discarded.
 */
export interface FeedProducer {
  /** False once a failure has made this producer unusable. */
  readonly usable: boolean;
  /**
   * `mayProduce` is asked before each Produce request is sent and, by the caller, before the commit. A false answer ends sending:
   * flush() then answers `stale`.
   */
  begin(mayProduce?: () => boolean): void;
  /** What goes into the header of the next batch for this partition. */
  place(topic: string, partition: number): ProducerPlace;
  /**
   * Takes a finished RecordBatch (base offset 0, encoded with `place`) of `count` records. The bytes must not change until `done` is called:
   * when they are acknowledged, or not going to be sent (again). Sends at once unless a batch of the same partition is on its way: at most one in flight for each partition,
   * several partitions at a time, all that is ready for one broker in one request. After sending has ended it takes and drops.
   */
  enqueue(topic: string, partition: number, batch: Uint8Array, count: number, done?: () => void): void;
  /** Bytes that were enqueued and are not yet acknowledged: callers wait below a limit with `drained(bytesMax)`. */
  readonly pendingBytes: number;
  /** Resolves when at most `bytesMax` are pending, or when sending has ended and nothing will drain any more: flush() tells which. */
  drained(bytesMax: number): Promise<void>;
  /** Resolves when everything enqueued is acknowledged, or when sending has ended and nothing is on its way. */
  flush(): Promise<Result<'sent' | 'stale'>>;
  /**
   * After a failed flush: the outputs whose error stayed for `outputFailMs` or cannot pass (not authorized, record too large): topic ->
   * Kafka error code. Empty when the failure is not about an output. When it is not, the producer can be aborted and used again.
   */
  failedOutputs(): ReadonlyMap<string, number>;
  /** Positions to commit with the round; with `member` the coordinator refuses a member that lost its place. */
  commitOffsets(group: string, offsets: readonly OffsetToCommit[], member?: GroupPlace): Promise<Result<void>>;
  /** Commits the round; everything must have been flushed. */
  commit(): Promise<Result<void>>;
  /** Drops what is not sent, waits for what is on its way, and takes the round back as far as the producer can. */
  abort(): Promise<Result<void>>;
  close(): Promise<void>;
}

/** How both producers treat an output that does not take what is sent to it. */
export interface OutputOptions {
  /** How long a passing error of one partition is retried before its topic counts as failed. */
  readonly outputFailMs?: number;
}

export const outputFailMsDefault = 3_000;
