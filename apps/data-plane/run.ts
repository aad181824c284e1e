/** The data plane at work in a process of its own: waits for its broker, governs, serves its health, and ends on a signal. */
import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitForBroker } from '../../libs/adapters/kafka/index.ts';
import { openChecker, openVault } from '../../libs/adapters/kms/index.ts';
import { isPortFree } from '../../libs/adapters/local/index.ts';
import { RegistryClient } from '../../libs/adapters/registry/index.ts';
import { FailureError, fail, oncePerMinute, unwrap } from '../../libs/base/index.ts';
import { startTelemetry } from '../../libs/telemetry/index.ts';
import { readSettings } from './config.ts';
import type { FeedStatus } from './feed-status.ts';
import type { DataPlane } from './start.ts';
import { startDataPlane } from './start.ts';
import { StartingPlane } from './starting-plane.ts';

/** How long the first records go before the loading of the HTTP server, milliseconds: on a busy machine that takes as long as they do. */
const firstRecordsMs = 2_000;

/** Resolves when it serves its health; throws a FailureError when it cannot start. */
export async function runDataPlane(environment: Readonly<Record<string, string | undefined>>): Promise<void> {
  const settings = unwrap(readSettings(environment));
  const { kafka, instance, guarantee, otlpEndpoint, lagSecondsMax } = settings;
  if (!(await isPortFree(settings.port))) {
    const sentence = `port ${settings.port} is in use by another program; stop it, or set SLUICE_HEALTH_PORT to another port`;
    throw new FailureError(fail('port-busy', sentence).failure);
  }
  const telemetry = unwrap(
    await startTelemetry({
      serviceName: 'sluice-data-plane',
      metricsText: true,
      ...(otlpEndpoint === undefined ? {} : { endpoint: otlpEndpoint }),
    }),
  );
  const vault = unwrap(await openVault(settings.vault));
  const checker = unwrap(await openChecker(settings.vault));
  const log = (sentence: string): void => void process.stdout.write(`${new Date().toISOString()} ${sentence}\n`);
  const report = oncePerMinute(log);
  const shown = new StartingPlane();
  let stopHealth = (): Promise<void> => Promise.resolve();
  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    // What has not started has nothing to finish.
    if (shown.plane !== undefined) {
      await shown.plane.stop();
      await stopHealth();
      await telemetry.shutdown();
    }
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop());
  const config = {
    kafka,
    vault,
    checker,
    registry: new RegistryClient(settings.registry),
    instance,
    guarantee,
    readiness: lagSecondsMax === undefined ? {} : { lagSecondsMax },
    report,
  };
  const starting = waitForBroker(
    () => startDataPlane(config),
    (failure) => {
      shown.wait(failure);
      report(failure);
    },
  ).then((started) => {
    if (!started.ok) return started;
    shown.plane = started.value;
    log(`The data plane has started, ${Math.round(performance.now())} ms after its process.`);
    return started;
  });
  const first = await Promise.race([starting, shown.waits]);
  if (first !== undefined) await firstRecords(unwrap(first));
  const { serveHealth } = await import('./serve-health.ts');
  const health = await serveHealth(shown, telemetry, settings);
  stopHealth = health.stop;
  log(`The data plane serves its health at ${health.url}/ready.`);
  unwrap(await starting);
}

/** Resolves once every feed has committed a transaction and is behind with nothing, and after `firstRecordsMs` in any case. */
async function firstRecords(plane: DataPlane): Promise<void> {
  const deadlineMs = performance.now() + firstRecordsMs;
  const isBehind = ({ transactions, lagRecords }: FeedStatus): boolean => transactions === 0 || lagRecords > 0;
  while (performance.now() < deadlineMs && plane.status().some(isBehind)) await sleep(20);
}
