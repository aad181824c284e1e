/** One signed HTTP request (Standard Webhooks, specification 1.0.0) and what its answer means. */
import { createHmac } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { Agent, request as plainRequest } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import type { TrustedTargets } from './target-guard.ts';
import { forbiddenAddress, guardUrl } from './target-guard.ts';

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
  readonly trusted: TrustedTargets;
}

export type WebhookAnswer =
  /** 2xx. */
  | { readonly kind: 'taken'; readonly status: number }
  /** 410: the receiver wants no more. */
  | { readonly kind: 'gone'; readonly status: number }
  /** 413: the same again in smaller parts. */
  | { readonly kind: 'too-large'; readonly status: number }
  /** 400, 406, 415 or 422: the receiver will not take this content, however often it is sent. */
  | { readonly kind: 'refused'; readonly status: number }
  /** It may not be sent there at all. */
  | { readonly kind: 'forbidden'; readonly status?: undefined; readonly reason: string }
  /** Any other answer, or none (`status` undefined); `retryAfterMs` when the receiver asked for a wait. */
  | { readonly kind: 'again'; readonly status?: number; readonly reason: string; readonly retryAfterMs?: number };

/** RFC 9110, section 15.5: what is wrong with the content of a request, not with the receiver or its settings. */
const contentRefused: ReadonlySet<number> = new Set([400, 406, 415, 422]);
const answerBytesMax = 64 * 1024;
const retryAfterMsMax = 3_600_000;

/**
 * Sends once. Never throws; redirects are not followed, because the operator approved this URL and no other, and no connection is made to
 * an address that is not public unless the target is trusted.
 */
export async function sendWebhook(request: WebhookRequest): Promise<WebhookAnswer> {
  const guarded = guardUrl(request.url, request.trusted);
  if (!guarded.ok) return { kind: 'forbidden', reason: guarded.failure.message };
  const { url, lookup } = guarded.value;
  const timestamp = String(Math.floor(Date.now() / 1000));
  const options: RequestOptions = {
    method: 'POST',
    agent: url.protocol === 'https:' ? secureAgent : plainAgent,
    signal: AbortSignal.any([request.stopped, AbortSignal.timeout(request.timeoutMs)]),
    headers: {
      'content-type': request.contentType,
      'content-length': Buffer.byteLength(request.body),
      'user-agent': 'sluice-link',
      'webhook-id': request.id,
      'webhook-timestamp': timestamp,
      'webhook-signature': sign(request.secret, request.id, timestamp, request.body),
      ...(request.traceparent === undefined ? {} : { traceparent: request.traceparent }),
    },
    ...(lookup === undefined ? {} : { lookup }),
  };
  try {
    return meaningOf(await post(url, options, request.body));
  } catch (error) {
    const code = codeOf(error);
    return code === forbiddenAddress
      ? { kind: 'forbidden', reason: 'the name of the receiver leads to an address that is not public' }
      : { kind: 'again', reason: reasonOf(error, code) };
  }
}

/** Connections are kept for the next batch: they were made to an address that was looked at. */
const secureAgent = new SecureAgent({ keepAlive: true, maxSockets: 8 });
const plainAgent = new Agent({ keepAlive: true, maxSockets: 8 });

/** Resolves with the head of the answer once its body, or as much of it as is looked at, has been read away. */
function post(url: URL, options: RequestOptions, body: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? secureRequest : plainRequest;
    const request = send(url, options, (response) => {
      let bytes = 0;
      response.on('data', (part: Buffer) => {
        bytes += part.length;
        // A connection with so much left to read is not used again.
        if (bytes > answerBytesMax) response.destroy();
      });
      response.once('close', () => resolve(response));
      response.once('error', () => resolve(response));
    });
    request.once('error', reject);
    request.end(body);
  });
}

/** `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`. */
function sign(secret: KeyObject, id: string, timestamp: string, body: string): string {
  return `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`, 'utf8').digest('base64')}`;
}

function meaningOf({ statusCode: status = 0, headers }: IncomingMessage): WebhookAnswer {
  if (status >= 200 && status < 300) return { kind: 'taken', status };
  if (status === 410) return { kind: 'gone', status };
  if (status === 413) return { kind: 'too-large', status };
  if (contentRefused.has(status)) return { kind: 'refused', status };
  const reason = `the receiver answered ${status}`;
  const retryAfterMs = status === 429 || status === 503 ? parseRetryAfter(headers['retry-after'] ?? null) : undefined;
  return { kind: 'again', status, reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** RFC 9110, section 10.2.3: seconds or a date. */
function parseRetryAfter(text: string | null): number | undefined {
  if (text === null) return undefined;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) && ms >= 0 ? Math.min(ms, retryAfterMsMax) : undefined;
}

function codeOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** A code such as ECONNREFUSED or a time-out; never the URL, which may hold a token. */
function reasonOf(error: unknown, code: string | undefined): string {
  const cause = typeof error === 'object' && error !== null && 'cause' in error ? error.cause : undefined;
  if (cause instanceof DOMException && cause.name === 'TimeoutError') return 'the receiver did not answer in time';
  return `the receiver could not be reached${code === undefined ? '' : ` (${code})`}`;
}
