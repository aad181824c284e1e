/** Drift as a metric: every kind has a value, and one that is gone is 0 again. */
import { expect, test } from '@jest/globals';

import { unwrap } from '../../libs/base/index.ts';
import { startTelemetry } from '../../libs/telemetry/index.ts';
import { driftGauge, driftKinds } from './drift-gauge.ts';

test('each comparison sets every kind, so that what was mended is 0 again', async () => {
  const telemetry = unwrap(await startTelemetry({ serviceName: 'drift', metricsText: true }));
  const values = async (): Promise<Map<string, number>> => {
    const text = await telemetry.metricsText();
    return new Map(
      [...text.matchAll(/^sluice_reconcile_drift\{kind="(\w+)"\} (\d+)$/gm)].map(([, kind, value]) => [
        kind ?? '',
        Number(value),
      ]),
    );
  };
  const tell = driftGauge();
  tell({ found: { usersTooMany: 3, directives: 1 }, reported: ['an account is no Kafka user'] });
  expect(await values()).toEqual(
    new Map([
      ...driftKinds.map((kind) => [kind, kind === 'usersTooMany' ? 3 : kind === 'directives' ? 1 : 0] as const),
      ['reported', 1],
    ]),
  );
  tell({ found: {}, reported: [] });
  expect([...(await values()).values()]).toEqual([...driftKinds, 'reported'].map(() => 0));
  await telemetry.shutdown();
});
