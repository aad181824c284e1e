/** Asks for a dataset under an offer: the policy that would be agreed is made, compiled and held against the baseline before anybody is bothered. */
import { randomBytes } from 'node:crypto';

import type { AccessRequest, Dataset } from '../../../libs/adapters/postgres/index.ts';
import { parseSchema } from '../../../libs/avro/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { approversOf, narrowOffer } from '../../../libs/catalog/index.ts';
import type { AgreementTerms } from '../../../libs/odrl/index.ts';
import { parseOffer, parsePolicy } from '../../../libs/odrl/index.ts';
import { requireRole } from '../caller.ts';
import { newEvent } from '../events/new-event.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { checkUsage } from './check-usage.ts';
import { currentBaseline } from './check-tightens.ts';
import type { Writer } from './compile-newest.ts';
import { compileUnder, newestWriter } from './compile-newest.ts';
import { checkOfferBlockers } from './offer-blockers.ts';
import type { RequestView } from './request-view.ts';
import { requestView } from './request-view.ts';
import type { DeliveryInput } from './wrap-delivery.ts';
import { wrapDelivery } from './wrap-delivery.ts';

export interface AskedUnderOffer {
  readonly offer: string;
  readonly purpose: string;
  readonly fields: readonly string[] | null;
  readonly untilMs: number | null;
}

export interface RequestInput extends AskedUnderOffer {
  readonly note: string;
  readonly delivery: DeliveryInput;
}

/** Fails with `not-found` for an offer that cannot be taken, with `assignee-unfit`, `request-invalid`, `offer-blocked`, or as compiling does. */
export async function makeRequest(plane: ControlPlane, caller: Caller, input: RequestInput): Promise<Result<RequestView>> {
  const allowed = requireRole(caller, 'subscriber', 'platform');
  if (!allowed.ok) return allowed;
  const agreement = `agr-${idPart()}`;
  const drafted = await draftPolicy(plane, caller.participant, agreement, input);
  if (!drafted.ok) return drafted;
  const { dataset, terms, policy, offerVersion, writer } = drafted.value;
  const approvers = approversOf(dataset.level);
  if (!approvers.ok) return approvers;
  const free = await checkOfferBlockers(plane, dataset, terms.assigner);
  if (!free.ok) return free;
  const baseline = await currentBaseline(plane.database.stores, dataset.id);
  if (!baseline.ok) return baseline;
  const program = compileUnder(plane, { name: `request for ${input.offer}`, terms }, dataset, writer, baseline.value);
  if (!program.ok) return program;
  const delivery = await wrapDelivery(plane.vault, agreement, input.delivery, null);
  if (!delivery.ok) return delivery;
  const request: AccessRequest = {
    id: `req-${idPart()}`,
    offer: input.offer,
    offerVersion,
    dataset: dataset.id,
    assigner: terms.assigner,
    assignee: terms.assignee,
    agreement,
    purpose: input.purpose,
    fields: input.fields,
    until: input.untilMs === null ? null : new Date(input.untilMs),
    note: input.note,
    delivery: delivery.value,
    policy,
    programHashes: { [writer.id]: program.value.hash },
    madeBy: caller.account,
    madeAt: new Date(),
    state: 'submitted',
    decisions: [],
  };
  const stored = await plane.database.transaction('storing a request', async (stores) => {
    const put = await stores.requests.put(request);
    return put.ok
      ? stores.events.add(newEvent('request.submitted', request.id, { dataset: dataset.id, offer: input.offer, agreement }))
      : put;
  });
  if (!stored.ok) return stored;
  plane.eventsWaiting();
  return ok(requestView(request, approvers.value));
}

interface Draft {
  readonly dataset: Dataset;
  readonly terms: AgreementTerms;
  readonly policy: unknown;
  readonly offerVersion: number;
  /** The newest schema, which the policy names the fields of. */
  readonly writer: Writer;
}

/** The Agreement that a participant would get under the newest version of an offer. */
export async function draftPolicy(
  plane: ControlPlane,
  assignee: string,
  agreement: string,
  asked: AskedUnderOffer,
): Promise<Result<Draft>> {
  const { datasets, participants, policies } = plane.database.stores;
  const offer = await policies.newest('offer', asked.offer);
  if (!offer.ok) return offer;
  if (offer.value === null || offer.value.withdrawnAt !== null) return fail('not-found', `there is no offer ${asked.offer}`);
  const offered = parseOffer(offer.value.body);
  if (!offered.ok) return offered;
  const dataset = await datasets.find(offered.value.dataset);
  if (!dataset.ok) return dataset;
  if (dataset.value === null || dataset.value.state !== 'open') return fail('not-found', `there is no offer ${asked.offer}`);
  const participant = await participants.find(assignee);
  if (!participant.ok) return participant;
  if (participant.value === null) throw new Error(`there is no participant ${assignee}`);
  const fits = checkUsage(offered.value.usage, participant.value);
  if (!fits.ok) return fits;
  if (asked.untilMs !== null && asked.untilMs <= Date.now()) return fail('request-invalid', 'the period is over', '/until');
  const writer = await newestWriter(plane, dataset.value);
  if (!writer.ok) return writer;
  const schema = parseSchema(writer.value.text);
  if (!schema.ok) return schema;
  const policy = narrowOffer(offered.value, { ...asked, agreement, assignee }, schema.value);
  if (!policy.ok) return policy;
  const terms = parsePolicy(policy.value);
  if (!terms.ok) return terms;
  return ok({
    dataset: dataset.value,
    terms: terms.value,
    policy: policy.value,
    offerVersion: offer.value.version,
    writer: writer.value,
  });
}

/** Ids in the order of their making, 18 characters. */
const idPart = (): string => `${Date.now().toString(36)}-${randomBytes(5).toString('hex').slice(0, 9)}`;
