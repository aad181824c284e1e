/** Link as a process of its own. Ends with exit code 1 and one sentence when it cannot start. */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { LocalFileVault } from '../../libs/adapters/kms/index.ts';
import { isPortFree } from '../../libs/adapters/local/index.ts';
import { FailureError, fail, unwrap } from '../../libs/base/index.ts';
import { startTelemetry } from '../../libs/telemetry/index.ts';
import { AppModule } from './app.module.ts';
import { readSettings } from './config.ts';
import { startLink } from './start.ts';

async function main(): Promise<void> {
  const settings = unwrap(readSettings(process.env));
  const { otlpEndpoint } = settings;
  if (!(await isPortFree(settings.port))) {
    const sentence = `port ${settings.port} is in use by another program; stop it, or set SLUICE_HEALTH_PORT to another port`;
    throw new FailureError(fail('port-busy', sentence).failure);
  }
  const telemetry = unwrap(
    startTelemetry({ serviceName: 'sluice-link', ...(otlpEndpoint === undefined ? {} : { endpoint: otlpEndpoint }) }),
  );
  const vault = unwrap(await LocalFileVault.open(settings.kmsKeyFile));
  const kafka = {
    brokers: settings.brokers,
    clientId: 'sluice-link',
    tls: settings.tls,
    ...(settings.sasl === undefined ? {} : { sasl: settings.sasl }),
  };
  const log = (sentence: string): void => void process.stdout.write(`${new Date().toISOString()} ${sentence}\n`);
  const link = unwrap(await startLink({ kafka, vault, log }));
  const app = await NestFactory.create(AppModule.with(link), new FastifyAdapter(), { logger: ['error', 'warn'] });
  await app.listen(settings.port, settings.host);
  const stop = async (): Promise<void> => {
    await app.close();
    await telemetry.shutdown();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());
  log(`Link serves its status at ${await app.getUrl()}/status.`);
}

main().catch((error: unknown) => {
  if (!(error instanceof FailureError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
