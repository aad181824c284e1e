/** Fetches raw RecordBatch bytes of several partitions with read_committed isolation, each from its leader. */
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import type { Cluster } from './cluster.ts';
import { codeFailure, codeOfError, isPassing, kafkaCodes } from './kafka-codes.ts';
import type { FetchedPartition, FetchLimits, FetchPosition } from './wire-apis.ts';
import { fetchRaw } from './wire-apis.ts';

export class PartitionFetcher {
  readonly #cluster: Cluster;
  readonly #topic: string;
  readonly #purpose: string;

  /** `purpose` names the connection: a waiting fetch holds up what is sent behind it. */
  constructor(cluster: Cluster, topic: string, purpose: string) {
    this.#cluster = cluster;
    this.#topic = topic;
    this.#purpose = purpose;
  }

  /**
   * One fetch over these positions (partition -> next offset). Partitions with a passing error are left out of the answer and metadata is
   * refreshed. `offset-out-of-range` is a failure that names the partition: nothing is ever reset by itself.
   */
  async fetch(positions: ReadonlyMap<number, bigint>, fetch: FetchLimits): Promise<Result<FetchedPartition[]>> {
    const action = `fetching from ${this.#topic}`;
    try {
      const [topic] = await this.#cluster.topics([this.#topic]);
      if (topic === undefined) return fail('broker-unreachable', `${action}: the topic does not exist yet`);
      const byLeader = new Map<number, FetchPosition[]>();
      for (const [partition, offset] of positions) {
        const leader = topic.leaders[partition] ?? -1;
        if (leader >= 0) byLeader.set(leader, [...(byLeader.get(leader) ?? []), { topicId: topic.topicId, partition, offset }]);
      }
      const answers = await Promise.all(
        [...byLeader].map(([leader, group]) => this.#cluster.call(leader, this.#purpose, fetchRaw, group, fetch)),
      );
      const fetched: FetchedPartition[] = [];
      let stale = byLeader.size === 0;
      for (const { errorCode, partitions } of answers) {
        if (errorCode !== kafkaCodes.none) return codeFailure(errorCode, action);
        for (const partition of partitions) {
          if (partition.errorCode === kafkaCodes.none) fetched.push(partition);
          else if (partition.errorCode === kafkaCodes.offsetOutOfRange) {
            return fail(
              'offset-out-of-range',
              `${action}: partition ${partition.partition} starts at ${partition.logStartOffset}`,
            );
          } else if (isPassing(partition.errorCode)) stale = true;
          else return codeFailure(partition.errorCode, action);
        }
      }
      if (stale) await this.#cluster.refresh([this.#topic]);
      return ok(fetched);
    } catch (error) {
      const code = codeOfError(error);
      if (code === undefined || isPassing(code)) await this.#cluster.refresh([this.#topic]).catch(() => undefined);
      return this.#cluster.failureOf(error, action);
    }
  }
}
