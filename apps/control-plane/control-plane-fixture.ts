/** What the tests of the control plane share: instances on real PostgreSQL and Kafka, accounts, a dataset, an agreement. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';
import { pino } from 'pino';

import type { ReadRecord } from '../../libs/adapters/kafka/index.ts';
import { openChecker } from '../../libs/adapters/kms/index.ts';
import type { SignatureChecker } from '../../libs/catalog/index.ts';
import { Cluster, KafkaAdmin, TopicReader } from '../../libs/adapters/kafka/index.ts';
import type { RegistryOptions } from '../../libs/adapters/registry/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import { freshDatabase, testKafka, uniqueId } from '../../libs/testkit/index.ts';
import type { ControlPlaneConfig } from './config.ts';
import type { OidcOptions } from './http/oidc-issuers.ts';
import type { RunningControlPlane } from './start.ts';
import { startControlPlane } from './start.ts';

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are compared whole, by their tests.
  readonly body: any;
  readonly headers: Headers;
}

export interface Account {
  readonly name: string;
  readonly secret: string;
}

export type Call = (
  method: string,
  path: string,
  options?: {
    /** The operator when absent; null for nobody. */
    as?: Account | null;
    json?: unknown;
    text?: string | Uint8Array<ArrayBuffer>;
    headers?: Record<string, string>;
    instance?: number;
  },
) => Promise<Answer>;

export interface Fixture {
  readonly call: Call;
  readonly cluster: Cluster;
  readonly databaseUrl: string;
  /** Asks the database itself, as its owner. */
  readonly query: (sql: string, values?: readonly unknown[]) => Promise<Record<string, unknown>[]>;
  /** Everything that was logged, as text. */
  readonly logged: () => string;
  readonly directory: string;
  /** By the public keys of its control planes. */
  readonly checker: SignatureChecker;
  /** Of the first instance, `http://host:port`. */
  readonly address: string;
  readonly operator: Account;
  /** What subscribers are told of link. */
  streamsUrl: string | null;
  /** One more instance on the same database; `instance` of a call is its number. */
  addInstance(options?: { intakeDirectory?: string }): Promise<RunningControlPlane>;
  close(): Promise<void>;
}

const operator = { name: 'admin', secret: 'operator-secret-for-tests' };

export async function startFixture(
  options: {
    readonly intake?: boolean;
    readonly registry?: RegistryOptions;
    readonly requestsPerSecondMax?: number;
    readonly oidc?: OidcOptions;
  } = {},
): Promise<Fixture> {
  const database = await freshDatabase();
  const directory = await mkdtemp(join(tmpdir(), 'sluice-control-'));
  const lines: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const { brokers, username, password } = testKafka();
  const running: RunningControlPlane[] = [];
  const told: { streamsUrl: string | null } = { streamsUrl: null };
  const configOf = (intakeDirectory: string | null): ControlPlaneConfig => ({
    instance: uniqueId('instance'),
    listen: { host: '127.0.0.1', port: 0 },
    databaseUrl: database.url,
    kafka: { brokers, clientId: 'test', sasl: { username, password } },
    operatorSecret: { secret: operator.secret },
    oidc: options.oidc ?? null,
    vault: { keyFile: join(directory, 'master.key') },
    registry: options.registry ?? null,
    intakeDirectory,
    requestsPerSecondMax: options.requestsPerSecondMax ?? 10_000,
    logLevel: 'debug',
    places: { streamsUrl: () => told.streamsUrl },
  });
  const addInstance = async (added: { intakeDirectory?: string } = {}): Promise<RunningControlPlane> => {
    const instance = unwrap(await startControlPlane(configOf(added.intakeDirectory ?? null), logger));
    running.push(instance);
    return instance;
  };
  await addInstance(options.intake === true ? { intakeDirectory: join(directory, 'intake') } : {});
  const cluster = unwrap(
    await Cluster.open({
      brokers,
      clientId: uniqueId('test'),
      sasl: { username, password },
    }),
  );
  return {
    call: callOf(running),
    cluster,
    databaseUrl: database.url,
    query: (sql, values = []) => queryOf(database.url, sql, values),
    logged: () => lines.join(''),
    directory,
    checker: unwrap(await openChecker({ keyFile: join(directory, 'master.key') })),
    address: running[0]?.address ?? '',
    operator,
    get streamsUrl() {
      return told.streamsUrl;
    },
    set streamsUrl(url) {
      told.streamsUrl = url;
    },
    addInstance,
    async close() {
      await cluster.close();
      await Promise.all(running.map((instance) => instance.stop()));
      await database.drop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function callOf(running: readonly RunningControlPlane[]): Call {
  return async (method, path, { as = operator, json, text, headers = {}, instance = 0 } = {}) => {
    const basic = as === null ? null : `Basic ${Buffer.from(`${as.name}:${as.secret}`).toString('base64')}`;
    const type: Record<string, string> = json === undefined ? {} : { 'content-type': 'application/json' };
    const body = json === undefined ? (text ?? null) : JSON.stringify(json);
    const response = await fetch(`${running[instance]?.address}${path}`, {
      method,
      headers: {
        ...(basic === null ? {} : { authorization: basic }),
        ...type,
        ...headers,
      },
      body,
    });
    const answer = await response.text();
    return {
      status: response.status,
      body: parse(answer),
      headers: response.headers,
    };
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export interface Feed {
  readonly dataset: string;
  readonly agreement: string;
  readonly publisher: Account;
  readonly subscriber: Account;
  readonly policy: Record<string, unknown>;
}

/** The next credential of a feed's agreement, as its subscriber gets it. */
export async function issueCredential(
  call: Call,
  { agreement, subscriber }: Feed,
  overlapSeconds?: number,
): Promise<Account & { body: Answer['body'] }> {
  const json = overlapSeconds === undefined ? {} : { overlapSeconds };
  const { body } = expectStatus(
    await call('POST', `/v1/agreements/${agreement}/credentials`, {
      json,
      as: subscriber,
    }),
    201,
  );
  return { name: body.username, secret: body.password, body };
}

export const visitFields: readonly {
  name: string;
  type: unknown;
  default?: unknown;
}[] = [
  { name: 'id', type: 'string' },
  { name: 'phone', type: 'string' },
  { name: 'cost', type: 'double' },
  { name: 'day', type: { type: 'int', logicalType: 'date' } },
  { name: 'count', type: ['null', 'long'], default: null },
];

export const visitSchema = (fields: readonly unknown[] = visitFields, more: object = {}): Record<string, unknown> => ({
  type: 'record',
  name: 'Visit',
  fields,
  ...more,
});

/** A publisher, a subscriber, a dataset and, unless told otherwise, an agreement, under names of their own. */
export async function makeFeed(call: Call, options: { readonly agreement?: boolean } = {}): Promise<Feed> {
  const publisher = {
    name: uniqueId('publisher'),
    secret: 'publisher-secret-1',
  };
  const subscriber = {
    name: uniqueId('subscriber'),
    secret: 'subscriber-secret-1',
  };
  const dataset = uniqueId('visits');
  const agreement = uniqueId('study');
  for (const [account, role] of [
    [publisher, 'publisher'],
    [subscriber, 'subscriber'],
  ] as const) {
    expectStatus(
      await call('PUT', `/v1/participants/${account.name}`, {
        json: { name: role, roles: [role] },
      }),
      200,
    );
    expectStatus(
      await call('PUT', `/v1/accounts/${account.name}`, {
        json: { participant: account.name, secret: account.secret },
      }),
      200,
    );
  }
  expectStatus(
    await call('PUT', `/v1/datasets/${dataset}`, {
      json: datasetBody(publisher.name),
      as: publisher,
    }),
    200,
  );
  const policy = policyOf({
    dataset,
    agreement,
    publisher: publisher.name,
    subscriber: subscriber.name,
  });
  if (options.agreement !== false) {
    expectStatus(
      await call('PUT', `/v1/agreements/${agreement}`, {
        json: { policy, delivery: { kind: 'kafka' } },
      }),
      200,
    );
  }
  return { dataset, agreement, publisher, subscriber, policy };
}

const sealTo = randomBytes(32).toString('base64url');

export const datasetBody = (publisher: string, more: object = {}): Record<string, unknown> => ({
  title: { zh: '就诊', en: 'Visits' },
  publisher,
  schema: visitSchema(),
  sealTo,
  ...more,
});

const policyOf = (names: {
  dataset: string;
  agreement: string;
  publisher: string;
  subscriber: string;
}): Record<string, unknown> => ({
  '@context': 'http://www.w3.org/ns/odrl.jsonld',
  '@type': 'Agreement',
  uid: names.agreement,
  profile: 'urn:sluice:odrl:1',
  permission: [
    {
      target: names.dataset,
      assigner: names.publisher,
      assignee: names.subscriber,
      action: 'distribute',
      duty: [
        {
          action: 'govern',
          stages: [
            { stage: 'keep', at: ['/cost', '/day', '/count'] },
            {
              stage: 'mask',
              at: '/phone',
              with: { first: 3, last: 4, width: 4 },
            },
            { stage: 'pseudonymize', at: '/id', with: { length: 32 } },
          ],
        },
      ],
    },
  ],
});

export function expectStatus(answer: Answer, status: number): Answer {
  if (answer.status !== status) throw new Error(`expected ${status}, got ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer;
}

/** Every committed record of a topic, in the order of partitions and offsets. */
export async function readAll(cluster: Cluster, topic: string): Promise<ReadRecord[]> {
  const ends = unwrap(await new KafkaAdmin(cluster).endOffsets(topic, 'read_uncommitted'));
  const reader = unwrap(await TopicReader.open(cluster, { topic, from: 'earliest' }));
  const records: ReadRecord[] = [];
  while (ends.some((end, partition) => reader.position(partition) < end)) records.push(...unwrap(await reader.poll(200)));
  await reader.close();
  return records.sort((a, b) => a.partition - b.partition || Number(a.offset - b.offset));
}

/** Asks again until the answer is not null. */
export async function eventually<T>(ask: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function queryOf(url: string, sql: string, values: readonly unknown[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql, [...values])).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}
