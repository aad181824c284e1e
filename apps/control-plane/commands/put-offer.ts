/** Offers a dataset: stores a version of an Offer, once rights and classification allow it and it is as strict as the baseline. */
import type { Dataset, Policy } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { canonicalJson, fail, ok } from '../../../libs/base/index.ts';
import type { BaselineTerms, OfferTerms } from '../../../libs/odrl/index.ts';
import { parseOffer } from '../../../libs/odrl/index.ts';
import { requireParticipant } from '../caller.ts';
import { checkIfMatch } from '../etag.ts';
import { newEvent } from '../events/new-event.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { currentBaseline } from './check-tightens.ts';
import { compileUnder, newestWriter } from './compile-newest.ts';
import { datasetLock } from './locks.ts';
import { checkOfferBlockers } from './offer-blockers.ts';
import type { PolicyView } from './policy-view.ts';
import { policyView } from './policy-view.ts';

export interface OfferInput {
  readonly id: string;
  /** An Offer, parsed JSON or YAML. */
  readonly policy: unknown;
  readonly ifMatch: string | null;
}

/**
 * The same content keeps the version, unless the offer was withdrawn. Fails with `offer-blocked`, naming all that is missing; with `policy-loosens`; or with
 * why it cannot be compiled.
 */
export async function putOffer(plane: ControlPlane, caller: Caller, input: OfferInput): Promise<Result<PolicyView>> {
  const terms = parseOffer(input.policy);
  if (!terms.ok) return terms;
  if (terms.value.offer !== input.id)
    return fail('policy-invalid', `the policy is of offer ${terms.value.offer}, not ${input.id}`, '/uid');
  const allowed = requireParticipant(caller, terms.value.assigner, 'the assigner', 'publisher');
  if (!allowed.ok) return allowed;
  return plane.database.locked(datasetLock(terms.value.dataset), async () => {
    const { datasets } = plane.database.stores;
    const dataset = await datasets.find(terms.value.dataset);
    if (!dataset.ok) return dataset;
    if (dataset.value === null) return fail('not-found', `there is no dataset ${terms.value.dataset}`);
    if (dataset.value.publisher !== terms.value.assigner)
      return fail(
        'policy-invalid',
        `the assigner ${terms.value.assigner} is not the publisher of dataset ${dataset.value.id}`,
        '/permission/0/assigner',
      );
    return putLocked(plane, caller, input, terms.value, dataset.value);
  });
}

async function putLocked(
  plane: ControlPlane,
  caller: Caller,
  input: OfferInput,
  terms: OfferTerms,
  dataset: Dataset,
): Promise<Result<PolicyView>> {
  const { policies } = plane.database.stores;
  const known = await policies.newest('offer', input.id);
  if (!known.ok) return known;
  if (known.value !== null && known.value.dataset !== dataset.id)
    return fail('conflict', `offer ${input.id} is on another dataset, which may not change`);
  const shown = known.value === null ? ok(null) : policyView(known.value);
  const unchanged = shown.ok ? checkIfMatch(input.ifMatch, shown.value) : ok(undefined);
  if (!unchanged.ok) return unchanged;
  const free = await checkOfferBlockers(plane, dataset, terms.assigner);
  if (!free.ok) return free;
  const baseline = await currentBaseline(plane.database.stores, dataset.id);
  if (!baseline.ok) return baseline;
  const tightens = await checkOfferTightens(plane, dataset, input.policy, baseline.value);
  if (!tightens.ok) return tightens;
  const isSame =
    known.value !== null && known.value.withdrawnAt === null && canonicalJson(known.value.body) === canonicalJson(input.policy);
  if (isSame && known.value !== null) return policyView(known.value);
  const next: Policy = {
    kind: 'offer',
    id: input.id,
    version: (known.value?.version ?? 0) + 1,
    dataset: dataset.id,
    body: input.policy,
    createdBy: caller.account,
    createdAt: new Date(),
    withdrawnAt: null,
  };
  const stored = await plane.database.transaction('storing an offer', async (stores) => {
    const added = await stores.policies.add(next);
    return added.ok
      ? stores.events.add(newEvent('offer.changed', next.id, { dataset: dataset.id, version: next.version }))
      : added;
  });
  if (!stored.ok) return stored;
  plane.eventsWaiting();
  return policyView(next);
}

/** Whether an offer compiles for the newest schema, and is as strict as the baseline there. */
export async function checkOfferTightens(
  plane: ControlPlane,
  dataset: Dataset,
  policy: unknown,
  baseline: BaselineTerms | null,
): Promise<Result<void>> {
  const terms = parseOffer(policy);
  if (!terms.ok) return terms;
  const writer = await newestWriter(plane, dataset);
  if (!writer.ok) return writer;
  const named = { name: `offer ${terms.value.offer}`, terms: terms.value };
  const program = compileUnder(plane, named, dataset, writer.value, baseline);
  return program.ok ? ok(undefined) : program;
}
