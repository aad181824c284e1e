/** The whole demo beside a running Sluice: platforms, participants and agreements, feeds. One call, one thing to stop. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { topicNames } from '../../../libs/base/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok } from '../../../libs/base/index.ts';
import type { Platform, PlatformReport } from '../platforms/start-platform.ts';
import { startPlatform } from '../platforms/start-platform.ts';
import type { DemoCredential } from './credentials.ts';
import { demoCredential } from './credentials.ts';
import type { FeedProgress, RunningFeeds } from './feeds/index.ts';
import { runFeeds } from './feeds/index.ts';
import type { ApiPlace, LoadedAgreement } from './load.ts';
import { loadAgreements, loadParties, readDataset } from './load.ts';
import type { DemoAgreement } from './participants.ts';
import { demoDeliveries } from './participants.ts';
import type { DemoSecrets } from './secrets.ts';
import { demoSecrets } from './secrets.ts';

/** The registry is at `/registry` below the API's address. */
interface DemoOptions extends ApiPlace {
  /** Sluice's Kafka as publishers and subscribers reach it, with SCRAM. */
  readonly brokers: readonly string[];
  /** Watched folders: `<intakeDirectory>/<dataset>/`. */
  readonly intakeDirectory: string;
  /** Keeps secrets, places in the feeds, and the regional platform's broker. */
  readonly stateDirectory: string;
  /** Told what a person may want to know. */
  readonly log?: (sentence: string) => void;
}

interface DemoReport {
  readonly agreement: DemoAgreement;
  readonly assignee: string;
  readonly kind: LoadedAgreement['kind'];
  /** What the receiver says of itself; undefined before its first word. */
  readonly received?: PlatformReport;
}

export interface Demo {
  /** Account name -> secret: for HTTP, and for Kafka to publish. */
  readonly accounts: Readonly<Record<string, string>>;
  readonly agreements: readonly LoadedAgreement[];
  /** Agreement -> the Kafka user that reads it, of this start. */
  readonly credentials: ReadonlyMap<DemoAgreement, DemoCredential>;
  feeds(): readonly FeedProgress[];
  platforms(): readonly DemoReport[];
  /** Ends the feeds, so that what is under way can drain. */
  stopFeeds(): Promise<void>;
  /** Ends feeds and platforms. */
  stop(): Promise<void>;
}

/** The account that link writes with at the regional platform. */
const mirrorAccount = 'sluice-mirror';
const regionalHeapMb = 256;

/** Failures: what a platform or the API said. Whatever was started is stopped then. */
export async function startDemo(options: DemoOptions): Promise<Result<Demo>> {
  const secrets = demoSecrets(options.stateDirectory);
  const platforms = new Map<DemoAgreement, Platform>();
  const stopPlatforms = async (): Promise<void> =>
    void (await Promise.all([...platforms.values()].map((platform) => platform.stop())));
  const started = await start(options, secrets, platforms).catch((error: unknown) =>
    fail('service-failed', error instanceof Error ? error.message : String(error)),
  );
  if (!started.ok) {
    await stopPlatforms();
    return during('starting the demo', started.failure);
  }
  const { agreements, credentials, feeds } = started.value;
  return ok({
    accounts: secrets.accounts,
    agreements,
    credentials,
    feeds: () => feeds.progress(),
    platforms: () =>
      agreements.map(({ id, assignee, kind }) => {
        const received = platforms.get(id)?.report();
        return {
          agreement: id,
          assignee,
          kind,
          ...(received === undefined ? {} : { received }),
        };
      }),
    stopFeeds: () => feeds.stop(),
    stop: async () => {
      await feeds.stop();
      await stopPlatforms();
    },
  });
}

async function start(
  options: DemoOptions,
  secrets: DemoSecrets,
  platforms: Map<DemoAgreement, Platform>,
): Promise<Result<Pick<Demo, 'agreements' | 'credentials'> & { feeds: RunningFeeds }>> {
  const log = options.log ?? (() => undefined);
  log('Starting the regional platform with its own broker, and the national platform; loading participants and datasets.');
  const [regional, national, parties] = await Promise.all([
    startRegional(options, secrets),
    startNational(options, secrets),
    loadParties(options, secrets),
  ]);
  if (regional.ok) platforms.set('clinic-regional', regional.value);
  if (national.ok) platforms.set('orders-national', national.value);
  if (!regional.ok) return regional;
  if (!national.ok) return national;
  if (!parties.ok) return parties;
  log('Loading agreements.');
  const agreements = await loadAgreements(options, secrets, {
    regional: {
      brokers: z.object({ brokers: z.array(z.string()) }).parse(regional.value.ready).brokers,
      username: mirrorAccount,
    },
    national: z.object({ url: z.string() }).parse(national.value.ready),
  });
  if (!agreements.ok) return agreements;
  log('Starting the enterprises.');
  const readers = agreements.value.filter(({ kind }) => kind === 'kafka');
  const credentials = new Map<DemoAgreement, DemoCredential>();
  for (const agreement of readers) {
    const credential = await demoCredential(options.apiAddress, secrets, agreement);
    if (!credential.ok) return credential;
    credentials.set(agreement.id, credential.value);
  }
  const enterprises = await Promise.all(
    readers.map((agreement) => startEnterprise(options, credentials, agreement, agreements.value)),
  );
  for (const [index, enterprise] of enterprises.entries()) {
    const agreement = readers[index];
    if (enterprise.ok && agreement !== undefined) platforms.set(agreement.id, enterprise.value);
  }
  const failed = enterprises.find((enterprise) => !enterprise.ok);
  if (failed !== undefined && !failed.ok) return failed;
  log('Starting the feeds.');
  return ok({
    agreements: agreements.value,
    credentials,
    feeds: await runFeeds({ ...options, accounts: secrets.accounts }),
  });
}

function startRegional({ stateDirectory, apiAddress }: DemoOptions, secrets: DemoSecrets): Promise<Result<Platform>> {
  return startPlatform('regional', {
    directory: path.join(stateDirectory, 'regional-platform'),
    heapMb: regionalHeapMb,
    registry: `${apiAddress}/registry`,
    account: 'yangtze-delta-platform',
    secret: secrets.accounts['yangtze-delta-platform'],
    username: mirrorAccount,
    password: secrets.mirrorPassword,
    agreement: 'clinic-regional',
    topic: demoDeliveries['clinic-regional'].topic,
    partitions: readDataset('clinic-visits').description.partitions,
    uniqueField: 'visitId',
  });
}

/** Keeps its port, so that the agreement's address stays the same at the next start. */
async function startNational({ stateDirectory }: DemoOptions, secrets: DemoSecrets): Promise<Result<Platform>> {
  const file = path.join(stateDirectory, 'national-platform.port');
  const port = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  const national = await startPlatform('national', {
    secret: secrets.webhookSecret,
    port,
  });
  if (national.ok) writeFileSync(file, new URL(String(national.value.ready['url'])).port);
  return national;
}

function startEnterprise(
  { brokers, apiAddress }: DemoOptions,
  credentials: Demo['credentials'],
  { id, dataset, topic }: LoadedAgreement,
  all: readonly LoadedAgreement[],
): Promise<Result<Platform>> {
  const another = all.find((agreement) => agreement.id !== id && agreement.kind === 'kafka');
  const credential = credentials.get(id);
  return startPlatform('enterprise', {
    brokers,
    registry: `${apiAddress}/registry`,
    account: credential?.username,
    secret: credential?.password,
    agreement: id,
    topic,
    forbidden: [topicNames.raw(dataset), topicNames.quarantine(dataset), ...(another === undefined ? [] : [another.topic])],
  });
}
