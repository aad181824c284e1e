/** Fetches raw RecordBatch bytes of several partitions of a topic, each from its leader, over connections of its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Result } from '../../base/index.ts';
import { during, fail, ok } from '../../base/index.ts';
import { readEpochs } from '../../records/index.ts';
import type { Cluster, TopicMetadata } from './cluster.ts';
import { EpochHistory } from './epoch-history.ts';
import { inStep } from './in-step.ts';
import { codeFailure, isPassing, kafkaCodes } from './kafka-codes.ts';
import type { FetchAnswer, FetchedPartition, FetchLimits, FetchPosition } from './record-calls.ts';
import { fetchCall } from './record-calls.ts';
import type { RecordLinks } from './record-links.ts';

export interface FetcherOptions {
  /** `read_committed` unless given: nothing of an open transaction, and aborted ones are named for the reader to drop. */
  readonly isolation?: 'read_committed' | 'read_uncommitted';
  /** The id of the topic that positions were committed for; the first one seen unless given. */
  readonly topicId?: string;
}

/** What one fetch brought. `records` of the partitions are views that are good until `release()`, which must be called. */
export interface Fetched {
  readonly partitions: readonly FetchedPartition[];
  release(): void;
}

/** A request under way at one leader, for these positions. */
interface Pending {
  readonly offsets: ReadonlyMap<number, bigint>;
  readonly maxWaitMs: number;
  readonly done: Promise<void>;
  answer: Result<FetchAnswer> | undefined;
}

/**
 * A request that asks for other positions than are wanted now is waited for if the broker answers within this time, milliseconds. One that may wait longer is
 * given up with its connection: there is no other way to take a request back.
 */
const overtakenWaitMsMax = 1_000;
/** After a connection failed, its broker is left alone for this long while others go on. */
const restMs = 250;
/** For an answer to arrive, beside the time that the broker may wait for records. */
const answerTimeoutMs = 10_000;
/** Between two looks at metadata while no partition has a leader that answers. */
const leaderlessPauseMs = 50;

export class PartitionFetcher {
  readonly #cluster: Cluster;
  readonly #topic: string;
  readonly #committedOnly: boolean;
  readonly #links: RecordLinks;
  readonly #pending = new Map<number, Pending>();
  readonly #restsUntilMs = new Map<number, number>();
  /** Partition -> a count that was higher the later it last brought records. */
  readonly #served = new Map<number, number>();
  #servedCount = 0;
  readonly #epochs = new Map<number, EpochHistory>();
  #topicId: string | undefined;

  constructor(cluster: Cluster, topic: string, options: FetcherOptions = {}) {
    this.#cluster = cluster;
    this.#topic = topic;
    this.#committedOnly = options.isolation !== 'read_uncommitted';
    this.#topicId = options.topicId;
    this.#links = cluster.recordLinks();
  }

  /** The id of the topic that this fetcher reads, once it is known. */
  get topicId(): string | undefined {
    return this.#topicId;
  }

  /**
   * The next of these positions (partition -> next offset), as soon as one leader has answered; what others answer later comes with the
   * next call, unless its position is not asked for any more. Partitions with a passing error are left out and metadata is refreshed. A
   * partition whose position is not in the log comes with `errorCode` OFFSET_OUT_OF_RANGE and its `logStartOffset`, and so does one whose log
   * was cut off before the position and written anew: nothing is ever reset by itself. Fails with `topic-recreated` when the name stands for another topic than it did.
   */
  async fetch(wanted: ReadonlyMap<number, bigint>, limits: FetchLimits): Promise<Result<Fetched>> {
    // The caller may move its positions on while the answer is on its way.
    const positions = new Map(wanted);
    const action = `fetching from ${this.#topic}`;
    let topic = await this.#metadata(false);
    // A partition that was added since is not in the cached answer.
    if (topic.ok && [...positions.keys()].some((partition) => topic.ok && topic.value.leaders[partition] === undefined))
      topic = await this.#metadata(true);
    if (!topic.ok) return during(action, topic.failure);
    this.#send(topic.value, positions, limits);
    if (this.#pending.size === 0) {
      const refreshed = await this.#metadata(true);
      if (!refreshed.ok) return during(action, refreshed.failure);
      await sleep(leaderlessPauseMs);
      return ok(nothing);
    }
    let failed: ReturnType<typeof fail> | undefined;
    while (this.#pending.size > 0) {
      await Promise.race([...this.#pending.values()].map(({ done }) => done));
      const taken = this.#take(positions);
      if (taken.ok) {
        if (!taken.value.stale) return ok(taken.value);
        const refreshed = await this.#metadata(true);
        if (refreshed.ok && taken.value.partitions.length === 0) await sleep(leaderlessPauseMs);
        if (refreshed.ok) return ok(taken.value);
        taken.value.release();
        return during(action, refreshed.failure);
      }
      failed = during(action, taken.failure);
      if (!taken.failure.retriable) break;
      // One broker is away: what the others have is not held up by it.
      await this.#cluster.refresh([this.#topic]).catch(() => undefined);
    }
    return failed ?? ok(nothing);
  }

  /** The epoch of the record before a position; -1 where it was not read here. */
  epochBefore(partition: number, offset: bigint): number {
    return this.#epochs.get(partition)?.before(offset) ?? -1;
  }

  /** What another reader knows of the record before a position; -1 forgets what is known here. */
  seen(partition: number, offset: bigint, epoch: number): void {
    this.#historyOf(partition).note(epoch, offset - 1n, offset - 1n);
  }

  #historyOf(partition: number): EpochHistory {
    let history = this.#epochs.get(partition);
    if (history === undefined) this.#epochs.set(partition, (history = new EpochHistory()));
    return history;
  }

  /** Closes the connections and gives back what was not taken. */
  close(): void {
    this.#links.close();
    for (const { answer } of this.#pending.values()) if (answer?.ok === true) answer.value.release();
    this.#pending.clear();
  }

  /** The topic as the cluster has it, checked to be the one that this fetcher began with. */
  async #metadata(anew: boolean): Promise<Result<TopicMetadata>> {
    try {
      if (anew) await this.#cluster.refresh([this.#topic]);
      const [topic] = await this.#cluster.topics([this.#topic]);
      if (topic === undefined) return fail('broker-unreachable', 'the topic does not exist yet, or not any more');
      this.#topicId ??= topic.topicId;
      if (topic.topicId === this.#topicId) return ok(topic);
      return fail('topic-recreated', 'another topic of this name was made since');
    } catch (error) {
      return this.#cluster.failureOf(error, 'asking for metadata');
    }
  }

  /**
   * Asks every leader that has nothing under way. A broker fills its answer in the order that partitions are named in: those that waited
   * longest come first, or a long backlog in some would keep the others from ever being read (KIP-74).
   */
  #send(topic: TopicMetadata, positions: ReadonlyMap<number, bigint>, limits: FetchLimits): void {
    const byLeader = new Map<number, FetchPosition[]>();
    const turn = (partition: number): number => this.#served.get(partition) ?? 0;
    for (const [partition, offset] of [...positions].sort(([one], [other]) => turn(one) - turn(other))) {
      const leader = topic.leaders[partition] ?? -1;
      if (leader < 0) continue;
      this.#giveUpOvertaken(leader, partition, offset);
      if (this.#pending.has(leader)) continue;
      const group = byLeader.get(leader) ?? [];
      group.push({ topicId: topic.topicId, partition, offset, epochBefore: this.epochBefore(partition, offset) });
      byLeader.set(leader, group);
    }
    const rested = [...byLeader].filter(([leader]) => (this.#restsUntilMs.get(leader) ?? 0) <= Date.now());
    // With nothing else to wait for, a resting broker is asked all the same: its failure is the answer then.
    const asks = rested.length > 0 || this.#pending.size > 0 ? rested : byLeader;
    const maxWaitMs = inStep(limits.maxWaitMs);
    for (const [leader, group] of asks) {
      const question = {
        positions: group,
        limits: this.#cluster.withinPool({ ...limits, maxWaitMs }),
        committedOnly: this.#committedOnly,
      };
      const offsets = new Map(group.map(({ partition, offset }) => [partition, offset]));
      const asked = this.#links.request(leader, fetchCall, question, limits.maxWaitMs + answerTimeoutMs);
      const pending: Pending = {
        offsets,
        maxWaitMs,
        answer: undefined,
        done: asked.then((answer) => {
          pending.answer = answer;
          // Closed meanwhile: nobody will take it.
          if (this.#pending.get(leader) !== pending && answer.ok) answer.value.release();
        }),
      };
      this.#pending.set(leader, pending);
    }
  }

  #giveUpOvertaken(leader: number, partition: number, offset: bigint): void {
    const pending = this.#pending.get(leader);
    if (pending === undefined || pending.answer !== undefined || pending.maxWaitMs <= overtakenWaitMsMax) return;
    if (pending.offsets.get(partition) === offset) return;
    this.#pending.delete(leader);
    this.#links.drop(leader);
  }

  /** Takes every answer that is there. Fails only when no answer brought anything and one of them is a failure. */
  #take(positions: ReadonlyMap<number, bigint>): Result<Fetched & { stale: boolean }> {
    const partitions: FetchedPartition[] = [];
    const releases: (() => void)[] = [];
    const release = (): void => releases.splice(0).forEach((one) => one());
    let failed: ReturnType<typeof fail> | undefined;
    let stale = false;
    for (const [leader, { answer, offsets }] of this.#pending) {
      if (answer === undefined) continue;
      this.#pending.delete(leader);
      if (!answer.ok) {
        this.#restsUntilMs.set(leader, Date.now() + restMs);
        failed = answer;
        continue;
      }
      releases.push(answer.value.release);
      if (isPassing(answer.value.errorCode)) stale = true;
      else if (answer.value.errorCode !== kafkaCodes.none) failed = codeFailure(answer.value.errorCode, 'fetching');
      for (const partition of answer.value.partitions) {
        if (offsets.get(partition.partition) !== positions.get(partition.partition)) continue;
        const { errorCode } = partition;
        if (partition.diverges) partitions.push({ ...partition, errorCode: kafkaCodes.offsetOutOfRange });
        else if (errorCode === kafkaCodes.none || errorCode === kafkaCodes.offsetOutOfRange) {
          partitions.push(partition);
          if (partition.records.length === 0) continue;
          this.#served.set(partition.partition, ++this.#servedCount);
          readEpochs(partition.records, (...read) => this.#historyOf(partition.partition).note(...read));
        } else if (isPassing(errorCode)) stale = true;
        else failed = codeFailure(errorCode, `partition ${partition.partition}`);
      }
    }
    if (failed !== undefined && (!failed.failure.retriable || (releases.length === 0 && !stale))) {
      release();
      return failed;
    }
    return ok({ partitions, release, stale });
  }
}

const nothing: Fetched = { partitions: [], release: () => undefined };
