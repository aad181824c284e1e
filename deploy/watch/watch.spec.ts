/** The rules and the dashboard ask for figures and labels that the data plane has. */
import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { repositoryRoot } from '../../libs/adapters/local/index.ts';
import { labelNames, metricNames } from '../../libs/telemetry/index.ts';

const read = (file: string): string => readFileSync(path.join(repositoryRoot(), file), 'utf8');
const rulesFile = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^Sluice[A-Za-z]+$/),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+[ms]$/)
            .optional(),
          annotations: z.strictObject({ summary: z.string() }),
        }),
      ),
    }),
  ),
});
const dashboardFile = z.object({
  panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string(), legendFormat: z.string() })) })),
});

/** Names of the text format as the README of the data plane lists them, with what a histogram adds. */
const listed = [...read('apps/data-plane/README.md').matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, name = '']) => name);
const histogram = metricNames.transactionSeconds.replaceAll('.', '_');
const figures = new Set([...listed, `${histogram}_bucket`, `${histogram}_count`, `${histogram}_sum`]);
const labels = new Set<string>([...Object.values(labelNames), 'le']);

/** What an expression asks for that does not exist. */
function unknownIn(expression: string): string[] {
  const names = [...expression.matchAll(/\b(?:sluice|kafka)_[a-z_]+/g)].map(([name]) => name);
  const matched = [...expression.matchAll(/\{([^}]*)\}/g)].flatMap(([, inside = '']) =>
    [...inside.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
  );
  const grouped = [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, inside = '']) => inside.split(/,\s*/));
  return [
    ...(names.length === 0 ? ['no figure'] : names.filter((name) => !figures.has(name))),
    ...[...matched, ...grouped].filter((label) => !labels.has(label)),
  ];
}

describe('what operators watch with', () => {
  const { groups } = rulesFile.parse(parse(read('deploy/watch/prometheus-rules.yml')));
  const { panels } = dashboardFile.parse(JSON.parse(read('deploy/watch/grafana-dashboard.json')));
  const rules = groups.flatMap((group) => group.rules);
  const targets = panels.flatMap((panel) => panel.targets);

  test('asks for figures and labels that exist', () => {
    expect([rules.length > 0, targets.length > 0, listed.length > 0]).toEqual([true, true, true]);
    for (const { expr } of [...rules, ...targets]) expect([expr, unknownIn(expr)]).toEqual([expr, []]);
    const templates = [...rules.map(({ annotations }) => annotations.summary), ...targets.map((target) => target.legendFormat)];
    const named = templates.flatMap((text) =>
      [...text.matchAll(/\{\{ ?(?:\$labels\.)?([a-z_]+) ?\}\}/g)].map(([, name = '']) => name),
    );
    expect(named.filter((name) => !labels.has(name))).toEqual([]);
  });

  test('a figure or a label that does not exist is found', () => {
    expect(unknownIn('sum by (dataset) (sluice_partition{state="gap"})')).toEqual(['sluice_partition']);
    expect(unknownIn('sum by (feed) (sluice_partitions{state="gap"})')).toEqual(['feed']);
    expect(unknownIn('sluice_partitions{stage=~"gap"} > 0')).toEqual(['stage']);
    expect(unknownIn('up == 0')).toEqual(['no figure']);
  });
});
