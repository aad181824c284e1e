/** The report as a table for a terminal, as Markdown, and as one JSON object. */
import type { BenchReport, BenchRow } from './bench-program.ts';
import type { Timing } from './measure.ts';

const engineOf = (row: BenchRow): string => (row.side === 'avsc' ? 'avsc, careful' : `Program, ${row.side}`);
const perSecond = (row: BenchRow): number => 1e6 / row.min;

const columns: readonly (readonly [string, (row: BenchRow) => string])[] = [
  ['workload', (row) => row.workload],
  ['side', engineOf],
  ['us min', (row) => row.min.toFixed(3)],
  ['median', (row) => row.median.toFixed(3)],
  ['max', (row) => row.max.toFixed(3)],
  ['records/s', (row) => Math.round(perSecond(row)).toLocaleString('en-US')],
  ['to avsc', (row) => (row.ratioToAvsc === undefined ? '1' : `${row.ratioToAvsc.toFixed(row.ratioToAvsc < 10 ? 2 : 1)}x`)],
  ['heap B/rec', (row) => row.bytesAllocatedPerRecord.toFixed(row.bytesAllocatedPerRecord < 10 ? 1 : 0)],
  ['GCs', (row) => `${row.collections} in ${row.allocationRecords / 1000}k`],
];

export function table(report: BenchReport): string {
  const cells = [columns.map(([title]) => title), ...report.rows.map((row) => columns.map(([, text]) => text(row)))];
  const widths = columns.map((_, column) => Math.max(...cells.map((line) => (line[column] as string).length)));
  const lines = cells.map((line) =>
    line
      .map((text, column) => (column < 2 ? text.padEnd(widths[column] as number) : text.padStart(widths[column] as number)))
      .join('  '),
  );
  return [...heading(report), '', ...lines, '', ...batchLines(report), ''].join('\n');
}

export function markdown(report: BenchReport): string {
  const line = (texts: readonly string[]): string => `| ${texts.join(' | ')} |`;
  return [
    ...heading(report).map((text) => `- ${text}`),
    '',
    line(columns.map(([title]) => title)),
    line(columns.map((_, column) => (column < 2 ? '---' : '---:'))),
    ...report.rows.map((row) => line(columns.map(([, text]) => text(row)))),
    '',
    ...batchLines(report).map((text) => `- ${text}`),
    '',
  ].join('\n');
}

/** Figures of the fastest engine that exists; microseconds are CPU time per input record, `usPerRecord` and `min` those of the fastest round. */
export function json(report: BenchReport): string {
  const policies: Record<string, unknown> = {};
  for (const row of report.rows) {
    if (row.side === 'avsc' || (row.side === 'reference' && hasWasm(report, row))) continue;
    policies[row.workload] = {
      engine: row.side,
      usPerRecord: rounded(row.min),
      recordsPerSecond: Math.round(perSecond(row)),
      ratioToAvsc: rounded(row.ratioToAvsc ?? 1),
      bytesAllocatedPerRecord: rounded(row.bytesAllocatedPerRecord),
      min: rounded(row.min),
      median: rounded(row.median),
      max: rounded(row.max),
    };
  }
  const { startUp } = report;
  const started = startUp && {
    compileWideMs: rounded(startUp.compileWideMs.median),
    firstBatchMs: rounded(startUp.firstBatchMs.median),
    ratioOf64: rounded(startUp.ratioOf64),
  };
  const batch = Object.fromEntries(
    report.batchRows.map(({ name, min, median, max, bytesAllocatedPerRecord }) => [
      name,
      {
        usPerRecord: rounded(min),
        recordsPerSecond: Math.round(1e6 / min),
        bytesAllocatedPerRecord: rounded(bytesAllocatedPerRecord),
        min: rounded(min),
        median: rounded(median),
        max: rounded(max),
      },
    ]),
  );
  return JSON.stringify({ policies, batch, ...(started && { startUp: started }) });
}

const hasWasm = (report: BenchReport, row: BenchRow): boolean =>
  report.rows.some(({ workload, side }) => workload === row.workload && side === 'wasm');

const rounded = (value: number): number => Number(value.toPrecision(4));

function heading(report: BenchReport): string[] {
  return [
    `${report.date}, ${report.machine}`,
    `CPU microseconds per input record over ${report.rounds} interleaved rounds, ${report.seconds} s a workload, batches of 1,000; records/s and ratio from the fastest round`,
    ...report.facts,
    ...startUpLines(report),
    ...report.missing.map((reason) => `not measured: ${reason}`),
  ];
}

/** RecordBatch in to RecordBatch out. */
function batchLines({ batchRows }: BenchReport): string[] {
  return batchRows.map(
    ({ name, min, median, max, bytesAllocatedPerRecord, collections, bytesIn, bytesOut }) =>
      `record batch in to record batch out, ${name}: ${min.toFixed(3)} us (median ${median.toFixed(3)}, max ${max.toFixed(3)}), ` +
      `${Math.round(1e6 / min).toLocaleString('en-US')} records/s, heap ${bytesAllocatedPerRecord.toFixed(1)} B a record, ${collections} GCs in 400k, ` +
      `${bytesIn.toLocaleString('en-US')} bytes in, ${bytesOut.toLocaleString('en-US')} out`,
  );
}

function startUpLines({ startUp }: BenchReport): string[] {
  if (startUp === undefined) return [];
  const told = ({ min, median, max }: Timing): string => `${median.toFixed(1)} ms (${min.toFixed(1)} to ${max.toFixed(1)})`;
  return [
    `compiling 200 fields under 50 rules: ${told(startUp.compileWideMs)}`,
    `from the manifest of P1h to its first 1,000 records done: ${told(startUp.firstBatchMs)}`,
    `64 Programs in rotation: ${startUp.ratioOf64.toFixed(2)}x the time of one`,
  ];
}
