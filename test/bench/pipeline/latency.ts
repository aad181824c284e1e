/** Added latency of a path at 20,000 records/s, and what it costs at that rate. The probe is one Java process: producer and both receivers. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { topicNames } from '../../../libs/base/index.ts';
import { makeTopics, partitions } from './bench-kafka.ts';
import { batchBytesDefault, writeValues } from './load-feed.ts';
import { cpuMicros } from './path-run.ts';
import type { PathName, PathSpec } from './paths.ts';
import { javaCommand, paths, writeJavaSettings } from './paths.ts';
import type { SluiceHome } from './sluice-path.ts';

export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly cpuUsPerRecord: number;
  readonly measured: number;
}

export interface LatencyPlan {
  readonly recordsPerSecond: number;
  readonly warmUp: number;
  readonly records: number;
  readonly valuesFile: string;
  /** Of all records, those that P1 lets through. */
  readonly passing: number;
}

const latencyRecordsPerSecond = 20_000;
/** A JVM has compiled its hot code by then, and what came in before the path was up is through. */
const warmUpSeconds = 20;
const measuredSecondsMin = 10;
const measuredSecondsMax = 40;

/** Writes the values that every path is sent. `records` bounds the measured part. */
export async function planLatency(directory: string, records: number): Promise<LatencyPlan> {
  const warmUp = warmUpSeconds * latencyRecordsPerSecond;
  const measured = Math.min(
    measuredSecondsMax * latencyRecordsPerSecond,
    Math.max(measuredSecondsMin * latencyRecordsPerSecond, records),
  );
  const valuesFile = path.join(directory, 'latency.values');
  const passing = await writeValues(valuesFile, warmUp + measured);
  return { recordsPerSecond: latencyRecordsPerSecond, warmUp, records: warmUp + measured, valuesFile, passing };
}

/** Throws when a governed record does not come, or comes without its timestamp. */
export async function measureLatency(
  name: PathName,
  { home, directory, id, plan }: { home: SluiceHome; directory: string; id: string; plan: LatencyPlan },
): Promise<Latency> {
  const spec: PathSpec = paths[name];
  const dataset = `latency-${id}`;
  const topic = topicNames.raw(dataset);
  await makeTopics(home.kafka, [topic]);
  const feed = {
    dataset,
    topic,
    codec: 'none' as const,
    records: plan.records,
    passing: [],
    bytes: 0,
    batchBytes: batchBytesDefault,
  };
  const started = await spec.start({ home, feed, directory, id });
  try {
    await sleep(1_000);
    const copies = name === 'raw-copy';
    const settings = writeJavaSettings(
      path.join(directory, `latency-${id}.properties`),
      { home },
      {
        'input.topic': topic,
        'output.topic': started.outputs[0]?.topic ?? '',
        partitions,
        records: plan.records,
        'records.warm.up': plan.warmUp,
        'records.passing': copies ? plan.records : plan.passing,
        'records.per.second': plan.recordsPerSecond,
        'values.file': plan.valuesFile,
        'batch.size': batchBytesDefault,
        'linger.ms': 5,
        'compression.type': 'none',
      },
    );
    let [before, after] = [0, 0];
    let answer: { received: number; measured: number; p50: number; p99: number; max: number } | undefined;
    await probe(settings, (line) => {
      started.run.mustLive();
      if (line === 'measuring') before = cpuMicros(started.run.pid);
      else if (line === 'sent') after = cpuMicros(started.run.pid);
      else if (line.startsWith('{')) answer = JSON.parse(line) as NonNullable<typeof answer>;
    });
    if (answer === undefined) throw new Error(`${name}: the probe gave no figures`);
    const expected = copies ? plan.records : plan.passing;
    if (answer.received !== expected) throw new Error(`${name}: ${answer.received} governed records came, not ${expected}`);
    return {
      p50Ms: answer.p50,
      p99Ms: answer.p99,
      maxMs: answer.max,
      cpuUsPerRecord: (after - before) / (plan.records - plan.warmUp),
      measured: answer.measured,
    };
  } finally {
    await started.stop();
    await home.kafka.admin.deleteTopics([topic, ...started.outputs.map((output) => output.topic)]);
  }
}

function probe(settings: string, onLine: (line: string) => void): Promise<void> {
  const { program, args } = javaCommand('latency', settings);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      try {
        onLine(line);
      } catch (error) {
        child.kill('SIGKILL');
        reject(error);
      }
    });
    child.once('error', reject);
    child.once('close', (code) => {
      process.off('exit', kill);
      if (code === 0) resolve();
      else reject(new Error(`the latency probe ended with ${code}`));
    });
  });
}
