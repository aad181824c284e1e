/** What the control plane enforces of a policy's terms of use when an agreement is made: whom it is made with. */
import type { Participant } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { regionCovers } from '../../../libs/catalog/index.ts';
import type { UsageTerms } from '../../../libs/odrl/index.ts';

/** Fails with `assignee-unfit`. */
export function checkUsage(
  { sectors, regions }: Pick<UsageTerms, 'sectors' | 'regions'>,
  { id, sector, region }: Pick<Participant, 'id' | 'sector' | 'region'>,
): Result<void> {
  const at = '/permission/0/constraint';
  if (sectors !== null && (sector === null || !sectors.includes(sector)))
    return fail('assignee-unfit', `${id} is not of a sector that the policy is for: ${sectors.join(', ')}`, at);
  if (regions !== null && (region === null || !regions.some((allowed) => regionCovers(region, allowed))))
    return fail('assignee-unfit', `${id} is not in a region that the policy is for: ${regions.join(', ')}`, at);
  return ok(undefined);
}
