/** Offsets of topics and of groups. */
import { listOffsetsV9, offsetFetchV9 } from './library.ts';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import type { Cluster } from './cluster.ts';
import { codeOfError, isPassing } from './kafka-codes.ts';

const timestamps = { latest: -1n, earliest: -2n } as const;

/**
 * First (`earliest`) or next (`latest`) offset of each partition, index = partition; or that of the first record of a time or later, which is the
 * next one where there is none. `latest` is the last stable offset under read_committed.
 */
export async function topicOffsets(
  cluster: Cluster,
  topic: string,
  which: 'earliest' | 'latest' | { readonly timestampMs: number },
  isolation: 'read_committed' | 'read_uncommitted' = 'read_committed',
): Promise<Result<bigint[]>> {
  const action = `reading offsets of ${topic}`;
  const timestamp = typeof which === 'object' ? BigInt(which.timestampMs) : timestamps[which];
  for (let attempt = 0; ; attempt += 1) {
    try {
      const [metadata] = await cluster.topics([topic]);
      if (metadata === undefined) return fail('not-found', `${action}: there is no such topic`);
      const offsets: bigint[] = [];
      for (const leader of new Set(metadata.leaders)) {
        const partitions = metadata.leaders.flatMap((node, partitionIndex) =>
          node === leader ? [{ partitionIndex, currentLeaderEpoch: -1, timestamp }] : [],
        );
        const level = isolation === 'read_committed' ? 1 : 0;
        const answer = await cluster.call(leader, 'control', listOffsetsV9.api, -1, level, [{ name: topic, partitions }]);
        for (const partition of answer.topics[0]?.partitions ?? []) offsets[partition.partitionIndex] = partition.offset;
      }
      if (typeof which === 'string' || !offsets.includes(-1n)) return ok(offsets);
      const latest = await topicOffsets(cluster, topic, 'latest', isolation);
      return latest.ok
        ? ok(offsets.map((offset, partition) => (offset < 0n ? (latest.value[partition] ?? 0n) : offset)))
        : latest;
    } catch (error) {
      const code = codeOfError(error);
      // One of several brokers may be away: its partitions have another leader in a moment.
      if (attempt >= 20 || (code !== undefined && !isPassing(code))) return cluster.failureOf(error, action);
      await new Promise((resolve) => setTimeout(resolve, 50));
      await cluster.refresh([topic]).catch(() => undefined);
    }
  }
}

/** Committed positions of a group on a topic: partition -> next offset. A partition without one is absent. Waits out open transactions. */
export async function committedOffsets(cluster: Cluster, group: string, topic: string): Promise<Result<Map<number, bigint>>> {
  const places = await committedPlaces(cluster, group, topic);
  return places.ok ? ok(new Map([...places.value].map(([partition, { offset }]) => [partition, offset]))) : places;
}

/** A committed position and the text that was committed with it, empty unless one was. */
export interface CommittedPlace {
  readonly offset: bigint;
  readonly metadata: string;
  /** Epoch of the leader that wrote the record before; -1 where it is not known. */
  readonly leaderEpoch: number;
}

/** The same with the metadata strings. */
export async function committedPlaces(
  cluster: Cluster,
  group: string,
  topic: string,
): Promise<Result<Map<number, CommittedPlace>>> {
  const action = `reading committed offsets of group ${group}`;
  for (let attempt = 0; ; attempt += 1) {
    try {
      const [metadata] = await cluster.topics([topic]);
      if (metadata === undefined) return fail('not-found', `${action}: there is no topic ${topic}`);
      const node = await cluster.coordinator('group', group);
      const partitionIndexes = metadata.leaders.map((_, partition) => partition);
      const request = [{ groupId: group, memberId: null, memberEpoch: -1, topics: [{ name: topic, partitionIndexes }] }];
      const answer = await cluster.call(node, 'coordinator', offsetFetchV9.api, request, true);
      const positions = new Map<number, CommittedPlace>();
      for (const partition of answer.groups[0]?.topics[0]?.partitions ?? []) {
        const { committedOffset: offset, metadata, committedLeaderEpoch: leaderEpoch } = partition;
        if (offset >= 0n) positions.set(partition.partitionIndex, { offset, metadata: metadata ?? '', leaderEpoch });
      }
      return ok(positions);
    } catch (error) {
      const code = codeOfError(error);
      cluster.forgetCoordinator('group', group);
      if (attempt >= 100 || (code !== undefined && !isPassing(code))) return cluster.failureOf(error, action);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
