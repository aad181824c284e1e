/** The paths that are measured: how each is started, what it has to write, and how far it is. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from '../../../libs/adapters/local/index.ts';
import { topicNames } from '../../../libs/base/index.ts';
import type { Directive } from '../../../libs/catalog/index.ts';
import { dataKeys } from '../sides.ts';
import { committedRecords, endOffsets, forgetGroup, makeTopics } from './bench-kafka.ts';
import type { PolicyName } from './clinic-terms.ts';
import { clinicTerms, compileTerms, governedExpectation, governedSchemaId, residentKeyHex } from './clinic-terms.ts';
import type { Feed, FeedCodec } from './load-feed.ts';
import { clinicSchema, writerSchemaId } from './load-feed.ts';
import type { NodePathSettings } from './node-path.ts';
import type { PathProgress, PathRun } from './path-run.ts';
import { startPath } from './path-run.ts';
import { peersClassPath } from './peers-build.ts';
import type { LeftOut, SluiceHome } from './sluice-path.ts';
import { endAgreement, forgetStandings, startAgreement, startDataPlaneProcess } from './sluice-path.ts';
import type { Expectation } from './verify-output.ts';
import { copyOracle } from './verify-output.ts';

export interface PathContext {
  readonly home: SluiceHome;
  readonly feed: Feed;
  /** For settings, state and logs. */
  readonly directory: string;
  /** Part of every topic, group and id of this run: 1 to 20 of a-z, 0-9 and hyphens. */
  readonly id: string;
}

export interface StartedPath {
  readonly run: PathRun;
  readonly outputs: readonly { readonly topic: string; readonly expected: Expectation }[];
  readonly progress: PathProgress;
  /** Ends the process and what it leaves behind, except its outputs. */
  stop(): Promise<void>;
}

export interface PathSpec {
  readonly label: string;
  readonly guarantee: 'exactly once' | 'at least once';
  /** Settings that decide the figures, for the table. */
  readonly settings: string;
  readonly codecs: readonly FeedCodec[];
  readonly java: boolean;
  /** Only its latency is looked at. */
  readonly latencyOnly: boolean;
  /** Its latency is not looked at: it says what a part of the work costs. */
  readonly rateOnly: boolean;
  start(context: PathContext): Promise<StartedPath>;
}

const both: readonly FeedCodec[] = ['none', 'lz4'];
const ours = { codecs: both, java: false, latencyOnly: false, rateOnly: false } as const;
const java = { codecs: both, java: true, latencyOnly: false, rateOnly: false } as const;
/** Beside the others, to tell what a part of the work costs. */
const part = { ...ours, codecs: ['none'] as readonly FeedCodec[], rateOnly: true } as const;

export const paths = {
  'raw-copy': {
    label: 'Fetch and Produce of unparsed batches',
    guarantee: 'at least once',
    settings: 'fetch 8 MiB, the next while producing',
    ...ours,
    start: startRawCopy,
  },
  'sluice-at-least-once': {
    label: 'Sluice, P1c',
    guarantee: 'at least once',
    settings: 'SLUICE_GUARANTEE=at-least-once',
    ...ours,
    start: (context) => startSluice(context, { policy: 'P1c', agreements: 1, guarantee: 'at-least-once' }),
  },
  'sluice-exactly-once': {
    label: 'Sluice, P1c',
    guarantee: 'exactly once',
    settings: 'defaults',
    ...ours,
    start: (context) => startSluice(context, { policy: 'P1c', agreements: 1, guarantee: 'exactly-once' }),
  },
  'sluice-exactly-once-p1h': {
    label: 'Sluice, P1h',
    guarantee: 'exactly once',
    settings: 'defaults',
    ...ours,
    start: (context) => startSluice(context, { policy: 'P1h', agreements: 1, guarantee: 'exactly-once' }),
  },
  'sluice-exactly-once-p3': {
    label: 'Sluice, P1c for 8 agreements',
    guarantee: 'exactly once',
    settings: 'defaults',
    ...ours,
    start: (context) => startSluice(context, { policy: 'P1c', agreements: 8, guarantee: 'exactly-once' }),
  },
  'sluice-exactly-once-p3-walked-each': {
    label: 'Sluice, P1c for 8 agreements of different governed schema ids',
    guarantee: 'exactly once',
    settings: 'defaults; the records are gone over for each',
    ...part,
    start: (context) => startSluice(context, { policy: 'P1c', agreements: 8, guarantee: 'exactly-once', schemaIds: 8 }),
  },
  'sluice-without-digest': {
    label: 'Sluice, P1c, Receipts without a digest',
    guarantee: 'exactly once',
    settings: 'not a product: what the digest costs',
    ...part,
    start: (context) => startSluice(context, { policy: 'P1c', agreements: 1, guarantee: 'exactly-once', leftOut: 'digest' }),
  },
  'sluice-without-receipts': {
    label: 'Sluice, P1c, neither digest nor Receipts',
    guarantee: 'exactly once',
    settings: 'not a product: what Receipts cost',
    ...part,
    start: (context) => startSluice(context, { policy: 'P1c', agreements: 1, guarantee: 'exactly-once', leftOut: 'receipts' }),
  },
  'kafkajs-avsc': {
    label: 'kafkajs and avsc, P1h',
    guarantee: 'at least once',
    settings: 'eachBatch, fetch 4 MiB',
    ...ours,
    // kafkajs has gzip alone built in.
    codecs: ['none'],
    start: startKafkajs,
  },
  'kafka-streams': {
    label: 'Kafka Streams, Avro GenericRecord, P1h',
    guarantee: 'at least once',
    settings: '1 thread',
    ...java,
    start: (context) => startStreams(context, { guarantee: 'at_least_once', threads: 1 }),
  },
  'kafka-streams-2-threads': {
    label: 'Kafka Streams, Avro GenericRecord, P1h',
    guarantee: 'at least once',
    settings: '2 threads',
    ...java,
    start: (context) => startStreams(context, { guarantee: 'at_least_once', threads: 2 }),
  },
  'kafka-streams-exactly-once': {
    label: 'Kafka Streams, Avro GenericRecord, P1h',
    guarantee: 'exactly once',
    settings: 'exactly_once_v2, 1 thread',
    ...java,
    start: (context) => startStreams(context, { guarantee: 'exactly_once_v2', threads: 1 }),
  },
  'kafka-streams-exactly-once-2-threads': {
    label: 'Kafka Streams, Avro GenericRecord, P1h',
    guarantee: 'exactly once',
    settings: 'exactly_once_v2, 2 threads',
    ...java,
    start: (context) => startStreams(context, { guarantee: 'exactly_once_v2', threads: 2 }),
  },
  'kafka-streams-exactly-once-20ms': {
    label: 'Kafka Streams, Avro GenericRecord, P1h',
    guarantee: 'exactly once',
    settings: 'exactly_once_v2, 1 thread, commit.interval.ms=20',
    ...java,
    latencyOnly: true,
    start: (context) => startStreams(context, { guarantee: 'exactly_once_v2', threads: 1, commitIntervalMs: 20 }),
  },
  'java-transactions': {
    label: 'Java clients, Avro GenericRecord, P1h',
    guarantee: 'exactly once',
    settings: 'a transaction for each poll of up to 10,000 records, linger.ms=5',
    ...java,
    start: startTransactions,
  },
} as const satisfies Record<string, PathSpec>;

export type PathName = keyof typeof paths;
export const pathNames = Object.keys(paths) as PathName[];

const sumOf = (offsets: readonly bigint[]): number => Number(offsets.reduce((sum, offset) => sum + offset, 0n));

/**
 * Input records behind what was written. The markers of transactions take offsets too: a few for each transaction and partition, which makes
 * a path of short transactions look a thousandth further than it is. `group`: offsets are committed in the transaction of what was made of
 * the records before them. Without one there are no markers, and offsets count records.
 */
function progressOf({ home, feed }: PathContext, topic: string, counts: readonly number[], group?: string): PathProgress {
  const expected = counts.reduce((sum, count) => sum + count, 0);
  const produced = async (): Promise<number> => {
    const written = sumOf(await endOffsets(home.kafka, topic, 'read_uncommitted'));
    return written === expected ? feed.records : Math.floor((written * feed.records) / Math.max(1, expected));
  };
  return { produced, through: group === undefined ? produced : () => committedRecords(home.kafka, group, feed.topic) };
}

const outputTopic = (name: string, { id }: PathContext): string => `out.${name}.${id}`;

async function startNode(name: string, context: PathContext, expected: Expectation): Promise<StartedPath> {
  const { home, feed, directory, id } = context;
  const topic = outputTopic(name, context);
  await makeTopics(home.kafka, [topic]);
  const [dataKey] = dataKeys(1) as [Uint8Array];
  const settings: NodePathSettings = {
    access: home.kafka.access,
    inputTopic: feed.topic,
    outputTopic: topic,
    group: `${name}.${id}`,
    writerSchema: clinicSchema().text,
    governedSchema: compileTerms(clinicTerms('P1h')).governedSchema.text,
    fieldKeyHex: residentKeyHex(feed.dataset, dataKey),
  };
  const file = path.join(directory, `${name}-${id}.json`);
  writeFileSync(file, JSON.stringify(settings), { mode: 0o600 });
  const main = path.join(repositoryRoot(), 'dist/test/bench/main.js');
  const run = startPath({
    title: name,
    program: process.execPath,
    args: ['--disable-warning=TimeoutNegativeWarning', main, 'path', name, file],
    logFile: path.join(directory, `${name}-${id}.log`),
  });
  return {
    run,
    outputs: [{ topic, expected }],
    progress: progressOf(context, topic, expected.counts),
    stop: () => run.stop(),
  };
}

async function startRawCopy(context: PathContext): Promise<StartedPath> {
  const { feed } = context;
  const ends = await endOffsets(context.home.kafka, feed.topic, 'read_uncommitted');
  return startNode('raw-copy', context, { oracle: copyOracle, schema: clinicSchema(), counts: ends.map(Number) });
}

async function startKafkajs(context: PathContext): Promise<StartedPath> {
  const [dataKey] = dataKeys(1) as [Uint8Array];
  return startNode('kafkajs-avsc', context, governedExpectation('P1h', context.feed, dataKey));
}

interface SluiceOptions {
  readonly policy: PolicyName;
  readonly agreements: number;
  readonly guarantee: 'exactly-once' | 'at-least-once';
  /** How many governed schema ids the agreements have; one unless given. */
  readonly schemaIds?: number;
  readonly leftOut?: LeftOut;
}

async function startSluice(context: PathContext, options: SluiceOptions): Promise<StartedPath> {
  const { policy, agreements, guarantee, schemaIds = 1, leftOut } = options;
  const { home, feed, directory, id } = context;
  const group = `sluice.${feed.dataset}`;
  const program = compileTerms(clinicTerms(policy));
  const directives: Directive[] = [];
  const outputs: StartedPath['outputs'][number][] = [];
  for (const [index, dataKey] of dataKeys(agreements).entries()) {
    const agreement = `${policy.toLowerCase()}-${index}-${id}`;
    const schemaId = governedSchemaId + (index % schemaIds);
    const { dataset, codec } = feed;
    directives.push(await startAgreement(home, { dataset, agreement, program, dataKey, codec, schemaId }));
    const topic = topicNames.governed(dataset, agreement);
    outputs.push({ topic, expected: governedExpectation(policy, feed, dataKey, schemaId) });
  }
  const title = `sluice ${guarantee} ${policy}`;
  const instance = `bench-${id}`;
  const run = await startDataPlaneProcess(home, {
    instance,
    guarantee,
    title,
    ...(leftOut === undefined ? {} : { leftOut }),
    logFile: path.join(directory, `sluice-${id}.log`),
  });
  const [first] = outputs as [StartedPath['outputs'][number]];
  return {
    run,
    outputs,
    progress: progressOf(context, first.topic, first.expected.counts, guarantee === 'exactly-once' ? group : undefined),
    stop: async () => {
      await run.stop();
      for (const directive of directives) await endAgreement(home, directive);
      await forgetGroup(home.kafka, group);
      await forgetStandings(home, feed.dataset, directives);
    },
  };
}

/** A Java program of test/bench/peers, governing the feed into a topic of its own. */
async function startJava(
  command: 'streams' | 'transactions',
  name: string,
  context: PathContext,
  more: Readonly<Record<string, string | number>>,
  transactional: boolean,
): Promise<StartedPath> {
  const { home, feed, directory, id } = context;
  const topic = outputTopic(name, context);
  await makeTopics(home.kafka, [topic]);
  const [dataKey] = dataKeys(1) as [Uint8Array];
  const group = `${name}.${id}`;
  const expected = governedExpectation('P1h', feed, dataKey);
  const place = path.join(directory, `${name}-${id}`);
  mkdirSync(place, { recursive: true });
  writeFileSync(path.join(place, 'writer.avsc'), clinicSchema().text);
  writeFileSync(path.join(place, 'governed.avsc'), expected.schema.text);
  const settings = writeJavaSettings(path.join(place, 'peer.properties'), context, {
    group,
    'input.topic': feed.topic,
    'output.topic': topic,
    'writer.schema.file': path.join(place, 'writer.avsc'),
    'writer.schema.id': writerSchemaId,
    'governed.schema.file': path.join(place, 'governed.avsc'),
    'governed.schema.id': governedSchemaId,
    'field.key.hex': residentKeyHex(feed.dataset, dataKey),
    'state.directory': path.join(place, 'state'),
    'compression.type': feed.codec,
    'batch.size': feed.batchBytes,
    ...more,
  });
  const run = startPath({ title: name, ...javaCommand(command, settings), logFile: path.join(place, 'peer.log') });
  return {
    run,
    outputs: [{ topic, expected }],
    progress: progressOf(context, topic, expected.counts, transactional ? group : undefined),
    stop: () => run.stop(),
  };
}

function startStreams(
  context: PathContext,
  options: { guarantee: 'at_least_once' | 'exactly_once_v2'; threads: number; commitIntervalMs?: number },
): Promise<StartedPath> {
  const { guarantee, threads, commitIntervalMs } = options;
  const more = { 'processing.guarantee': guarantee, threads, 'commit.interval.ms': commitIntervalMs ?? '' };
  return startJava('streams', 'kafka-streams', context, more, guarantee === 'exactly_once_v2');
}

function startTransactions(context: PathContext): Promise<StartedPath> {
  return startJava('transactions', 'java-transactions', context, { 'max.poll.records': 10_000, 'linger.ms': 5 }, true);
}

/** Program and arguments of a command of the peers. */
export const javaCommand = (command: string, settingsFile: string): { program: string; args: string[] } => ({
  program: 'java',
  args: ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', peersClassPath(), 'sluice.bench.Main', command, settingsFile],
});

/** Holds the broker's password: for the owner alone. Returns the file's name. */
export function writeJavaSettings(
  file: string,
  { home }: Pick<PathContext, 'home'>,
  settings: Readonly<Record<string, string | number>>,
): string {
  const { brokers, username, password } = home.kafka.access;
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule';
  const all: Readonly<Record<string, string | number>> = {
    'kafka.bootstrap.servers': brokers.join(','),
    'kafka.security.protocol': 'SASL_PLAINTEXT',
    'kafka.sasl.mechanism': 'SCRAM-SHA-512',
    'kafka.sasl.jaas.config': `${scram} required username="${username}" password="${password}";`,
    ...settings,
  };
  const text = Object.entries(all).map(([name, value]) => `${name}=${String(value).replaceAll('\\', '\\\\')}\n`);
  writeFileSync(file, text.join(''), { mode: 0o600 });
  return file;
}
