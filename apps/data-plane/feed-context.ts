/** What the workers of a feed share: where they read and write, and how they make their transactions. */
import type { Cluster, FeedProducer, GroupMember, GroupPlace, OffsetToCommit } from '../../libs/adapters/kafka/index.ts';
import {
  AtLeastOnceProducer,
  KafkaAdmin,
  PartitionFetcher,
  topicOffsets,
  TransactionalProducer,
} from '../../libs/adapters/kafka/index.ts';
import type { Failure, Result } from '../../libs/base/index.ts';
import { fail, ok, topicNames } from '../../libs/base/index.ts';
import type { RecordBatch } from '../../libs/records/index.ts';
import type { Guarantee, WorkerLimits } from './config.ts';
import type { DigestSession } from './digests/digest-session.ts';
import type { DatasetBoard, DirectiveBoard, LiveAgreement } from './directive-board.ts';
import { FetchAhead } from './fetch-ahead.ts';
import type { GovernAnswer, GovernRequest } from './govern-request.ts';
import type { LaneFrom } from './lane-group.ts';
import type { PositionLog } from './position-log.ts';
import type { TransactionWork } from './transaction.ts';
import type { SchemaVerdicts } from './schema-verdicts.ts';

/** Kafka's error code of a batch that is over the topic's `max.message.bytes`. Source: Apache Kafka protocol guide, "Error Codes". */
const messageTooLarge = 10;

export interface FeedOptions {
  readonly cluster: Cluster;
  readonly board: DirectiveBoard;
  readonly log: PositionLog;
  readonly verdicts: SchemaVerdicts;
  readonly dataset: string;
  readonly instance: string;
  readonly guarantee: Guarantee;
  readonly limits: WorkerLimits;
  /** Governs batches into the draft and the writer; the Nest handler. */
  readonly govern: (request: GovernRequest) => Promise<GovernAnswer>;
  /** A transaction's digests, computed on another thread. */
  readonly digests: () => DigestSession;
  readonly report: (failure: Failure) => void;
}

/** A place in the feed's group for as long as it is not lost: work that was begun in one is not committed in another. */
export class Tenure {
  readonly member: GroupMember;
  readonly #incarnation: number;

  constructor(member: GroupMember) {
    this.member = member;
    this.#incarnation = member.incarnation;
  }

  get over(): boolean {
    return this.member.incarnation !== this.#incarnation;
  }

  place(): GroupPlace | undefined {
    return this.member.place(this.#incarnation);
  }

  take(partitions: readonly number[]): Promise<void> {
    return this.member.take(partitions, this.#incarnation);
  }
}

export class FeedContext {
  readonly options: FeedOptions;
  readonly topic: string;
  readonly group: string;
  /** Largest batch of a governed topic, where that was found to be less than usual. */
  readonly #bytesMax = new Map<string, number>();
  readonly #corruptAttempts = new Map<string, number>();
  readonly #sliced = new Set<string>();

  constructor(options: FeedOptions) {
    this.options = options;
    this.topic = topicNames.raw(options.dataset);
    this.group = `sluice.${options.dataset}`;
  }

  /** Under an id of its own that is the same after a restart: opening it ends what was left open. `agreement` is one that is served alone. */
  producer(agreement?: string): Promise<Result<FeedProducer>> {
    const { cluster, instance, dataset, guarantee, limits } = this.options;
    const { outputFailMs } = limits;
    if (guarantee === 'at-least-once') return AtLeastOnceProducer.open(cluster, { outputFailMs });
    const transactionalId = `sluice.${instance}.0.${dataset}${agreement === undefined ? '' : `.${agreement}`}`;
    return TransactionalProducer.open(cluster, { transactionalId, outputFailMs });
  }

  /** A reader with connections of its own. */
  ahead(): FetchAhead {
    const { cluster, limits } = this.options;
    return new FetchAhead(new PartitionFetcher(cluster, this.topic), {
      maxWaitMs: limits.fetchWaitMs,
      maxBytes: limits.fetchBytesMax,
      partitionMaxBytes: limits.fetchPartitionBytesMax,
    });
  }

  /** An agreement, the first offset that it takes, and what its topic allows. */
  lane(agreement: LiveAgreement, from: bigint): LaneFrom {
    const bytesMax = this.#bytesMax.get(topicNames.governed(this.options.dataset, agreement.agreement));
    return bytesMax === undefined ? { agreement, from } : { agreement, from, bytesMax };
  }

  /** Looks up what topics allow that found a batch too large. Whether anything new was learned: then the same batch is not sent again. */
  async learnLimits(failed: ReadonlyMap<string, number>): Promise<boolean> {
    let learned = false;
    for (const [topic, code] of failed) if (code === messageTooLarge && (await this.#learnBytesMax(topic))) learned = true;
    return learned;
  }

  async #learnBytesMax(topic: string): Promise<boolean> {
    const config = await new KafkaAdmin(this.options.cluster).topicConfig(topic, 'max.message.bytes');
    const bytesMax = config.ok ? Number(config.value) : Number.NaN;
    if (!(bytesMax > 0) || bytesMax >= (this.#bytesMax.get(topic) ?? Infinity)) return false;
    this.#bytesMax.set(topic, bytesMax);
    return true;
  }

  /** Puts positions into the producer's round, under the place in the group in which the work was begun. */
  async commitOffsets(producer: FeedProducer, tenure: Tenure, offsets: readonly OffsetToCommit[]): Promise<Result<void>> {
    const place = tenure.place();
    if (place === undefined)
      return fail('producer-fenced', `committing offsets of group ${this.group}: the place in the group was lost`);
    return producer.commitOffsets(this.group, offsets, place);
  }

  /** The first offset that the topic still has. */
  async earliest(partition: number): Promise<Result<bigint>> {
    const offsets = await topicOffsets(this.options.cluster, this.topic, 'earliest');
    if (!offsets.ok) return offsets;
    const offset = offsets.value[partition];
    return offset === undefined
      ? fail('broker-unreachable', `partition ${partition} of ${this.topic} has no offsets`)
      : ok(offset);
  }

  /** What every transaction of the feed has in common, under these directives. */
  work(
    board: DatasetBoard,
  ): Pick<
    TransactionWork,
    'dataset' | 'board' | 'verdicts' | 'limits' | 'mayProduce' | 'govern' | 'digests' | 'corrupt' | 'sliced' | 'slice'
  > {
    const { dataset, verdicts, limits, govern, digests } = this.options;
    return {
      dataset,
      board,
      verdicts,
      limits,
      mayProduce: () => this.mayProduce(board),
      govern,
      digests,
      corrupt: (partition, batch) => this.corrupt(partition, batch),
      sliced: (partition, { baseOffset }) => this.#sliced.has(`${partition}/${baseOffset}`),
      slice: (partition, { baseOffset }) => {
        if (this.#sliced.size > 1_000) this.#sliced.clear();
        this.#sliced.add(`${partition}/${baseOffset}`);
      },
    };
  }

  /** The directives that the work was done under are still the current ones, and fresh; so is what is known of erased subjects. */
  mayProduce(board: DatasetBoard): boolean {
    const { board: directives, dataset, limits } = this.options;
    return (
      directives.board(dataset)?.version === board.version &&
      directives.ageMs() <= limits.directiveAgeMsMax &&
      Date.now() < board.validUntilMs &&
      board.suppressions?.ready() !== false
    );
  }

  /** Counts attempts at a batch that could not be read; how many there were with this one. */
  corrupt(partition: number, batch: RecordBatch): number {
    const place = `${partition}/${batch.baseOffset}`;
    const attempt = (this.#corruptAttempts.get(place) ?? 0) + 1;
    if (this.#corruptAttempts.size > 1_000) this.#corruptAttempts.clear();
    this.#corruptAttempts.set(place, attempt);
    return attempt;
  }
}
