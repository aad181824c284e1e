/** The span of one intake: a child of the caller's trace when there is one. Its context goes into every record's headers. */
import { context, isSpanContextValid, SpanKind, trace } from '@opentelemetry/api';

import type { Result } from '../../../libs/base/index.ts';
import { attributeNames, endSpan, parseTraceparent, spanNames, writeTraceparent } from '../../../libs/telemetry/index.ts';

/** @param traceparent the caller's W3C header, or null for a trace of its own. */
export async function traced<T>(
  dataset: string,
  traceparent: string | null,
  work: (headers: [string, Uint8Array][]) => Promise<Result<T>>,
): Promise<Result<T>> {
  const remote = traceparent === null ? null : parseTraceparent(traceparent);
  const parent = remote === null ? context.active() : trace.setSpanContext(context.active(), remote);
  const attributes = { [attributeNames.dataset]: dataset };
  const span = trace.getTracer('sluice').startSpan(spanNames.intake, { kind: SpanKind.PRODUCER, attributes }, parent);
  const own = span.spanContext();
  try {
    const done = await work(isSpanContextValid(own) ? writeTraceparent([], own) : []);
    endSpan(span, done.ok ? undefined : done.failure);
    return done;
  } catch (error) {
    span.end();
    throw error;
  }
}
