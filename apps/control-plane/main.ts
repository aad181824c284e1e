/** The control plane as a process of its own. */
import { startTelemetry } from '../../libs/telemetry/index.ts';
import { readConfig, readOtlpEndpoint } from './config.ts';
import { startControlPlane } from './start.ts';

const config = readConfig(process.env);
if (!config.ok) exit(config.failure.message);
const telemetry = await startTelemetry({ serviceName: 'sluice-control-plane', ...readOtlpEndpoint(process.env) });
if (!telemetry.ok) exit(telemetry.failure.message);
const started = await startControlPlane(config.value);
if (!started.ok) exit(started.failure.message);

let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping) return;
    stopping = true;
    void started.value
      .stop()
      .then(() => telemetry.value.shutdown())
      .then(() => process.exit(0));
  });
}

function exit(sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}
