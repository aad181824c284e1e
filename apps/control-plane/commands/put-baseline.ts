/** Sets what every agreement and offer on a dataset must be at least as strict as. */
import type { Agreement, Dataset, Policy, Stores } from '../../../libs/adapters/postgres/index.ts';
import { parseSchema } from '../../../libs/avro/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { canonicalJson, fail, ok, unwrap } from '../../../libs/base/index.ts';
import { transition } from '../../../libs/catalog/index.ts';
import { checkBaselinePlans } from '../../../libs/govern/index.ts';
import type { BaselineTerms } from '../../../libs/odrl/index.ts';
import { parseBaseline } from '../../../libs/odrl/index.ts';
import { checkIfMatch } from '../etag.ts';
import { newEvent } from '../events/new-event.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { checkAgreementTightens } from './check-tightens.ts';
import { checkOfferTightens } from './put-offer.ts';
import { findOwnDataset } from './find-dataset.ts';
import { datasetLock } from './locks.ts';
import type { PolicyView } from './policy-view.ts';
import { policyView } from './policy-view.ts';
import { publishDirectives } from './publish-directives.ts';

export interface BaselineInput {
  readonly dataset: string;
  /** A Set, parsed JSON or YAML. */
  readonly policy: unknown;
  /** Whether agreements that are looser are suspended, and such offers withdrawn; otherwise they refuse the baseline. */
  readonly hold: boolean;
  readonly ifMatch: string | null;
}

/** What is there and would be looser than the new baseline. */
interface Loose {
  readonly agreements: readonly Agreement[];
  readonly offers: readonly Policy[];
}

/** The same content keeps the version. Fails with `conflict`, naming what is looser, unless that is to be held. */
export async function putBaseline(plane: ControlPlane, caller: Caller, input: BaselineInput): Promise<Result<PolicyView>> {
  const terms = parseBaseline(input.policy);
  if (!terms.ok) return terms;
  if (terms.value.dataset !== input.dataset)
    return fail('policy-invalid', `the policy is of dataset ${terms.value.dataset}, not ${input.dataset}`, '/uid');
  const dataset = await findOwnDataset(plane, caller, input.dataset);
  if (!dataset.ok) return dataset;
  return plane.database.locked(datasetLock(input.dataset), () => putLocked(plane, caller, input, terms.value, dataset.value));
}

async function putLocked(
  plane: ControlPlane,
  caller: Caller,
  input: BaselineInput,
  terms: BaselineTerms,
  dataset: Dataset,
): Promise<Result<PolicyView>> {
  const known = await plane.database.stores.policies.newest('baseline', dataset.id);
  if (!known.ok) return known;
  const shown = known.value === null ? ok(null) : policyView(known.value);
  const unchanged = shown.ok ? checkIfMatch(input.ifMatch, shown.value) : ok(undefined);
  if (!unchanged.ok) return unchanged;
  const isSame = known.value !== null && canonicalJson(known.value.body) === canonicalJson(input.policy);
  const planned = await checkPlans(plane, dataset, terms);
  if (!planned.ok) return planned;
  const loose = await looserThan(plane, dataset, terms);
  if (!loose.ok) return loose;
  const { agreements, offers } = loose.value;
  if (!input.hold && agreements.length + offers.length > 0) return fail('conflict', looseText(loose.value));
  const next: Policy =
    isSame && known.value !== null
      ? known.value
      : {
          kind: 'baseline',
          id: dataset.id,
          version: (known.value?.version ?? 0) + 1,
          dataset: dataset.id,
          body: input.policy,
          createdBy: caller.account,
          createdAt: new Date(),
          withdrawnAt: null,
        };
  if (isSame && agreements.length + offers.length === 0) return policyView(next);
  const stored = await plane.database.transaction('storing a baseline', (stores) =>
    store(stores, isSame ? null : next, loose.value),
  );
  if (!stored.ok) return stored;
  plane.eventsWaiting();
  const published = await publishDirectives(plane, dataset);
  return published.ok ? policyView(next) : published;
}

/** Every address leads somewhere, and every rule can be planned, on the schemas that records may carry. */
async function checkPlans(plane: ControlPlane, dataset: Dataset, terms: BaselineTerms): Promise<Result<void>> {
  const writers = await plane.schemas.writable(dataset.subject);
  if (!writers.ok) return writers;
  return checkBaselinePlans(
    writers.value.map(({ text }) => unwrap(parseSchema(text))),
    terms,
    plane.stages,
  );
}

async function looserThan(plane: ControlPlane, dataset: Dataset, terms: BaselineTerms): Promise<Result<Loose>> {
  const { agreements, policies, programs } = plane.database.stores;
  const live = await agreements.ofDataset(dataset.id);
  if (!live.ok) return live;
  const started = live.value.filter(({ state }) => state === 'started');
  const made = await programs.ofAll(started.map(({ id }) => id));
  if (!made.ok) return made;
  const open = await policies.openOffers(dataset.id, { after: null, most: null });
  if (!open.ok) return open;
  const offers: Policy[] = [];
  for (const offer of open.value) if (!(await checkOfferTightens(plane, dataset, offer.body, terms)).ok) offers.push(offer);
  return ok({
    agreements: started.filter(
      (agreement) => !checkAgreementTightens(plane, terms, agreement, made.value.get(agreement.id) ?? []).ok,
    ),
    offers,
  });
}

function looseText({ agreements, offers }: Loose): string {
  const names = [
    ...(agreements.length === 0 ? [] : [`agreements ${agreements.map(({ id }) => id).join(', ')}`]),
    ...(offers.length === 0 ? [] : [`offers ${offers.map(({ id }) => id).join(', ')}`]),
  ];
  return `not at least as strict: ${names.join('; ')}. Put it with hold=true to suspend the agreements and withdraw the offers, or change them first`;
}

async function store(stores: Stores, baseline: Policy | null, { agreements, offers }: Loose): Promise<Result<void>> {
  for (const { id, version } of offers) {
    const withdrawn = await stores.policies.withdraw(id, version, new Date());
    if (!withdrawn.ok) return withdrawn;
    const noted = await stores.events.add(newEvent('offer.withdrawn', id, { version }));
    if (!noted.ok) return noted;
  }
  for (const agreement of agreements) {
    const { dataset, state, holds, expiresAt } = agreement;
    const hold = { kind: 'policy', of: dataset, reason: 'looser than the baseline', at: new Date().toISOString() } as const;
    const held = transition({ state, holds, expiresAtMs: expiresAt?.getTime() ?? null }, { event: 'suspend', hold });
    if (!held.ok) return held;
    const revision = agreement.revision + 1;
    const { state: next, holds: all } = held.value;
    const put = await stores.agreements.put({ ...agreement, state: next, holds: all, revision }, agreement.revision);
    if (!put.ok) return put;
    const noted = await stores.events.add(
      newEvent('agreement.suspended', agreement.id, { dataset: agreement.dataset, revision }),
    );
    if (!noted.ok) return noted;
  }
  if (baseline === null) return ok(undefined);
  const added = await stores.policies.add(baseline);
  return added.ok ? stores.events.add(newEvent('baseline.changed', baseline.dataset, { version: baseline.version })) : added;
}
