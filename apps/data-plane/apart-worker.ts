/** Serves one agreement alone, from a position of its own, until it is so near to the others of its dataset that they take it along. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FeedProducer, OutRecord } from '../../libs/adapters/kafka/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { during, fail, ok, topicNames } from '../../libs/base/index.ts';
import { chainHead, encodeReceipt } from '../../libs/ledger/index.ts';
import type { LiveAgreement } from './directive-board.ts';
import type { FeedContext, Tenure } from './feed-context.ts';
import type { FeedFigures } from './feed-status.ts';
import type { FetchAhead } from './fetch-ahead.ts';
import { GovernedWriter } from './governed-writer.ts';
import { unreadableInQuarantine } from './in-quarantine.ts';
import { standingRecord } from './position-log.ts';
import type { OwnedPartitions } from './owned-partitions.ts';
import type { Apart } from './standing.ts';
import { gapReceipt } from './tally.ts';
import type { Closing, TransactionReport } from './transaction.ts';
import { runTransaction } from './transaction.ts';
import type { TransactionDraft } from './transaction-draft.ts';
import type { UnreadableOnce } from './unreadable-once.ts';
import { unreadableOnce } from './unreadable-once.ts';

const firstPauseMs = 500;

export class ApartWorker {
  readonly #context: FeedContext;
  readonly #agreement: string;
  readonly #owned: Pick<OwnedPartitions, 'books' | 'tooFew'>;
  readonly #tenure: Tenure;
  readonly #figures: FeedFigures;
  readonly #ahead: FetchAhead;
  #producer: FeedProducer | undefined;
  #stopping = false;
  #turning: Promise<unknown> = Promise.resolve();
  #loop: Promise<void> = Promise.resolve();
  #waitMs = 0;
  /** Partitions for which the quarantine was looked into. */
  readonly #looked = new Set<number>();
  readonly #unreadable: UnreadableOnce;
  /** Set while it is not known what was committed last: nothing is begun before. */
  #unsure = false;
  /** Set until its output has taken something again. */
  outputFailed: boolean;
  ended = false;

  constructor(
    context: FeedContext,
    agreement: string,
    owned: Pick<OwnedPartitions, 'books' | 'tooFew'>,
    tenure: Tenure,
    figures: FeedFigures,
    outputFailed: boolean,
  ) {
    this.#context = context;
    this.#agreement = agreement;
    this.#owned = owned;
    this.#unreadable = unreadableOnce(owned.books, agreement);
    this.#tenure = tenure;
    this.#figures = figures;
    this.outputFailed = outputFailed;
    this.#ahead = context.ahead();
  }

  /** Bytes on their way to the brokers. */
  get pendingBytes(): number {
    return this.#producer?.pendingBytes ?? 0;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#ahead.wake();
    await this.#loop;
  }

  /** Resolves when the transaction that is under way has ended; partitions that left the books are not in the next one. */
  async settled(): Promise<void> {
    await this.#turning;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      // No transaction is open meanwhile: nobody who gives a partition back waits for it.
      const looked = await this.#lookIntoQuarantine();
      const turn = looked.ok ? this.#turn() : Promise.resolve(looked);
      this.#turning = turn;
      const turned = await turn;
      if (turned.ok && turned.value === 'over') break;
      if (!turned.ok) {
        this.#figures.failed(turned.failure.code);
        this.#context.options.report(
          during(`governing ${this.#context.options.dataset} for ${this.#agreement}`, turned.failure).failure,
        );
        this.#unsure ||= looked.ok;
        this.#ahead.drop();
        await this.#closeProducer();
      }
      if (!turned.ok || turned.value === 'wait') {
        this.#waitMs = Math.min(this.#context.options.limits.apartPauseMsMax, Math.max(firstPauseMs, this.#waitMs * 2));
        await this.#pause(this.#waitMs);
      } else this.#waitMs = 0;
    }
    this.#ahead.close();
    await this.#closeProducer();
    this.ended = true;
  }

  async #pause(ms: number): Promise<void> {
    const until = performance.now() + ms;
    while (!this.#stopping && performance.now() < until) await sleep(50);
  }

  async #openProducer(): Promise<Result<FeedProducer>> {
    if (this.#producer?.usable === true) return ok(this.#producer);
    const opened = await this.#context.producer(this.#agreement);
    if (opened.ok) this.#producer = opened.value;
    return opened;
  }

  async #closeProducer(): Promise<void> {
    await this.#producer?.close().catch(() => undefined);
    this.#producer = undefined;
  }

  /** Reads again where it stands; its producer, opened anew, has ended what was open. */
  async #findOut(): Promise<Result<void>> {
    const opened = await this.#openProducer();
    if (!opened.ok) return opened;
    const { log, dataset } = this.#context.options;
    const caughtUp = await log.caughtUp();
    if (!caughtUp.ok) return caughtUp;
    for (const [partition, book] of this.#owned.books) {
      const written = log.standings(dataset, partition).get(this.#agreement);
      const mine = book.alone(this.#agreement, Infinity) !== undefined;
      if (written?.kind === 'apart' && mine) book.committedApart(this.#agreement, written);
    }
    this.#unreadable.release();
    this.#unsure = false;
    return ok(undefined);
  }

  async #turn(): Promise<Result<'over' | 'wait' | 'done'>> {
    const { options } = this.#context;
    const known = this.#unsure ? await this.#findOut() : ok(undefined);
    if (!known.ok) return known;
    const board = options.board.board(options.dataset);
    const live = this.#live();
    if (board === undefined || live === undefined) return ok('over');
    const places = this.#places(live);
    if (places.size === 0) return ok('over');
    if (board.suppressions?.ready() === false) return ok('wait');
    const opened = await this.#openProducer();
    if (!opened.ok) return opened;
    const producer = opened.value;
    const begunAt = performance.now();
    // What the standings are once this transaction is committed, and no other.
    let next: ReadonlyMap<number, Apart> = new Map();
    const report = await runTransaction({
      ...this.#context.work(board),
      producer,
      ahead: this.#ahead,
      positions: new Map([...places].map(([partition, { next }]) => [partition, next])),
      lanes: new Map([...places].map(([partition, { next }]) => [partition, [this.#context.lane(live, next)]])),
      stopping: () => this.#stopping,
      mustWrite: () => false,
      unreadable: this.#unreadable,
      close: (draft) => {
        const closed = this.#close(draft, places, producer);
        next = closed.next;
        return closed;
      },
    });
    if (!report.ok) return report;
    return this.#ended(report.value, { places, next }, live, performance.now() - begunAt);
  }

  #live(): LiveAgreement | undefined {
    const { board, dataset } = this.#context.options;
    return board.board(dataset)?.agreements.find(({ agreement }) => agreement === this.#agreement);
  }

  /** What nobody could read is in quarantine once, also where this agreement comes by long after the others. */
  async #lookIntoQuarantine(): Promise<Result<void>> {
    const { books } = this.#owned;
    const directive = this.#live()?.directive;
    if (directive === undefined) return ok(undefined);
    for (const partition of this.#looked) if (!books.has(partition)) this.#looked.delete(partition);
    const from = new Map<number, bigint>();
    for (const [partition, book] of books) {
      const standing = book.alone(this.#agreement, directive.revision);
      if (standing === undefined || this.#looked.has(partition)) continue;
      this.#looked.add(partition);
      if (book.late(this.#agreement)) from.set(partition, standing.next);
    }
    if (from.size === 0) return ok(undefined);
    const { cluster, dataset } = this.#context.options;
    const found = await unreadableInQuarantine({ cluster, dataset, from, stopping: () => this.#stopping });
    if (!found.ok) {
      for (const partition of from.keys()) this.#looked.delete(partition);
      return found;
    }
    for (const [partition, offsets] of found.value)
      for (const [offset, timestampMs] of offsets) books.get(partition)?.quarantined.set(offset, timestampMs);
    return ok(undefined);
  }

  /** Partitions where it is apart and may go on by itself. Those where it has come near are given to the others, and new ones wait for the next turn. */
  #places(live: LiveAgreement): Map<number, Apart> {
    const places = new Map<number, Apart>();
    for (const [partition, book] of this.#owned.books) {
      const standing = book.alone(this.#agreement, live.directive.revision);
      if (standing === undefined || this.#owned.tooFew.has(partition) || !this.#looked.has(partition)) continue;
      if (!this.outputFailed && book.near(this.#agreement)) book.joining.add(this.#agreement);
      else places.set(partition, standing);
    }
    return places;
  }

  #close(
    draft: TransactionDraft,
    places: ReadonlyMap<number, Apart>,
    producer: FeedProducer,
  ): Closing & { readonly next: ReadonlyMap<number, Apart> } {
    const heads = new Map([...places].map(([partition, { head }]) => [partition, head]));
    const receipts = draft.receipts(true, heads);
    const { dataset } = this.#context.options;
    const next = new Map<number, Apart>();
    const unreadable = draft.unreadable();
    for (const [partition, position] of draft.positions) {
      const standing = places.get(partition);
      const after = standing && { ...standing, next: position, head: heads.get(partition) ?? standing.head };
      const book = this.#owned.books.get(partition);
      if (after !== undefined && book !== undefined)
        next.set(partition, book.withUnreadable(this.#agreement, after, unreadable.get(partition) ?? []));
    }
    const standings = [...next].map(([partition, standing]) => standingRecord(dataset, partition, this.#agreement, standing));
    return {
      next,
      records: [
        { topic: topicNames.receipts, partition: 0, records: receipts },
        { topic: topicNames.positions, partition: 0, records: standings },
      ],
      // Moves nothing: the coordinator refuses it, and so the transaction, once the member has lost its place.
      commitOffsets: () =>
        this.#context.commitOffsets(producer, this.#tenure, [{ topic: topicNames.positions, partition: 0, offset: 0n }]),
    };
  }

  async #ended(
    { end, seen, paused }: TransactionReport,
    { places, next }: { readonly places: ReadonlyMap<number, Apart>; readonly next: ReadonlyMap<number, Apart> },
    live: LiveAgreement,
    tookMs: number,
  ): Promise<Result<'done' | 'wait'>> {
    const { options } = this.#context;
    this.#figures.ended(end.kind);
    for (const failure of paused.values()) options.report(failure);
    switch (end.kind) {
      case 'outputs-failed':
        if (await this.#context.learnLimits(end.topics)) return ok('done');
        this.outputFailed = true;
        options.report(
          fail('output-failed', `${topicNames.governed(options.dataset, this.#agreement)} does not take records`).failure,
        );
        return ok('wait');
      case 'refused-too-much':
        for (const partition of places.keys()) this.#owned.books.get(partition)?.part(this.#agreement, live.directive.revision);
        options.report(fail('refuse-rate-exceeded', `${this.#agreement} is held`).failure);
        return ok('done');
      case 'stale':
        return ok('done');
      case 'idle':
        for (const [partition, position] of end.draft.positions) {
          const standing = places.get(partition);
          if (standing !== undefined && position > standing.next)
            this.#owned.books.get(partition)?.committedApart(this.#agreement, { ...standing, next: position });
        }
        break;
      case 'committed':
        this.outputFailed = false;
        for (const [partition, standing] of next) this.#owned.books.get(partition)?.committedApart(this.#agreement, standing);
        this.#figures.committed(end.draft, tookMs, false);
    }
    for (const [partition, { outOfRange }] of seen) {
      const standing = places.get(partition);
      if (!outOfRange || standing === undefined) continue;
      const written = await this.#writeGap(live, partition, standing);
      if (!written.ok) return written;
    }
    return ok(paused.size > 0 ? 'wait' : 'done');
  }

  /** Says in a Receipt what is missing, and waits for an operator. */
  async #writeGap(live: LiveAgreement, partition: number, standing: Apart): Promise<Result<void>> {
    const producer = this.#producer;
    if (producer === undefined) throw new Error('write gap: there is no producer');
    const earliest = await this.#context.earliest(partition);
    if (!earliest.ok) return earliest;
    const logStart = earliest.value;
    const to = logStart > standing.next ? logStart - 1n : standing.next - 1n;
    const receipt = encodeReceipt(
      gapReceipt(live, partition, { from: standing.next, to }, { apart: true, previous: standing.head }),
    );
    const after: Apart = { ...standing, head: chainHead(receipt), gap: true };
    const { dataset } = this.#context.options;
    const written = await writeRecords(
      producer,
      [
        { topic: topicNames.receipts, record: { key: Buffer.from(`${this.#agreement}/${partition}`), value: receipt } },
        { topic: topicNames.positions, record: standingRecord(dataset, partition, this.#agreement, after) },
      ],
      () => this.#context.commitOffsets(producer, this.#tenure, [{ topic: topicNames.positions, partition: 0, offset: 0n }]),
    );
    if (!written.ok) return written;
    this.#owned.books.get(partition)?.committedApart(this.#agreement, after);
    this.#ahead.seen(partition, standing.next, -1);
    this.#context.options.report(
      fail(
        'offset-out-of-range',
        `partition ${partition} of ${this.#context.topic} no longer has offset ${standing.next} for ${this.#agreement}`,
      ).failure,
    );
    return ok(undefined);
  }
}

/** A transaction of a few records, all of partition 0. */
export async function writeRecords(
  producer: FeedProducer,
  records: readonly { readonly topic: string; readonly record: OutRecord }[],
  commitOffsets: () => Promise<Result<void>>,
): Promise<Result<void>> {
  producer.begin();
  const writer = new GovernedWriter(producer);
  for (const { topic, record } of records)
    writer.append(
      { topic, partition: 0 },
      record.key,
      record.value,
      record.headers ?? [],
      record.timestampMs ?? BigInt(Date.now()),
    );
  writer.finish();
  const flushed = await producer.flush();
  if (!flushed.ok) return flushed;
  const committed = await commitOffsets();
  return committed.ok ? producer.commit() : committed;
}
