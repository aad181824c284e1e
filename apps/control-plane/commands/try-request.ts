/** Dry runs: of an offer for whoever thinks of taking it, and of a request for whoever decides on it. */
import type { Result } from '../../../libs/base/index.ts';
import { fail } from '../../../libs/base/index.ts';
import { parsePolicy } from '../../../libs/odrl/index.ts';
import { isOperator } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import type { DryRun } from './dry-run.ts';
import { dryRun } from './dry-run.ts';
import { findRequest } from './find-request.ts';
import type { AskedUnderOffer } from './make-request.ts';
import { draftPolicy } from './make-request.ts';

/** As the caller's participant would receive it; its publisher tries it as if it were offered to itself. */
export async function tryOffer(
  plane: ControlPlane,
  caller: Caller,
  asked: AskedUnderOffer,
  samplesMax: number,
): Promise<Result<DryRun>> {
  const drafted = await draftPolicy(plane, caller.participant, 'dry-run', asked);
  if (!drafted.ok) return drafted;
  const { dataset, terms } = drafted.value;
  const named = { name: `a dry run of offer ${asked.offer}`, terms };
  return dryRun(plane, named, dataset, { samplesMax, showsBefore: seesRaw(caller, terms.assigner) });
}

export async function tryRequest(plane: ControlPlane, caller: Caller, id: string, samplesMax: number): Promise<Result<DryRun>> {
  const request = await findRequest(plane, caller, id);
  if (!request.ok) return request;
  const dataset = await plane.database.stores.datasets.find(request.value.dataset);
  if (!dataset.ok) return dataset;
  if (dataset.value === null) return fail('not-found', `there is no dataset ${request.value.dataset}`);
  const terms = parsePolicy(request.value.policy);
  if (!terms.ok) return terms;
  const named = { name: `request ${id}`, terms: terms.value };
  return dryRun(plane, named, dataset.value, { samplesMax, showsBefore: seesRaw(caller, request.value.assigner) });
}

/** The publisher's own people, and the operator. An auditor sees what was governed. */
const seesRaw = (caller: Caller, assigner: string): boolean =>
  isOperator(caller) || (caller.participant === assigner && caller.roles.includes('publisher'));
