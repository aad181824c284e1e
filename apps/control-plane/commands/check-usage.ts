/** What the control plane enforces of a policy's terms of use: whom an agreement is made with, and from when on. */
import type { Participant } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { regionCovers } from '../../../libs/catalog/index.ts';
import type { UsageTerms } from '../../../libs/odrl/index.ts';

/**
 * `nowMs` is the time of the agreement, milliseconds since the epoch. Fails with `assignee-unfit`, or with `policy-unenforceable` where the period has not
 * begun: nothing here starts an agreement later.
 */
export function checkUsage(
  { sectors, regions, startsAtMs }: UsageTerms,
  { id, sector, region }: Pick<Participant, 'id' | 'sector' | 'region'>,
  nowMs: number,
): Result<void> {
  const at = '/permission/0/constraint';
  if (sectors !== null && (sector === null || !sectors.includes(sector)))
    return fail('assignee-unfit', `${id} is not of a sector that the policy is for: ${sectors.join(', ')}`, at);
  if (regions !== null && (region === null || !regions.some((allowed) => regionCovers(region, allowed))))
    return fail('assignee-unfit', `${id} is not in a region that the policy is for: ${regions.join(', ')}`, at);
  if (startsAtMs !== null && startsAtMs > nowMs)
    return fail('policy-unenforceable', 'the period begins later: make the agreement when it has begun', at);
  return ok(undefined);
}
