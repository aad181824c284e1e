/** Link as a process of its own. Ends with exit code 1 and one sentence when it cannot start. */
import 'reflect-metadata';
import { openChecker, openVault } from '../../libs/adapters/kms/index.ts';
import { FailureError, oncePerMinute, unwrap } from '../../libs/base/index.ts';
import { startTelemetry } from '../../libs/telemetry/index.ts';
import { readSettings } from './config.ts';
import type { Link } from './start.ts';
import { startLink } from './start.ts';

async function main(): Promise<void> {
  const settings = unwrap(readSettings(process.env));
  const { otlpEndpoint } = settings;
  const telemetry = unwrap(
    await startTelemetry({ serviceName: 'sluice-link', ...(otlpEndpoint === undefined ? {} : { endpoint: otlpEndpoint }) }),
  );
  const vault = unwrap(await openVault(settings.vault));
  const checker = unwrap(await openChecker(settings.vault));
  const kafka = {
    brokers: settings.brokers,
    clientId: 'sluice-link',
    tls: settings.tls,
    ...(settings.sasl === undefined ? {} : { sasl: settings.sasl }),
  };
  const log = (sentence: string): void => void process.stdout.write(`${new Date().toISOString()} ${sentence}\n`);
  const running: { link?: Link } = {};
  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    // What has not started has nothing to finish.
    if (running.link !== undefined) {
      await running.link.stop();
      await telemetry.shutdown();
    }
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop());
  const link = unwrap(
    await startLink({
      kafka,
      vault,
      checker,
      log,
      waits: oncePerMinute(log),
      listen: settings.listen,
      trusted: settings.trusted,
      streamsOpenMax: settings.streamsOpenMax,
      streamsPerAccountMax: settings.streamsPerAccountMax,
    }),
  );
  running.link = link;
  log(`Link serves streams at ${link.address}/v1/streams, its status at ${link.address}/status.`);
}

main().catch((error: unknown) => {
  if (!(error instanceof FailureError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
