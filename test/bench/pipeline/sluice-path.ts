/** Sluice as the product runs: the data plane's own process, told what to do by directives, with a key file and a registry. */
import { generateKeyPairSync } from 'node:crypto';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { DirectiveLog } from '../../../libs/adapters/kafka/index.ts';
import { LocalFileVault, openSigner } from '../../../libs/adapters/kms/index.ts';
import { repositoryRoot } from '../../../libs/adapters/local/index.ts';
import { topicNames, unwrap } from '../../../libs/base/index.ts';
import type { Directive, KeyVault } from '../../../libs/catalog/index.ts';
import type { Program } from '../../../libs/govern/index.ts';
import { BatchBuilder } from '../../../libs/records/index.ts';
import { approvingLog } from '../../../libs/testkit/index.ts';
import type { BenchKafka } from './bench-kafka.ts';
import { makeTopics, partitions, produceBatches } from './bench-kafka.ts';
import { approvedOf } from './clinic-terms.ts';
import type { FeedCodec } from './load-feed.ts';
import { clinicSchema, writerSchemaId } from './load-feed.ts';
import type { PathRun } from './path-run.ts';
import { startPath } from './path-run.ts';

export interface SluiceHome {
  readonly kafka: BenchKafka;
  readonly vault: KeyVault;
  readonly keyFile: string;
  readonly directives: ReturnType<typeof approvingLog>;
  readonly registryUrl: string;
  close(): Promise<void>;
}

/** The key file, the directive topic and a registry that knows the one writer schema. */
export async function openSluiceHome(kafka: BenchKafka, directory: string, instance: string): Promise<SluiceHome> {
  const keyFile = path.join(directory, 'master.key');
  const vault = unwrap(await LocalFileVault.open(keyFile));
  const { signer } = unwrap(await openSigner({ keyFile }));
  const directives = approvingLog(unwrap(await DirectiveLog.open(kafka.cluster, signer, instance)), signer);
  await makeTopics(kafka, [topicNames.receipts], 1);
  const registry = await startRegistry();
  return {
    kafka,
    vault,
    keyFile,
    directives,
    registryUrl: `http://127.0.0.1:${(registry.address() as AddressInfo).port}`,
    close: async () => {
      await directives.close();
      await new Promise((resolve) => registry.close(resolve));
    },
  };
}

function startRegistry(): Promise<Server> {
  const server = createServer((request, response) => {
    const known = request.url === `/schemas/ids/${writerSchemaId}`;
    const body = known ? { schema: clinicSchema().text } : { error_code: 40403, message: 'Schema not found' };
    response.writeHead(known ? 200 : 404, { 'content-type': 'application/vnd.schemaregistry.v1+json' }).end(JSON.stringify(body));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

export interface BenchAgreement {
  readonly dataset: string;
  readonly agreement: string;
  readonly program: Program;
  readonly dataKey: Uint8Array;
  /** Of the governed schema; the one of all unless given. */
  readonly schemaId?: number;
  /** What leaves is compressed as what comes in. */
  readonly codec?: FeedCodec;
}

/** Makes the agreement's topics and starts it. `partitionCount` as the raw topic has. */
export async function startAgreement(home: SluiceHome, given: BenchAgreement, partitionCount?: number): Promise<Directive> {
  const { dataset, agreement, program, dataKey, schemaId, codec = 'none' } = given;
  await makeTopics(home.kafka, [topicNames.governed(dataset, agreement), topicNames.quarantine(dataset)], partitionCount);
  const directive: Directive = {
    version: 1,
    agreement,
    dataset,
    assigner: 'bench-publisher',
    assignee: 'bench-subscriber',
    revision: 1,
    state: 'started',
    programs: [approvedOf(program, schemaId)],
    dataKey: unwrap(await home.vault.wrap(dataKey, `agreement/${agreement}`)),
    sealTo: sealKey(),
    delivery: { kind: 'kafka' },
    start: 'earliest',
    ...(codec === 'none' ? {} : { compression: codec }),
  };
  unwrap(await home.directives.publish(directive));
  return directive;
}

export async function endAgreement(home: SluiceHome, directive: Directive): Promise<void> {
  unwrap(await home.directives.publish({ ...directive, revision: directive.revision + 1, state: 'terminated' }));
}

/**
 * Removes where the agreements stood, as the data plane does once it sees that they ended: with the group's positions gone as well, the dataset is
 * one that nobody read. Each standing has the key `<dataset>/<partition>/<agreement>`.
 */
export async function forgetStandings({ kafka }: SluiceHome, dataset: string, ended: readonly Directive[]): Promise<void> {
  const [topic] = await kafka.cluster.topics([topicNames.positions]);
  if (topic === undefined) return;
  const builder = new BatchBuilder();
  for (const { agreement } of ended) {
    for (let partition = 0; partition < partitions; partition += 1)
      builder.append(Buffer.from(`${dataset}/${partition}/${agreement}`), null, [], BigInt(Date.now()));
  }
  const bytes = builder.finish({ producerId: -1n, producerEpoch: -1, baseSequence: -1, transactional: false });
  await kafka.cluster.call(topic.leaders[0] ?? 'any', 'control', produceBatches, topic.name, [{ partition: 0, bytes }]);
}

/** A publisher's public key, whose private half nobody keeps: nothing is refused here that would be opened again. */
const sealKey = (): string => {
  const { x } = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' });
  if (x === undefined) throw new Error('an X25519 key has no x');
  return x;
};

/** A part of the work that a run leaves out, to tell what it costs (`leave-out.ts`). */
export type LeftOut = 'digest' | 'receipts';

const leavingOut = (part: LeftOut): string[] => [
  '--import',
  `${pathToFileURL(path.join(repositoryRoot(), 'dist/test/bench/pipeline/leave-out.js')).href}?${part}`,
];

export interface DataPlaneRun extends PathRun {
  readonly healthUrl: string;
}

/** Starts the process; it governs what is started as soon as it can. */
export async function startDataPlaneProcess(
  home: SluiceHome,
  options: {
    readonly instance: string;
    readonly guarantee: 'exactly-once' | 'at-least-once';
    readonly logFile: string;
    readonly title: string;
    readonly leftOut?: LeftOut;
  },
): Promise<DataPlaneRun> {
  const { brokers, username, password } = home.kafka.access;
  const port = await freePort();
  const run = startPath({
    title: options.title,
    program: process.execPath,
    args: [
      ...(options.leftOut === undefined ? [] : leavingOut(options.leftOut)),
      path.join(repositoryRoot(), 'dist/apps/data-plane/main.js'),
    ],
    logFile: options.logFile,
    environment: {
      SLUICE_KAFKA_BROKERS: brokers.join(','),
      SLUICE_KAFKA_USERNAME: username,
      SLUICE_KAFKA_PASSWORD: password,
      SLUICE_REGISTRY_URL: home.registryUrl,
      SLUICE_KMS_KEY_FILE: home.keyFile,
      SLUICE_INSTANCE: options.instance,
      SLUICE_HEALTH_PORT: String(port),
      // Exactly-once is what Sluice does unless told otherwise.
      ...(options.guarantee === 'at-least-once' ? { SLUICE_GUARANTEE: options.guarantee } : {}),
    },
  });
  return { ...run, healthUrl: `http://127.0.0.1:${port}` };
}

/** The feeds as the process tells of them, or undefined while it does not answer. */
export async function statusOf(run: DataPlaneRun): Promise<{ dataset: string; recordsRead: number }[] | undefined> {
  try {
    const answer = await fetch(`${run.healthUrl}/status`);
    return answer.ok ? ((await answer.json()) as { dataset: string; recordsRead: number }[]) : undefined;
  } catch {
    return undefined;
  }
}

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
