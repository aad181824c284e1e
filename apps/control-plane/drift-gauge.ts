/** How far Kafka was from what the database wants when they were last compared, as a metric to be alarmed on. */
import { metrics } from '@opentelemetry/api';

import type { ReconciliationReport } from '../../libs/adapters/postgres/index.ts';
import { labelNames, metricNames } from '../../libs/telemetry/index.ts';

/** What a comparison counts differences of, as its report names them. */
export const driftKinds = [
  'unfinishedCredentials',
  'permissionsTooMany',
  'usersTooMany',
  'permissionsMissing',
  'usersMissing',
  'quotas',
  'topicsMissing',
  'directives',
] as const;

export type DriftKind = (typeof driftKinds)[number];

/** Telemetry has to be started before. Each kind has a value from the first comparison on, and `reported` counts what only people can mend. */
export function driftGauge(): (report: Pick<ReconciliationReport, 'found' | 'reported'>) => void {
  const gauge = metrics.getMeter('sluice').createGauge(metricNames.reconcileDrift, {
    description: 'Differences between Kafka and the database at the last comparison',
  });
  return ({ found, reported }) => {
    for (const kind of driftKinds) gauge.record(found[kind] ?? 0, { [labelNames.kind]: kind });
    gauge.record(reported.length, { [labelNames.kind]: 'reported' });
  };
}
