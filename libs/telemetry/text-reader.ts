/** Metrics as text, for a Prometheus that asks for them. The role that has a port answers; nothing listens here. */
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MetricReader } from '@opentelemetry/sdk-metrics';

/** Series of one instrument before the rest of them is added up in one that is marked `otel_metric_overflow`. */
export const seriesMax = 20_000;

/** What `text` answers. Source: Prometheus, "Exposition formats", text format version 0.0.4. */
export const metricsTextType = 'text/plain; version=0.0.4; charset=utf-8';

export class TextReader extends MetricReader {
  // Names of ours say which room they are of, and the Prometheus that asks knows whom it asked.
  readonly #serializer = new PrometheusSerializer('', false, undefined, true, true);

  constructor() {
    super({ cardinalitySelector: () => seriesMax });
  }

  /** Every figure as it is now, in the text format of Prometheus. A gauge that cannot be read is left out. */
  async text(): Promise<string> {
    const { resourceMetrics } = await this.collect();
    return `${this.#serializer.serialize(resourceMetrics).trimEnd()}\n`;
  }

  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }

  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
}
