/** Creates or changes an agreement: compile, register, provision, store, publish, in the order in which a crash leaves nothing open. */
import type { Agreement, Dataset } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { canonicalJson, fail, ok } from '../../../libs/base/index.ts';
import type { ApprovedProgram, Delivery, Standing, WrappedKey } from '../../../libs/catalog/index.ts';
import { underTerms } from '../../../libs/catalog/index.ts';
import type { AgreementTerms } from '../../../libs/odrl/index.ts';
import { parsePolicy } from '../../../libs/odrl/index.ts';
import { requireParticipant } from '../caller.ts';
import { newEvent } from '../events/new-event.ts';
import { checkIfMatch } from '../etag.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import type { AgreementView } from './agreement-view.ts';
import { agreementView } from './agreement-view.ts';
import { checkUsage } from './check-usage.ts';
import { compilePrograms } from './compile-programs.ts';
import { governedTopicOf } from './desired-topics.ts';
import { heldByTerms } from './held-by-terms.ts';
import { checkNotKilled } from './kill-scopes.ts';
import { datasetLock } from './locks.ts';
import { columnsOf, standingOf } from './move-agreement.ts';
import { datasetKey, newDataKey } from './new-data-key.ts';
import { checkDirectiveSize, publishDirectives } from './publish-directives.ts';
import { settleCredentials } from './settle-credentials.ts';
import type { DeliveryInput } from './wrap-delivery.ts';
import { wrapDelivery } from './wrap-delivery.ts';

export interface AgreementInput {
  readonly id: string;
  /** The policy, parsed JSON or YAML. */
  readonly policy: unknown;
  readonly delivery: DeliveryInput;
  /** An ETag that must be the agreement's when it is changed; null for no condition. */
  readonly ifMatch: string | null;
}

/** Dataset and parties may not change. Unchanged input keeps the revision. A terminated agreement stays so. */
export async function putAgreement(plane: ControlPlane, caller: Caller, input: AgreementInput): Promise<Result<AgreementView>> {
  const terms = parsePolicy(input.policy);
  if (!terms.ok) return terms;
  if (terms.value.agreement !== input.id) {
    return fail('policy-invalid', `the policy is of agreement ${terms.value.agreement}, not ${input.id}`, '/policy/uid');
  }
  const allowed = requireParticipant(caller, terms.value.assigner, 'the assigner', 'publisher');
  if (!allowed.ok) return allowed;
  return plane.database.locked(datasetLock(terms.value.dataset), async () => {
    const dataset = await findParties(plane, terms.value, input.delivery.kind);
    return dataset.ok ? putLocked(plane, input, terms.value, dataset.value) : dataset;
  });
}

async function findParties(plane: ControlPlane, terms: AgreementTerms, delivery: Delivery['kind']): Promise<Result<Dataset>> {
  const { datasets, participants } = plane.database.stores;
  const dataset = await datasets.find(terms.dataset);
  if (!dataset.ok) return dataset;
  if (dataset.value === null) return fail('not-found', `there is no dataset ${terms.dataset}`);
  if (dataset.value.publisher !== terms.assigner) {
    return fail('policy-invalid', `the assigner ${terms.assigner} is not the publisher of dataset ${terms.dataset}`);
  }
  const assignee = await participants.find(terms.assignee);
  if (!assignee.ok) return assignee;
  if (assignee.value === null) return fail('not-found', `there is no participant ${terms.assignee}`);
  const enforced = checkQuota(terms, delivery);
  if (!enforced.ok) return enforced;
  const fits = checkUsage(terms.usage, assignee.value);
  if (!fits.ok) return fits;
  const lives = await checkNotKilled(plane.database.stores, terms);
  return lives.ok ? ok(dataset.value) : lives;
}

async function putLocked(
  plane: ControlPlane,
  input: AgreementInput,
  terms: AgreementTerms,
  dataset: Dataset,
): Promise<Result<AgreementView>> {
  const known = await plane.database.stores.agreements.find(input.id);
  if (!known.ok) return known;
  const had = await plane.database.stores.programs.of(input.id);
  if (!had.ok) return had;
  const unchanged = checkIfMatch(input.ifMatch, known.value === null ? null : agreementView(known.value, had.value));
  if (!unchanged.ok) return unchanged;
  const frozen = known.value === null ? checkOpen(dataset) : checkFrozen(known.value, terms);
  if (!frozen.ok) return frozen;
  const next = await nextAgreement(plane, input, terms, dataset, known.value, had.value);
  if (!next.ok) return next;
  const topics = await plane.broker.createTopics([governedTopicOf(dataset, input.id)]);
  if (!topics.ok) return topics;
  const { agreement, programs, dataKey } = next.value;
  if (agreement !== known.value) {
    const first = agreement.state === 'started' ? 'agreement.started' : 'agreement.scheduled';
    const type = known.value === null ? first : 'agreement.changed';
    const stored = await plane.database.transaction('storing an agreement', async (stores) => {
      const put = await stores.agreements.put(agreement, known.value?.revision ?? null);
      if (!put.ok) return put;
      const key = dataKey === null ? ok(undefined) : await stores.dataKeys.add({ kind: 'agreement', id: input.id }, dataKey);
      if (!key.ok) return key;
      const limited = await stores.meters.setLimit(input.id, terms.usage.recordsMax);
      if (!limited.ok) return limited;
      const kept = await stores.programs.put(input.id, programs);
      return kept.ok
        ? stores.events.add(
            newEvent(type, input.id, {
              dataset: dataset.id,
              revision: agreement.revision,
            }),
          )
        : kept;
    });
    if (!stored.ok) return stored;
    plane.eventsWaiting();
  }
  const granted = await settleCredentials(plane, agreement);
  if (!granted.ok) return granted;
  const published = await publishDirectives(plane, dataset);
  return published.ok ? ok(agreementView(agreement, programs)) : published;
}

/** The broker's quota is of the subscriber's credential: what link sends is read by link. */
function checkQuota({ usage }: AgreementTerms, delivery: Delivery['kind']): Result<void> {
  if (usage.bytesPerSecondMax === null || delivery === 'kafka') return ok(undefined);
  return fail(
    'policy-unenforceable',
    `nothing enforces sluice:bytesPerSecond where the stream leaves by ${delivery}`,
    '/delivery/kind',
  );
}

/** Agreements that there are go on. */
const checkOpen = ({ id, state }: Dataset): Result<void> =>
  state === 'open' ? ok(undefined) : fail('conflict', `dataset ${id} is ${state}: no agreement is made on it`);

function checkFrozen(known: Agreement, terms: AgreementTerms): Result<void> {
  if (known.dataset !== terms.dataset || known.assigner !== terms.assigner || known.assignee !== terms.assignee) {
    return fail('conflict', `agreement ${known.id} has another dataset or another party, which may not change`);
  }
  if (known.state === 'terminated' || known.state === 'completed')
    return fail('conflict', `agreement ${known.id} is ${known.state}`);
  return ok(undefined);
}

interface NextAgreement {
  readonly agreement: Agreement;
  readonly programs: readonly ApprovedProgram[];
  /** Of a new one. */
  readonly dataKey: WrappedKey | null;
}

/** The row and the Programs after this put: `known` itself when nothing changes. */
async function nextAgreement(
  plane: ControlPlane,
  input: AgreementInput,
  terms: AgreementTerms,
  dataset: Dataset,
  known: Agreement | null,
  had: readonly ApprovedProgram[],
): Promise<Result<NextAgreement>> {
  const writers = await plane.schemas.writable(dataset.subject);
  if (!writers.ok) return writers;
  if (writers.value.length === 0) return fail('conflict', `dataset ${dataset.id} has no schema yet`);
  const programs = await compilePrograms(plane, terms, dataset, distinctById(writers.value));
  if (!programs.ok) return programs;
  const delivery = await wrapDelivery(plane.vault, input.id, input.delivery, known?.delivery ?? null);
  if (!delivery.ok) return delivery;
  const dataKey = known === null ? await firstKey(plane, input.id, dataset.id) : ok(null);
  if (!dataKey.ok) return dataKey;
  const delivered = await plane.database.stores.meters.total(input.id);
  if (!delivered.ok) return delivered;
  const { startsAtMs, endsAtMs } = terms.usage;
  const before: Standing = known === null ? { state: 'started', holds: [], expiresAtMs: null } : standingOf(known);
  const standing = underTerms(before, heldByTerms(input.id, terms.usage, delivered.value.used, Date.now()));
  const next: Agreement = {
    id: input.id,
    dataset: dataset.id,
    assigner: terms.assigner,
    assignee: terms.assignee,
    policy: input.policy,
    delivery: delivery.value,
    ...columnsOf({ ...standing, expiresAtMs: endsAtMs }),
    startsAt: startsAtMs === null ? null : new Date(startsAtMs),
    revision: (known?.revision ?? 0) + 1,
    publishedRevision: known?.publishedRevision ?? 0,
  };
  const fits = checkDirectiveSize(next, programs.value, dataset);
  if (!fits.ok) return fits;
  const isSame = known !== null && decides(known, had) === decides(next, programs.value);
  return ok({
    agreement: isSame ? known : next,
    programs: isSame ? had : programs.value,
    dataKey: dataKey.value,
  });
}

/** Two versions may share a schema (one deleted, one registered again): one Program is enough. */
function distinctById<T extends { readonly id: number }>(writers: readonly T[]): T[] {
  return [...new Map(writers.map((writer) => [writer.id, writer])).values()];
}

const decides = ({ policy, delivery }: Agreement, programs: readonly ApprovedProgram[]): string =>
  canonicalJson({
    policy,
    delivery,
    // Who signed it decides nothing: a newer key signs the same approval.
    programs: programs.toSorted((a, b) => a.writerSchemaId - b.writerSchemaId).map((program) => ({ ...program, signature: '' })),
  });

/** Made once; rotated by itself. Not under a dataset whose own key is gone: nobody would know who was erased from it. */
async function firstKey(plane: ControlPlane, agreement: string, dataset: string): Promise<Result<WrappedKey>> {
  const listed = await datasetKey(plane.database.stores, dataset);
  return listed.ok ? newDataKey(plane, { kind: 'agreement', id: agreement }, 1) : listed;
}
