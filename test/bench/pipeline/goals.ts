/** What the figures are held against. Ratios are of the best rounds: least CPU time, highest rate. */
import type { PipelineReport } from './bench-pipeline.ts';
import type { FeedCodec } from './load-feed.ts';
import type { PathName } from './paths.ts';

export interface Goal {
  readonly about: string;
  readonly goal: string;
  readonly value: string;
  readonly met: boolean;
}

export interface Best {
  readonly cpuUsPerRecord: number;
  readonly recordsPerSecond: number;
}

/** Undefined where the path was not measured. */
export function bestOf({ rows }: Pick<PipelineReport, 'rows'>, path: PathName, codec: FeedCodec): Best | undefined {
  const rounds = rows.find((row) => row.path === path && row.codec === codec)?.rounds ?? [];
  if (rounds.length === 0) return undefined;
  return {
    cpuUsPerRecord: Math.min(...rounds.map(({ cpuUsPerRecord }) => cpuUsPerRecord)),
    recordsPerSecond: Math.max(...rounds.map(({ recordsPerSecond }) => recordsPerSecond)),
  };
}

/** Goals whose paths were measured; the others are left out. */
export function goalsOf(report: PipelineReport): Goal[] {
  const goals: Goal[] = [];
  for (const codec of report.options.codecs) goals.push(...codecGoals(report, codec));
  goals.push(...latencyGoals(report), ...scaleGoals(report));
  return goals;
}

function codecGoals(report: PipelineReport, codec: FeedCodec): Goal[] {
  const goals: Goal[] = [];
  const best = (path: PathName): Best | undefined => bestOf(report, path, codec);
  const most = (about: string, value: number | undefined, limit: number, unit: string): void => {
    if (value !== undefined) goals.push(atMost(`${codec}: ${about}`, value, limit, unit));
  };
  const least = (about: string, value: number | undefined, limit: number, unit: string): void => {
    if (value !== undefined) goals.push(atLeast(`${codec}: ${about}`, value, limit, unit));
  };
  const ratio = (a: number | undefined, b: number | undefined): number | undefined =>
    a === undefined || b === undefined ? undefined : a / b;
  const [p1c, p1h, p3] = [best('sluice-exactly-once'), best('sluice-exactly-once-p1h'), best('sluice-exactly-once-p3')];
  const streams = best('kafka-streams-exactly-once');
  most('CPU, P1c exactly once', p1c?.cpuUsPerRecord, codec === 'none' ? 1.2 : 2.2, 'us');
  least('CPU of Kafka Streams exactly_once_v2 to P1h', ratio(streams?.cpuUsPerRecord, p1h?.cpuUsPerRecord), 10, 'x');
  least('CPU of kafkajs and avsc to P1h', ratio(best('kafkajs-avsc')?.cpuUsPerRecord, p1h?.cpuUsPerRecord), 20, 'x');
  least('rate of P1h to Kafka Streams exactly_once_v2', ratio(p1h?.recordsPerSecond, streams?.recordsPerSecond), 5, 'x');
  const copy = ratio(p1c?.recordsPerSecond, best('raw-copy')?.recordsPerSecond);
  least('rate of P1c to the raw copy', copy === undefined ? undefined : copy * 100, 50, '%');
  if (p1c !== undefined && p3 !== undefined)
    most('CPU, each further agreement', (p3.cpuUsPerRecord - p1c.cpuUsPerRecord) / 7, 0.6, 'us');
  const each = best('sluice-exactly-once-p3-walked-each');
  if (p1c !== undefined && each !== undefined)
    most('CPU, each further agreement that needs a walk of its own', (each.cpuUsPerRecord - p1c.cpuUsPerRecord) / 7, 0.6, 'us');
  return goals;
}

function latencyGoals({ latencies }: PipelineReport): Goal[] {
  const ours = latencies.get('sluice-exactly-once');
  if (ours === undefined) return [];
  const goals = [
    atMost('added latency, exactly once, p50', ours.p50Ms, 15, 'ms'),
    atMost('added latency, exactly once, p99', ours.p99Ms, 50, 'ms'),
  ];
  for (const path of ['kafka-streams-exactly-once', 'kafka-streams-exactly-once-20ms'] as const) {
    const theirs = latencies.get(path);
    if (theirs === undefined) continue;
    goals.push(atMost(`added latency, p50, below ${path}`, ours.p50Ms, theirs.p50Ms, 'ms'));
    goals.push(atMost(`added latency, p99, below ${path}`, ours.p99Ms, theirs.p99Ms, 'ms'));
  }
  return goals;
}

function scaleGoals({ scale, drain }: PipelineReport): Goal[] {
  const goals: Goal[] = [];
  if (scale !== undefined) {
    const all = `${scale.agreements} agreements`;
    goals.push(atMost(`${all}: start`, scale.startSeconds, 10, 's'));
    goals.push(atMost(`${all}: resident memory`, scale.residentMbMax, 1_536, 'MB'));
    goals.push(atMost(`${all}: idle CPU`, scale.idleCpuPercent, 5, '%'));
  }
  if (drain !== undefined) {
    goals.push(atMost(`${drain.gigabytes} GB of backlog: growth of memory`, drain.slopeMbPerGb, 1, 'MB/GB'));
    goals.push(atMost(`${drain.gigabytes} GB of backlog: resident memory`, drain.residentMbMax, 512, 'MB'));
  }
  return goals;
}

const written = (value: number, unit: string): string => `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${unit}`;

/** NaN meets nothing. */
export const atMost = (about: string, value: number, limit: number, unit: string): Goal => ({
  about,
  goal: `<= ${written(limit, unit)}`,
  value: written(value, unit),
  met: value <= limit,
});

const atLeast = (about: string, value: number, limit: number, unit: string): Goal => ({
  about,
  goal: `>= ${written(limit, unit)}`,
  value: written(value, unit),
  met: value >= limit,
});
