/** What the terms of a policy hold an agreement for: a period that has not begun, and a volume that is used up. */
import type { Hold } from '../../../libs/catalog/index.ts';
import type { UsageTerms } from '../../../libs/odrl/index.ts';

/** `used` is what was delivered in the period so far, records. */
export function heldByTerms(
  agreement: string,
  { startsAtMs, recordsMax }: Pick<UsageTerms, 'startsAtMs' | 'recordsMax'>,
  used: number,
  nowMs: number,
): readonly Hold[] {
  const at = new Date(nowMs).toISOString();
  return [
    ...(startsAtMs !== null && startsAtMs > nowMs
      ? [
          {
            kind: 'period',
            of: agreement,
            reason: `begins at ${new Date(startsAtMs).toISOString()}`,
            at,
          } as const,
        ]
      : []),
    ...(recordsMax !== null && used >= recordsMax ? [usedUp(agreement, recordsMax, at)] : []),
  ];
}

/** `at` is RFC 3339. */
export const usedUp = (agreement: string, recordsMax: number, at: string): Hold => ({
  kind: 'meter',
  of: agreement,
  reason: `${recordsMax} records, all that its policy allows, are delivered`,
  at,
});
