/** Membership in a consumer group by the broker's own assignor (KIP-848): heartbeats on a timer, the assignment taken over between transactions. */
import { randomUUID } from 'node:crypto';
import { consumerGroupHeartbeatV1 } from './library.ts';
import type { Failure, Result } from '../../base/index.ts';
import { ok } from '../../base/index.ts';
import type { Cluster } from './cluster.ts';
import { inStep } from './in-step.ts';
import { codeOfError, isPassing, kafkaCodes } from './kafka-codes.ts';
import type { GroupPlace } from './transaction-calls.ts';

export interface GroupMemberOptions {
  readonly group: string;
  readonly topic: string;
  /**
   * The same after a restart, and of no other process: a member that was killed has its partitions back at once, where a new one would
   * wait until the session of the old one has timed out. Random unless given.
   */
  readonly memberId?: string;
  /** How long the group waits for this member to give partitions back. */
  readonly rebalanceTimeoutMs?: number;
  /** Told when `target()` or `incarnation` have become others. */
  readonly onChange?: () => void;
}

type Heartbeat = Awaited<ReturnType<typeof consumerGroupHeartbeatV1.api.async>>;

/**
 * The owner asks `target()` between transactions, stops work on partitions that left it, and says so with `take()`. The broker gives a
 * partition to another member only after that, so no partition has two owners.
 */
export class GroupMember {
  readonly #cluster: Cluster;
  readonly #options: GroupMemberOptions;
  #memberId: string;
  #memberEpoch = 0;
  #incarnation = 0;
  #intervalMs = 5_000;
  #target: readonly number[] = [];
  #owned: readonly number[] = [];
  #reportOwned = false;
  /** The last answer did not arrive. It may have said what this member serves, and the group says that once, unless it is asked in full. */
  #answerLost = false;
  #timer: NodeJS.Timeout | undefined;
  #left = false;
  #lastFailure: Failure | undefined;
  #beating: Promise<void> = Promise.resolve();

  private constructor(cluster: Cluster, options: GroupMemberOptions) {
    this.#cluster = cluster;
    this.#options = options;
    this.#memberId = newMemberId(options);
  }

  static async join(cluster: Cluster, options: GroupMemberOptions): Promise<Result<GroupMember>> {
    const member = new GroupMember(cluster, options);
    await member.#beat();
    if (member.#lastFailure !== undefined && !member.#lastFailure.retriable) return { ok: false, failure: member.#lastFailure };
    return ok(member);
  }

  /** The partitions that the group wants this member to serve. */
  target(): readonly number[] {
    return this.#target;
  }

  /**
   * Another number whenever this member has lost its place in the group: what it owned until then may be somebody else's by now, also when it
   * has joined again meanwhile and been given the same partitions.
   */
  get incarnation(): number {
    return this.#incarnation;
  }

  /**
   * Member id and epoch for offset commits, as long as the place in the group is the one of `incarnation`; undefined afterwards. A process that
   * was frozen wakes up with work of a place that it has lost: the epoch of its new one must not commit that.
   */
  place(incarnation: number): GroupPlace | undefined {
    if (incarnation !== this.#incarnation) return undefined;
    return { memberId: this.#memberId, memberEpoch: this.#memberEpoch };
  }

  /** Tells the group which partitions are owned now; work on all others must have ended. Nothing is owned in a place that was lost meanwhile. */
  async take(partitions: readonly number[], incarnation = this.#incarnation): Promise<void> {
    if (incarnation !== this.#incarnation) return;
    this.#owned = [...partitions];
    this.#reportOwned = true;
    await this.#beatSoon();
  }

  /** Leaves the group, so that others take over at once. */
  async leave(): Promise<void> {
    this.#left = true;
    clearTimeout(this.#timer);
    await this.#beating;
    if (this.#memberEpoch <= 0) return;
    await this.#send(-1, null, null).catch(() => undefined);
  }

  #beatSoon(): Promise<void> {
    clearTimeout(this.#timer);
    this.#beating = this.#beating.then(() => this.#beat());
    return this.#beating;
  }

  async #beat(): Promise<void> {
    if (this.#left) return;
    try {
      const full = this.#memberEpoch === 0 || this.#answerLost;
      const owned = full || this.#reportOwned ? this.#owned : null;
      this.#reportOwned = false;
      const answer = await this.#send(this.#memberEpoch, full ? [this.#options.topic] : null, owned);
      this.#lastFailure = undefined;
      this.#answerLost = false;
      this.#memberEpoch = answer.memberEpoch;
      this.#intervalMs = answer.heartbeatIntervalMs;
      if (answer.assignment !== null) {
        this.#target = answer.assignment.topicPartitions.flatMap(({ partitions }) => partitions).sort((a, b) => a - b);
        this.#options.onChange?.();
      }
    } catch (error) {
      this.#onError(error);
    }
    if (this.#left) return;
    this.#timer = setTimeout(() => void this.#beatSoon(), this.#lastFailure === undefined ? inStep(this.#intervalMs) : 200);
    this.#timer.unref();
  }

  #onError(error: unknown): void {
    const code = codeOfError(error);
    this.#lastFailure = this.#cluster.failureOf(error, `joining group ${this.#options.group}`).failure;
    this.#answerLost = true;
    if (code === kafkaCodes.unknownMemberId || code === kafkaCodes.fencedMemberEpoch || code === kafkaCodes.staleMemberEpoch) {
      this.#memberId = newMemberId(this.#options);
      this.#memberEpoch = 0;
      this.#incarnation += 1;
      this.#target = [];
      this.#owned = [];
      this.#options.onChange?.();
    } else if (code === undefined || isPassing(code)) {
      this.#cluster.forgetCoordinator('group', this.#options.group);
    }
  }

  /**
   * With topics and partitions it is a request in full, whose answer has the assignment; without, the answer has it only when it has just changed.
   * Source: KIP-848, "Consumer Group Heartbeat API".
   */
  async #send(memberEpoch: number, topics: string[] | null, owned: readonly number[] | null): Promise<Heartbeat> {
    const { group, topic } = this.#options;
    const node = await this.#cluster.coordinator('group', group);
    const [metadata] = owned === null || owned.length === 0 ? [] : await this.#cluster.topics([topic]);
    const reported = metadata === undefined ? [] : [{ topicId: metadata.topicId, partitions: [...(owned ?? [])] }];
    return this.#cluster.call(
      node,
      'heartbeat',
      consumerGroupHeartbeatV1.api,
      group,
      this.#memberId,
      memberEpoch,
      null,
      null,
      topics === null ? -1 : (this.#options.rebalanceTimeoutMs ?? 30_000),
      topics,
      null,
      null,
      owned === null ? null : reported,
    );
  }
}

const newMemberId = ({ memberId }: GroupMemberOptions): string => memberId ?? randomUUID().replaceAll('-', '');
