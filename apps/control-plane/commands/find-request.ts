/** Access requests that the caller may see: those that it made or that were made to it; all for operators and auditors. */
import type { AccessRequest, AccessRequestQuery } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import type { Approver } from '../../../libs/catalog/index.ts';
import { approversOf } from '../../../libs/catalog/index.ts';
import { mayReadAll, readerOf } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import type { RequestView } from './request-view.ts';
import { requestView } from './request-view.ts';

export async function findRequest(plane: ControlPlane, caller: Caller, id: string): Promise<Result<AccessRequest>> {
  const found = await plane.database.asCaller(readerOf(caller), (stores) => stores.requests.find(id));
  if (!found.ok) return found;
  return found.value !== null && isSeen(caller, found.value) ? ok(found.value) : fail('not-found', `there is no request ${id}`);
}

export async function listRequests(
  plane: ControlPlane,
  caller: Caller,
  query: AccessRequestQuery,
): Promise<Result<AccessRequest[]>> {
  const found = await plane.database.asCaller(readerOf(caller), (stores) => stores.requests.page(query));
  return found.ok ? ok(found.value.filter((request) => isSeen(caller, request))) : found;
}

/** With whose turn it is. */
export async function viewRequest(plane: ControlPlane, request: AccessRequest): Promise<Result<RequestView>> {
  const approvers = await approversFor(plane, request.dataset);
  return approvers.ok ? ok(requestView(request, approvers.value)) : approvers;
}

/** Nobody where the dataset's level has been raised so that nobody may approve any more. */
export async function approversFor(plane: ControlPlane, dataset: string): Promise<Result<readonly Approver[]>> {
  const found = await plane.database.stores.datasets.find(dataset);
  if (!found.ok) return found;
  const approvers = approversOf(found.value?.level ?? null);
  return approvers.ok ? approvers : ok([]);
}

const isSeen = (caller: Caller, { assigner, assignee }: AccessRequest): boolean =>
  mayReadAll(caller) || caller.participant === assigner || caller.participant === assignee;
