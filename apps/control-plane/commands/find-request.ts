/** Access requests that the caller may see: those that it made or that were made to it; all for operators and auditors. */
import type { AccessRequest, AccessRequestQuery, Dataset } from '../../../libs/adapters/postgres/index.ts';
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

export function listRequests(
  plane: ControlPlane,
  caller: Caller,
  query: Omit<AccessRequestQuery, 'party'>,
): Promise<Result<AccessRequest[]>> {
  const shown = mayReadAll(caller) ? query : { ...query, party: caller.participant };
  return plane.database.asCaller(readerOf(caller), (stores) => stores.requests.page(shown));
}

/** With whose turn it is. */
export async function viewRequest(plane: ControlPlane, request: AccessRequest): Promise<Result<RequestView>> {
  const approvers = await approversFor(plane, request.dataset);
  return approvers.ok ? ok(requestView(request, approvers.value)) : approvers;
}

/** The same of many, whose datasets are read together. */
export async function viewRequests(plane: ControlPlane, requests: readonly AccessRequest[]): Promise<Result<RequestView[]>> {
  const found = await plane.database.stores.datasets.among([...new Set(requests.map(({ dataset }) => dataset))]);
  if (!found.ok) return found;
  const byId = new Map(found.value.map((dataset) => [dataset.id, dataset]));
  return ok(requests.map((request) => requestView(request, approversOn(byId.get(request.dataset) ?? null))));
}

export async function approversFor(plane: ControlPlane, dataset: string): Promise<Result<readonly Approver[]>> {
  const found = await plane.database.stores.datasets.find(dataset);
  return found.ok ? ok(approversOn(found.value)) : found;
}

/** Nobody where the dataset's level has been raised so that nobody may approve any more. */
function approversOn(dataset: Pick<Dataset, 'level'> | null): readonly Approver[] {
  const approvers = approversOf(dataset?.level ?? null);
  return approvers.ok ? approvers.value : [];
}

const isSeen = (caller: Caller, { assigner, assignee }: AccessRequest): boolean =>
  mayReadAll(caller) || caller.participant === assigner || caller.participant === assignee;
