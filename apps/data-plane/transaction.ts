/** One transaction: fetch, govern, produce, until it is large or old enough or everything there is has been read; then positions, and the end. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FeedProducer, OutRecord } from '../../libs/adapters/kafka/index.ts';
import type { ErrorCode, Failure, Result } from '../../libs/base/index.ts';
import { during, fail, ok, topicNames } from '../../libs/base/index.ts';
import type { RecordBatch } from '../../libs/records/index.ts';
import type { WorkerLimits } from './config.ts';
import type { DigestSession } from './digests/digest-session.ts';
import { localDigests } from './digests/digest-session.ts';
import type { DatasetBoard } from './directive-board.ts';
import type { FetchAhead, PartitionBatches } from './fetch-ahead.ts';
import { batchesOf } from './fetch-ahead.ts';
import type { GovernAnswer, GovernRequest } from './govern-request.ts';
import { GovernedWriter } from './governed-writer.ts';
import type { LaneFrom, LaneGroup } from './lane-group.ts';
import { groupLanes, groupWalks } from './lane-group.ts';
import { portionOf, portionsOf, sliceRecordsMax } from './portions.ts';
import type { SchemaVerdicts } from './schema-verdicts.ts';
import { sealEntries } from './seal-entries.ts';
import { TransactionDraft } from './transaction-draft.ts';
import type { ClaimEnd, UnreadableOnce } from './unreadable-once.ts';

export interface TransactionWork {
  readonly dataset: string;
  readonly board: DatasetBoard;
  readonly producer: FeedProducer;
  readonly ahead: FetchAhead;
  readonly verdicts: SchemaVerdicts;
  readonly limits: WorkerLimits;
  /** Where to read on, for each partition that may be read now. */
  readonly positions: ReadonlyMap<number, bigint>;
  readonly lanes: ReadonlyMap<number, readonly LaneFrom[]>;
  /** Asked before each produce and before the commit: false when the directives changed or may be stale. */
  readonly mayProduce: () => boolean;
  readonly stopping: () => boolean;
  /** Whether these positions have to be written although no record was taken in. */
  readonly mustWrite: (positions: ReadonlyMap<number, bigint>) => boolean;
  readonly govern: (request: GovernRequest) => Promise<GovernAnswer>;
  /** Digests that are computed beside the governing, for a transaction that has much before it. */
  readonly digests: () => DigestSession;
  readonly unreadable: UnreadableOnce;
  /** Batches that could not be read: how often this one was tried. */
  readonly corrupt: (partition: number, batch: RecordBatch) => number;
  /** Whether a batch is taken in slices; and from now on it is. */
  readonly sliced: (partition: number, batch: RecordBatch) => boolean;
  readonly slice: (partition: number, batch: RecordBatch) => void;
  /** What else goes into the transaction: Receipts and standings, and then the positions. */
  readonly close: (draft: TransactionDraft) => Closing;
}

export interface Closing {
  readonly records: readonly { readonly topic: string; readonly partition: number; readonly records: readonly OutRecord[] }[];
  readonly commitOffsets: () => Promise<Result<void>>;
}

type TransactionEnd =
  /** Nothing is to be written; positions may have moved over what is no data. */
  | { readonly kind: 'idle'; readonly draft: TransactionDraft }
  | { readonly kind: 'committed'; readonly draft: TransactionDraft }
  /** Taken back to be done again: the directives changed, another was first with what nobody can read, or more was refused than can be sealed at once. */
  | { readonly kind: 'stale' }
  /** Taken back because governed topics did not take what was sent: topic -> Kafka error code. */
  | { readonly kind: 'outputs-failed'; readonly topics: ReadonlyMap<string, number> }
  /** Taken back because too much was refused under these agreements. */
  | { readonly kind: 'refused-too-much'; readonly agreements: readonly string[] };

export interface TransactionReport {
  readonly end: TransactionEnd;
  /** The newest look at each partition. */
  readonly seen: ReadonlyMap<number, PartitionBatches>;
  /** Partitions that must wait, and why: nothing of them is lost. */
  readonly paused: ReadonlyMap<number, Failure>;
}

/** A batch is given up after so many attempts: its bytes may have been damaged on the way. */
const corruptAttemptsMax = 3;
/** So many records must have been taken in before their rate of refusal says something. */
const refuseRateRecordsMin = 100;
/** Work on the thread without a look at its sockets, about, milliseconds. */
const breathMs = 1;
/** After so many times the time at which it closes behind a fetch, a transaction closes within one. */
const withinFetch = 5;
/** So many times what a transaction closes at can still be sealed in it. */
const quarantineSlack = 3;

/** A failure means that the producer is used up, or that nothing could be fetched. */
export async function runTransaction(work: TransactionWork): Promise<Result<TransactionReport>> {
  return new Transaction(work).run();
}

class Transaction {
  readonly #work: TransactionWork;
  readonly #topic: string;
  readonly #draft: TransactionDraft;
  readonly #writer: GovernedWriter;
  /** Of the partitions that brought anything. */
  readonly #groups = new Map<number, readonly LaneGroup[]>();
  readonly #positions: Map<number, bigint>;
  readonly #seen = new Map<number, PartitionBatches>();
  readonly #paused = new Map<number, Failure>();
  #begun = false;
  #breathedAt = performance.now();

  constructor(work: TransactionWork) {
    this.#work = work;
    this.#topic = topicNames.raw(work.dataset);
    this.#draft = new TransactionDraft(work.dataset, work.unreadable.has, {
      originals: quarantineSlack * work.limits.quarantineOriginalsMax,
      records: quarantineSlack * work.limits.quarantineRecordsMax,
    });
    this.#writer = new GovernedWriter(work.producer);
    this.#positions = new Map(work.positions);
  }

  async run(): Promise<Result<TransactionReport>> {
    try {
      return await this.#run();
    } finally {
      this.#draft.digests.close();
    }
  }

  async #run(): Promise<Result<TransactionReport>> {
    const read = await this.#readOn();
    // What was governed before a fetch that failed is whole; the next transaction meets the failure again, or does not.
    if (!read.ok && !this.#begun) return read;
    if (!this.#begun && !this.#work.mustWrite(this.#draft.positions)) return this.#report({ kind: 'idle', draft: this.#draft });
    this.#begin();
    // Everything that was begun has to wait: the broker knows of no transaction that it could end.
    const nothing = this.#draft.positions.size === 0;
    const ended = await (nothing ? this.#takeBack({ kind: 'idle', draft: this.#draft }) : this.#end());
    return ended.ok ? this.#report(ended.value) : ended;
  }

  #report(end: TransactionEnd): Result<TransactionReport> {
    return ok({ end, seen: this.#seen, paused: this.#paused });
  }

  /** Fetches and governs until the transaction should close. */
  async #readOn(): Promise<Result<void>> {
    const { ahead, limits, mayProduce, stopping } = this.#work;
    const begunAt = performance.now();
    for (;;) {
      if (this.#positions.size === 0) return ok(undefined);
      const fetched = await ahead.take(this.#positions);
      if (!fetched.ok) return fetched;
      try {
        const partitions = fetched.value.partitions.map((partition) =>
          batchesOf(partition, this.#positions.get(partition.partition) ?? 0n, partition.errorCode !== 0),
        );
        this.#chooseDigests(partitions);
        const caughtUp = this.#look(partitions);
        const more = !caughtUp && !stopping();
        // The next bytes come while these are governed.
        if (more) ahead.begin(this.#positions);
        for (const partition of partitions) {
          if (partition.next === this.#work.positions.get(partition.partition) && partition.batches.length === 0) continue;
          const governed = await this.#governPartition(partition);
          if (!governed.ok) return governed;
          if (this.#mustClose()) return ok(undefined);
        }
        const full =
          this.#draft.recordsRead >= limits.transactionRecordsMax ||
          this.#writer.bytes >= limits.transactionBytesMax ||
          this.#draft.positions.size >= limits.transactionPartitionsMax ||
          performance.now() - begunAt >= limits.transactionMs;
        if (!more || full || !mayProduce() || this.#paused.size > 0) return ok(undefined);
      } finally {
        fetched.value.release();
      }
    }
  }

  /** A small transaction is not worth waking another thread, and waiting for it. */
  #chooseDigests(partitions: readonly PartitionBatches[]): void {
    if (!this.#draft.empty || this.#draft.digests !== localDigests) return;
    const bytes = partitions.reduce((sum, partition) => sum + partition.bytes, 0);
    if (bytes >= this.#work.limits.digestThreadBytesMin) this.#draft.digests = this.#work.digests();
  }

  /** Takes note of what a fetch found; whether there is nothing more to read now. */
  #look(partitions: readonly PartitionBatches[]): boolean {
    let caughtUp = true;
    for (const found of partitions) {
      this.#seen.set(found.partition, found);
      if (found.outOfRange) {
        this.#positions.delete(found.partition);
        continue;
      }
      this.#positions.set(found.partition, found.next);
      if (found.next < found.lastStableOffset && found.bytes > 0) caughtUp = false;
    }
    return caughtUp;
  }

  async #governPartition({ partition, batches, next }: PartitionBatches): Promise<Result<void>> {
    const groups = this.#groups.get(partition) ?? groupWalks(groupLanes(this.#work.lanes.get(partition) ?? [])).flat();
    this.#groups.set(partition, groups);
    const most = portionOf(groups);
    let verdicts: ReadonlyMap<number, ErrorCode> = new Map();
    let aloneUntil = 0;
    for (let index = 0; index < batches.length && groups.length > 0; ) {
      const first = batches.at(index) as RecordBatch;
      const position = this.#draft.positions.get(partition) ?? this.#work.positions.get(partition) ?? first.baseOffset;
      const slice = this.#work.sliced(partition, first) ? { sliceRecordsMax: sliceRecordsMax(groups, this.#work.limits) } : {};
      const asked = { partition, batches, from: index, position, most, alone: index < aloneUntil, ...slice };
      let taken = 0;
      let reached: bigint | undefined;
      for (const chunk of portionsOf(groups)) {
        const answer = await this.#governOnce({ ...asked, groups: chunk, verdicts });
        if (answer.kind === 'corrupt') {
          if (this.#work.corrupt(partition, first) < corruptAttemptsMax) {
            return this.#pause(partition, fail('batch-corrupt', `the batch at ${first.baseOffset} is corrupt`).failure);
          }
          this.#begin();
          this.#draft.refuseBatch(
            (this.#work.lanes.get(partition) ?? [])
              .filter(({ from }) => from <= first.lastOffset)
              .map(({ agreement }) => agreement),
            partition,
            first,
          );
          taken = 1;
          break;
        }
        if (answer.kind === 'unserved') {
          // One batch that has to wait does not hold up those before it.
          if (answer.taken > 1) aloneUntil = index + answer.taken;
          else {
            const found = await this.#work.verdicts.soon(answer.ids, this.#work.dataset);
            if (!found.ok) return this.#pause(partition, found.failure);
            verdicts = new Map([...verdicts, ...found.value]);
          }
          break;
        }
        taken = answer.taken;
        reached = answer.next;
        if (chunk[0] === groups[0]) {
          this.#draft.recordsRead += answer.records;
          this.#draft.timestampMsMax.set(partition, answer.timestampMsMax);
        }
        if (this.#draft.overfull) {
          for (let place = index; place < index + Math.max(1, taken); place += 1)
            this.#work.slice(partition, batches.at(place) as RecordBatch);
          return ok(undefined);
        }
        await this.#work.producer.drained(this.#work.limits.pendingBytesMax);
        await this.#breathe();
      }
      index += taken;
      this.#draft.batchesRead += taken;
      if (taken > 0) reached = (batches.at(index - 1) as RecordBatch).lastOffset + 1n;
      if (reached !== undefined) this.#draft.positions.set(partition, reached);
      if (this.#mustClose()) return ok(undefined);
    }
    this.#draft.positions.set(partition, next);
    return ok(undefined);
  }

  #governOnce(asked: Omit<GovernRequest, 'topic' | 'unserved' | 'suppressions' | 'draft' | 'writer'>): Promise<GovernAnswer> {
    const { dataset, verdicts: registry, board } = this.#work;
    this.#begin();
    return this.#work.govern({
      ...asked,
      topic: this.#topic,
      unserved: (ids) => registry.unserved(ids, dataset),
      ...(board.suppressions === undefined ? {} : { suppressions: board.suppressions }),
      draft: this.#draft,
      writer: this.#writer,
    });
  }

  /**
   * Lets the thread look at its sockets: the next fetch arrives and what was governed leaves while the rest is governed, instead of after, and
   * other feeds have their turn.
   */
  async #breathe(): Promise<void> {
    if (performance.now() - this.#breathedAt < breathMs) return;
    await nextTurn();
    this.#breathedAt = performance.now();
  }

  /**
   * What is refused has to be sealed, record by record, before the brokers give the transaction up, and what goes out for many has to arrive. The rest of what
   * was fetched is fetched again.
   */
  #mustClose(): boolean {
    const { quarantine, quarantineRecords, quarantineBytes, begunAtMs } = this.#draft;
    const { limits } = this.#work;
    return (
      quarantine.size >= limits.quarantineOriginalsMax ||
      quarantineRecords >= limits.quarantineRecordsMax ||
      quarantineBytes >= limits.quarantineBytesMax ||
      (this.#begun && performance.now() - begunAtMs >= withinFetch * limits.transactionMs)
    );
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#draft.begunAtMs = performance.now();
    this.#work.producer.begin(this.#work.mayProduce);
  }

  /** Holds up this partition alone; what came before in the fetch is written. */
  #pause(partition: number, failure: Failure): Result<void> {
    this.#paused.set(partition, during(`pausing partition ${partition} of ${this.#topic}`, failure).failure);
    return ok(undefined);
  }

  async #end(): Promise<Result<TransactionEnd>> {
    const { producer, mayProduce, close, board } = this.#work;
    const draft = this.#draft;
    const tooMuch = refusedTooMuch(draft);
    if (tooMuch.length > 0) return this.#takeBack({ kind: 'refused-too-much', agreements: tooMuch });
    if (draft.overfull) return this.#takeBack({ kind: 'stale' });
    this.#writer.finish();
    draft.governedBytes = this.#writer.bytes;
    const quarantined = await sealEntries(draft, board, this.#topic);
    const settled = await draft.digests.settle();
    if (!settled.ok) {
      await producer.abort();
      return settled;
    }
    const closing = close(draft);
    for (const { partition, record } of quarantined)
      this.#writer.append(...ownRecord(topicNames.quarantine(draft.dataset), partition, record));
    for (const { topic, partition, records } of closing.records)
      for (const record of records) this.#writer.append(...ownRecord(topic, partition, record));
    this.#writer.finish();
    const flushed = await producer.flush();
    if (!flushed.ok) {
      const failed = new Map([...producer.failedOutputs()].filter(([topic]) => topic.startsWith('gov.')));
      if (failed.size === 0 || failed.size < producer.failedOutputs().size) {
        await producer.abort();
        return flushed;
      }
      return this.#takeBack({ kind: 'outputs-failed', topics: failed });
    }
    if (flushed.value === 'stale' || !mayProduce()) return this.#takeBack({ kind: 'stale' });
    const done = this.#work.unreadable.claim(draft.unreadable());
    if (done === undefined) return this.#takeBack({ kind: 'stale' });
    let claims: ClaimEnd = 'not-committed';
    try {
      const offsets = await closing.commitOffsets();
      if (!offsets.ok) return offsets;
      if (!mayProduce()) return await this.#takeBack({ kind: 'stale' });
      claims = 'not-known';
      const committed = await producer.commit();
      if (committed.ok) claims = 'committed';
      return committed.ok ? ok({ kind: 'committed', draft }) : committed;
    } finally {
      done(claims);
    }
  }

  async #takeBack(end: TransactionEnd): Promise<Result<TransactionEnd>> {
    const aborted = await this.#work.producer.abort();
    return aborted.ok ? ok(end) : aborted;
  }
}

const ownRecord = (topic: string, partition: number, { key, value, headers, timestampMs }: OutRecord) =>
  [{ topic, partition }, key, value, headers ?? [], timestampMs ?? BigInt(Date.now())] as const;

/** The agreements under which more was refused than they allow. */
function refusedTooMuch(draft: TransactionDraft): string[] {
  const limits = new Map([...draft.tallies].map(({ agreement }) => [agreement.agreement, agreement.directive.refuseRateMax]));
  return [...draft.counts()].flatMap(([agreement, { input, refused }]) => {
    const most = limits.get(agreement);
    return most !== undefined && input >= refuseRateRecordsMin && refused > most * input ? [agreement] : [];
  });
}
