/** Starts the control plane: opens what it works with, makes its topics, serves the API, keeps directives and events published. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { pino } from 'pino';
import type { Logger } from 'pino';

import {
  Cluster,
  DirectiveLog,
  SuppressionFeed,
  SuppressionLog,
  KafkaAdmin,
  auditTopic,
  deadLettersTopic,
  dispositionsTopic,
  positionsTopic,
  receiptsTopic,
} from '../../libs/adapters/kafka/index.ts';
import { openSigner, openVault } from '../../libs/adapters/kms/index.ts';
import { repositoryRoot } from '../../libs/adapters/local/index.ts';
import type { Database } from '../../libs/adapters/postgres/index.ts';
import { openDatabase } from '../../libs/adapters/postgres/index.ts';
import { RegistryClient } from '../../libs/adapters/registry/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { during, FailureError, fail, ok, topicNames, unwrap } from '../../libs/base/index.ts';
import { stages } from '../../libs/stages/index.ts';
import { AppModule } from './app.module.ts';
import { grantApproved } from './commands/decide-request.ts';
import { adoptPrograms } from './commands/adopt-programs.ts';
import { ensureOperator } from './commands/ensure-operator.ts';
import { ensureOwnAccount } from './commands/ensure-own-account.ts';
import { publishAll } from './commands/publish-directives.ts';
import { driftSentence, Reconciler } from './commands/reconcile.ts';
import { suspendExhausted } from './commands/suspend-exhausted.ts';
import { beginAgreements, tendAgreements } from './commands/tend-agreements.ts';
import { publishAllSuppressions, reconcileSuppressions } from './commands/publish-suppressions.ts';
import { syncWriterSchemas } from './commands/sync-writer-schemas.ts';
import type { ControlPlaneConfig } from './config.ts';
import { DirectiveRevisions } from './directive-revisions.ts';
import { EventRelay } from './events/event-relay.ts';
import type { EventServer } from './events/kafka-transport.ts';
import { eventClient, eventServer } from './events/kafka-transport.ts';
import { answersKeptMs } from './http/idempotency.ts';
import { OidcIssuers } from './http/oidc-issuers.ts';
import { createServer } from './http/server.ts';
import type { Intake } from './intake/intake.ts';
import { openIntake } from './intake/intake.ts';
import { intakeTopic } from './intake/intake-ledger.ts';
import { watchFolder } from './intake/watched-folder.ts';
import { ReceiptMeter } from './meter/receipt-meter.ts';
import type { ControlPlane, SubscriberPlaces } from './plane.ts';
import { ExternalAuthority } from './schemas/external-authority.ts';
import { LocalAuthority } from './schemas/local-authority.ts';

export interface RunningControlPlane {
  /** `http://host:port` */
  readonly address: string;
  /** The password of `admin` when this start made one, which is to be shown once; null otherwise. */
  readonly firstPassword: string | null;
  /** Takes no more requests, finishes those it has, and closes everything. */
  stop(): Promise<void>;
}

/** How often what a crash or an outage left behind is looked for, milliseconds. */
const tendEveryMs = 10_000;

/** How often periods that begin are looked for, milliseconds. */
const beginEveryMs = 1_000;

/** How often Kafka is compared with the database, milliseconds. */
const reconcileEveryMs = 60_000;

/** How long a stop waits for joining the group of events before it breaks the connection, milliseconds. */
const joinWaitMs = 1_000;

/** Undone in reverse when a later step fails, and at the end. */
type Closing = (() => Promise<unknown>)[];

/** Resolves when requests are answered. On a failure nothing is left open. */
export async function startControlPlane(config: ControlPlaneConfig, given?: Logger): Promise<Result<RunningControlPlane>> {
  const logger = given ?? pino({ level: config.logLevel });
  const closing: Closing = [];
  try {
    const started = await start(config, logger, closing);
    return ok({ ...started, stop: () => closeAll(closing) });
  } catch (error) {
    await closeAll(closing);
    if (error instanceof FailureError) return during('starting the control plane', error.failure);
    throw error;
  }
}

async function start(config: ControlPlaneConfig, logger: Logger, closing: Closing): Promise<Omit<RunningControlPlane, 'stop'>> {
  const database = unwrap(await openDatabase(config.databaseUrl));
  closing.push(() => database.close());
  const kafka = {
    ...config.kafka,
    clientId: `sluice-control-plane-${config.instance}`,
  };
  const cluster = unwrap(await Cluster.open(kafka));
  closing.push(() => cluster.close());
  const broker = new KafkaAdmin(cluster);
  const ownTopics = [receiptsTopic, positionsTopic, dispositionsTopic, auditTopic, deadLettersTopic, intakeTopic];
  unwrap(await broker.createTopics([{ name: topicNames.events, partitions: 1 }, ...ownTopics]));
  const { signer, checker } = unwrap(await openSigner(config.vault));
  const adopted = unwrap(await adoptPrograms(database, signer));
  if (adopted > 0) logger.warn(`${adopted} Programs that were approved before there were signatures are signed now.`);
  const directives = unwrap(await DirectiveLog.open(cluster, signer, config.instance));
  closing.push(() => directives.close());
  const suppressions = unwrap(await SuppressionLog.open(cluster, config.instance));
  closing.push(() => suppressions.close());
  const installation = unwrap(await database.installation());
  const relay = new EventRelay(database, eventClient(kafka, logger), (sentence) => logger.warn(sentence));
  closing.push(() => relay.stop());
  const localAuthority = config.registry === null ? new LocalAuthority(database) : null;
  let address = '';
  const plane: ControlPlane = {
    database,
    cluster,
    broker,
    directives,
    suppressions,
    vault: unwrap(await openVault(config.vault)),
    signer,
    checker,
    schemas: localAuthority ?? new ExternalAuthority(new RegistryClient(config.registry ?? { url: '' })),
    stages,
    reservedAccounts: new Set([
      'admin',
      ...(config.kafka.sasl !== undefined && 'username' in config.kafka.sasl ? [config.kafka.sasl.username] : []),
      ...(config.reservedAccounts ?? []),
    ]),
    places: () => placesOf(config, address),
    reconcile: () => reconciler.run(),
    eventsWaiting: () => relay.wake(),
  };
  const revisions = new DirectiveRevisions(cluster, signer, checker);
  closing.push(() => revisions.close());
  const reconciler: Reconciler = new Reconciler(plane, revisions);
  const firstPassword = unwrap(await ensureOperator(database, config.operatorSecret));
  if (config.ownKey !== undefined) unwrap(await ensureOwnAccount(database, config.ownKey));
  if (config.registry !== null) warnOf(await syncWriterSchemas(plane), logger);
  unwrap(await reconcileErased(plane, cluster));
  sayDrift(await plane.reconcile(), logger);
  const intake = openIntake({
    cluster,
    database,
    schemas: plane.schemas,
    installation,
    instance: config.instance,
  });
  closing.push(() => intake.producers.close());
  await intake.producers.openAll();
  const readiness = () => ready(database, cluster);
  const documents = {
    openApi: readDocument('openapi/control-plane.json'),
    asyncApi: readDocument('asyncapi/sluice.json'),
  };
  const { requestsPerSecondMax } = config;
  const issuers = config.oidc === null ? null : new OidcIssuers(config.oidc);
  const app = await createServer(
    AppModule.of({
      plane,
      intake,
      localAuthority,
      readiness,
      documents,
      requestsPerSecondMax,
      issuers,
      logger,
    }),
    logger,
  );
  closing.push(() => app.close());
  const events = eventServer(kafka, installation, logger);
  app.connectMicroservice(events.options, { inheritAppConfig: true });
  address = await listen(app, config.listen);
  closing.push(listenForEvents(app, events, logger));
  closing.push(tend(plane, relay, config.registry !== null, logger));
  closing.push(repeat(beginEveryMs, async () => warnOf(await beginAgreements(plane), logger), logger));
  closing.push(startMeter(plane, logger));
  if (config.intakeDirectory !== null) closing.push(watch(intake, config.intakeDirectory, logger));
  relay.wake();
  return { address, firstPassword };
}

/** Before directives are: none may demand a list that is not there. */
async function reconcileErased(plane: ControlPlane, cluster: Cluster): Promise<Result<void>> {
  const opened = await SuppressionFeed.open(cluster);
  if (!opened.ok) return opened;
  const reconciled = await reconcileSuppressions(plane, opened.value.known);
  await opened.value.feed.close();
  return reconciled;
}

/** A start that cannot compare does not serve. */
function sayDrift(done: Awaited<ReturnType<ControlPlane['reconcile']>>, logger: Logger): void {
  const sentence = driftSentence(unwrap(done));
  if (sentence !== null) logger.warn(sentence);
}

function placesOf(config: ControlPlaneConfig, address: string): SubscriberPlaces {
  const { places, kafka } = config;
  return {
    bootstrapServers: (places?.brokers ?? kafka.brokers).join(','),
    securityProtocol: kafka.tls === undefined || kafka.tls === false ? 'SASL_PLAINTEXT' : 'SASL_SSL',
    registryUrl: config.registry?.url ?? `${places?.apiUrl ?? address}/registry`,
    streamsUrl: places?.streamsUrl?.()?.replace(/\/+$/, '') ?? null,
  };
}

async function listen(app: NestFastifyApplication, { host, port }: ControlPlaneConfig['listen']): Promise<string> {
  try {
    await app.listen(port, host);
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : null;
    if (code === 'EADDRINUSE') throw new FailureError(fail('port-busy', `port ${port} of ${host} is in use`).failure);
    if (code === 'EADDRNOTAVAIL' || code === 'EACCES')
      throw new FailureError(fail('config-invalid', `cannot listen on ${host}:${port}`).failure);
    throw error;
  }
  return (await app.getUrl()).replace('[::1]', 'localhost');
}

/** Joining the group takes some seconds, which requests need not wait for; after an instance was killed, more than a stop waits. */
function listenForEvents(app: NestFastifyApplication, events: EventServer, logger: Logger): () => Promise<void> {
  let stopping = false;
  const joined = app.startAllMicroservices().then(
    () => true,
    () => {
      if (!stopping) logger.warn('lifecycle events are not received: the Kafka transport did not start');
      return true;
    },
  );
  return async () => {
    stopping = true;
    if (!(await Promise.race([joined, sleep(joinWaitMs, false, { ref: false })]))) events.hangUp();
  };
}

function watch(intake: Intake, directory: string, logger: Logger): () => Promise<void> {
  const log = {
    info: (sentence: string) => logger.info(sentence),
    warn: (sentence: string) => logger.warn(sentence),
  };
  const folder = watchFolder({ intake, directory, log });
  return () => folder.stop();
}

/** Publishes what is behind, sends events that wait, and learns of schemas that an external registry was given by others. */
function tend(plane: ControlPlane, relay: EventRelay, isExternal: boolean, logger: Logger): () => Promise<void> {
  let reconcileAtMs = performance.now() + reconcileEveryMs;
  const once = async (): Promise<void> => {
    relay.wake();
    if (isExternal) warnOf(await syncWriterSchemas(plane), logger);
    warnOf(await publishAllSuppressions(plane), logger);
    const published = await publishAll(plane);
    const refused = published.ok ? published.value : [published.failure];
    for (const { message } of refused) logger.warn(message);
    warnOf(await tendAgreements(plane), logger);
    if (performance.now() >= reconcileAtMs) {
      reconcileAtMs = performance.now() + reconcileEveryMs;
      const done = await plane.reconcile();
      if (done.ok) sayDrift(done, logger);
      else logger.warn(done.failure.message);
    }
    warnOf(await grantApproved(plane), logger);
    warnOf(await plane.database.stores.trail.forgetAnswersBefore(new Date(Date.now() - answersKeptMs)), logger);
  };
  return repeat(tendEveryMs, once, logger);
}

function startMeter(plane: ControlPlane, logger: Logger): () => Promise<void> {
  const { database, cluster } = plane;
  const warn = (sentence: string): void => logger.warn(sentence);
  const meter = new ReceiptMeter({ database, cluster, suspend: () => suspendExhausted(plane), warn });
  meter.start();
  return () => meter.stop();
}

/** Does it again and again, never twice at once, until what is answered is called, which waits for the one under way. */
function repeat(everyMs: number, once: () => Promise<void>, logger: Logger): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let idle = true;
  const timer = setInterval(() => {
    if (!idle) return;
    idle = false;
    running = once()
      .catch(() => logger.error('tending failed'))
      .finally(() => {
        idle = true;
      });
  }, everyMs);
  return async () => {
    clearInterval(timer);
    await running;
  };
}

function warnOf(done: Result<void>, logger: Logger): void {
  if (!done.ok) logger.warn(done.failure.message);
}

async function ready(database: Database, cluster: Cluster): Promise<Result<void>> {
  const answer = await database.ping();
  if (!answer.ok) return answer;
  try {
    await cluster.refresh([topicNames.directives]);
    return ok(undefined);
  } catch {
    return fail('broker-unreachable', 'asking Kafka: no broker answered');
  }
}

function readDocument(file: string): unknown {
  return JSON.parse(readFileSync(join(repositoryRoot(), 'proto-schemas', file), 'utf8'));
}

async function closeAll(closing: Closing): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close();
}
