/** Broker to broker: every path in turn, round by round, each in a process of its own, and its output verified before its figure counts. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { kafkaJarsDirectory } from '../../../libs/adapters/local/index.ts';
import type { BenchKafka } from './bench-kafka.ts';
import { startBenchKafka } from './bench-kafka.ts';
import type { Drain } from './drain.ts';
import { measureDrain } from './drain.ts';
import type { Latency } from './latency.ts';
import { measureLatency, planLatency } from './latency.ts';
import type { Feed, FeedCodec } from './load-feed.ts';
import { loadFeeds } from './load-feed.ts';
import type { PipelineOptions } from './options.ts';
import type { Measured } from './path-run.ts';
import { watch } from './path-run.ts';
import type { PathName, PathSpec, StartedPath } from './paths.ts';
import { paths } from './paths.ts';
import { peersClassPath } from './peers-build.ts';
import type { Scale } from './scale.ts';
import { measureScale } from './scale.ts';
import type { SluiceHome } from './sluice-path.ts';
import { openSluiceHome } from './sluice-path.ts';
import { verifyOutput } from './verify-output.ts';

export interface PathRow {
  readonly path: PathName;
  readonly codec: FeedCodec;
  /** One for each round. */
  readonly rounds: readonly Measured[];
  /** How it compressed what it wrote. */
  readonly codecsOut: readonly string[];
}

export interface PipelineReport {
  readonly date: string;
  readonly machine: string;
  readonly options: PipelineOptions;
  readonly rows: readonly PathRow[];
  readonly latencies: ReadonlyMap<PathName, Latency>;
  readonly scale: Scale | undefined;
  readonly drain: Drain | undefined;
  readonly facts: readonly string[];
  /** What has no figure, and why. */
  readonly missing: readonly string[];
  /** What was tried and failed. Not empty: the run failed. */
  readonly failures: readonly string[];
}

/** Records behind the measured ones, which no figure is of. */
const tailOf = (records: number): number => records >> 4;

export type Progress = (text: string) => void;

/** Starts a broker in a temporary directory and removes both at the end. */
export async function benchPipeline(options: PipelineOptions, progress: Progress): Promise<PipelineReport> {
  if (!existsSync(kafkaJarsDirectory())) throw new Error("The broker's jars are missing: run `npm test` or `npm start` once.");
  if (options.latency || options.paths.some((name) => paths[name].java)) peersClassPath();
  const directory = mkdtempSync(path.join(tmpdir(), 'sluice-bench-'));
  const kafka = await startBenchKafka(path.join(directory, 'kafka'));
  const clear = async (): Promise<void> => {
    await kafka.close();
    rmSync(directory, { recursive: true, force: true });
  };
  // The process that is measured ends with this one; the broker and its gigabytes would stay.
  const onSignal = (): void => void clear().finally(() => process.exit(130));
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.once(signal, onSignal);
  try {
    return await benchPipelineOn(kafka, directory, options, progress);
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
    await clear();
  }
}

/** The same on a broker that is there. */
export async function benchPipelineOn(
  kafka: BenchKafka,
  directory: string,
  options: PipelineOptions,
  progress: Progress,
): Promise<PipelineReport> {
  // Names of one run are of no other: the broker may be shared.
  const tag = Date.now().toString(36);
  const home = await openSluiceHome(kafka, directory, `bench-${tag}`);
  const run = new PipelineRun(home, directory, tag, options, progress);
  try {
    return await run.all();
  } finally {
    await home.close();
  }
}

class PipelineRun {
  readonly #home: SluiceHome;
  readonly #directory: string;
  readonly #tag: string;
  readonly #options: PipelineOptions;
  readonly #progress: Progress;
  readonly #rows: { path: PathName; codec: FeedCodec; rounds: Measured[]; codecsOut: string[] }[] = [];
  readonly #missing: string[] = [];
  readonly #failures: string[] = [];
  #runs = 0;

  constructor(home: SluiceHome, directory: string, tag: string, options: PipelineOptions, progress: Progress) {
    this.#home = home;
    this.#directory = directory;
    this.#tag = tag;
    this.#options = options;
    this.#progress = progress;
  }

  async all(): Promise<PipelineReport> {
    const { records, warmUp, codecs, rounds, drainGb } = this.#options;
    const wanted = this.#options.paths.filter((name) => !paths[name].latencyOnly);
    const facts: string[] = [];
    if (wanted.length > 0) {
      const feeds = codecs.map((codec) => ({ dataset: `visits-${codec}-${this.#tag}`, codec }));
      const loaded = await loadFeeds({
        kafka: this.#home.kafka,
        records: warmUp + records + tailOf(records),
        feeds,
        batchBytes: this.#options.batchBytes,
        progress: this.#loading(),
      });
      for (const feed of loaded) {
        facts.push(factsOf(feed));
        for (let round = 0; round < rounds; round += 1) await this.#round(feed, wanted, round);
        await this.#home.kafka.admin.deleteTopics([feed.topic]);
      }
    }
    const latencies = this.#options.latency ? await this.#latencies() : new Map<PathName, Latency>();
    const place = { directory: this.#directory, id: this.#tag };
    const scale = this.#options.scale
      ? await this.#tried('scale', () => measureScale(this.#home, { ...place, progress: this.#progress }))
      : undefined;
    const drain =
      drainGb > 0 ? await this.#tried('drain', () => measureDrain(this.#home, { ...place, gigabytes: drainGb })) : undefined;
    return {
      date: new Date().toISOString().slice(0, 10),
      machine: `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, Node ${process.versions.node}, ${process.platform} ${process.arch}`,
      options: this.#options,
      rows: this.#rows,
      latencies,
      scale,
      drain,
      facts,
      missing: this.#missing,
      failures: this.#failures,
    };
  }

  /** Each path once, in an order that turns from round to round. */
  async #round(feed: Feed, wanted: readonly PathName[], round: number): Promise<void> {
    for (let turn = 0; turn < wanted.length; turn += 1) {
      const name = wanted[(round + turn) % wanted.length] as PathName;
      const spec: PathSpec = paths[name];
      if (!spec.codecs.includes(feed.codec)) {
        if (round === 0) this.#missing.push(`${name}, ${feed.codec}: not applicable`);
        continue;
      }
      await this.#tried(`${name}, ${feed.codec}, round ${round + 1}`, () => this.#measure(name, feed));
    }
  }

  async #measure(name: PathName, feed: Feed): Promise<void> {
    this.#runs += 1;
    const context = { home: this.#home, feed, directory: this.#directory, id: `${this.#tag}-${this.#runs}` };
    const { codecs, measured } = await measurePath(await paths[name].start(context), context, this.#options);
    let row = this.#rows.find((known) => known.path === name && known.codec === feed.codec);
    if (row === undefined) {
      row = { path: name, codec: feed.codec, rounds: [], codecsOut: [] };
      this.#rows.push(row);
    }
    row.rounds.push(measured);
    row.codecsOut = [...new Set([...row.codecsOut, ...codecs])];
    this.#progress(
      `${name}, ${feed.codec}: ${measured.cpuUsPerRecord.toFixed(2)} us, ${Math.round(measured.recordsPerSecond)} records/s`,
    );
  }

  async #latencies(): Promise<Map<PathName, Latency>> {
    const plan = await planLatency(this.#directory, this.#options.records);
    const found = new Map<PathName, Latency>();
    for (const name of this.#options.paths.filter((wanted) => !paths[wanted].rateOnly)) {
      this.#runs += 1;
      const id = `${this.#tag}-${this.#runs}`;
      const latency = await this.#tried(`${name}, latency`, () =>
        measureLatency(name, { home: this.#home, directory: this.#directory, id, plan }),
      );
      if (latency === undefined) continue;
      found.set(name, latency);
      this.#progress(`${name}: added latency p50 ${latency.p50Ms.toFixed(1)} ms, p99 ${latency.p99Ms.toFixed(1)} ms`);
    }
    return found;
  }

  /** What fails has no figure, fails the run, and does not keep the rest from being measured. */
  async #tried<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      const sentence = `${what}: ${error instanceof Error ? error.message : String(error)}`;
      this.#failures.push(sentence);
      this.#progress(`FAILED ${sentence}`);
      return undefined;
    }
  }

  #loading(): (records: number) => void {
    let told = 0;
    return (records) => {
      if (records < told + 1_000_000) return;
      told = records;
      this.#progress(`input: ${records} records`);
    };
  }
}

/** Watches a started path to the end, ends it, verifies all of its outputs and removes them. No figure comes of an output that is wrong. */
export async function measurePath(
  started: StartedPath,
  { home, feed }: { home: Pick<SluiceHome, 'kafka'>; feed: Feed },
  { warmUp, records }: Pick<PipelineOptions, 'warmUp' | 'records'>,
): Promise<{ measured: Measured; codecs: ReadonlySet<string> }> {
  try {
    const measured = await watch({
      run: started.run,
      progress: started.progress,
      warmUp,
      records,
      total: feed.records,
      ...brokerOf(home),
    });
    await started.stop();
    const codecs = new Set<string>();
    for (const { topic, expected } of started.outputs) {
      for (const codec of (await verifyOutput(home.kafka, feed, topic, expected)).codecs) codecs.add(codec);
    }
    return { measured, codecs };
  } catch (error) {
    await started.stop();
    throw error;
  } finally {
    await home.kafka.admin.deleteTopics(started.outputs.map(({ topic }) => topic));
  }
}

const brokerOf = ({ kafka: { brokerPid } }: Pick<SluiceHome, 'kafka'>): { brokerPid?: number } =>
  brokerPid === undefined ? {} : { brokerPid };

const factsOf = ({ codec, records, bytes, passing }: Feed): string => {
  const passed = passing.reduce((sum, count) => sum + count, 0);
  return `input, ${codec}: ${records.toLocaleString('en-US')} records, ${(bytes / records).toFixed(0)} bytes each on the wire, ${((passed / records) * 100).toFixed(1)} % satisfy the condition`;
};
