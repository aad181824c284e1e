/** W3C trace contexts in Kafka headers and HTTP requests. */
import type { SpanContext } from '@opentelemetry/api';
import { headerNames } from './names.ts';

/** Kafka headers as the record path has them: names may repeat, values are bytes. */
export type KafkaHeaders = readonly (readonly [string, Uint8Array])[];

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const traceparentBytesMax = 256;

/** Version 00 of the header (section 3.2 of the recommendation): 55 characters. */
export function formatTraceparent(context: SpanContext): string {
  return `00-${context.traceId}-${context.spanId}-${(context.traceFlags & 0xff).toString(16).padStart(2, '0')}`;
}

/** The context of a header's text; null for anything malformed, as a receiver must restart the trace then. */
export function parseTraceparent(text: string): SpanContext | null {
  const match = pattern.exec(text);
  if (match === null) return null;
  const [, version = '', traceId = '', spanId = '', flags = ''] = match;
  if (version === 'ff' || (version === '00' && text.length !== 55)) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}

/** The context that a record carries, or null. */
export function readTraceparent(headers: KafkaHeaders): SpanContext | null {
  const value = headers.find(([name]) => name === headerNames.traceparent)?.[1];
  if (value === undefined || value.length > traceparentBytesMax) return null;
  return parseTraceparent(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1'));
}

/** The headers with this context in the place of any other. */
export function writeTraceparent(headers: KafkaHeaders, context: SpanContext): [string, Uint8Array][] {
  const others = headers
    .filter(([name]) => name !== headerNames.traceparent)
    .map(([name, value]): [string, Uint8Array] => [name, value]);
  return [...others, [headerNames.traceparent, Buffer.from(formatTraceparent(context), 'latin1')]];
}
