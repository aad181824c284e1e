/** The report of the pipeline bench: for a terminal, as Markdown, as one JSON object, and in docs/performance.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { summary } from '../measure.ts';
import { brokerHeapMb, partitions } from './bench-kafka.ts';
import type { PathRow, PipelineReport } from './bench-pipeline.ts';
import { bestOf, goalsOf } from './goals.ts';
import type { PathName, PathSpec } from './paths.ts';
import { paths } from './paths.ts';

const specOf = (name: PathName): PathSpec => paths[name];
const whole = (value: number): string => Math.round(value).toLocaleString('en-US');

type Cells = readonly (readonly string[])[];

/** Of the round in which the broker took least. */
function brokerUs({ rounds }: PathRow): string {
  const known = rounds.flatMap(({ brokerCpuUsPerRecord }) => brokerCpuUsPerRecord ?? []);
  return known.length === 0 ? '' : Math.min(...known).toFixed(2);
}

/** The first row is the heading. */
function pathCells({ rows }: PipelineReport): Cells {
  const heading = ['codec', 'path', 'what', 'guarantee', 'settings', 'us min', 'median', 'max', 'records/s', 'broker us'];
  const line = (row: PathRow): string[] => {
    const { label, guarantee, settings } = specOf(row.path);
    const { min, median, max } = summary(row.rounds.map(({ cpuUsPerRecord }) => cpuUsPerRecord));
    const rate = Math.max(...row.rounds.map(({ recordsPerSecond }) => recordsPerSecond));
    const out = row.codecsOut.join(' and ');
    const codec = out === row.codec ? row.codec : `${row.codec}, out ${out}`;
    return [
      codec,
      row.path,
      label,
      guarantee,
      settings,
      min.toFixed(2),
      median.toFixed(2),
      max.toFixed(2),
      whole(rate),
      brokerUs(row),
    ];
  };
  return [heading, ...rows.map(line)];
}

function latencyCells({ latencies }: PipelineReport): Cells {
  if (latencies.size === 0) return [];
  const heading = ['path', 'settings', 'added p50 ms', 'p99 ms', 'max ms', 'us a record at 20,000/s'];
  return [
    heading,
    ...[...latencies].map(([name, { p50Ms, p99Ms, maxMs, cpuUsPerRecord }]) => [
      name,
      specOf(name).settings,
      p50Ms.toFixed(1),
      p99Ms.toFixed(1),
      maxMs.toFixed(1),
      cpuUsPerRecord.toFixed(1),
    ]),
  ];
}

function goalCells(report: PipelineReport): Cells {
  const goals = goalsOf(report);
  if (goals.length === 0) return [];
  return [
    ['goal', 'limit', 'measured', 'met'],
    ...goals.map(({ about, goal, value, met }) => [about, goal, value, met ? 'yes' : 'no']),
  ];
}

function sentences(report: PipelineReport): string[] {
  const { date, machine, options, facts, missing, failures, scale, drain } = report;
  return [
    `${date}, ${machine}`,
    `CPU time of the path's own process, user and system, microseconds per input record; least, middle and most of ${options.rounds} rounds in which the paths take turns; records/s of the fastest round; beside it the CPU time that the broker took meanwhile, the least of the rounds`,
    `${whole(options.records)} records after ${whole(options.warmUp)} of warm-up; one broker with ${brokerHeapMb} MB of heap, ${partitions} partitions, acks=all, batches of ${options.batchBytes / 1024} KiB, a key of 36 bytes, one traceparent header; every path a process of its own, JVMs with their default heap and collector`,
    ...facts,
    'every output was verified before its figure counted: all records counted, and the first and last batch of each partition compared with the reference engine under the same key',
    ...(scale === undefined
      ? []
      : [
          `${scale.agreements} agreements of ${scale.programs} Programs over ${scale.feeds} feeds: every feed governed its first record after ${scale.startSeconds.toFixed(1)} s, resident ${scale.residentMbMax.toFixed(0)} MB at most, idle ${scale.idleCpuPercent.toFixed(1)} % of a core, then ${whole(scale.liveRecordsPerSecond)} input records/s on ten feeds at once`,
        ]),
    ...(drain === undefined
      ? []
      : [
          `${drain.gigabytes} GB of backlog (${whole(drain.records)} records) under P1c, exactly once: resident ${drain.residentMbMax.toFixed(0)} MB at most, ${drain.slopeMbPerGb.toFixed(2)} MB more for each GB, ${whole(drain.recordsPerSecond)} records/s`,
        ]),
    ...missing.map((reason) => `not measured: ${reason}`),
    ...failures.map((failure) => `failed: ${failure.split('\n')[0]}`),
  ];
}

const tablesOf = (report: PipelineReport): Cells[] =>
  [pathCells(report), latencyCells(report), goalCells(report)].filter((cells) => cells.length > 1);

export function pipelineTable(report: PipelineReport): string {
  const aligned = (cells: Cells): string => {
    const widths = (cells[0] as string[]).map((_, column) => Math.max(...cells.map((line) => (line[column] as string).length)));
    return cells
      .map((line) =>
        line
          .map((text, column) => text.padEnd(widths[column] as number))
          .join('  ')
          .trimEnd(),
      )
      .join('\n');
  };
  return [...sentences(report), ...tablesOf(report).map((cells) => `\n${aligned(cells)}`), ''].join('\n');
}

export function pipelineMarkdown(report: PipelineReport): string {
  const line = (texts: readonly string[]): string => `| ${texts.join(' | ')} |`;
  const drawn = ([heading, ...rest]: Cells): string =>
    [line(heading as string[]), line((heading as string[]).map(() => '---')), ...rest.map(line)].join('\n');
  const told = sentences(report).map((text) => `- ${text}`);
  return [told.join('\n'), ...tablesOf(report).map(drawn)].join('\n\n');
}

interface PathFigures {
  readonly cpuUsPerRecord: number | null;
  readonly recordsPerSecond: number | null;
  readonly latencyMsP50: number | null;
  readonly latencyMsP99: number | null;
}

/** `paths` are the uncompressed figures, or those of the only codec that was asked for; `codecs` has each. Best rounds; null where not measured. */
export function pipelineJson(report: PipelineReport): string {
  const figures = (codec: 'none' | 'lz4'): Record<string, PathFigures> =>
    Object.fromEntries(
      report.options.paths.map((name) => {
        const best = bestOf(report, name, codec);
        const latency = codec === 'none' || !report.options.codecs.includes('none') ? report.latencies.get(name) : undefined;
        return [
          name,
          {
            cpuUsPerRecord: best === undefined ? null : rounded(best.cpuUsPerRecord),
            recordsPerSecond: best === undefined ? null : Math.round(best.recordsPerSecond),
            latencyMsP50: latency === undefined ? null : rounded(latency.p50Ms),
            latencyMsP99: latency === undefined ? null : rounded(latency.p99Ms),
          },
        ];
      }),
    );
  const [first] = report.options.codecs as ['none' | 'lz4'];
  return JSON.stringify({
    paths: figures(first),
    codecs: Object.fromEntries(report.options.codecs.map((codec) => [codec, figures(codec)])),
    latencyCpuUsPerRecord: Object.fromEntries(
      [...report.latencies].map(([name, { cpuUsPerRecord }]) => [name, rounded(cpuUsPerRecord)]),
    ),
    scale: report.scale ?? null,
    drain: report.drain ?? null,
    goals: goalsOf(report),
    failures: report.failures,
  });
}

const rounded = (value: number): number => Number(value.toPrecision(4));

/** Puts the tables between the two marks of the page. Throws when the page lacks them. */
export function writeDocs(file: string, report: PipelineReport): void {
  writeFileSync(file, withTables(readFileSync(file, 'utf8'), pipelineMarkdown(report)));
}

/** `name` is what the two marks of the page name. Throws when the page lacks them. */
export function withTables(page: string, tables: string, name = 'pipeline'): string {
  const marks = [`<!-- ${name}: written by the bench -->`, `<!-- ${name}: end -->`] as const;
  const [from, to] = marks.map((mark) => page.indexOf(mark)) as [number, number];
  if (from < 0 || to < from) throw new Error(`the page lacks ${marks.join(' and ')}`);
  return `${page.slice(0, from + marks[0].length)}\n\n${tables}\n\n${page.slice(to)}`;
}
