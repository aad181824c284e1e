/** Whether a data plane does its work, and if not, why. Pure: it judges what it is shown. */
import type { ReadinessLimits } from './config.ts';
import type { FeedView } from './feed-status.ts';

interface UnreadyReason {
  readonly reason:
    | 'not-started'
    | 'directives-stale'
    | 'keys-unopened'
    | 'feed-failing'
    | 'not-assigned'
    | 'not-polling'
    | 'lag-above-objective';
  /** Absent where it concerns every feed. */
  readonly dataset?: string;
  readonly detail: string;
}

export interface Readiness {
  /** Empty when ready. */
  readonly reasons: readonly UnreadyReason[];
  /** Datasets of which others of the group have every partition: this process waits to take over. */
  readonly standby: readonly string[];
  /** Partitions that wait until the topics that their records go to have them: no reason to start the process again. */
  readonly waiting: readonly { readonly dataset: string; readonly partitions: readonly number[] }[];
}

export interface ReadinessLook {
  readonly feeds: readonly FeedView[];
  readonly directiveAgeMs: number;
  /** Started agreements whose data keys the key service has not opened; none unless given. */
  readonly keylessCount?: number;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}

export function judgeReadiness(
  { feeds, directiveAgeMs, keylessCount = 0, nowMs }: ReadinessLook,
  limits: ReadinessLimits & { readonly directiveAgeMsMax: number },
): Readiness {
  const stale: UnreadyReason[] =
    directiveAgeMs <= limits.directiveAgeMsMax
      ? []
      : [{ reason: 'directives-stale', detail: `the directives were last read ${secondsOf(directiveAgeMs)} ago` }];
  const keyless: UnreadyReason[] =
    keylessCount === 0 ? [] : [{ reason: 'keys-unopened', detail: `${keylessCount} agreements wait for the key service` }];
  return {
    reasons: [...stale, ...keyless, ...feeds.filter(({ serves }) => serves).flatMap((feed) => judgeFeed(feed, nowMs, limits))],
    standby: feeds.flatMap(({ status, figures }) => (figures.standby ? [status.dataset] : [])),
    waiting: feeds.flatMap(({ status: { dataset, outputsTooFew } }) =>
      outputsTooFew.length > 0 ? [{ dataset, partitions: outputsTooFew }] : [],
    ),
  };
}

function judgeFeed({ status, figures, polledAtMs }: FeedView, nowMs: number, limits: ReadinessLimits): UnreadyReason[] {
  const { dataset, failure, partitions, lagSeconds } = status;
  const reasons: UnreadyReason[] = [];
  const unready = (reason: UnreadyReason['reason'], detail: string): void => void reasons.push({ reason, dataset, detail });
  if (failure !== undefined) unready('feed-failing', failure);
  const unassignedMs = nowMs - (figures.unassignedSinceMs ?? nowMs);
  if (unassignedMs > limits.unassignedMsMax) unready('not-assigned', `it has had no partition for ${secondsOf(unassignedMs)}`);
  const unpolledMs = nowMs - polledAtMs;
  if (partitions.length > 0 && unpolledMs > limits.pollAgeMsMax)
    unready('not-polling', `no fetch was answered for ${secondsOf(unpolledMs)}`);
  const { lagSecondsMax } = limits;
  if (lagSecondsMax !== undefined && lagSeconds > lagSecondsMax)
    unready('lag-above-objective', `it is ${secondsOf(lagSeconds * 1000)} behind, and ${lagSecondsMax} s are allowed`);
  return reasons;
}

const secondsOf = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
