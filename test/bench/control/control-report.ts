/** The report of the control bench: for a terminal, as one JSON object, and in docs/performance.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { summary } from '../measure.ts';
import type { Goal } from '../pipeline/goals.ts';
import { atMost } from '../pipeline/goals.ts';
import { withTables } from '../pipeline/pipeline-report.ts';
import type { ControlReport } from './bench-control.ts';
import { quantile } from './measure-http.ts';
import type { SimulatedFigure } from './measure-simulated.ts';
import { participants } from './seed-catalog.ts';
import { programsMax } from './seed-programs.ts';

const searchP95Ms = 50;
const listingP95Ms = 30;
const reconcileSecondsMax = 60;
const grantMsMax = 3_000;

/** Goals whose figures were taken; the others are left out. */
export function goalsOf({ http, reconcile, grants, options }: ControlReport): Goal[] {
  const goals = http.map(({ name, p95Ms }) =>
    name === 'search'
      ? atMost('search, p95', p95Ms, searchP95Ms, 'ms')
      : atMost(`listing of ${name}, p95`, p95Ms, listingP95Ms, 'ms'),
  );
  for (const { name, startSeconds } of reconcile)
    goals.push(atMost(`start with ${options.live} live agreements, ${name}`, startSeconds, reconcileSecondsMax, 's'));
  if (grants.length > 0)
    goals.push(
      atMost(
        'approval to first governed record, the longest',
        Math.max(...grants.map(({ totalMs }) => totalMs)),
        grantMsMax,
        'ms',
      ),
    );
  return goals;
}

type Cells = readonly (readonly string[])[];

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');

function httpCells({ http }: ControlReport): Cells {
  const heading = ['over HTTP', 'requests', 'p50 ms', 'p95 ms', 'max ms', 'CPU ms a request', 'slowest kind', 'its p50 ms'];
  return [
    heading,
    ...http.map(({ name, requests, p50Ms, p95Ms, maxMs, cpuMsPerRequest, slowest }) => [
      name,
      whole(requests),
      ...[p50Ms, p95Ms, maxMs, cpuMsPerRequest].map((value) => value.toFixed(1)),
      slowest.what,
      slowest.p50Ms.toFixed(1),
    ]),
  ];
}

function reconcileCells({ reconcile }: ControlReport): Cells {
  const heading = ['start', 'until ready s', 'of it reconciling s', 'CPU s', 'found', 'requests that change the broker'];
  const listed = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, number]) => `${name} ${whole(number)}`)
      .join(', ') || 'none';
  return [
    heading,
    ...reconcile.map(({ name, startSeconds, reconcileSeconds, cpuSeconds, found, changes }) => [
      name,
      ...[startSeconds, reconcileSeconds, cpuSeconds].map((value) => value.toFixed(1)),
      listed(found),
      listed(changes),
    ]),
  ];
}

function grantCells({ grants }: ControlReport): Cells {
  if (grants.length === 0) return [];
  const heading = ['approval to first record', 'min ms', 'median', 'p95', 'max'];
  const line = (name: string, values: readonly number[]): string[] => {
    const { min, median, max } = summary(values);
    return [name, ...[min, median, quantile(values, 0.95), max].map(whole)];
  };
  return [
    heading,
    line(
      'the approving call',
      grants.map(({ approveMs }) => approveMs),
    ),
    line(
      'the call for a credential',
      grants.map(({ credentialMs }) => credentialMs),
    ),
    line(
      'then the first record',
      grants.map(({ firstRecordMs }) => firstRecordMs),
    ),
    line(
      'all of it',
      grants.map(({ totalMs }) => totalMs),
    ),
  ];
}

const goalCells = (report: ControlReport): Cells => [
  ['goal', 'limit', 'measured', 'met'],
  ...goalsOf(report).map(({ about, goal, value, met }) => [about, goal, value, met ? 'yes' : 'no']),
];

function sentences({ date, machine, options, http, reconcile, simulated, grants, failures }: ControlReport): string[] {
  const said: [boolean, string][] = [
    [true, `${date}, ${machine}; PostgreSQL and Kafka as the embedded Sluice starts them, beside the bench on the same machine`],
    [
      http.length > 0 || simulated !== undefined,
      `synthetic: ${whole(options.datasets)} datasets with Chinese and English titles, ${whole(options.agreements)} agreements of at most ${programsMax} Programs, ${participants} participants`,
    ],
    [
      http.length > 0,
      'over HTTP: one caller after another, with HTTP Basic, until the whole answer is there; pages of 50; CPU time of the control plane alone, PostgreSQL works beside it',
    ],
    [
      reconcile.length > 0,
      `starts: ${whole(options.live)} agreements on a real broker, topics of one partition; Kafka's users are there before, for nobody else has their passwords`,
    ],
    [simulated !== undefined, simulated === undefined ? '' : simulatedSentence(simulated)],
    [
      grants.length > 0,
      `approvals: ${grants.length} on the embedded Sluice, a record every 20 ms, read by kafkajs as the answered program does`,
    ],
    ...failures.map((failure): [boolean, string] => [true, `failed: ${failure.split('\n')[0]}`]),
  ];
  return said.flatMap(([isSo, sentence]) => (isSo ? [sentence] : []));
}

const simulatedSentence = (figure: SimulatedFigure): string =>
  [
    `simulated, no broker takes part: ${whole(figure.agreements)} agreements against answers made in memory (${whole(figure.topics)} topics,`,
    `${whole(figure.permissions)} permissions): reading what should be ${figure.readSeconds.toFixed(1)} s, the difference`,
    `${figure.planEqualSeconds.toFixed(2)} s where nothing differs and ${figure.planEmptySeconds.toFixed(2)} s where everything is missing,`,
    `${whole(figure.heapMb)} MB of heap`,
  ].join(' ');

const tablesOf = (report: ControlReport): Cells[] =>
  [httpCells(report), reconcileCells(report), grantCells(report), goalCells(report)].filter((cells) => cells.length > 1);

export const controlTable = (report: ControlReport): string =>
  [...sentences(report), ...tablesOf(report).map((cells) => `\n${aligned(cells)}`), ''].join('\n');

/** Puts the tables between the two marks of the page. Throws when the page lacks them. */
export function writeDocs(file: string, report: ControlReport): void {
  writeFileSync(file, withTables(readFileSync(file, 'utf8'), controlMarkdown(report), 'control'));
}

export function controlMarkdown(report: ControlReport): string {
  const line = (texts: readonly string[]): string => `| ${texts.join(' | ')} |`;
  const drawn = ([heading = [], ...rest]: Cells): string =>
    [line(heading), line(heading.map(() => '---')), ...rest.map(line)].join('\n');
  const told = sentences(report).map((text) => `- ${text}`);
  return [told.join('\n'), ...tablesOf(report).map(drawn)].join('\n\n');
}

function aligned(cells: Cells): string {
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  return cells
    .map((line) =>
      line
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Figures that were not taken are null or empty. */
export function controlJson(report: ControlReport): string {
  const { date, machine, options, http, reconcile, simulated, grants, failures } = report;
  return JSON.stringify(
    { date, machine, options, http, reconcile, simulated: simulated ?? null, grants, goals: goalsOf(report), failures },
    (_, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value),
  );
}
