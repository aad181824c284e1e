/** The control plane is killed at every step by which it makes an agreement and a credential, and is consistent after the next start. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Account, Feed } from '../../apps/control-plane/control-plane-fixture.ts';
import { expectStatus, makeFeed } from '../../apps/control-plane/control-plane-fixture.ts';
import type { Answer, Call } from '../../apps/control-plane/control-plane-fixture.ts';
import { Cluster, DirectiveFeed, KafkaAdmin, TopicReader } from '../../libs/adapters/kafka/index.ts';
import { openChecker } from '../../libs/adapters/kms/index.ts';
import { repositoryRoot } from '../../libs/adapters/local/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import type { TestDatabase } from '../../libs/testkit/index.ts';
import { freshDatabase, testKafka, uniqueId } from '../../libs/testkit/index.ts';
import type { StepProxy } from './step-proxy.ts';
import { openKafkaSteps, openPostgresSteps } from './step-proxy.ts';

const operator: Account = {
  name: 'admin',
  secret: 'operator-secret-for-tests',
};

let database: TestDatabase;
let directory: string;
let cluster: Cluster;
let proxies: StepProxy[];
let port: number;
let child: ChildProcess | undefined;
/** At which step it is to die: at the so many-th of that name. */
let target: { readonly step: string; left: number } | null = null;
let diedAt: string | null = null;
const seen = new Set<string>();

/** What tells others of events, and counts Receipts, goes on by itself, beside any request. */
const isBesides = (step: string): boolean => /UPDATE event_log|COMMIT of $|meter_|COMMIT of INSERT INTO meter$/.test(step);

/** The step is not let through: what dies before it and what dies after the one before it is the same. */
function mayPass(step: string): boolean {
  if (diedAt !== null) return false;
  if (!isBesides(step)) seen.add(step);
  if (target?.step !== step) return true;
  target.left -= 1;
  if (target.left > 0) return true;
  diedAt = step;
  child?.kill('SIGKILL');
  return false;
}

beforeAll(async () => {
  database = await freshDatabase();
  directory = await mkdtemp(path.join(tmpdir(), 'sluice-crash-'));
  const { brokers, username, password } = testKafka();
  cluster = unwrap(
    await Cluster.open({
      brokers,
      clientId: 'crash-test',
      sasl: { username, password },
    }),
  );
  const brokerPort = Number(brokers[0]?.split(':').at(-1));
  proxies = [await openKafkaSteps(brokerPort, mayPass), await openPostgresSteps(Number(new URL(database.url).port), mayPass)];
  port = await freePort();
});

afterAll(async () => {
  child?.kill('SIGKILL');
  if (child !== undefined && child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  await Promise.all(proxies.map((proxy) => proxy.close()));
  await cluster.close();
  await database.drop();
  await rm(directory, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: free } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return free;
}

/** Starts the role behind the proxies, and waits until it serves. */
async function start(): Promise<void> {
  target = null;
  diedAt = null;
  const [kafka, postgres] = proxies;
  const url = new URL(database.url);
  url.port = String(postgres?.port);
  const { username, password } = testKafka();
  const started = spawn(process.execPath, [path.join(repositoryRoot(), 'dist', 'apps', 'control-plane', 'main.js')], {
    cwd: directory,
    env: {
      PATH: process.env['PATH'],
      SLUICE_INSTANCE: uniqueId('crash'),
      SLUICE_API_PORT: String(port),
      SLUICE_DATABASE_URL: url.toString(),
      SLUICE_KAFKA_BROKERS: `127.0.0.1:${kafka?.port}`,
      SLUICE_KAFKA_USERNAME: username,
      SLUICE_KAFKA_PASSWORD: password,
      SLUICE_OPERATOR_SECRET: operator.secret,
      SLUICE_DATA_DIR: directory,
      SLUICE_INTAKE_DIR: 'off',
      SLUICE_LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child = started;
  let said = '';
  started.stderr?.on('data', (bytes: Buffer) => {
    said += bytes.toString('utf8');
  });
  while (
    !(await fetch(`http://127.0.0.1:${port}/ready`).then(
      (answer) => answer.ok,
      () => false,
    ))
  ) {
    if (started.exitCode !== null) throw new Error(`the control plane ended: ${said}`);
    await sleep(25);
  }
}

/** Undefined when the control plane died before it answered. */
async function ask(method: string, target: string, as: Account, json?: unknown): Promise<Answer | undefined> {
  const headers: Record<string, string> = {
    authorization: `Basic ${Buffer.from(`${as.name}:${as.secret}`).toString('base64')}`,
    ...(json === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const body = json === undefined ? null : JSON.stringify(json);
  try {
    const response = await fetch(`http://127.0.0.1:${port}${target}`, {
      method,
      headers,
      body,
    });
    const text = await response.text();
    return {
      status: response.status,
      body: text === '' ? null : JSON.parse(text),
      headers: response.headers,
    };
  } catch {
    return undefined;
  }
}

const call: Call = async (method, target, { as = operator, json } = {}) => {
  const answer = await ask(method, target, as ?? operator, json);
  if (answer === undefined) throw new Error(`${method} ${target} was not answered`);
  return answer;
};

async function reads(username: string, password: string, topic: string): Promise<boolean> {
  const { brokers } = testKafka();
  const opened = await Cluster.open({
    brokers,
    clientId: 'crash-reader',
    sasl: { username, password },
  });
  if (!opened.ok) return false;
  const reader = await TopicReader.open(opened.value, {
    topic,
    from: 'earliest',
  });
  const read = reader.ok && (await reader.value.poll(10)).ok;
  await opened.value.close();
  return read;
}

/** What is wrong after a restart: nothing left to mend, and Kafka lets in whom the database knows. */
async function faults(feed: Feed, agreement: string): Promise<string[]> {
  const found: string[] = [];
  const { body } = expectStatus(await call('POST', '/v1/reconciliation'), 200);
  if (Object.keys(body.found).length > 0) found.push(`a second reconciliation finds ${JSON.stringify(body.found)}`);
  const known = await call('GET', `/v1/agreements/${agreement}/credentials`);
  const live: string[] = (known.status === 200 ? known.body.items : [])
    .filter(({ state }: { state: string }) => state === 'active' || state === 'retiring')
    .map(({ username }: { username: string }) => username);
  const pending = (known.status === 200 ? known.body.items : []).filter(({ state }: { state: string }) => state === 'pending');
  if (pending.length > 0) found.push('a credential is still being made');
  const actual = unwrap(await new KafkaAdmin(cluster).access.actual());
  const users = [...actual.users].filter((name) => name.startsWith(`${agreement}.g`));
  if (users.toSorted().join() !== live.toSorted().join())
    found.push(`Kafka has the users ${users.join()}, the database ${live.join()}`);
  const granted = new Set(actual.grants.flatMap(({ principal }) => (principal.startsWith(`${agreement}.g`) ? [principal] : [])));
  if ([...granted].some((name) => !live.includes(name))) found.push(`permissions of ${[...granted].join()}`);
  const shown = await call('GET', `/v1/agreements/${agreement}`);
  const directives = unwrap(
    await DirectiveFeed.open(cluster, unwrap(await openChecker({ keyFile: path.join(directory, 'keys', 'master.key') }))),
  );
  const revision = directives.current().get(agreement)?.revision;
  await directives.close();
  if (shown.status === 200 && shown.body.revision !== revision) found.push(`the directive has revision ${revision}`);
  if (shown.status === 404 && revision !== undefined) found.push('there is a directive of no agreement');
  const topics = unwrap(await new KafkaAdmin(cluster).topics(topicNames.governed(feed.dataset, agreement)));
  if (shown.status === 200 && topics.size === 0) found.push('the governed topic is missing');
  return found;
}

interface Attempt {
  readonly agreement: string;
  readonly put: unknown;
  readonly made: Answer | undefined;
  readonly issued: Answer | undefined;
}

/** A subscriber's way to a stream: the agreement, then a credential. Either may remain unanswered. */
async function provision(feed: Feed): Promise<Attempt> {
  const agreement = uniqueId('study');
  const put = { policy: { ...feed.policy, uid: agreement }, delivery: { kind: 'kafka' } };
  const made = await ask('PUT', `/v1/agreements/${agreement}`, operator, put);
  const issued =
    made?.status === 200 ? await ask('POST', `/v1/agreements/${agreement}/credentials`, feed.subscriber, {}) : undefined;
  return { agreement, put, made, issued };
}

/** After the restart, and after the same was asked for again. */
async function checkAfter(feed: Feed, { agreement, put, issued }: Attempt, where: string): Promise<void> {
  expect([where, await faults(feed, agreement)]).toEqual([where, []]);
  expectStatus(await call('PUT', `/v1/agreements/${agreement}`, { json: put }), 200);
  const again = await call('POST', `/v1/agreements/${agreement}/credentials`, { json: {}, as: feed.subscriber });
  const topic = topicNames.governed(feed.dataset, agreement);
  for (const { username, password } of [expectStatus(again, 201).body, ...(issued?.status === 201 ? [issued.body] : [])])
    expect([where, await reads(username, password, topic)]).toEqual([where, true]);
}

test('a kill at each step leaves nothing half-granted, and the second request works', async () => {
  await start();
  const feed = await makeFeed(call, { agreement: false });
  seen.clear();
  expect((await provision(feed)).issued?.status).toBe(201);
  const steps = [...seen];
  const killed: string[] = [];
  for (const step of steps) {
    for (let occurrence = 1; ; occurrence += 1) {
      target = { step, left: occurrence };
      const attempt = await provision(feed);
      target = null;
      if (diedAt === null) break;
      killed.push(step);
      if (child !== undefined && child.signalCode === null) await once(child, 'exit');
      await start();
      await checkAfter(feed, attempt, `${step}, ${occurrence}`);
    }
  }
  console.info(`killed ${killed.length} times, at ${steps.length} kinds of step: ${steps.join(', ')}`);
  expect(new Set(killed)).toEqual(new Set(steps));
  for (const needed of [
    'Kafka CreateTopics',
    'Kafka CreateAcls',
    'Kafka AlterUserScramCredentials',
    'PostgreSQL UPDATE credential',
  ])
    expect(steps).toContain(needed);
}, 900_000);

test('a planted fault is found: a permission that nobody granted', async () => {
  const feed = await makeFeed(call);
  const name = topicNames.governed(feed.dataset, feed.agreement);
  const stray = {
    principal: `${feed.agreement}.g9`,
    resource: 'topic',
    name,
    pattern: 'literal',
    operation: 'read',
  } as const;
  const { access } = new KafkaAdmin(cluster);
  unwrap(await access.allow([stray]));
  while (!unwrap(await access.actual()).grants.some(({ principal }) => principal === stray.principal)) await sleep(25);
  expect(await faults(feed, feed.agreement)).toEqual([expect.stringContaining('"permissionsTooMany":1')]);
  expect(await faults(feed, feed.agreement)).toEqual([]);
}, 60_000);
