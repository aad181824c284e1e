/** OpenTelemetry for one process. Only apps call this, once. */
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { metrics, trace } from '@opentelemetry/api';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { fail, ok } from '../base/index.ts';
import type { Result } from '../base/index.ts';
import { seriesMax, TextReader } from './text-reader.ts';

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

const exportTimeoutMs = 5_000;
const metricIntervalMs = 10_000;

/**
 * Registers the tracer and meter. Nothing instruments libraries by itself, and no detector describes the host or the command line:
 * spans are made by hand where they mean something, and a command line may hold a secret.
 */
export function startTelemetry(options: TelemetryOptions): Result<Telemetry> {
  const reader = options.metricsText === true ? new TextReader() : undefined;
  const metricsText = (): Promise<string> => reader?.text() ?? Promise.resolve('');
  if (options.endpoint === undefined) return ok({ metricsText, shutdown: measureAlone(reader) });
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
        cardinalityLimits: { default: seriesMax },
      }),
      ...(reader === undefined ? [] : [reader]),
    ],
  });
  sdk.start();
  return ok({
    metricsText,
    shutdown: async () => {
      await sdk.shutdown().catch(() => undefined);
      // Left registered, what has ended would be in the way of what another start registers.
      trace.disable();
      metrics.disable();
    },
  });
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
