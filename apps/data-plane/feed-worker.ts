/** The loop of one dataset: fetch raw batches, have them governed, write everything of one fetch in one Kafka transaction. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, FetchedPartition } from '../../libs/adapters/kafka/index.ts';
import {
  committedOffsets,
  GroupMember,
  PartitionFetcher,
  topicOffsets,
  TransactionalProducer,
} from '../../libs/adapters/kafka/index.ts';
import type { Failure, Result } from '../../libs/base/index.ts';
import { during, fail, ok, topicNames } from '../../libs/base/index.ts';
import type { RecordBatch } from '../../libs/records/index.ts';
import { abortedFilter, frameRecords, readBatches } from '../../libs/records/index.ts';
import type { WorkerLimits } from './config.ts';
import type { DatasetBoard, DirectiveBoard } from './directive-board.ts';
import type { GovernRequest } from './govern-request.ts';
import { writeDraft } from './write-draft.ts';
import type { SchemaVerdicts } from './schema-verdicts.ts';
import type { OutcomeCounts } from './transaction-draft.ts';
import { TransactionDraft } from './transaction-draft.ts';

export interface FeedWorkerOptions {
  readonly cluster: Cluster;
  readonly board: DirectiveBoard;
  readonly verdicts: SchemaVerdicts;
  readonly dataset: string;
  readonly instance: string;
  readonly limits: WorkerLimits;
  /** Governs one batch into the draft; the Nest handler. */
  readonly govern: (request: GovernRequest) => Promise<void>;
  readonly report: (failure: Failure) => void;
}

/** What the dashboard, health and metrics show of a feed. */
export interface FeedStatus {
  readonly dataset: string;
  readonly recordsRead: number;
  readonly lagRecords: number;
  readonly lagSeconds: number;
  readonly agreements: ReadonlyMap<string, OutcomeCounts>;
  readonly failure: string | undefined;
}

const corruptAttemptsMax = 3;
const retryPauseMs = 500;

export class FeedWorker {
  readonly #options: FeedWorkerOptions;
  readonly #topic: string;
  readonly #group: string;
  readonly #fetcher: PartitionFetcher;
  readonly #positions = new Map<number, bigint>();
  readonly #lagRecords = new Map<number, bigint>();
  readonly #lastTimestampMs = new Map<number, number>();
  readonly #pausedUntil = new Map<number, number>();
  readonly #corruptAttempts = new Map<string, number>();
  readonly #totals = new Map<string, OutcomeCounts>();
  #recordsRead = 0;
  #member: GroupMember | undefined;
  #producer: TransactionalProducer | undefined;
  #failure: string | undefined;
  #stopping = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: FeedWorkerOptions) {
    this.#options = options;
    this.#topic = topicNames.raw(options.dataset);
    this.#group = `sluice.${options.dataset}`;
    this.#fetcher = new PartitionFetcher(options.cluster, this.#topic, `feed-${options.dataset}`);
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Finishes the transaction under way, leaves the group. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#loop;
  }

  status(): FeedStatus {
    const lagRecords = [...this.#lagRecords.values()].reduce((sum, lag) => sum + Number(lag), 0);
    const behind = [...this.#lagRecords]
      .filter(([, lag]) => lag > 0n)
      .map(([partition]) => this.#lastTimestampMs.get(partition) ?? Date.now());
    const lagSeconds = behind.length === 0 ? 0 : Math.max(0, (Date.now() - Math.min(...behind)) / 1000);
    return {
      dataset: this.#options.dataset,
      recordsRead: this.#recordsRead,
      lagRecords,
      lagSeconds,
      agreements: this.#totals,
      failure: this.#failure,
    };
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const turned = await this.#turn();
      if (turned.ok) {
        this.#failure = undefined;
        continue;
      }
      this.#failure = turned.failure.code;
      this.#options.report(during(`governing ${this.#options.dataset}`, turned.failure).failure);
      await this.#startOver();
      await sleep(turned.failure.retriable ? retryPauseMs : retryPauseMs * 4);
    }
    await this.#producer?.close();
    await this.#member?.leave();
  }

  /** Forgets everything uncommitted: the next turn begins at the committed positions with a new producer epoch. */
  async #startOver(): Promise<void> {
    await this.#producer?.close().catch(() => undefined);
    this.#producer = undefined;
    this.#positions.clear();
  }

  async #turn(): Promise<Result<void>> {
    const ready = await this.#ready();
    if (!ready.ok) return ready;
    const { board } = this.#options;
    const current = board.board(this.#options.dataset);
    const wanted = this.#readable();
    if (current === undefined || wanted.size === 0) {
      await sleep(50);
      return ok(undefined);
    }
    const { fetchWaitMs, fetchBytesMax, lingerMs } = this.#options.limits;
    const fetched = await this.#fetcher.fetch(wanted, {
      maxWaitMs: fetchWaitMs,
      maxBytes: fetchBytesMax,
      partitionMaxBytes: fetchBytesMax,
    });
    if (!fetched.ok) return fetched;
    const draft = new TransactionDraft(this.#options.dataset);
    let bytes = 0;
    for (const partition of fetched.value) {
      this.#lagRecords.set(
        partition.partition,
        max(0n, partition.lastStableOffset - (this.#positions.get(partition.partition) ?? 0n)),
      );
      bytes += partition.records.length;
      if (partition.records.length === 0) continue;
      const governed = await this.#governPartition(partition, current, draft);
      if (!governed.ok) return governed;
    }
    const written = await this.#write(draft, current);
    if (!written.ok) return written;
    for (const partition of fetched.value) {
      const lag = partition.lastStableOffset - (this.#positions.get(partition.partition) ?? 0n);
      this.#lagRecords.set(partition.partition, max(0n, lag));
    }
    if (bytes > 0 && bytes < fetchBytesMax / 4) await sleep(lingerMs);
    return ok(undefined);
  }

  /** Membership, producer and positions, each made when missing. */
  async #ready(): Promise<Result<void>> {
    const { cluster, dataset, instance } = this.#options;
    if (this.#member === undefined) {
      const joined = await GroupMember.join(cluster, { group: this.#group, topic: this.#topic, memberId: instance });
      if (!joined.ok) return joined;
      this.#member = joined.value;
    }
    if (this.#producer?.usable !== true) {
      const opened = await TransactionalProducer.open(cluster, { transactionalId: `sluice.${instance}.${dataset}` });
      if (!opened.ok) return opened;
      this.#producer = opened.value;
      this.#positions.clear();
    }
    const target = this.#member.target();
    const owned = [...this.#positions.keys()];
    const added = target.filter((partition) => !this.#positions.has(partition));
    const removed = owned.filter((partition) => !target.includes(partition));
    if (added.length === 0 && removed.length === 0) return ok(undefined);
    for (const partition of removed) {
      this.#positions.delete(partition);
      this.#lagRecords.delete(partition);
    }
    await this.#member.take(target);
    if (added.length === 0) return ok(undefined);
    const committed = await committedOffsets(cluster, this.#group, this.#topic);
    if (!committed.ok) return committed;
    const earliest = await topicOffsets(cluster, this.#topic, 'earliest');
    if (!earliest.ok) return earliest;
    for (const partition of added)
      this.#positions.set(partition, committed.value.get(partition) ?? earliest.value[partition] ?? 0n);
    return ok(undefined);
  }

  /** Positions of the partitions that are not paused. */
  #readable(): Map<number, bigint> {
    const now = Date.now();
    return new Map([...this.#positions].filter(([partition]) => (this.#pausedUntil.get(partition) ?? 0) <= now));
  }

  async #governPartition(fetched: FetchedPartition, board: DatasetBoard, draft: TransactionDraft): Promise<Result<void>> {
    const isAborted = abortedFilter(fetched.aborted);
    const batches: RecordBatch[] = [];
    const dropped = new Set<RecordBatch>();
    readBatches(fetched.records, (batch) => {
      if (isAborted(batch)) dropped.add(batch);
      batches.push(batch);
    });
    const { partition } = fetched;
    for (const batch of batches) {
      const from = draft.positions.get(partition) ?? this.#positions.get(partition) ?? 0n;
      if (batch.lastOffset < from) continue;
      if (!dropped.has(batch)) {
        const governed = await this.#governBatch(partition, from, batch, board, draft);
        if (!governed.ok) {
          // What can be tried again holds up this partition alone; what came before it in the fetch is written.
          if (!governed.failure.retriable) return governed;
          this.#pausedUntil.set(partition, Date.now() + retryPauseMs);
          this.#options.report(during(`pausing partition ${partition} of ${this.#topic}`, governed.failure).failure);
          return ok(undefined);
        }
      }
      draft.positions.set(partition, batch.lastOffset + 1n);
    }
    return ok(undefined);
  }

  async #governBatch(
    partition: number,
    from: bigint,
    batch: RecordBatch,
    board: DatasetBoard,
    draft: TransactionDraft,
  ): Promise<Result<void>> {
    const frames = frameRecords(batch, partition);
    if (frames === null) {
      const place = `${partition}/${batch.baseOffset}`;
      const attempt = (this.#corruptAttempts.get(place) ?? 0) + 1;
      this.#corruptAttempts.set(place, attempt);
      if (attempt < corruptAttemptsMax) {
        return {
          ok: false,
          failure: { ...fail('batch-corrupt', `the batch at ${batch.baseOffset} is corrupt`).failure, retriable: true },
        };
      }
      this.#corruptAttempts.delete(place);
      draft.refuseBatch(board.agreements, partition, batch);
      return ok(undefined);
    }
    const verdicts = await this.#options.verdicts.of(frames, this.#options.dataset);
    if (!verdicts.ok) return verdicts;
    let first = 0;
    while (first < frames.count && frames.baseOffset + BigInt(frames.offsetDelta[first] as number) < from) first += 1;
    await this.#options.govern({ topic: this.#topic, partition, frames, first, verdicts: verdicts.value, board, draft });
    draft.recordsRead += frames.count - first;
    this.#lastTimestampMs.set(partition, Number(batch.maxTimestampMs));
    return ok(undefined);
  }

  async #write(draft: TransactionDraft, board: DatasetBoard): Promise<Result<void>> {
    if (draft.empty) {
      for (const [partition, position] of draft.positions) this.#positions.set(partition, position);
      return ok(undefined);
    }
    if (this.#producer === undefined || this.#member === undefined) throw new Error('write: the worker is not ready');
    const written = await writeDraft({
      draft,
      board,
      producer: this.#producer,
      group: this.#group,
      topic: this.#topic,
      place: this.#member.place(),
      mayProduce: () => this.#mayProduce(board),
    });
    if (!written.ok) return written;
    if (written.value === 'stale') {
      await this.#startOver();
      return ok(undefined);
    }
    for (const [partition, position] of draft.positions) this.#positions.set(partition, position);
    this.#recordsRead += draft.recordsRead;
    for (const [agreement, counts] of draft.counts()) {
      const total = this.#totals.get(agreement) ?? { input: 0, governed: 0, withheld: 0, refused: 0 };
      total.input += counts.input;
      total.governed += counts.governed;
      total.withheld += counts.withheld;
      total.refused += counts.refused;
      this.#totals.set(agreement, total);
    }
    return ok(undefined);
  }

  /** Asked before each produce and before the commit: the directives that the work was done under are still the current ones, and fresh. */
  #mayProduce(board: DatasetBoard): boolean {
    const { board: directives, dataset, limits } = this.#options;
    return directives.board(dataset)?.version === board.version && directives.ageMs() <= limits.directiveAgeMsMax;
  }
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
