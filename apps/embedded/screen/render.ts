/** A Snapshot as text: a table for a terminal, or one sentence for each agreement. */
import type { AgreementRow, Example, Snapshot } from './snapshot.ts';
import { displayWidth, fit, padEnd, padStart } from './width.ts';

interface Column {
  readonly title: string;
  readonly right: boolean;
  readonly text: (row: AgreementRow) => string;
}

const columns: readonly Column[] = [
  { title: 'agreement', right: false, text: (row) => row.agreement },
  { title: 'to', right: false, text: (row) => row.to },
  { title: 'records in', right: true, text: (row) => count(row.input) },
  { title: 'governed', right: true, text: (row) => count(row.governed) },
  { title: 'withheld', right: true, text: (row) => count(row.withheld) },
  { title: 'refused', right: true, text: (row) => count(row.refused) },
  { title: 'delivered', right: true, text: (row) => (row.delivered === undefined ? '-' : count(row.delivered)) },
  { title: 'lag s', right: true, text: (row) => (row.lagSeconds === undefined ? '-' : row.lagSeconds.toFixed(1)) },
];

/** Lines of at most `width` cells. */
export function renderTable(snapshot: Snapshot, width: number): string[] {
  const lines = [
    `Sluice, up ${duration(snapshot.upSeconds)}${snapshot.activity === undefined ? '' : ` · ${snapshot.activity}`}`,
    '',
  ];
  if (snapshot.rows.length === 0) lines.push('No agreement is being served yet.');
  else lines.push(...grid(snapshot.rows));
  if (snapshot.example !== undefined) lines.push('', ...renderExample(snapshot.example, width));
  return lines.map((line) => fit(line, width));
}

/** For a log: one sentence for each agreement. */
export function renderSentences(snapshot: Snapshot): string[] {
  return snapshot.rows.map((row) => {
    const delivered = row.delivered === undefined ? '' : `, ${count(row.delivered)} delivered`;
    const lag = row.lagSeconds === undefined ? '' : `, lag ${row.lagSeconds.toFixed(1)} s`;
    const outcomes = `${count(row.governed)} governed, ${count(row.withheld)} withheld, ${count(row.refused)} refused`;
    return `${row.agreement} (${row.to}): ${count(row.input)} in, ${outcomes}${delivered}${lag}`;
  });
}

/** The before/after record, a line for each field. */
export function renderExample(example: Example, width: number): string[] {
  const name = Math.max(...example.fields.map((field) => displayWidth(field.name)), 5);
  const each = Math.max(10, Math.floor((width - name - 7) / 2));
  const before = Math.min(each, Math.max(...example.fields.map((field) => displayWidth(field.before)), 6));
  const line = (field: string, left: string, right: string): string =>
    `  ${padEnd(fit(field, name), name)}  ${padEnd(fit(left, before), before)}  ${fit(right, each)}`;
  return [
    `One record under ${example.agreement}:`,
    line('field', 'before', 'after'),
    ...example.fields.map((field) => line(field.name, field.before, field.after ?? '(dropped)')),
  ];
}

function grid(rows: readonly AgreementRow[]): string[] {
  const widths = columns.map((column) =>
    Math.max(displayWidth(column.title), ...rows.map((row) => displayWidth(column.text(row)))),
  );
  const join = (texts: readonly string[]): string =>
    texts
      .map((text, index) =>
        columns[index]?.right === true ? padStart(text, widths[index] ?? 0) : padEnd(text, widths[index] ?? 0),
      )
      .join('  ');
  return [join(columns.map(({ title }) => title)), ...rows.map((row) => join(columns.map((column) => column.text(row))))];
}

/** `12,345` */
export const count = (value: number): string => Math.trunc(value).toLocaleString('en-US');

/** `42 s`, `3 min 5 s`, `2 h 14 min` */
export function duration(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}
