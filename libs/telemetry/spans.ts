/** Spans of batches: joined to what produced the records by links, and to what leaves by a trace of its own. */
import type { Attributes, Span, SpanContext } from '@opentelemetry/api';
import { isSpanContextValid, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Failure } from '../base/index.ts';
import { attributeNames } from './names.ts';

/** Most links of one span: a batch of 10,000 records has as many contexts, and a few show the way. */
export const spanLinksMax = 16;

const tracer = () => trace.getTracer('sluice');

interface BatchSpan {
  readonly name: string;
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
  /** Contexts that records carried; duplicates are left out and `spanLinksMax` of the rest are linked. Not looked at when nothing is recorded. */
  readonly links?: Iterable<SpanContext | null>;
}

/** Starts the span of a batch as the root of its own trace, with a link to each distinct context. The caller ends it. */
export function startBatchSpan(options: BatchSpan): Span {
  const span = tracer().startSpan(options.name, {
    root: true,
    kind: options.kind ?? SpanKind.CONSUMER,
    ...(options.attributes === undefined ? {} : { attributes: options.attributes }),
  });
  if (span.isRecording()) for (const context of distinct(options.links ?? [])) span.addLink({ context });
  return span;
}

function distinct(contexts: Iterable<SpanContext | null>): Iterable<SpanContext> {
  const links = new Map<string, SpanContext>();
  for (const context of contexts) {
    if (links.size >= spanLinksMax) break;
    if (context !== null) links.set(context.traceId + context.spanId, context);
  }
  return links.values();
}

/**
 * Starts the span of one agreement's governed batch: a new trace that names neither its source nor its sisters, while `process` keeps
 * the link to it on our side. `context` goes into the governed records' headers; it is null when nothing is traced.
 */
export function startGovernedSpan(
  process: Span,
  name: string,
  attributes: Attributes,
): { span: Span; context: SpanContext | null } {
  const span = tracer().startSpan(name, { root: true, kind: SpanKind.PRODUCER, attributes });
  const context = span.spanContext();
  if (!isSpanContextValid(context)) return { span, context: null };
  process.addLink({ context });
  return { span, context };
}

/** Ends a span; a failure gives it an error status and the failure's code. Messages stay out: a code cannot hold a value. */
export function endSpan(span: Span, failure?: Failure): void {
  if (failure !== undefined) {
    span.setAttribute(attributeNames.errorType, failure.code);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}
