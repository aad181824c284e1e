/** The loop of one dataset in one process: takes its partitions, settles who stands where, and runs transaction after transaction. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FeedProducer } from '../../libs/adapters/kafka/index.ts';
import { GroupMember } from '../../libs/adapters/kafka/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { during, fail, ok, topicNames } from '../../libs/base/index.ts';
import { ApartWorkers } from './apart-workers.ts';
import type { DatasetBoard, LiveAgreement } from './directive-board.ts';
import type { FeedOptions } from './feed-context.ts';
import { FeedContext, Tenure } from './feed-context.ts';
import type { FeedStatus, FeedView } from './feed-status.ts';
import { FeedFigures } from './feed-status.ts';
import { FeedWatch } from './feed-watch.ts';
import type { FetchAhead } from './fetch-ahead.ts';
import type { LaneFrom } from './lane-group.ts';
import { transactionDurations } from './metrics.ts';
import type { After } from './owned-partitions.ts';
import { OwnedPartitions } from './owned-partitions.ts';
import { standingRecord } from './position-log.ts';
import type { Taker } from './standing.ts';
import type { Closing, TransactionReport } from './transaction.ts';
import { runTransaction } from './transaction.ts';
import type { TransactionDraft } from './transaction-draft.ts';

const retryPauseMs = 500;
const idlePauseMs = 100;

export class FeedWorker {
  readonly #context: FeedContext;
  readonly #ahead: FetchAhead;
  readonly #owned: OwnedPartitions;
  readonly #apart: ApartWorkers;
  readonly #figures: FeedFigures;
  readonly #watch: FeedWatch;
  readonly #pausedUntil = new Map<number, number>();
  readonly #next = new Map<number, After>();
  #member: GroupMember | undefined;
  #tenure: Tenure | undefined;
  #producer: FeedProducer | undefined;
  #failure: string | undefined;
  /** The last turn found nothing. */
  #idle = false;
  #stopping = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: FeedOptions) {
    this.#context = new FeedContext(options);
    this.#figures = new FeedFigures(transactionDurations(options.dataset));
    this.#ahead = this.#context.ahead();
    this.#owned = new OwnedPartitions(this.#context, this.#ahead);
    this.#apart = new ApartWorkers(this.#context, this.#owned, this.#figures);
    this.#watch = new FeedWatch({
      context: this.#context,
      books: this.#owned.books,
      figures: this.#figures,
      waitMs: () => this.#ahead.waitMs,
      idleMember: () => (this.#tenure?.place()?.memberEpoch ?? 0) > 0 && this.#member?.target().length === 0,
    });
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Something else than its records has changed. */
  wake(): void {
    this.#ahead.wake();
  }

  /** Looks at the feed from outside of its loop: to be called every `watchTickMs`. */
  look(): void {
    this.#watch.look();
  }

  /** Finishes the transaction under way, leaves the group. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#ahead.wake();
    this.#apart.beginStop();
    await Promise.all([this.#loop, this.#watch.stop()]);
  }

  view(): FeedView {
    const now = Date.now();
    const { board, dataset } = this.#context.options;
    return {
      status: this.status(),
      figures: this.#figures,
      group: this.#context.group,
      topic: this.#context.topic,
      serves: (board.board(dataset)?.agreements.length ?? 0) > 0,
      pendingBytes: (this.#producer?.pendingBytes ?? 0) + this.#apart.pendingBytes,
      paused: [...this.#pausedUntil].filter(([partition, until]) => until > now && this.#owned.books.has(partition)).length,
      polledAtMs: Math.max(this.#ahead.answeredAtMs, this.#figures.restedAtMs),
    };
  }

  status(): FeedStatus {
    const { totals, recordsRead, transactions, transactionMs } = this.#figures;
    return {
      dataset: this.#context.options.dataset,
      recordsRead,
      ...this.#figures.lag(),
      partitions: [...this.#owned.books.keys()],
      agreements: totals,
      apart: this.#apart.status(),
      gaps: [...this.#owned.books].flatMap(([partition, { gap }]) => (gap ? [partition] : [])),
      outputsTooFew: [...this.#owned.tooFew],
      transactions,
      transactionMs,
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
      this.#figures.failed(turned.failure.code);
      this.#context.options.report(during(`governing ${this.#context.options.dataset}`, turned.failure).failure);
      await this.#startOver();
      await sleep(turned.failure.retriable ? retryPauseMs : retryPauseMs * 4);
    }
    this.#ahead.close();
    await this.#apart.stop();
    await this.#producer?.close();
    await this.#member?.leave();
  }

  /** Forgets everything uncommitted: the next turn begins at the committed positions with a new producer epoch. */
  async #startOver(): Promise<void> {
    await this.#letGo();
    await this.#producer?.close().catch(() => undefined);
    this.#producer = undefined;
  }

  async #turn(): Promise<Result<void>> {
    const { options } = this.#context;
    // From here on everything is looked at: whatever changes later wakes the fetch of this turn.
    this.#ahead.calm();
    const listed = options.board.board(options.dataset)?.suppressions;
    if (listed?.ready() === false) return fail('suppressions-incomplete', 'who was erased from it is not known');
    const ready = await this.#ready();
    if (!ready.ok) return ready;
    const { tenure, producer } = ready.value;
    const board = options.board.board(options.dataset);
    if (board === undefined) return this.#rest();
    const settled = await this.#owned.settle(board, producer, tenure);
    if (!settled.ok) return settled;
    const noted = await this.#owned.noteApart(producer, tenure);
    if (!noted.ok) return noted;
    this.#apart.tend(board, tenure);
    const { positions, lanes, takers } = this.#plan(board);
    if (positions.size === 0) return this.#rest();
    this.#ahead.waitMs = this.#waitMs(positions.size);
    const begunAt = performance.now();
    const report = await runTransaction({
      ...this.#context.work(board),
      producer,
      ahead: this.#ahead,
      positions,
      lanes,
      stopping: () => this.#stopping,
      unreadable: this.#owned.unreadable,
      mustWrite: (moved) => [...moved.keys()].some((partition) => this.#mustWrite(partition)),
      close: (draft) => this.#close(draft, takers, producer, tenure),
    });
    if (!report.ok) return report;
    return this.#ended(report.value, board, performance.now() - begunAt);
  }

  /** A feed that nobody writes to is asked for less often; one in which anything is to be looked at again is not. */
  #waitMs(reading: number): number {
    const { fetchWaitMs, idleWaitMs } = this.#context.options.limits;
    const books = [...this.#owned.books.values()];
    const calm = reading === books.length && books.every(({ settled }) => settled);
    return this.#idle && calm ? idleWaitMs : fetchWaitMs;
  }

  async #rest(): Promise<Result<void>> {
    this.#ahead.drop();
    await sleep(idlePauseMs);
    this.#figures.restedAtMs = Date.now();
    return ok(undefined);
  }

  /** Membership, producer and partitions, each made when missing. */
  async #ready(): Promise<Result<{ tenure: Tenure; producer: FeedProducer }>> {
    const { cluster, instance } = this.#context.options;
    if (this.#member === undefined) {
      const { group, topic } = this.#context;
      const joined = await GroupMember.join(cluster, { group, topic, memberId: instance, onChange: () => this.wake() });
      if (!joined.ok) return joined;
      this.#member = joined.value;
    }
    if (this.#tenure?.over !== false) {
      // Whatever was owned is somebody else's now, or was in between.
      await this.#letGo();
      this.#tenure = new Tenure(this.#member);
    }
    if (this.#producer?.usable !== true) {
      const opened = await this.#context.producer();
      if (!opened.ok) return opened;
      this.#producer = opened.value;
      await this.#letGo();
    }
    const [member, tenure, producer] = [this.#member, this.#tenure, this.#producer];
    const target = member.target();
    const removed = [...this.#owned.books.keys()].filter((partition) => !target.includes(partition));
    const added = target.filter((partition) => !this.#owned.books.has(partition));
    this.#figures.keepOnly(target);
    if (added.length === 0 && removed.length === 0) return ok({ tenure, producer });
    for (const partition of removed) this.#owned.books.delete(partition);
    // What serves an agreement alone may be in the middle of a transaction on a partition that is being given back.
    await this.#apart.settled();
    await tenure.take(target);
    const loaded = await this.#owned.load(added);
    return loaded.ok ? ok({ tenure, producer }) : loaded;
  }

  /** Forgets everything that is not committed. */
  async #letGo(): Promise<void> {
    this.#ahead.drop();
    await this.#apart.stop();
    this.#owned.books.clear();
    this.#next.clear();
  }

  #mustWrite(partition: number): boolean {
    const book = this.#owned.books.get(partition);
    return book !== undefined && (book.joining.size > 0 || book.changed.size > 0);
  }

  /** What the others read now: the partitions that do not wait, and who takes from where. */
  #plan(board: DatasetBoard): {
    positions: Map<number, bigint>;
    lanes: Map<number, LaneFrom[]>;
    takers: Map<number, readonly Taker[]>;
  } {
    const byId = new Map(board.agreements.map((agreement) => [agreement.agreement, agreement]));
    const live = new Set(byId.keys());
    const positions = new Map<number, bigint>();
    const lanes = new Map<number, LaneFrom[]>();
    const taking = new Map<number, readonly Taker[]>();
    const now = Date.now();
    for (const [partition, book] of this.#owned.books) {
      if (book.gap || this.#owned.tooFew.has(partition) || (this.#pausedUntil.get(partition) ?? 0) > now) continue;
      book.join(live);
      const { position, takers } = book.takers(live);
      if (takers.length === 0) continue;
      positions.set(partition, position);
      taking.set(partition, takers);
      lanes.set(
        partition,
        takers.map(({ agreement, from }) => this.#context.lane(byId.get(agreement) as LiveAgreement, from)),
      );
    }
    return { positions, lanes, takers: taking };
  }

  #close(
    draft: TransactionDraft,
    takers: ReadonlyMap<number, readonly Taker[]>,
    producer: FeedProducer,
    tenure: Tenure,
  ): Closing {
    const { books } = this.#owned;
    const { dataset } = this.#context.options;
    const heads = new Map([...books].map(([partition, { head }]) => [partition, head]));
    const receipts = draft.receipts(false, heads);
    this.#next.clear();
    for (const [partition, position] of draft.positions) {
      const book = books.get(partition);
      if (book === undefined) throw new Error('close: a partition is not owned');
      const after = book.after(position, takers.get(partition) ?? []);
      this.#next.set(partition, { ...after, head: heads.get(partition) ?? book.head });
    }
    const standings = [...this.#next].flatMap(([partition, { changes }]) =>
      [...changes].map(([agreement, standing]) => standingRecord(dataset, partition, agreement, standing)),
    );
    const unreadable = draft.unreadable();
    const offsets = [...this.#next].map(([partition, after]) => ({
      topic: this.#context.topic,
      partition,
      offset: after.next,
      leaderEpoch: this.#ahead.epochBefore(partition, after.next),
      metadata: this.#owned.stateAfter(partition, after, unreadable.get(partition) ?? []),
    }));
    return {
      records: [
        { topic: topicNames.receipts, partition: 0, records: receipts },
        { topic: topicNames.positions, partition: 0, records: standings },
      ],
      commitOffsets: () => this.#context.commitOffsets(producer, tenure, offsets),
    };
  }

  async #ended({ end, seen, paused }: TransactionReport, board: DatasetBoard, tookMs: number): Promise<Result<void>> {
    const { options } = this.#context;
    const { books } = this.#owned;
    this.#figures.ended(end.kind);
    this.#idle = end.kind === 'idle';
    let restMs = 0;
    for (const [partition, failure] of paused) {
      this.#pausedUntil.set(partition, Date.now() + retryPauseMs);
      options.report(failure);
    }
    switch (end.kind) {
      case 'stale':
        return ok(undefined);
      case 'outputs-failed':
        if (await this.#context.learnLimits(end.topics)) return ok(undefined);
        this.#partFrom(
          board,
          ({ agreement }) => end.topics.has(topicNames.governed(options.dataset, agreement)),
          'output-failed',
        );
        return ok(undefined);
      case 'refused-too-much':
        this.#partFrom(board, ({ agreement }) => end.agreements.includes(agreement), 'refuse-rate-exceeded');
        return ok(undefined);
      case 'idle':
        // What lies between is no data: nothing is lost if this is forgotten.
        for (const [partition, position] of end.draft.positions) {
          const book = books.get(partition);
          if (book !== undefined && !this.#mustWrite(partition) && position > book.next) book.next = position;
        }
        break;
      case 'committed':
        for (const [partition, { next, head, changes }] of this.#next) books.get(partition)?.commit(next, changes, head);
        this.#figures.committed(end.draft, tookMs, true);
        restMs = this.#restAfter(end.draft, tookMs);
    }
    for (const [partition, found] of seen) {
      const book = books.get(partition);
      if (book === undefined) continue;
      this.#figures.look(partition, book.next, found, end.draft.timestampMsMax.get(partition));
      if (!found.outOfRange) continue;
      const written = await this.#owned.writeGap(partition, board, this.#producer as FeedProducer, this.#tenure as Tenure);
      if (!written.ok) return written;
    }
    for (const partition of this.#figures.nearlyLost()) {
      const sentence = `partition ${partition} of ${this.#context.topic} is read so late that the topic may delete what has not been read`;
      options.report(fail('retention-nearly-used', sentence).failure);
    }
    if (restMs > 0) await sleep(restMs);
    return ok(undefined);
  }

  /** The others go on without these agreements. */
  #partFrom(
    board: DatasetBoard,
    which: (agreement: LiveAgreement) => boolean,
    why: 'output-failed' | 'refuse-rate-exceeded',
  ): void {
    for (const live of board.agreements.filter(which)) {
      const { agreement, directive } = live;
      for (const book of this.#owned.books.values()) {
        book.joining.delete(agreement);
        book.part(agreement, why === 'refuse-rate-exceeded' ? directive.revision : undefined);
      }
      if (why === 'output-failed') this.#apart.outputFailed(agreement);
      this.#context.options.report(
        fail(
          why,
          why === 'output-failed'
            ? `${topicNames.governed(directive.dataset, agreement)} does not take records`
            : `${agreement} is held`,
        ).failure,
      );
    }
  }

  /** A small transaction waits a little for more; one of many Receipts so long that they stay below their rate. */
  #restAfter(draft: TransactionDraft, tookMs: number): number {
    const { lingerMs, receiptsPerSecondMax, transactionRecordsMax } = this.#context.options.limits;
    const receipts = [...draft.tallies].length;
    const needed = (receipts * 1_000) / receiptsPerSecondMax - tookMs;
    return Math.max(draft.recordsRead * 16 < transactionRecordsMax ? lingerMs : 0, needed);
  }
}
