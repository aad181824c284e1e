/** One signed HTTP request (Standard Webhooks, specification 1.0.0) and what its answer means. */
import { createHmac } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

export interface WebhookRequest {
  /** An http or https URL that the operator approved with the agreement. */
  readonly url: string;
  /** The same for every attempt at the same batch. */
  readonly id: string;
  readonly contentType: string;
  readonly body: string;
  readonly secret: KeyObject;
  readonly traceparent?: string;
  readonly timeoutMs: number;
  readonly stopped: AbortSignal;
}

export type WebhookAnswer =
  /** 2xx. */
  | { readonly kind: 'taken'; readonly status: number }
  /** 410: the receiver wants no more. */
  | { readonly kind: 'gone'; readonly status: number }
  /** 413: the same again in smaller parts. */
  | { readonly kind: 'too-large'; readonly status: number }
  /** Any other answer, or none (`status` undefined); `retryAfterMs` when the receiver asked for a wait. */
  | { readonly kind: 'again'; readonly status?: number; readonly reason: string; readonly retryAfterMs?: number };

const answerBytesMax = 64 * 1024;
const retryAfterMsMax = 3_600_000;

/** Sends once. Never throws; redirects are not followed, because the operator approved this URL and no other. */
export async function sendWebhook(request: WebhookRequest): Promise<WebhookAnswer> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  try {
    const response = await fetch(request.url, {
      method: 'POST',
      redirect: 'manual',
      signal: AbortSignal.any([request.stopped, AbortSignal.timeout(request.timeoutMs)]),
      headers: {
        'content-type': request.contentType,
        'user-agent': 'sluice-link',
        'webhook-id': request.id,
        'webhook-timestamp': timestamp,
        'webhook-signature': sign(request.secret, request.id, timestamp, request.body),
        ...(request.traceparent === undefined ? {} : { traceparent: request.traceparent }),
      },
      body: request.body,
    });
    await discardBody(response);
    return meaningOf(response);
  } catch (error) {
    return { kind: 'again', reason: reasonOf(error) };
  }
}

/** `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`. */
function sign(secret: KeyObject, id: string, timestamp: string, body: string): string {
  return `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`, 'utf8').digest('base64')}`;
}

function meaningOf({ status, headers }: Response): WebhookAnswer {
  if (status >= 200 && status < 300) return { kind: 'taken', status };
  if (status === 410) return { kind: 'gone', status };
  if (status === 413) return { kind: 'too-large', status };
  const reason = `the receiver answered ${status}`;
  const retryAfterMs = status === 429 || status === 503 ? parseRetryAfter(headers.get('retry-after')) : undefined;
  return { kind: 'again', status, reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** RFC 9110, section 10.2.3: seconds or a date. */
function parseRetryAfter(text: string | null): number | undefined {
  if (text === null) return undefined;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) && ms >= 0 ? Math.min(ms, retryAfterMsMax) : undefined;
}

/** Reads a short answer to its end, so that the connection can be used again, and drops a long one. */
async function discardBody({ body }: Response): Promise<void> {
  if (body === null) return;
  const reader = body.getReader();
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    bytes += value.byteLength;
    if (bytes > answerBytesMax) {
      await reader.cancel();
      return;
    }
  }
}

/** A code such as ECONNREFUSED or a time-out; never the URL, which may hold a token. */
function reasonOf(error: unknown): string {
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'the receiver did not answer in time';
  const cause = typeof error === 'object' && error !== null && 'cause' in error ? error.cause : undefined;
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  return `the receiver could not be reached${typeof code === 'string' ? ` (${code})` : ''}`;
}
