/** Memory while a backlog drains: resident bytes each second against gigabytes of input that are through. */
import { verifyOutput } from './verify-output.ts';
import { loadBacklog } from './load-feed.ts';
import { MemoryWatch } from './memory-watch.ts';
import { watch } from './path-run.ts';
import { paths } from './paths.ts';
import type { SluiceHome } from './sluice-path.ts';

export interface Drain {
  readonly gigabytes: number;
  readonly records: number;
  /** Least squares over the samples behind the first tenth. */
  readonly slopeMbPerGb: number;
  readonly residentMbMax: number;
  readonly cpuUsPerRecord: number;
  readonly recordsPerSecond: number;
}

const poolRecords = 100_000;
const settledShare = 0.1;
const measuredShare = 0.8;

/** Gigabytes are 10^9 bytes of raw batches, megabytes 2^20 bytes of resident memory. */
export async function measureDrain(
  home: SluiceHome,
  { directory, id, gigabytes }: { directory: string; id: string; gigabytes: number },
): Promise<Drain> {
  const feed = await loadBacklog(home.kafka, `drain-${id}`, { records: poolRecords, bytes: gigabytes * 1e9 });
  const started = await paths['sluice-exactly-once'].start({ home, feed, directory, id });
  const samples: { gigabytes: number; megabytes: number }[] = [];
  let through = 0;
  const memory = new MemoryWatch(started.run.pid, (megabytes) => {
    samples.push({ gigabytes: (through / feed.records) * gigabytes, megabytes });
  });
  try {
    const measured = await watch({
      run: started.run,
      progress: started.progress,
      warmUp: Math.floor(feed.records * settledShare),
      records: Math.floor(feed.records * measuredShare),
      total: feed.records,
      pollMs: 50,
      onSample: ({ records }) => {
        through = records;
      },
    });
    const residentMbMax = await memory.stop();
    const settled = samples.filter((sample) => sample.gigabytes >= gigabytes * settledShare);
    await started.stop();
    for (const { topic, expected } of started.outputs) await verifyOutput(home.kafka, feed, topic, expected);
    const { records } = feed;
    const { cpuUsPerRecord, recordsPerSecond } = measured;
    return { gigabytes, records, slopeMbPerGb: slopeOf(settled), residentMbMax, cpuUsPerRecord, recordsPerSecond };
  } finally {
    await memory.stop();
    await started.run.stop();
    await home.kafka.admin.deleteTopics([feed.topic, ...started.outputs.map(({ topic }) => topic)]);
  }
}

/** Least squares; NaN with fewer than three samples. */
export function slopeOf(samples: readonly { gigabytes: number; megabytes: number }[]): number {
  if (samples.length < 3) return Number.NaN;
  const mean = (of: (sample: { gigabytes: number; megabytes: number }) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [meanX, meanY] = [mean(({ gigabytes }) => gigabytes), mean(({ megabytes }) => megabytes)];
  const covariance = mean(({ gigabytes, megabytes }) => (gigabytes - meanX) * (megabytes - meanY));
  return covariance / mean(({ gigabytes }) => (gigabytes - meanX) ** 2);
}
