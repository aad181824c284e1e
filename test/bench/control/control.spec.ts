/** The control bench measures what it says: nothing here looks at a time. */
import { describe, expect, test } from '@jest/globals';
import type { ControlReport } from './bench-control.ts';
import { benchControl } from './bench-control.ts';
import { catalogEntry, searchQueries } from './catalog-words.ts';
import { controlJson, controlMarkdown, controlTable, goalsOf } from './control-report.ts';
import { quantile } from './measure-http.ts';
import { parseControl, partNames } from './options.ts';

describe('the arguments', () => {
  test('are those of a full run where nothing is said', () => {
    expect(parseControl([])).toEqual({
      datasets: 10_000,
      agreements: 100_000,
      live: 2_000,
      requests: 1_000,
      grants: 12,
      parts: partNames,
      json: false,
      docs: true,
    });
    expect(parseControl(['--live', '100'])?.docs).toBe(false);
    expect(parseControl(['--no-docs'])?.docs).toBe(false);
    expect(parseControl(['--help'])).toBeUndefined();
  });

  test.each([[['--datasets', '3']], [['--live', 'many']], [['--part', 'nothing']], [['more']]])(
    'are refused when wrong: %j',
    (args) => {
      expect(() => parseControl(args)).toThrow();
    },
  );
});

describe('what is seeded', () => {
  test('has another title for each dataset, and at least forty queries that differ', () => {
    expect(new Set(Array.from({ length: 12_000 }, (_, index) => catalogEntry(index).titleZh)).size).toBe(12_000);
    const queries = searchQueries();
    expect(new Set(queries).size).toBe(queries.length);
    expect(queries.length).toBeGreaterThanOrEqual(40);
  });
});

test('a quantile is a value that was measured', () => {
  const values = [5, 1, 4, 2, 3];
  expect([0.5, 0.95, 0, 1].map((part) => quantile(values, part))).toEqual([3, 5, 1, 5]);
});

describe('a small run', () => {
  let report: ControlReport;

  test('takes every figure', async () => {
    const told: string[] = [];
    const parts = partNames;
    const small = { datasets: 250, agreements: 300, live: 20, requests: 40, grants: 1, parts, json: true, docs: false };
    report = await benchControl(small, (text) => told.push(text));
    expect(report.failures).toEqual([]);
    expect(report.http.map(({ name, requests }) => [name, requests])).toEqual([
      ['search', 40],
      ['datasets', 20],
      ['agreements, operator', 20],
      ['agreements, party', 20],
      ['requests', 20],
    ]);
    expect(report.reconcile[0]).toMatchObject({
      found: { topicsMissing: 22, directives: 20, permissionsMissing: expect.any(Number) },
    });
    expect(report.reconcile[0]?.changes).toMatchObject({ 'Kafka CreateAcls': 1 });
    expect(report.reconcile[1]).toMatchObject({ found: {}, reported: 0 });
    expect(report.reconcile[2]).toMatchObject({ found: { usersMissing: 20 }, reported: 20 });
    expect(report.simulated).toMatchObject({ agreements: 300 });
    expect(report.grants).toHaveLength(1);
  }, 180_000);

  test('is told as a table and as one line of JSON, with every goal', () => {
    const told = JSON.parse(controlJson(report)) as { goals: unknown[]; http: unknown[]; failures: unknown[] };
    expect([told.goals.length, told.http.length, told.failures.length]).toEqual([9, 5, 0]);
    expect(controlTable(report)).toMatch(/search, p95 +<= 50\.0 ms/);
    expect(controlMarkdown(report)).toContain('| search, p95 | <= 50.0 ms |');
  });

  test('that could not take a figure says so, and holds no goal against it', () => {
    const failed: ControlReport = {
      ...report,
      http: [],
      reconcile: [],
      simulated: undefined,
      grants: [],
      failures: ['http: no'],
    };
    expect(goalsOf(failed)).toEqual([]);
    expect(controlTable(failed)).toContain('failed: http: no');
    expect(JSON.parse(controlJson(failed))).toMatchObject({ simulated: null, failures: ['http: no'] });
  });
});
