/** A run's counts as Markdown tables, as they stand in docs/reliability.md. */
import type { Recovery } from './recovery.ts';
import type { RunReport } from './run-faults.ts';

export const runTable = (reports: readonly RunReport[]): string =>
  table(
    ['seed', 'sent', 'in the raw topic', 'governed', 'quarantined', 'Receipts', 'seconds', 'faults'],
    reports.map(({ seed, sent, input, governed, quarantined, receipts, seconds, faults }) =>
      [seed, sent, input, governed, quarantined, receipts, Math.round(seconds), faults.length].map(String),
    ),
  );

export function hitTable(reports: readonly RunReport[]): string {
  const names = [...new Set(reports.flatMap(({ tally }) => [...tally.hits.keys()]))].sort();
  return table(
    ['what was done', ...reports.map(({ seed }) => `seed ${seed}`), 'in all'],
    names.map((name) => {
      const hits = reports.map(({ tally }) => tally.hits.get(name) ?? 0);
      return [name, ...hits.map(String), String(hits.reduce((sum, count) => sum + count, 0))];
    }),
  );
}

export const recoveryTable = (recoveries: readonly Recovery[]): string =>
  table(
    ['after SIGKILL', 'seconds until every partition flows again, each of the tries'],
    recoveries.map(({ how, seconds }) => [how, seconds.map((one) => one.toFixed(1)).join(', ')]),
  );

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
