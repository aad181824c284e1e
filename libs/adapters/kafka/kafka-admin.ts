/** Topics, and through `access` users and their permissions. Every call is idempotent: what is already so is a success. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createTopicsV7,
  ConfigResourceTypes,
  describeConfigsV4,
  deleteTopicsV6,
  IncrementalAlterConfigOperationTypes,
  incrementalAlterConfigsV1,
  metadataV12,
} from './library.ts';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import { adminCall } from './admin-call.ts';
import type { Cluster } from './cluster.ts';
import type { AclGrant } from './kafka-access.ts';
import { KafkaAccess } from './kafka-access.ts';
import { codeFailure, kafkaCodes } from './kafka-codes.ts';
import { topicOffsets } from './offsets.ts';

export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  /** Whether the broker keeps the last record of each key, and not the records of a time. */
  readonly compacted?: boolean;
  /** Topic configuration by Kafka's names. */
  readonly config?: Readonly<Record<string, string>>;
  /** The broker's default unless given. */
  readonly replicationFactor?: number;
}

const requestTimeoutMs = 30_000;
/** How long new topics may take to be known, milliseconds: in any case, and for each of them. */
const knownWithinMs = 5_000;
const knownWithinMsEach = 50;
/** Topics of one request. */
const topicsPerRequest = 100;
const configsPerRequest = 500;

export class KafkaAdmin {
  readonly access: KafkaAccess;
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.access = new KafkaAccess(cluster);
  }

  /** Many in one request; those that are there already stay as they are. */
  async createTopics(topics: readonly TopicSpec[]): Promise<Result<void>> {
    for (let from = 0; from < topics.length; from += topicsPerRequest) {
      const part = topics.slice(from, from + topicsPerRequest);
      const names = part.length === 1 ? `topic ${part[0]?.name}` : `${part.length} topics`;
      const created = await adminCall(this.#cluster, [kafkaCodes.topicAlreadyExists], `creating ${names}`, () =>
        this.#cluster.call('any', 'control', createTopicsV7.api, part.map(topicRequest), requestTimeoutMs, false),
      );
      if (!created.ok) return created;
    }
    return this.#untilKnown(topics.map(({ name }) => name));
  }

  /** Every topic of the cluster that begins so, with its number of partitions. */
  async topics(prefix: string): Promise<Result<ReadonlyMap<string, number>>> {
    try {
      const { topics } = await this.#cluster.call('any', 'control', metadataV12.api, null, false, false);
      return ok(
        new Map(topics.flatMap(({ name, partitions }) => (name?.startsWith(prefix) === true ? [[name, partitions.length]] : []))),
      );
    } catch (error) {
      return this.#cluster.failureOf(error, 'listing topics');
    }
  }

  /** One setting of a topic, as the broker has it. */
  async topicConfig(topic: string, name: string): Promise<Result<string>> {
    const action = `reading ${name} of ${topic}`;
    try {
      const resource = {
        resourceType: ConfigResourceTypes.TOPIC,
        resourceName: topic,
        configurationKeys: [name],
      };
      const answer = await this.#cluster.call('any', 'control', describeConfigsV4.api, [resource], false, false);
      const value = answer.results[0]?.configs.find((config) => config.name === name)?.value;
      return typeof value === 'string' ? ok(value) : fail('not-found', `${action}: there is no such setting`);
    } catch (error) {
      return this.#cluster.failureOf(error, action);
    }
  }

  /** One setting of many topics; a topic that is not there, or has no such setting, is absent. */
  async topicConfigs(topics: readonly string[], name: string): Promise<Result<ReadonlyMap<string, string>>> {
    const values = new Map<string, string>();
    for (let from = 0; from < topics.length; from += configsPerRequest) {
      const resources = topics.slice(from, from + configsPerRequest).map((topic) => ({
        resourceType: ConfigResourceTypes.TOPIC,
        resourceName: topic,
        configurationKeys: [name],
      }));
      try {
        const answer = await this.#cluster.call('any', 'control', describeConfigsV4.api, resources, false, false);
        for (const { resourceName, configs } of answer.results) {
          const value = configs.find((config) => config.name === name)?.value;
          if (typeof value === 'string') values.set(resourceName, value);
        }
      } catch (error) {
        return this.#cluster.failureOf(error, `reading ${name} of topics`);
      }
    }
    return ok(values);
  }

  /** Sets one setting of a topic, where it has another value: topics that were made before keep what they were made with. */
  async setTopicConfig(topic: string, name: string, value: string): Promise<Result<void>> {
    const known = await this.topicConfig(topic, name);
    if (!known.ok || known.value === value) return known.ok ? ok(undefined) : known;
    const configs = [
      {
        name,
        configOperation: IncrementalAlterConfigOperationTypes.SET,
        value,
      },
    ];
    const resource = {
      resourceType: ConfigResourceTypes.TOPIC,
      resourceName: topic,
      configs,
    };
    return adminCall(this.#cluster, [], `setting ${name} of ${topic}`, () =>
      this.#cluster.call('any', 'control', incrementalAlterConfigsV1.api, [resource], false),
    );
  }

  async deleteTopics(names: readonly string[]): Promise<Result<void>> {
    for (const name of names) {
      const deleted = await adminCall(this.#cluster, [kafkaCodes.unknownTopicOrPartition], `deleting topic ${name}`, () =>
        this.#cluster.call('any', 'control', deleteTopicsV6.api, [{ name, topicId: null }], requestTimeoutMs),
      );
      if (!deleted.ok) return deleted;
    }
    await this.#cluster.refresh(names).catch(() => undefined);
    return ok(undefined);
  }

  /** Creates the user or sets its password. */
  setScramUser(name: string, password: string): Promise<Result<void>> {
    return this.access.setUsers([{ name, password }]);
  }

  deleteScramUser(name: string): Promise<Result<void>> {
    return this.access.deleteUsers([name]);
  }

  allow(grants: readonly AclGrant[]): Promise<Result<void>> {
    return this.access.allow(grants);
  }

  /** Takes these permissions away; a live connection is refused from the next request on. */
  revoke(grants: readonly AclGrant[]): Promise<Result<void>> {
    return this.access.revoke(grants);
  }

  /** Next offset of each partition, index = partition. */
  async endOffsets(
    topic: string,
    isolation: 'read_committed' | 'read_uncommitted' = 'read_committed',
  ): Promise<Result<bigint[]>> {
    return topicOffsets(this.#cluster, topic, 'latest', isolation);
  }

  /** A created topic reaches every broker's metadata a little later, many of them later still. */
  async #untilKnown(names: readonly string[]): Promise<Result<void>> {
    const deadlineMs = performance.now() + knownWithinMs + names.length * knownWithinMsEach;
    for (;;) {
      const isLate = performance.now() > deadlineMs;
      try {
        await this.#cluster.refresh(names);
        const known = await this.#cluster.topics(names);
        if (known.length === names.length && known.every(({ leaders }) => leaders.every((leader) => leader >= 0)))
          return ok(undefined);
      } catch (error) {
        if (isLate) return this.#cluster.failureOf(error, 'waiting for topics');
      }
      if (isLate) return codeFailure(kafkaCodes.leaderNotAvailable, 'waiting for topics');
      await sleep(50);
    }
  }
}

/** As Kafka names it. Source: Apache Kafka documentation, "Topic Configs". */
const compaction = { 'cleanup.policy': 'compact' } as const;

function topicRequest(topic: TopicSpec): Parameters<typeof createTopicsV7.createRequest>[0][number] {
  const { name, partitions, replicationFactor, compacted = false } = topic;
  const config = { ...(compacted ? compaction : {}), ...topic.config };
  const configs = Object.entries(config).map(([setting, value]) => ({
    name: setting,
    value,
  }));
  return {
    name,
    numPartitions: partitions,
    replicationFactor: replicationFactor ?? -1,
    assignments: [],
    configs,
  };
}
