/** Topics, SCRAM users and ACLs. Every call is idempotent: what is already so is a success. */
import { pbkdf2, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import {
  AclOperations,
  AclPermissionTypes,
  alterUserScramCredentialsV0,
  createAclsV3,
  createTopicsV7,
  ConfigResourceTypes,
  describeConfigsV4,
  deleteAclsV3,
  deleteTopicsV6,
  ResourcePatternTypes,
  ResourceTypes,
} from '@platformatic/kafka';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import type { Cluster } from './cluster.ts';
import { codeFailure, codeOfError, isPassing, kafkaCodes } from './kafka-codes.ts';
import { topicOffsets } from './offsets.ts';

export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  /** Topic configuration by Kafka's names. */
  readonly config?: Readonly<Record<string, string>>;
  /** The broker's default unless given. */
  readonly replicationFactor?: number;
}

const operations = {
  read: AclOperations.READ,
  write: AclOperations.WRITE,
  describe: AclOperations.DESCRIBE,
  create: AclOperations.CREATE,
  describeConfigs: AclOperations.DESCRIBE_CONFIGS,
  idempotentWrite: AclOperations.IDEMPOTENT_WRITE,
} as const;

const resources = {
  topic: ResourceTypes.TOPIC,
  group: ResourceTypes.GROUP,
  transactionalId: ResourceTypes.TRANSACTIONAL_ID,
  cluster: ResourceTypes.CLUSTER,
} as const;

/** One permission: this SCRAM user may do this on this resource. */
export interface AclGrant {
  /** Name of the SCRAM user, without `User:`. */
  readonly principal: string;
  readonly resource: keyof typeof resources;
  readonly name: string;
  readonly pattern: 'literal' | 'prefixed';
  readonly operation: keyof typeof operations;
}

const scramSha512 = 2;
const scramIterations = 8192;
const requestTimeoutMs = 30_000;
const attemptsMax = 40;

export class KafkaAdmin {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<Result<void>> {
    for (const topic of topics) {
      const created = await this.#tolerating([kafkaCodes.topicAlreadyExists], `creating topic ${topic.name}`, () =>
        this.#cluster.call('any', 'control', createTopicsV7.api, [topicRequest(topic)], requestTimeoutMs, false),
      );
      if (!created.ok) return created;
    }
    return this.#untilKnown(topics.map(({ name }) => name));
  }

  /** One setting of a topic, as the broker has it. */
  async topicConfig(topic: string, name: string): Promise<Result<string>> {
    const action = `reading ${name} of ${topic}`;
    try {
      const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configurationKeys: [name] };
      const answer = await this.#cluster.call('any', 'control', describeConfigsV4.api, [resource], false, false);
      const value = answer.results[0]?.configs.find((config) => config.name === name)?.value;
      return typeof value === 'string' ? ok(value) : fail('not-found', `${action}: there is no such setting`);
    } catch (error) {
      return this.#cluster.failureOf(error, action);
    }
  }

  async deleteTopics(names: readonly string[]): Promise<Result<void>> {
    for (const name of names) {
      const deleted = await this.#tolerating([kafkaCodes.unknownTopicOrPartition], `deleting topic ${name}`, () =>
        this.#cluster.call('any', 'control', deleteTopicsV6.api, [{ name, topicId: null }], requestTimeoutMs),
      );
      if (!deleted.ok) return deleted;
    }
    await this.#cluster.refresh(names).catch(() => undefined);
    return ok(undefined);
  }

  /** Creates the user or sets its password. Source: RFC 5802 with SHA-512. */
  async setScramUser(name: string, password: string): Promise<Result<void>> {
    const salt = randomBytes(32);
    const saltedPassword = await promisify(pbkdf2)(password, salt, scramIterations, 64, 'sha512');
    const upsert = { name, mechanism: scramSha512, iterations: scramIterations, salt, saltedPassword };
    return this.#tolerating([], `setting the credential of ${name}`, () =>
      this.#cluster.call('any', 'control', alterUserScramCredentialsV0.api, [], [upsert]),
    );
  }

  async deleteScramUser(name: string): Promise<Result<void>> {
    const resourceNotFound = 91;
    return this.#tolerating([resourceNotFound], `deleting the credential of ${name}`, () =>
      this.#cluster.call('any', 'control', alterUserScramCredentialsV0.api, [{ name, mechanism: scramSha512 }], []),
    );
  }

  async allow(grants: readonly AclGrant[]): Promise<Result<void>> {
    if (grants.length === 0) return ok(undefined);
    return this.#tolerating([], 'granting access', () =>
      this.#cluster.call('any', 'control', createAclsV3.api, grants.map(aclOf)),
    );
  }

  /** Takes these permissions away; a live connection is refused from the next request on. */
  async revoke(grants: readonly AclGrant[]): Promise<Result<void>> {
    if (grants.length === 0) return ok(undefined);
    return this.#tolerating([], 'revoking access', () =>
      this.#cluster.call('any', 'control', deleteAclsV3.api, grants.map(aclOf)),
    );
  }

  /** Next offset of each partition, index = partition. */
  async endOffsets(
    topic: string,
    isolation: 'read_committed' | 'read_uncommitted' = 'read_committed',
  ): Promise<Result<bigint[]>> {
    return topicOffsets(this.#cluster, topic, 'latest', isolation);
  }

  async #tolerating(codes: readonly number[], action: string, request: () => Promise<unknown>): Promise<Result<void>> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await request();
        return ok(undefined);
      } catch (error) {
        const code = codeOfError(error);
        if (code !== undefined && codes.includes(code)) return ok(undefined);
        if (code === undefined) return this.#cluster.failureOf(error, action);
        if (!isPassing(code) || attempt >= attemptsMax) return codeFailure(code, action);
      }
      await sleep(50);
    }
  }

  /** A created topic reaches every broker's metadata a little later. */
  async #untilKnown(names: readonly string[]): Promise<Result<void>> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.#cluster.refresh(names);
        const known = await this.#cluster.topics(names);
        if (known.length === names.length && known.every(({ leaders }) => leaders.every((leader) => leader >= 0)))
          return ok(undefined);
      } catch (error) {
        if (attempt >= attemptsMax) return this.#cluster.failureOf(error, 'waiting for topics');
      }
      if (attempt >= attemptsMax) return codeFailure(kafkaCodes.leaderNotAvailable, 'waiting for topics');
      await sleep(50);
    }
  }
}

function topicRequest(topic: TopicSpec): Parameters<typeof createTopicsV7.createRequest>[0][number] {
  const configs = Object.entries(topic.config ?? {}).map(([name, value]) => ({ name, value }));
  const { name, partitions, replicationFactor } = topic;
  return { name, numPartitions: partitions, replicationFactor: replicationFactor ?? -1, assignments: [], configs };
}

function aclOf(grant: AclGrant): Parameters<typeof createAclsV3.createRequest>[0][number] {
  return {
    resourceType: resources[grant.resource],
    resourceName: grant.name,
    resourcePatternType: grant.pattern === 'literal' ? ResourcePatternTypes.LITERAL : ResourcePatternTypes.PREFIXED,
    principal: `User:${grant.principal}`,
    host: '*',
    operation: operations[grant.operation],
    permissionType: AclPermissionTypes.ALLOW,
  };
}
