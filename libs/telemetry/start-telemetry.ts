/** OpenTelemetry for one process. Only apps call this, once. */
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { fail, ok } from '../base/index.ts';
import type { Result } from '../base/index.ts';

export interface Telemetry {
  /** Sends what is still held, within some seconds, and stops. Never throws: an unreachable collector must not stop a role from ending. */
  shutdown(): Promise<void>;
}

interface TelemetryOptions {
  readonly serviceName: string;
  /** Base URL of an OTLP collector over HTTP with protobuf (`OTEL_EXPORTER_OTLP_ENDPOINT`). Absent: nothing is traced or sent. */
  readonly endpoint?: string;
}

const exportTimeoutMs = 5_000;
const metricIntervalMs = 10_000;

/**
 * Registers the tracer and meter. Nothing instruments libraries by itself, and no detector describes the host or the command line:
 * spans are made by hand where they mean something, and a command line may hold a secret.
 */
export function startTelemetry(options: TelemetryOptions): Result<Telemetry> {
  if (options.endpoint === undefined) return ok({ shutdown: () => Promise.resolve() });
  if (!URL.canParse(options.endpoint) || !/^https?:$/.test(new URL(options.endpoint).protocol)) {
    return fail('config-invalid', 'OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https URL');
  }
  const base = options.endpoint.replace(/\/+$/, '');
  const sdk = new NodeSDK({
    serviceName: options.serviceName,
    autoDetectResources: false,
    instrumentations: [],
    logRecordProcessors: [],
    // Contexts are read and written by `traceparent.ts`, where the records are.
    textMapPropagator: null,
    traceExporter: new OTLPTraceExporter({ url: `${base}/v1/traces`, timeoutMillis: exportTimeoutMs }),
    metricReaders: [
      new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter({ url: `${base}/v1/metrics`, timeoutMillis: exportTimeoutMs }),
        exportIntervalMillis: metricIntervalMs,
        exportTimeoutMillis: exportTimeoutMs,
      }),
    ],
  });
  sdk.start();
  return ok({ shutdown: () => sdk.shutdown().catch(() => undefined) });
}
