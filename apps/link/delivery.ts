/** What a mirror and a webhook delivery have in common: what they are given, what they report, when they wait. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SpanContext } from '@opentelemetry/api';
import type { Cluster, ReadRecord } from '../../libs/adapters/kafka/index.ts';
import type { Failure, Result } from '../../libs/base/index.ts';
import type { Directive, KeyOpener, WrappedKey } from '../../libs/catalog/index.ts';
import { deliveryContext } from '../../libs/catalog/index.ts';
import { readTraceparent } from '../../libs/telemetry/index.ts';
import type { Freshness } from './freshness.ts';
import type { TrustedTargets } from './target-guard.ts';

export interface DeliveryStatus {
  readonly agreement: string;
  readonly kind: 'mirror' | 'webhook';
  readonly state: 'running' | 'waiting' | 'stopped';
  /** Records taken by the platform since this process started. */
  readonly delivered: number;
  /** Offsets between the position and the end of the governed topic, transaction markers included. */
  readonly lagRecords: number;
  readonly lastError?: string;
}

/** Waiting times, milliseconds. */
export interface Pace {
  /** Longest wait of one poll of the governed topic. */
  readonly pollMs: number;
  readonly retryBaseMs: number;
  readonly retryCapMs: number;
  /** Longest wait before a failure that is not retriable is tried again: an operator may have repaired it. */
  readonly brokenCapMs: number;
  /** One HTTP attempt, answer included. */
  readonly requestTimeoutMs: number;
  /** Positions are committed again this often without any record, because Kafka forgets those of an idle group after seven days. */
  readonly recommitMs: number;
  /** Nothing leaves under directives that were asked for longer ago; it waits until they are known to be current. */
  readonly directiveAgeMsMax: number;
  /** Without directives for this long deliveries end, and begin again with the next. */
  readonly directivesStaleMs: number;
}

export const pace: Pace = {
  pollMs: 500,
  retryBaseMs: 500,
  retryCapMs: 30_000,
  brokenCapMs: 300_000,
  requestTimeoutMs: 15_000,
  recommitMs: 6 * 3_600_000,
  directiveAgeMsMax: 3_000,
  directivesStaleMs: 30_000,
};

/** What one run of a delivery works with. */
export interface DeliveryContext {
  /** Sluice's own cluster. */
  readonly source: Cluster;
  readonly vault: KeyOpener;
  readonly directive: Directive;
  readonly pace: Pace;
  /** Aborted when the delivery must end at once. */
  readonly stopped: AbortSignal;
  /** Asked before anything leaves. */
  readonly fresh: Freshness;
  /** Records that the platform now has. */
  readonly delivered: (count: number) => void;
  readonly lag: (records: number) => void;
  readonly trusted: TrustedTargets;
  readonly log: (sentence: string) => void;
}

/** `gone`: the receiver wants no more until the agreement changes. */
export type DeliveryEnd = 'stopped' | 'gone';

/** Runs until it ends or until something fails; whoever runs it decides when to run it again, from the committed position. */
export type RunDelivery = (context: DeliveryContext) => Promise<Result<DeliveryEnd>>;

/** The context that a platform's password or secret is wrapped for. */

export function openSecret(context: DeliveryContext, wrapped: WrappedKey): Promise<Result<Uint8Array>> {
  return context.vault.unwrap(wrapped, deliveryContext(context.directive.agreement));
}

/** Records by partition, order kept. */
export function byPartition(records: readonly ReadRecord[]): Map<number, ReadRecord[]> {
  const groups = new Map<number, ReadRecord[]>();
  for (const record of records) {
    const group = groups.get(record.partition);
    if (group === undefined) groups.set(record.partition, [record]);
    else group.push(record);
  }
  return groups;
}

/** The trace contexts that records carry, read one by one as they are asked for. */
export function* contextsOf(records: readonly ReadRecord[]): Generator<SpanContext | null> {
  for (const record of records) yield readTraceparent(record.headers);
}

/** Exponential with full jitter: between nothing and base * 2^attempt, at most the cap. */
export function backOffMs(attempt: number, baseMs: number, capMs: number): number {
  return Math.floor(Math.random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30)));
}

/** The wait before a delivery that failed runs again. */
export function restartMs(failure: Failure, attempt: number, { retryBaseMs, retryCapMs, brokenCapMs }: Pace): number {
  const capMs = failure.retriable ? retryCapMs : brokenCapMs;
  return Math.max(Math.min(retryBaseMs, capMs), backOffMs(attempt, retryBaseMs, capMs));
}

/** Sleeps, or ends early when stopped. */
export async function pause(ms: number, stopped: AbortSignal): Promise<void> {
  if (stopped.aborted) return;
  await sleep(ms, undefined, { signal: stopped }).catch(() => undefined);
}
