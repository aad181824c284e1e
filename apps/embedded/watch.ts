/** Gathers what the terminal shows: totals from Receipts, lag from the data plane, deliveries from link and from the demo's receivers. */
import type { Demo } from '../../deploy/local/demo/index.ts';
import type { DeliveredCounts } from './delivered-counts.ts';
import type { ReceiptTotals } from './receipt-totals.ts';
import type { Roles } from './roles.ts';
import type { AgreementRow, Example, Snapshot } from './screen/snapshot.ts';

export interface Watched {
  readonly roles: Roles;
  readonly totals: ReceiptTotals;
  readonly delivered: DeliveredCounts;
  readonly demo?: Demo | undefined;
  readonly example?: Example | undefined;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

/** What is so now. Also tells `delivered` the newest counts. */
export function takeSnapshot(watched: Watched): Snapshot {
  const { roles, totals, delivered, demo, example, startedAt } = watched;
  const now = Date.now();
  const deliveries = new Map(roles.link.status().map((status) => [status.agreement, status]));
  const receivers = new Map((demo?.platforms() ?? []).map((receiver) => [receiver.agreement as string, receiver]));
  const feeds = new Map(roles.dataPlane.status().map((feed) => [feed.dataset, feed]));
  for (const { agreement, delivered: count } of deliveries.values()) delivered.tell(agreement, count);
  for (const { agreement, kind, received } of receivers.values()) {
    if (kind === 'kafka' && received !== undefined) delivered.tell(agreement, received.received);
  }
  const rows = totals.totals().map((total): AgreementRow => {
    const receiver = receivers.get(total.agreement);
    const kind = deliveries.get(total.agreement)?.kind ?? 'kafka';
    const count = delivered.of(total.agreement);
    const lag = lagSeconds(feeds.get(total.dataset)?.lagSeconds, total.governed, count, receiver?.received?.newestMs, now);
    return {
      ...total,
      to: `${receiver?.assignee ?? 'its subscriber'} by ${kind === 'kafka' ? 'Kafka' : kind}`,
      ...(count === undefined ? {} : { delivered: count }),
      ...(lag === undefined ? {} : { lagSeconds: lag }),
    };
  });
  const waiting = [...deliveries.values()].find(({ state }) => state === 'waiting');
  return {
    upSeconds: (now - startedAt) / 1000,
    rows: rows.sort((a, b) => (a.agreement < b.agreement ? -1 : 1)),
    ...(example === undefined ? {} : { example }),
    ...(waiting === undefined
      ? {}
      : { activity: `delivery of ${waiting.agreement} waits: ${waiting.lastError ?? 'the platform does not answer'}` }),
  };
}

/**
 * Seconds that the agreement is behind: of the data plane behind the feed, or of the receiver behind the governed stream, whichever is
 * more. A receiver that has everything is not behind, however old its newest record is.
 */
export function lagSeconds(
  feedLag: number | undefined,
  governed: number,
  delivered: number | undefined,
  newestMs: number | undefined,
  now: number,
): number | undefined {
  if (feedLag === undefined) return undefined;
  const isBehind = delivered !== undefined && delivered < governed && newestMs !== undefined;
  return Math.max(feedLag, isBehind ? (now - newestMs) / 1000 : 0);
}
