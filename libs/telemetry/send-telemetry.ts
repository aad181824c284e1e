/** Spans and metrics to an OTLP collector over HTTP with protobuf. Its libraries are many and slow to load: only a start with a collector imports it. */
import { metrics, trace } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { MetricReader } from '@opentelemetry/sdk-metrics';
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { seriesMax } from './text-reader.ts';

const exportTimeoutMs = 5_000;
const metricIntervalMs = 10_000;

/** Registers the tracer and the meter of the process, `readers` included. `endpoint` is the collector's base URL. What is given back ends it. */
export function sendTelemetry(serviceName: string, endpoint: string, readers: readonly MetricReader[]): () => Promise<void> {
  const base = endpoint.replace(/\/+$/, '');
  const sdk = new NodeSDK({
    serviceName,
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
      ...readers,
    ],
  });
  sdk.start();
  return async () => {
    await sdk.shutdown().catch(() => undefined);
    // Left registered, what has ended would be in the way of what another start registers.
    trace.disable();
    metrics.disable();
  };
}
