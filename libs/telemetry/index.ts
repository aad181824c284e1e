export { attributeNames, headerNames, labelNames, metricNames, spanNames } from './names.ts';
export { endSpan, spanLinksMax, startBatchSpan, startGovernedSpan } from './spans.ts';
export type { Telemetry } from './start-telemetry.ts';
export { startTelemetry } from './start-telemetry.ts';
export { metricsTextType } from './text-reader.ts';
export type { KafkaHeaders } from './traceparent.ts';
export { formatTraceparent, parseTraceparent, readTraceparent, writeTraceparent } from './traceparent.ts';
