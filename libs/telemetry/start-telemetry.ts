/** OpenTelemetry for one process. Only apps call this, once. */
import { metrics } from '@opentelemetry/api';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { fail, ok } from '../base/index.ts';
import type { Result } from '../base/index.ts';
import { TextReader } from './text-reader.ts';

export interface Telemetry {
  /** Sends what is still held, within some seconds, and stops. Never throws: an unreachable collector must not stop a role from ending. */
  shutdown(): Promise<void>;
  /** Every metric of the process as it is now, for Prometheus (`metricsTextType`). Empty unless `metricsText` was asked for. */
  metricsText(): Promise<string>;
}

interface TelemetryOptions {
  readonly serviceName: string;
  /** Base URL of an OTLP collector over HTTP with protobuf (`OTEL_EXPORTER_OTLP_ENDPOINT`). Absent: nothing is traced or sent. */
  readonly endpoint?: string;
  /** Whether `metricsText` will be asked for; it needs no collector. */
  readonly metricsText?: boolean;
}

/**
 * Registers the tracer and meter. Nothing instruments libraries by itself, and no detector describes the host or the command line:
 * spans are made by hand where they mean something, and a command line may hold a secret.
 */
export async function startTelemetry(options: TelemetryOptions): Promise<Result<Telemetry>> {
  const reader = options.metricsText === true ? new TextReader() : undefined;
  const metricsText = (): Promise<string> => reader?.text() ?? Promise.resolve('');
  if (options.endpoint === undefined) return ok({ metricsText, shutdown: measureAlone(reader) });
  if (!URL.canParse(options.endpoint) || !/^https?:$/.test(new URL(options.endpoint).protocol)) {
    return fail('config-invalid', 'OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https URL');
  }
  // Loaded where it is used: what sends is a fifth of all that a role would load, and a role that was killed is to be back soon.
  const { sendTelemetry } = await import('./send-telemetry.ts');
  const readers = reader === undefined ? [] : [reader];
  return ok({ metricsText, shutdown: sendTelemetry(options.serviceName, options.endpoint, readers) });
}

/** A meter without a collector: nothing leaves the process but what is asked of it. What is given back ends it. */
function measureAlone(reader: TextReader | undefined): () => Promise<void> {
  if (reader === undefined) return () => Promise.resolve();
  const provider = new MeterProvider({ readers: [reader] });
  metrics.setGlobalMeterProvider(provider);
  return async () => {
    metrics.disable();
    await provider.shutdown().catch(() => undefined);
  };
}
