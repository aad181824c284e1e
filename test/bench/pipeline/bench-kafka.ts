/** The broker of the bench and the requests to it that no room of libs has: plain Produce of given bytes, and offsets as they are right now. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createAPI, deleteGroupsV2, offsetFetchV9, Writer } from '@platformatic/kafka';
import type { TopicSpec } from '../../../libs/adapters/kafka/index.ts';
import { Cluster, KafkaAdmin, topicOffsets } from '../../../libs/adapters/kafka/index.ts';
import { kafkaJarsDirectory, startKafka } from '../../../libs/adapters/local/index.ts';
import { unwrap } from '../../../libs/base/index.ts';

export interface KafkaAccess {
  readonly brokers: readonly string[];
  readonly username: string;
  readonly password: string;
}

export interface BenchKafka {
  readonly access: KafkaAccess;
  readonly cluster: Cluster;
  readonly admin: KafkaAdmin;
  /** Of a broker of the bench's own: what it does costs CPU time too. */
  readonly brokerPid?: number;
  close(): Promise<void>;
}

export const partitions = 6;
export const brokerHeapMb = 512;
/** Nothing is removed while it is measured, however old its records say they are. */
const keptForever = { 'retention.ms': '-1', 'retention.bytes': '-1' };

/** A broker of the bench's own, in this directory, with 512 MB of heap. */
export async function startBenchKafka(directory: string): Promise<BenchKafka> {
  const service = unwrap(await startKafka({ directory, jarsDirectory: kafkaJarsDirectory(), heapMb: brokerHeapMb }));
  const access = { brokers: service.brokers, username: service.adminUsername, password: service.adminPassword };
  const kafka = await joinBenchKafka(access);
  return {
    ...kafka,
    brokerPid: service.pid,
    close: async () => {
      await kafka.close();
      await service.stop();
    },
  };
}

/** A broker that is there already. */
export async function joinBenchKafka(access: KafkaAccess): Promise<BenchKafka> {
  const cluster = await openCluster(access, 'bench');
  return { access, cluster, admin: new KafkaAdmin(cluster), close: () => cluster.close() };
}

export async function openCluster({ brokers, username, password }: KafkaAccess, clientId: string): Promise<Cluster> {
  return unwrap(await Cluster.open({ brokers, clientId, sasl: { username, password } }));
}

export async function makeTopics(
  kafka: BenchKafka,
  names: readonly string[],
  count = partitions,
  config: TopicSpec['config'] = {},
): Promise<void> {
  const topics = names.map((name) => ({ name, partitions: count, config: { ...keptForever, ...config } }));
  unwrap(await kafka.admin.createTopics(topics));
  // A leader that metadata names may not lead yet; one that tells offsets does.
  for (const name of names) unwrap(await topicOffsets(kafka.cluster, name, 'latest'));
}

/** Next offsets, transaction markers counted; `read_uncommitted` where nothing is transactional. */
export async function endOffsets(
  { cluster }: BenchKafka,
  topic: string,
  isolation: 'read_committed' | 'read_uncommitted',
): Promise<bigint[]> {
  return unwrap(await topicOffsets(cluster, topic, 'latest', isolation));
}

/** GROUP_ID_NOT_FOUND. */
const groupNotFound = 69;
/** COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, and NON_EMPTY_GROUP: a member that was killed is one until its session ends. */
const passing: readonly unknown[] = [14, 15, 16, 68];

/** The error code in an answer that the library threw. */
function errorCodeIn(error: unknown): number | undefined {
  const { response } = error as { response?: Record<'results' | 'groups', { errorCode: number }[] | undefined> };
  return (response?.results ?? response?.groups)?.[0]?.errorCode;
}

/**
 * The sum of a group's committed positions on a topic, without waiting for the transaction that may be about to move them. 0 while the coordinator
 * cannot tell.
 */
export async function committedRecords({ cluster }: BenchKafka, group: string, topic: string): Promise<number> {
  const partitionIndexes = Array.from({ length: partitions }, (_, partition) => partition);
  const request = [{ groupId: group, memberId: null, memberEpoch: -1, topics: [{ name: topic, partitionIndexes }] }];
  try {
    const node = await cluster.coordinator('group', group);
    const answer = await cluster.call(node, 'control', offsetFetchV9.api, request, false);
    const offsets = answer.groups[0]?.topics[0]?.partitions.map(({ committedOffset }) => Number(committedOffset)) ?? [];
    return offsets.reduce((sum, offset) => sum + Math.max(0, offset), 0);
  } catch (error) {
    const code = errorCodeIn(error);
    if (!passing.includes(code))
      throw new Error(`the positions of ${group} cannot be read: Kafka's error code ${code}`, { cause: error });
    cluster.forgetCoordinator('group', group);
    return 0;
  }
}

const forgetAttemptsMax = 120;
const forgetPauseMs = 500;

/** Forgets a group whose members have left, so that the next run of its name begins at the start. A group that is not there is forgotten already. */
export async function forgetGroup({ cluster }: BenchKafka, group: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const node = await cluster.coordinator('group', group);
      await cluster.call(node, 'control', deleteGroupsV2.api, [group]);
      return;
    } catch (error) {
      const code = errorCodeIn(error);
      if (code === groupNotFound) return;
      if (!passing.includes(code) || attempt >= forgetAttemptsMax) {
        throw new Error(`the group ${group} cannot be forgotten: Kafka's error code ${code}`, { cause: error });
      }
      cluster.forgetCoordinator('group', group);
    }
    await sleep(forgetPauseMs);
  }
}

interface RawBatch {
  readonly partition: number;
  readonly bytes: Uint8Array;
}

/**
 * Produce v12 with acks=all of whole RecordBatches with base offset 0, at most one a partition, not idempotent. Throws for any error code:
 * the bench does not measure a broker that fails. Source: Apache Kafka protocol guide.
 */
export const produceBatches = createAPI<[topic: string, batches: readonly RawBatch[]], void>(
  0,
  12,
  (topic: string, batches: readonly RawBatch[]) =>
    Writer.create()
      .appendString(null)
      .appendInt16(-1)
      .appendInt32(30_000)
      .appendArray([topic], (writer, name) => {
        writer.appendString(name).appendArray([...batches], (entry, { partition, bytes }) => {
          entry
            .appendInt32(partition)
            .appendUnsignedVarInt(bytes.length + 1)
            .append(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
        });
      })
      .appendTaggedFields(),
  (_correlation, _key, _version, reader) => {
    reader.readArray((topic) => {
      topic.readString();
      topic.readArray((entry) => {
        entry.readInt32();
        const errorCode = entry.readInt16();
        if (errorCode !== 0) throw new Error(`producing failed with Kafka's error code ${errorCode}`);
        entry.readInt64();
        entry.readInt64();
        entry.readInt64();
        entry.readArray((error) => {
          error.readInt32();
          error.readNullableString();
        });
        entry.readNullableString();
      });
    });
  },
);
