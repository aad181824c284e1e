/** An embedded Kafka broker: one process that is broker and controller (KRaft), with SCRAM, ACLs and transactions. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Result } from '../../base/index.ts';
import { during, fail, ok } from '../../base/index.ts';
import type { KafkaBesides, KafkaClusterSettings, ProxiedListener } from './kafka-properties.ts';
import { adminName, serverProperties } from './kafka-properties.ts';
import { choosePorts } from './ports.ts';
import { keptSecret } from './secrets.ts';
import type { ServiceCommand } from './service.ts';
import { gistOf, startService, stopLeftBehind, untilReady } from './service.ts';

export interface KafkaServiceOptions {
  /** Holds data, ports, password and, unless `logFile` says otherwise, the log. Made when missing. */
  readonly directory: string;
  readonly jarsDirectory: string;
  /** Explicit ports; a busy one is the failure `port-busy`. Otherwise the ports of the last start, or free ones. */
  readonly ports?: { readonly client?: number; readonly controller?: number };
  readonly logFile?: string;
  readonly heapMb?: number;
  /** How often abandoned transactions are looked for, milliseconds. */
  readonly transactionScanMs?: number;
  /** One of several brokers. The ports must then be given, and the others be started at the same time: none is ready without a majority. */
  readonly cluster?: KafkaClusterSettings & {
    /** Holds the passwords that all brokers of the cluster share. Made when missing. */
    readonly secretsDirectory: string;
  };
  readonly proxied?: ProxiedListener;
  readonly besides?: KafkaBesides;
  /** Name of the Java program. */
  readonly java?: string;
  readonly startTimeoutMs?: number;
  /** Told what a person may want to know. */
  readonly log?: (sentence: string) => void;
}

export interface KafkaService {
  /** `host:port` of the SASL_PLAINTEXT listener (SCRAM-SHA-512). */
  readonly brokers: readonly string[];
  /** The super user. Random password for each data directory. */
  readonly adminUsername: string;
  readonly adminPassword: string;
  readonly pid: number;
  /** Resolves when the broker has ended, also by itself. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

const stopTimeoutMs = 30_000;

/** Starts a broker on the directory. Data survives restarts. Failures: `java-missing`, `port-busy`, `service-failed`. */
export async function startKafka(options: KafkaServiceOptions): Promise<Result<KafkaService>> {
  const directory = path.resolve(options.directory);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const places = {
    pid: path.join(directory, 'broker.pid'),
    properties: path.join(directory, 'server.properties'),
    launch: path.join(directory, 'launch.args'),
    data: path.join(directory, 'data'),
    log: options.logFile ?? path.join(directory, 'broker.log'),
  };
  if (await stopLeftBehind(places.pid, places.launch, 'SIGTERM', stopTimeoutMs)) {
    options.log?.('Stopped a Kafka broker that an interrupted run had left behind.');
  }
  const wanted = options.ports ?? {};
  const attemptsMax = wanted.client === undefined && wanted.controller === undefined ? 3 : 1;
  for (let attempt = 1; ; attempt++) {
    const started = await startOnce(options, directory, places, wanted);
    // Between choosing a free port and the broker's bind, another program can take it.
    const raced = !started.ok && started.failure.message.includes('Address already in use');
    if (raced && attempt < attemptsMax) continue;
    if (raced) return fail('port-busy', started.failure.message);
    return started;
  }
}

async function startOnce(
  options: KafkaServiceOptions,
  directory: string,
  places: Record<'pid' | 'properties' | 'launch' | 'data' | 'log', string>,
  wanted: { client?: number; controller?: number },
): Promise<Result<KafkaService>> {
  const ports = await choosePorts(path.join(directory, 'ports.json'), ['client', 'controller'], wanted);
  if (!ports.ok) return during('starting Kafka', ports.failure);
  const { cluster, proxied, besides } = options;
  const secrets = cluster?.secretsDirectory ?? directory;
  mkdirSync(secrets, { recursive: true, mode: 0o700 });
  const adminPassword = keptSecret(path.join(secrets, 'admin.secret'));
  const properties = serverProperties({
    dataDirectory: places.data,
    ports: ports.value,
    adminPassword,
    controllerPassword: keptSecret(path.join(secrets, 'controller.secret')),
    transactionScanMs: options.transactionScanMs ?? 1_000,
    ...(cluster === undefined ? {} : { cluster }),
    ...(proxied === undefined ? {} : { proxied }),
    ...(besides === undefined ? {} : { besides }),
  });
  writeFileSync(places.properties, properties, { mode: 0o600 });
  const java = options.java ?? 'java';
  const formatted = await format(java, options, directory, places, adminPassword);
  if (!formatted.ok) return during('starting Kafka', formatted.failure);

  const heap = options.heapMb ?? 384;
  writeFileSync(
    places.launch,
    launchFile([
      `-Xms${Math.min(heap, 192)}m`,
      `-Xmx${heap}m`,
      ...jvm,
      ...Object.entries(besides?.system ?? {}).map(([name, value]) => `-D${name}=${value}`),
      ...classPath(options),
      'kafka.Kafka',
      places.properties,
    ]),
  );
  const command: ServiceCommand = {
    title: 'Kafka',
    program: java,
    args: [`@${places.launch}`],
    cwd: directory,
    logFile: places.log,
    pidFile: places.pid,
    stopSignal: 'SIGTERM',
    stopTimeoutMs,
  };
  const service = startService(command);
  const ready = await untilReady(
    service,
    command,
    () => service.logText().includes('Kafka Server started'),
    options.startTimeoutMs ?? 90_000,
  );
  if (!ready.ok) return ready;
  return ok({
    brokers: [`127.0.0.1:${ports.value.client}`],
    adminUsername: adminName,
    adminPassword,
    pid: service.pid,
    ended: service.ended,
    stop: service.stop,
  });
}

/** An id as Kafka's tools take it: 16 random bytes as base64url. A leading hyphen would be read as an option. */
export const newClusterId = (): string => randomBytes(16).toString('base64url').replace(/^-/, 'A');

/** Formats the data directory once. The mark is written last, so an interrupted format is done again from nothing. */
async function format(
  java: string,
  options: KafkaServiceOptions,
  directory: string,
  places: Record<'properties' | 'data', string>,
  adminPassword: string,
): Promise<Result<void>> {
  const mark = path.join(directory, 'formatted');
  if (existsSync(mark)) return ok(undefined);
  rmSync(places.data, { recursive: true, force: true });
  const clusterId = options.cluster?.clusterId ?? newClusterId();
  const scram = `SCRAM-SHA-512=[name=${adminName},password=${adminPassword}]`;
  const tool = [
    'kafka.tools.StorageTool',
    'format',
    '--cluster-id',
    clusterId,
    '--config',
    places.properties,
    '--add-scram',
    scram,
  ];
  // In a file of our own, because a command line is visible to every account of the machine.
  const file = path.join(directory, 'format.args');
  writeFileSync(file, launchFile(['-Xmx192m', '-XX:TieredStopAtLevel=1', ...classPath(options), ...tool]), { mode: 0o600 });
  const { code, output } = await run(java, [`@${file}`], directory);
  rmSync(file, { force: true });
  if (code === 127)
    return fail('java-missing', 'Java was not found: install a JDK 17 or newer and make sure that `java` is on the PATH');
  if (code !== 0) return fail('service-failed', `formatting its data directory failed: ${gistOf(output)}`);
  writeFileSync(mark, `${clusterId}\n`);
  return ok(undefined);
}

const jvm = [
  '-server',
  '-XX:+UseG1GC',
  '-XX:MaxGCPauseMillis=20',
  '-XX:+ExitOnOutOfMemoryError',
  '-Djava.awt.headless=true',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
  '-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS',
  '-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn',
  '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaConfig=warn',
];

const classPath = (options: KafkaServiceOptions): string[] => ['-cp', path.join(path.resolve(options.jarsDirectory), '*')];

/** Java's argument-file syntax: one quoted argument a line. */
const launchFile = (args: readonly string[]): string =>
  args.map((arg) => `"${arg.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"\n`).join('');

function run(program: string, args: readonly string[], cwd: string): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output += chunk.toString('utf8');
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', () => resolve({ code: 127, output }));
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
