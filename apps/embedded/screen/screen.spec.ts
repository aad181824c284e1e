import { describe, expect, test } from '@jest/globals';
import { count, duration, renderSentences, renderTable } from './render.ts';
import { Screen } from './screen.ts';
import type { Snapshot } from './snapshot.ts';
import { displayWidth, fit } from './width.ts';

const snapshot: Snapshot = {
  upSeconds: 75,
  rows: [
    {
      agreement: 'clinic-research',
      dataset: 'clinic-visits',
      to: 'haihe-pharma by Kafka',
      input: 12_345,
      governed: 9_000,
      withheld: 3_300,
      refused: 45,
      delivered: 8_990,
      lagSeconds: 0.42,
    },
    { agreement: 'new', dataset: 'd', to: 'someone by mirror', input: 0, governed: 0, withheld: 0, refused: 0 },
  ],
  example: {
    agreement: 'clinic-research',
    fields: [
      { name: 'name', before: '王小明', after: '王**' },
      { name: 'notes', before: '头痛三天' },
    ],
  },
};

describe('the terminal', () => {
  test('shows a table with a line for each agreement and the record before and after', () => {
    expect(renderTable(snapshot, 120)).toEqual([
      'Sluice, up 1 min 15 s',
      '',
      'agreement        to                     records in  governed  withheld  refused  delivered  lag s',
      'clinic-research  haihe-pharma by Kafka      12,345     9,000     3,300       45      8,990    0.4',
      'new              someone by mirror               0         0         0        0          -      -',
      '',
      'One record under clinic-research:',
      '  field  before    after',
      '  name   王小明    王**',
      '  notes  头痛三天  (dropped)',
    ]);
  });

  test('never has a line that is wider than the terminal, Chinese included', () => {
    for (const width of [20, 47, 80]) {
      for (const line of renderTable(snapshot, width)) expect(displayWidth(line)).toBeLessThanOrEqual(width);
    }
    expect(fit('王小明\u001B[31m', 6)).toBe('王小…');
  });

  test('says the same in sentences where there is no terminal', () => {
    expect(renderSentences(snapshot)).toEqual([
      'clinic-research (haihe-pharma by Kafka): 12,345 in, 9,000 governed, 3,300 withheld, 45 refused, 8,990 delivered, lag 0.4 s',
      'new (someone by mirror): 0 in, 0 governed, 0 withheld, 0 refused',
    ]);
  });

  test('redraws the table in place and lets sentences scroll above it', () => {
    const written: string[] = [];
    const screen = new Screen({ write: (text) => written.push(text), isTTY: true, columns: 100, rows: 30 });
    screen.say('Kafka is ready.');
    screen.show({ upSeconds: 1, rows: [] });
    screen.show({ upSeconds: 2, rows: [] });
    screen.say('A subscriber came.');
    const table = (seconds: number): string => `\nSluice, up ${seconds} s\n\nNo agreement is being served yet.\n`;
    expect(written).toEqual([
      'Kafka is ready.\n',
      table(1),
      `\u001B[4A\r\u001B[J${table(2)}`,
      `\u001B[4A\r\u001B[JA subscriber came.\n${table(2)}`,
    ]);
  });

  test('without a terminal writes plain lines every five seconds, only when something changed', () => {
    const written: string[] = [];
    const screen = new Screen({ write: (text) => written.push(text) });
    screen.show(snapshot, 10_000);
    screen.show({ ...snapshot, rows: snapshot.rows.slice(0, 1) }, 12_000);
    screen.show(snapshot, 16_000);
    screen.show({ ...snapshot, rows: snapshot.rows.slice(0, 1) }, 16_000);
    expect(written).toHaveLength(2);
    expect(written.join('')).not.toContain('\u001B');
  });

  test('writes numbers and times as people read them', () => {
    expect([count(0), count(1_234_567)]).toEqual(['0', '1,234,567']);
    expect([duration(5), duration(65), duration(7_260)]).toEqual(['5 s', '1 min 5 s', '2 h 1 min']);
  });
});
