/** Stored policies that the caller may see: those of datasets that it may see. */
import type { Policy, PolicyKind } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { readerOf } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import type { PolicyView } from './policy-view.ts';
import { policyView } from './policy-view.ts';

/** The newest version. */
export function findPolicy(plane: ControlPlane, caller: Caller, kind: PolicyKind, id: string): Promise<Result<PolicyView>> {
  return plane.database.asCaller(readerOf(caller), async ({ policies }) => {
    const found = await policies.newest(kind, id);
    if (!found.ok) return found;
    return found.value === null ? fail('not-found', `there is no ${kind} ${id}`) : policyView(found.value);
  });
}

/** Versions, from the newest on. */
export function listVersions(
  plane: ControlPlane,
  caller: Caller,
  {
    kind,
    id,
    ...page
  }: { readonly kind: PolicyKind; readonly id: string; readonly before: number | null; readonly most: number },
): Promise<Result<PolicyView[]>> {
  return plane.database.asCaller(readerOf(caller), async ({ policies }) => {
    const newest = await policies.newest(kind, id);
    if (!newest.ok) return newest;
    if (newest.value === null) return fail('not-found', `there is no ${kind} ${id}`);
    const versions = await policies.versions(kind, id, page);
    return versions.ok ? viewsOf(versions.value) : versions;
  });
}

/** The offers that can be taken, in the order of their ids. */
export function listOffers(
  plane: ControlPlane,
  caller: Caller,
  dataset: string | null,
  page: { readonly after: string | null; readonly most: number },
): Promise<Result<PolicyView[]>> {
  return plane.database.asCaller(readerOf(caller), async ({ policies }) => {
    const offers = await policies.openOffers(dataset, page);
    return offers.ok ? viewsOf(offers.value) : offers;
  });
}

function viewsOf(policies: readonly Policy[]): Result<PolicyView[]> {
  const views: PolicyView[] = [];
  for (const policy of policies) {
    const view = policyView(policy);
    if (!view.ok) return view;
    views.push(view.value);
  }
  return ok(views);
}
