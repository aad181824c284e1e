/** Connections to the brokers of one Kafka cluster: one per broker and purpose, made on demand, made anew when broken. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection as LibraryConnection, ConnectionOptions } from '@platformatic/kafka';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import { BufferPool } from './buffer-pool.ts';
import { codeFailure, codeOfError, isPassing, kafkaCodes } from './kafka-codes.ts';
import { apiVersionsV4, Connection, findCoordinatorV6, metadataV12 } from './library.ts';
import type { FetchLimits } from './record-calls.ts';
import type { BrokerAddress, TlsOptions } from './record-connection.ts';
import { tlsOptions } from './record-connection.ts';
import { RecordLinks } from './record-links.ts';
import type { SaslOptions } from './sasl.ts';
import { mechanismOf } from './sasl.ts';
import { tlsFault } from './tls-faults.ts';

export interface KafkaOptions {
  /** `host:port` of at least one broker. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** SCRAM-SHA-512 unless it names another mechanism; without it connections are not authenticated. */
  readonly sasl?: SaslOptions;
  readonly tls?: boolean | TlsOptions;
  /** Memory for what is fetched and not yet released, over all fetchers of the handle; 64 MiB unless given. An answer may have half of it. */
  readonly fetchedBytesMax?: number;
}

export interface TopicMetadata {
  readonly name: string;
  readonly topicId: string;
  /** Index = partition; the broker id of its leader, -1 for none. */
  readonly leaders: readonly number[];
}

/** A request of the library: it takes a connection and answers by promise. */
type AsyncApi<A extends unknown[], R> = { async: (connection: LibraryConnection, ...args: A) => Promise<R> };

/** About five seconds of asking who coordinates; callers that can wait longer ask again. */
const coordinatorAttemptsMax = 20;

const fetchedBytesMaxDefault = 64 * 1024 * 1024;

/** For a connection to be there, authenticated, and again for the first answer over it, milliseconds. */
const connectTimeoutMs = 5_000;

/**
 * For an answer, milliseconds, by what a connection is for: what a broker answers from memory is asked again elsewhere before anybody waits long for it, and a
 * heartbeat before the session of its member has ended (6 s with the embedded broker).
 */
const answerTimeoutsMs: Readonly<Record<string, number>> = { heartbeat: 4_000, lookup: 10_000 };
const answerTimeoutMsDefault = 30_000;

const produceKey = 0;
const groupHeartbeatKey = 68;

export class Cluster {
  readonly options: KafkaOptions;
  readonly #connections = new Map<string, Promise<LibraryConnection>>();
  readonly #addresses = new Map<number, BrokerAddress>();
  readonly #topics = new Map<string, TopicMetadata>();
  readonly #coordinators = new Map<string, number>();
  readonly #links = new Set<RecordLinks>();
  readonly #pool: BufferPool;
  #closed = false;

  private constructor(options: KafkaOptions) {
    this.options = options;
    this.#pool = new BufferPool(options.fetchedBytesMax ?? fetchedBytesMaxDefault);
  }

  /** Connects to one of the brokers and checks that it speaks what Sluice needs. Fails as `failureOf` says. */
  static async open(options: KafkaOptions): Promise<Result<Cluster>> {
    const cluster = new Cluster(options);
    const action = `connecting to Kafka at ${options.brokers.join(', ')}`;
    try {
      await cluster.refresh([]);
      return ok(cluster);
    } catch (error) {
      await cluster.close();
      return cluster.failureOf(error, action);
    }
  }

  /** Sends one request on the connection of a broker for a purpose; requests of one purpose are answered in order. Throws the library's errors. */
  async call<A extends unknown[], R>(node: number | 'any', purpose: string, api: AsyncApi<A, R>, ...args: A): Promise<R> {
    const connection = await this.#connection(node, purpose);
    return api.async(connection, ...args);
  }

  /** Connections for the record path, for one user of them. They close with the handle, or before it. */
  recordLinks(): RecordLinks {
    const links = new RecordLinks({
      kafka: this.options,
      pool: this.#pool,
      addresses: (node) => this.#targets(node),
      onClose: () => this.#links.delete(links),
    });
    this.#links.add(links);
    return links;
  }

  /** Limits under which one answer leaves room in the pool for others. */
  withinPool(limits: FetchLimits): FetchLimits {
    const most = this.#pool.bytesMax / 4;
    return { ...limits, maxBytes: Math.min(limits.maxBytes, most), partitionMaxBytes: Math.min(limits.partitionMaxBytes, most) };
  }

  /** Metadata of topics, from the cache unless one is missing there. An unknown topic is absent from the answer. */
  async topics(names: readonly string[]): Promise<TopicMetadata[]> {
    if (names.some((name) => !this.#topics.has(name))) await this.refresh(names);
    return names.flatMap((name) => this.#topics.get(name) ?? []);
  }

  /** The leader of a partition as the cache has it: -1 while there is none, undefined for a topic or partition that it does not know. */
  leaderOf(topic: string, partition: number): number | undefined {
    return this.#topics.get(topic)?.leaders[partition];
  }

  /** Reads brokers and these topics anew. What the cache had stays until the answer is there. */
  async refresh(names: readonly string[]): Promise<void> {
    const answer = await this.call('any', 'lookup', metadataTolerant, names);
    for (const broker of answer.brokers) this.#addresses.set(broker.nodeId, broker);
    for (const name of names) this.#topics.delete(name);
    for (const topic of answer.topics) if (topic.errorCode === 0) this.#topics.set(topic.name, topic);
  }

  /** The broker that coordinates a group or a transactional id; retries while it is moving. */
  async coordinator(kind: 'group' | 'transaction', key: string): Promise<number> {
    const cacheKey = `${kind}/${key}`;
    const known = this.#coordinators.get(cacheKey);
    if (known !== undefined) return known;
    for (let attempt = 0; ; attempt += 1) {
      try {
        const answer = await this.call('any', 'lookup', findCoordinatorV6.api, kind === 'group' ? 0 : 1, [key]);
        const found = answer.coordinators[0];
        if (found !== undefined) {
          this.#addresses.set(found.nodeId, { host: found.host, port: found.port });
          this.#coordinators.set(cacheKey, found.nodeId);
          return found.nodeId;
        }
      } catch (error) {
        const code = codeOfError(error);
        if (attempt >= coordinatorAttemptsMax || (code !== undefined && !isPassing(code))) throw error;
      }
      await sleep(Math.min(500, 20 * (attempt + 1)));
    }
  }

  /** Forgets a coordinator that answered that it is none. */
  forgetCoordinator(kind: 'group' | 'transaction', key: string): void {
    this.#coordinators.delete(`${kind}/${key}`);
  }

  /**
   * The Failure for an error of `call`. Its `at` says what stays as it is until somebody changes it: `credentials` that the broker refused,
   * `tls` that did not come about, the `version` of the broker.
   */
  failureOf(error: unknown, action: string): ReturnType<typeof fail> {
    const code = codeOfError(error);
    if (code !== undefined && code !== kafkaCodes.none) return codeFailure(code, action);
    if (error instanceof TooOld) return fail('broker-unreachable', `${action}: ${error.message}`, 'version');
    const fault = tlsFault(error);
    if (fault !== undefined) return fail('broker-unreachable', `${action}: ${fault}`, 'tls');
    // A new account takes a moment to reach all brokers, so that this too may pass.
    if (isAuthentication(error)) return fail('broker-unreachable', `${action}: the credentials were refused`, 'credentials');
    return fail('broker-unreachable', `${action}: no broker answered`);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const links of this.#links) links.close();
    const open = [...this.#connections.values()];
    this.#connections.clear();
    await Promise.all(open.map((pending) => pending.then((connection) => connection.close()).catch(() => undefined)));
  }

  async #connection(node: number | 'any', purpose: string): Promise<LibraryConnection> {
    if (this.#closed) throw new Error('the Kafka cluster handle is closed');
    const key = `${node}/${purpose}`;
    const existing = this.#connections.get(key);
    if (existing !== undefined) {
      const connection = await existing.catch(() => undefined);
      // What authenticates again takes no requests meanwhile, and is the same connection afterwards.
      if (connection?.status === 'reauthenticating') await connection.ready().catch(() => undefined);
      if (connection?.isConnected() === true) return connection;
      void connection?.close().catch(() => undefined);
      if (this.#connections.get(key) === existing) this.#connections.delete(key);
      else return this.#connection(node, purpose);
    }
    const pending = this.#connect(node, answerTimeoutsMs[purpose] ?? answerTimeoutMsDefault);
    pending.catch(() => undefined);
    this.#connections.set(key, pending);
    return pending;
  }

  async #connect(node: number | 'any', requestTimeout: number): Promise<LibraryConnection> {
    let last: unknown;
    for (const target of this.#targets(node)) {
      const connection = new Connection(this.options.clientId, {
        ...connectionOptions(this.options, target.host),
        requestTimeout,
      });
      connection.on('error', () => undefined);
      try {
        await connection.connect(target.host, target.port);
        await checkVersions(connection);
        return connection;
      } catch (error) {
        last = error;
        await connection.close().catch(() => undefined);
      }
    }
    throw last;
  }

  /** Where a broker is; the addresses to begin with for any one, or one that is not known. */
  #targets(node: number | 'any'): BrokerAddress[] {
    const known = node === 'any' ? undefined : this.#addresses.get(node);
    return known === undefined ? this.options.brokers.map(parseAddress) : [known];
  }
}

class TooOld extends Error {}

/** A broker that is connected to and answers nothing is as good as none, so that this has little time. */
async function checkVersions(connection: LibraryConnection): Promise<void> {
  const late = setTimeout(() => void connection.close(), connectTimeoutMs);
  try {
    const { apiKeys } = await apiVersionsV4.api.async(connection, 'sluice', '0');
    const newest = (key: number): number => apiKeys.find((api) => api.apiKey === key)?.maxVersion ?? -1;
    if (newest(produceKey) < 12 || newest(groupHeartbeatKey) < 1)
      throw new TooOld('Kafka 4.0 or newer is needed (transactions v2, KIP-848 groups)');
  } finally {
    clearTimeout(late);
  }
}

/** Whether it was authentication that failed, and not the connection on which it went on: the innermost error of the library says it. */
function isAuthentication(error: unknown): boolean {
  let innermost = '';
  for (let cause: unknown = error; typeof cause === 'object' && cause !== null; cause = 'cause' in cause ? cause.cause : null) {
    const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
    if (/^PLT_KFK_(?:AUTHENTICATION|NETWORK|TIMEOUT)$/.test(code)) innermost = code;
  }
  return innermost === 'PLT_KFK_AUTHENTICATION';
}

interface TolerantMetadata {
  brokers: { nodeId: number; host: string; port: number }[];
  topics: { errorCode: number; name: string; topicId: string; leaders: number[] }[];
}

/** Metadata whose per-topic errors are part of the answer: an unknown topic is an answer here, not an exception. */
const metadataTolerant: AsyncApi<[readonly string[]], TolerantMetadata> = {
  async async(connection, names) {
    const answer = await metadataV12.api.async(connection, [...names], false, false).catch((error: unknown) => {
      const response = typeof error === 'object' && error !== null && 'response' in error ? error.response : undefined;
      if (response === undefined) throw error;
      return response as Awaited<ReturnType<typeof metadataV12.api.async>>;
    });
    return {
      brokers: answer.brokers.map(({ nodeId, host, port }) => ({ nodeId, host, port })),
      topics: answer.topics.flatMap((topic) => {
        if (topic.name === null || topic.name === undefined) return [];
        const leaders: number[] = [];
        for (const partition of topic.partitions) leaders[partition.partitionIndex] = partition.leaderId;
        return [{ errorCode: topic.errorCode, name: topic.name, topicId: topic.topicId, leaders }];
      }),
    };
  },
};

function connectionOptions(options: KafkaOptions, host: string): ConnectionOptions {
  const { tls, sasl } = options;
  const { servername, ...certificates } = tls === undefined || tls === false ? {} : tlsOptions(tls, host);
  return {
    connectTimeout: connectTimeoutMs,
    maxInflights: 5,
    ...(tls === undefined || tls === false ? {} : { tls: certificates }),
    ...(servername === undefined ? {} : { tlsServerName: servername }),
    ...(sasl === undefined ? {} : { sasl: { ...sasl, mechanism: mechanismOf(sasl), ...tokenCheck(sasl) } }),
  };
}

/** A token that is refused comes back as an answer with the reason, which the library would take for success. Source: RFC 7628, section 3.2.2. */
function tokenCheck(sasl: SaslOptions): Partial<NonNullable<ConnectionOptions['sasl']>> {
  if (sasl.mechanism !== 'OAUTHBEARER') return {};
  return {
    authBytesValidator: (answer, done) =>
      answer.length > 0 ? done(new Error('SASL: the token was refused'), answer) : done(null, answer),
  };
}

function parseAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}
