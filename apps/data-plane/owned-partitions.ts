/** The partitions of a feed that this process has: their books, read from Kafka when they are taken, and kept to what the directives say. */
import type { FeedProducer, OffsetToCommit, OutRecord } from '../../libs/adapters/kafka/index.ts';
import { committedPlaces, topicOffsets } from '../../libs/adapters/kafka/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { fail, ok, topicNames } from '../../libs/base/index.ts';
import type { Directive, TransferStart } from '../../libs/catalog/index.ts';
import { chainHead, encodeReceipt } from '../../libs/ledger/index.ts';
import { writeRecords } from './apart-worker.ts';
import type { DatasetBoard } from './directive-board.ts';
import { hasBegun } from './directive-board.ts';
import type { FeedContext, Tenure } from './feed-context.ts';
import type { FetchAhead } from './fetch-ahead.ts';
import type { PartitionState } from './partition-state.ts';
import { parseState, stateText } from './partition-state.ts';
import { standingRecord } from './position-log.ts';
import type { Standing } from './standing.ts';
import { PartitionBook } from './standing.ts';
import { gapReceipt } from './tally.ts';
import { unreadableOnce } from './unreadable-once.ts';

/** What a partition will be once a transaction is committed. */
export interface After {
  readonly next: bigint;
  readonly head: Uint8Array;
  readonly changes: ReadonlyMap<string, Standing | null>;
}

/** Who reads the partitions: it is told where to read on, and knows which leader wrote what it has read. */
type Reading = Pick<FetchAhead, 'seen' | 'epochBefore'>;

export class OwnedPartitions {
  readonly books = new Map<number, PartitionBook>();
  /** The last command that let a partition go on. */
  readonly resumed = new Map<number, string>();
  readonly #context: FeedContext;
  readonly #reading: Reading;
  /** Partitions that were never read: who comes first decides where they begin. */
  readonly #untouched = new Set<number>();
  #settledVersion = -1;
  /** Partitions that a topic does not have yet to which their records go. */
  readonly tooFew = new Set<number>();
  #lookAgainAt = 0;
  #commandsAt = 0;

  constructor(context: FeedContext, reading: Reading) {
    this.#context = context;
    this.#reading = reading;
  }

  /** What transactions of this process, on the same partition at the same time, have to know of each other: for those of the others. */
  readonly unreadable = unreadableOnce(this.books, '');

  /** Takes partitions over: what is committed, and who stands where. */
  async load(partitions: readonly number[]): Promise<Result<void>> {
    const { cluster, log, dataset } = this.#context.options;
    if (partitions.length === 0) return ok(undefined);
    const committed = await committedPlaces(cluster, this.#context.group, this.#context.topic);
    if (!committed.ok) return committed;
    const caughtUp = await log.caughtUp();
    if (!caughtUp.ok) return caughtUp;
    const earliest = await topicOffsets(cluster, this.#context.topic, 'earliest');
    if (!earliest.ok) return earliest;
    this.#settledVersion = -1;
    for (const partition of partitions) {
      const standings = log.standings(dataset, partition);
      const place = committed.value.get(partition);
      const state = parseState(place?.metadata ?? '');
      const next = place?.offset ?? earliest.value[partition] ?? 0n;
      // Somebody stands here, and the position is gone: the topic was made anew. What its offsets meant nobody knows.
      const lost = place === undefined && standings.size > 0;
      const unreadable = state === undefined;
      if (unreadable) this.#report(partition, 'what is committed with its position is not by this service');
      if (lost) this.#report(partition, 'its position is gone: the topic was made anew, or the position was removed');
      this.books.set(
        partition,
        new PartitionBook({
          next,
          ...(state === undefined ? {} : { head: state.head, unreadable: state.unreadable }),
          gap: lost || unreadable || (state?.gap ?? false),
          standings,
        }),
      );
      this.#reading.seen(partition, next, place?.leaderEpoch ?? -1);
      if (state?.resumed !== undefined) this.resumed.set(partition, state.resumed);
      if (place === undefined && !lost) this.#untouched.add(partition);
      else this.#untouched.delete(partition);
    }
    return ok(undefined);
  }

  /** Brings the books to what the directives say, and lets partitions go on that an operator resumed. */
  async settle(board: DatasetBoard, producer: FeedProducer, tenure: Tenure): Promise<Result<void>> {
    const resumed = await this.#letGoOn(producer, tenure);
    if (!resumed.ok) return resumed;
    if (board.version === this.#settledVersion)
      return this.tooFew.size > 0 && Date.now() > this.#lookAgainAt ? this.#countOutputs(board) : ok(undefined);
    const live = new Set(board.agreements.map(({ agreement }) => agreement));
    for (const [partition, book] of this.books) {
      const begun: { readonly directive: Directive; readonly from: bigint | undefined }[] = [];
      for (const directive of board.directives) {
        const { agreement, state } = directive;
        if (state === 'completed' || state === 'terminated') book.forget(agreement);
        else if (!book.standings.has(agreement) && hasBegun(directive)) {
          const from = await this.#startOf(directive.start ?? 'current', partition);
          if (!from.ok) return from;
          begun.push({ directive, from: from.value });
        }
      }
      if (this.#untouched.has(partition) && begun.length > 0) {
        this.#untouched.delete(partition);
        const froms = begun.map(({ from }) => from ?? book.next);
        book.next = froms.reduce((least, from) => (from < least ? from : least));
      }
      for (const { directive, from } of begun) book.begin(directive.agreement, from ?? book.next);
      // Also one that has a place since just now: what comes while it is suspended is kept for it.
      for (const { agreement } of board.directives) if (!live.has(agreement)) book.part(agreement);
    }
    const counted = await this.#countOutputs(board);
    if (counted.ok) this.#settledVersion = board.version;
    return counted;
  }

  /** Writes down who came to stand apart, with the position of the others that it goes by, so that they can be served alone. */
  async noteApart(producer: FeedProducer, tenure: Tenure): Promise<Result<void>> {
    const { dataset } = this.#context.options;
    const records: { readonly topic: string; readonly record: OutRecord }[] = [];
    const offsets: OffsetToCommit[] = [];
    const noted: (() => void)[] = [];
    for (const [partition, book] of this.books) {
      const unwritten = book.unwritten();
      if (unwritten.size === 0) continue;
      const metadata = this.#stateText(partition, book);
      const leaderEpoch = this.#reading.epochBefore(partition, book.next);
      offsets.push({ topic: this.#context.topic, partition, offset: book.next, leaderEpoch, metadata });
      for (const [agreement, standing] of unwritten) {
        records.push({ topic: topicNames.positions, record: standingRecord(dataset, partition, agreement, standing) });
        noted.push(() => book.committedApart(agreement, standing));
      }
    }
    if (records.length === 0) return ok(undefined);
    const written = await writeRecords(producer, records, () => this.#context.commitOffsets(producer, tenure, offsets));
    if (written.ok) for (const note of noted) note();
    return written;
  }

  /** Looks for operators' commands now and then while a partition waits for one: the others are read meanwhile. */
  async #letGoOn(producer: FeedProducer, tenure: Tenure): Promise<Result<void>> {
    if (Date.now() < this.#commandsAt) return ok(undefined);
    this.#commandsAt = Date.now() + lookAgainMs;
    const waiting = [...this.books].filter(([, book]) => book.gap || [...book.standings.values()].some(isGap));
    return waiting.length === 0 ? ok(undefined) : this.#resume(waiting, producer, tenure);
  }

  /**
   * A raw topic may have grown before those that its records go to: its new partitions wait until all of them have as many, the quarantine too. A topic
   * that is not there is an output that fails.
   */
  async #countOutputs({ agreements }: DatasetBoard): Promise<Result<void>> {
    const { cluster, dataset, report } = this.#context.options;
    const governed = agreements.map(({ agreement }) => topicNames.governed(dataset, agreement));
    const names = [topicNames.quarantine(dataset), ...governed];
    let fewest = Infinity;
    try {
      if (this.tooFew.size > 0) await cluster.refresh(names);
      for (const { leaders } of await cluster.topics(names)) fewest = Math.min(fewest, leaders.length);
    } catch (error) {
      return cluster.failureOf(error, `counting the partitions of the topics of ${dataset}`);
    }
    const waiting = new Set(this.tooFew);
    this.tooFew.clear();
    for (const partition of this.books.keys()) {
      if (partition < fewest) continue;
      this.tooFew.add(partition);
      if (waiting.has(partition)) continue;
      const sentence = `partition ${partition} of ${this.#context.topic} waits: a topic that its records go to has only ${fewest}`;
      report(fail('outputs-too-few', sentence).failure);
    }
    this.#lookAgainAt = Date.now() + lookAgainMs;
    return ok(undefined);
  }

  /** Undefined for where the others are. */
  async #startOf(start: TransferStart, partition: number): Promise<Result<bigint | undefined>> {
    if (start === 'current') return ok(undefined);
    const { cluster } = this.#context.options;
    const offsets = await topicOffsets(cluster, this.#context.topic, start);
    if (!offsets.ok) return offsets;
    const offset = offsets.value[partition];
    return offset === undefined
      ? fail('broker-unreachable', `partition ${partition} of ${this.#context.topic} has no offsets`)
      : ok(offset);
  }

  /** Says in Receipts what is missing, and holds the partition until an operator lets it go on. */
  async writeGap(partition: number, board: DatasetBoard, producer: FeedProducer, tenure: Tenure): Promise<Result<void>> {
    const book = this.books.get(partition);
    if (book === undefined) return ok(undefined);
    const earliest = await this.#context.earliest(partition);
    if (!earliest.ok) return earliest;
    const logStart = earliest.value;
    const live = new Set(board.agreements.map(({ agreement }) => agreement));
    const { takers } = book.takers(live);
    let { head } = book;
    const records: { topic: string; record: OutRecord }[] = [];
    for (const { agreement, from } of takers) {
      const directed = board.agreements.find((other) => other.agreement === agreement);
      if (directed === undefined) continue;
      const lost = { from, to: logStart > from ? logStart - 1n : from - 1n };
      const value = encodeReceipt(gapReceipt(directed, partition, lost, { apart: false, previous: head }));
      head = chainHead(value);
      records.push({ topic: topicNames.receipts, record: { key: Buffer.from(`${agreement}/${partition}`), value } });
    }
    const metadata = this.#stateText(partition, book, { head, gap: true });
    const offsets = [{ topic: this.#context.topic, partition, offset: book.next, metadata }];
    const written = await writeRecords(producer, records, () => this.#context.commitOffsets(producer, tenure, offsets));
    if (!written.ok) return written;
    book.head = head;
    book.gap = true;
    // Where an operator lets it go on, it goes on with what the log has then.
    this.#reading.seen(partition, book.next, -1);
    this.#report(partition, `it no longer has offset ${book.next}; it begins at ${logStart}`);
    return ok(undefined);
  }

  async #resume(waiting: readonly [number, PartitionBook][], producer: FeedProducer, tenure: Tenure): Promise<Result<void>> {
    const { log, dataset } = this.#context.options;
    const caughtUp = await log.caughtUp();
    if (!caughtUp.ok) return caughtUp;
    for (const [partition, book] of waiting) {
      const command = log.resume(dataset, partition);
      if (command === undefined || command.id === this.resumed.get(partition)) continue;
      const earliest = await this.#context.earliest(partition);
      if (!earliest.ok) return earliest;
      const start = earliest.value;
      const at = command.at === 'earliest' ? start : command.at;
      const next = book.gap ? at : book.next;
      const changes = new Map<string, Standing>();
      for (const [agreement, standing] of book.standings) {
        // Offsets of before mean nothing behind a gap of the whole partition.
        if (book.gap && standing.kind === 'joined') changes.set(agreement, { ...standing, from: at });
        else if (standing.kind === 'apart' && (standing.gap === true || standing.next < start)) {
          const { gap: _, ...rest } = standing;
          changes.set(agreement, { ...rest, next: at });
        }
      }
      const records = [...changes].map(([agreement, standing]) => ({
        topic: topicNames.positions,
        record: standingRecord(dataset, partition, agreement, standing),
      }));
      const unreadable = book.gap ? [] : [...book.unreadable];
      const metadata = this.#stateText(partition, book, { gap: false, resumed: command.id, unreadable });
      // Of the record before the place where an operator lets it go on nothing is known.
      const leaderEpoch = book.gap ? -1 : this.#reading.epochBefore(partition, next);
      const offsets = [{ topic: this.#context.topic, partition, offset: next, leaderEpoch, metadata }];
      const written = await writeRecords(producer, records, () => this.#context.commitOffsets(producer, tenure, offsets));
      if (!written.ok) return written;
      if (book.gap) for (const known of [book.unreadable, book.quarantined]) known.clear();
      book.commit(next, changes);
      book.gap = false;
      this.resumed.set(partition, command.id);
    }
    return ok(undefined);
  }

  /** What a partition's position is committed with in a transaction that puts these offsets into quarantine, as what nobody can read. */
  stateAfter(partition: number, after: After, unreadable: readonly bigint[]): string {
    const book = this.books.get(partition);
    if (book === undefined) throw new Error('state after: a partition is not owned');
    const toCome = book.toCome([...book.unreadable, ...unreadable], after.next, after.changes);
    return this.#stateText(partition, book, { head: after.head, gap: false, unreadable: toCome });
  }

  /** What a partition's position is committed with, but for these changes. */
  #stateText(partition: number, { head, gap, unreadable }: PartitionBook, changes: Partial<PartitionState> = {}): string {
    return stateText({ head, gap, resumed: this.resumed.get(partition), unreadable: [...unreadable], ...changes });
  }

  #report(partition: number, why: string): void {
    this.#context.options.report(
      fail('offset-out-of-range', `partition ${partition} of ${this.#context.topic} waits: ${why}`).failure,
    );
  }
}

const lookAgainMs = 500;

const isGap = (standing: Standing): boolean => standing.kind === 'apart' && standing.gap === true;
