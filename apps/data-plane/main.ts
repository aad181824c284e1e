/** The data plane as a process of its own, or with `replay` one redrive of it. Ends with exit code 1 and one sentence when it cannot start. */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { openChecker, openVault } from '../../libs/adapters/kms/index.ts';
import { isPortFree } from '../../libs/adapters/local/index.ts';
import { RegistryClient } from '../../libs/adapters/registry/index.ts';
import type { Failure } from '../../libs/base/index.ts';
import { FailureError, fail, unwrap } from '../../libs/base/index.ts';
import { startTelemetry } from '../../libs/telemetry/index.ts';
import { HealthModule } from './app.module.ts';
import { readSettings } from './config.ts';
import { runReplay } from './replay/run-replay.ts';
import { startDataPlane } from './start.ts';

async function main(): Promise<void> {
  const settings = unwrap(readSettings(process.env));
  const { kafka, instance, guarantee, otlpEndpoint, lagSecondsMax } = settings;
  if (!(await isPortFree(settings.port))) {
    const sentence = `port ${settings.port} is in use by another program; stop it, or set SLUICE_HEALTH_PORT to another port`;
    throw new FailureError(fail('port-busy', sentence).failure);
  }
  const telemetry = unwrap(
    startTelemetry({
      serviceName: 'sluice-data-plane',
      metricsText: true,
      ...(otlpEndpoint === undefined ? {} : { endpoint: otlpEndpoint }),
    }),
  );
  const vault = unwrap(await openVault(settings.vault));
  const checker = unwrap(await openChecker(settings.vault));
  const log = (sentence: string): void => void process.stdout.write(`${new Date().toISOString()} ${sentence}\n`);
  const plane = unwrap(
    await startDataPlane({
      kafka,
      vault,
      checker,
      registry: new RegistryClient(settings.registry),
      instance,
      guarantee,
      readiness: lagSecondsMax === undefined ? {} : { lagSecondsMax },
      report: oncePerMinute(log),
    }),
  );
  const app = await NestFactory.create(HealthModule.with(plane, telemetry), new FastifyAdapter(), { logger: ['error', 'warn'] });
  await app.listen(settings.port, settings.host);
  log(`The data plane serves its health at ${await app.getUrl()}/ready.`);
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      void plane
        .stop()
        .then(() => app.close())
        .then(() => telemetry.shutdown())
        .then(() => process.exit(0));
    });
  }
}

/** What goes on failing is tried again and again: the same sentence is written once a minute. */
function oncePerMinute(log: (sentence: string) => void): (failure: Failure) => void {
  const told = new Map<string, number>();
  return ({ code, message }) => {
    const sentence = `${code}: ${message}`;
    const now = performance.now();
    for (const [known, at] of told) if (now - at > 60_000) told.delete(known);
    if (told.has(sentence)) return;
    told.set(sentence, now);
    log(sentence);
  };
}

const [command, ...args] = process.argv.slice(2);

(command === 'replay' ? runReplay(args) : main()).catch((error: unknown) => {
  if (!(error instanceof FailureError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
