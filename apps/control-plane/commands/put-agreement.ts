/** Creates or changes an agreement: compile, register, provision, store, publish, in the order in which a crash leaves nothing open. */
import { randomBytes } from 'node:crypto';

import type { Agreement, Dataset } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { canonicalJson, during, fail, ok, topicNames } from '../../../libs/base/index.ts';
import type { WrappedKey } from '../../../libs/catalog/index.ts';
import type { AgreementTerms } from '../../../libs/odrl/index.ts';
import { parsePolicy } from '../../../libs/odrl/index.ts';
import { requireParticipant } from '../caller.ts';
import { newEvent } from '../events/new-event.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import type { AgreementView } from './agreement-view.ts';
import { agreementView } from './agreement-view.ts';
import { compilePrograms } from './compile-programs.ts';
import { grantSubscriber } from './grants.ts';
import { datasetLock } from './locks.ts';
import { checkDirectiveSize, publishDirectives } from './publish-directives.ts';
import type { DeliveryInput } from './wrap-delivery.ts';
import { wrapDelivery } from './wrap-delivery.ts';

export interface AgreementInput {
  readonly id: string;
  /** The policy, parsed JSON or YAML. */
  readonly policy: unknown;
  readonly delivery: DeliveryInput;
}

const dataKeyBytes = 32;

/** Dataset and parties may not change. Unchanged input keeps the revision. A terminated agreement stays so. */
export async function putAgreement(plane: ControlPlane, caller: Caller, input: AgreementInput): Promise<Result<AgreementView>> {
  const terms = parsePolicy(input.policy);
  if (!terms.ok) return terms;
  if (terms.value.agreement !== input.id) {
    return fail('policy-invalid', `the policy is of agreement ${terms.value.agreement}, not ${input.id}`, '/policy/uid');
  }
  const allowed = requireParticipant(caller, terms.value.assigner, 'the assigner');
  if (!allowed.ok) return allowed;
  return plane.database.locked(datasetLock(terms.value.dataset), async () => {
    const dataset = await findParties(plane, terms.value);
    return dataset.ok ? putLocked(plane, input, terms.value, dataset.value) : dataset;
  });
}

async function findParties(plane: ControlPlane, terms: AgreementTerms): Promise<Result<Dataset>> {
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
  return ok(dataset.value);
}

async function putLocked(
  plane: ControlPlane,
  input: AgreementInput,
  terms: AgreementTerms,
  dataset: Dataset,
): Promise<Result<AgreementView>> {
  const known = await plane.database.stores.agreements.find(input.id);
  if (!known.ok) return known;
  const frozen = known.value === null ? ok(undefined) : checkFrozen(known.value, terms);
  if (!frozen.ok) return frozen;
  const next = await nextAgreement(plane, input, terms, dataset, known.value);
  if (!next.ok) return next;
  const { partitions } = dataset;
  const topics = await plane.broker.createTopics([{ name: topicNames.governed(dataset.id, input.id), partitions }]);
  if (!topics.ok) return topics;
  if (next.value !== known.value) {
    const type = known.value === null ? 'agreement.started' : 'agreement.changed';
    const stored = await plane.database.transaction('storing an agreement', async (stores) => {
      const put = await stores.agreements.put(next.value);
      return put.ok ? stores.events.add(newEvent(type, input.id, { dataset: dataset.id, revision: next.value.revision })) : put;
    });
    if (!stored.ok) return stored;
    plane.eventsWaiting();
  }
  const granted = await grantSubscriber(plane, next.value);
  if (!granted.ok) return granted;
  const published = await publishDirectives(plane, dataset);
  return published.ok ? ok(agreementView(next.value)) : published;
}

function checkFrozen(known: Agreement, terms: AgreementTerms): Result<void> {
  if (known.dataset !== terms.dataset || known.assigner !== terms.assigner || known.assignee !== terms.assignee) {
    return fail('conflict', `agreement ${known.id} has another dataset or another party, which may not change`);
  }
  if (known.state === 'terminated' || known.state === 'completed')
    return fail('conflict', `agreement ${known.id} is ${known.state}`);
  return ok(undefined);
}

/** The row after this put: `known` itself when nothing changes. */
async function nextAgreement(
  plane: ControlPlane,
  input: AgreementInput,
  terms: AgreementTerms,
  dataset: Dataset,
  known: Agreement | null,
): Promise<Result<Agreement>> {
  const writers = await plane.schemas.writable(dataset.subject);
  if (!writers.ok) return writers;
  if (writers.value.length === 0) return fail('conflict', `dataset ${dataset.id} has no schema yet`);
  const programs = await compilePrograms(plane, terms, distinctById(writers.value));
  if (!programs.ok) return programs;
  const delivery = await wrapDelivery(plane.vault, input.id, input.delivery, known?.delivery ?? null);
  if (!delivery.ok) return delivery;
  const dataKey = known === null ? await newDataKey(plane, input.id) : ok(known.dataKey);
  if (!dataKey.ok) return dataKey;
  const next: Agreement = {
    id: input.id,
    dataset: dataset.id,
    assigner: terms.assigner,
    assignee: terms.assignee,
    policy: input.policy,
    delivery: delivery.value,
    state: known?.state ?? 'started',
    revision: (known?.revision ?? 0) + 1,
    publishedRevision: known?.publishedRevision ?? 0,
    dataKey: dataKey.value,
    programs: programs.value,
  };
  const fits = checkDirectiveSize(next, dataset);
  if (!fits.ok) return fits;
  return ok(known !== null && decides(known) === decides(next) ? known : next);
}

/** Two versions may share a schema (one deleted, one registered again): one Program is enough. */
function distinctById<T extends { readonly id: number }>(writers: readonly T[]): T[] {
  return [...new Map(writers.map((writer) => [writer.id, writer])).values()];
}

const decides = ({ policy, delivery, programs }: Agreement): string =>
  canonicalJson({ policy, delivery, programs: programs.toSorted((a, b) => a.writerSchemaId - b.writerSchemaId) });

async function newDataKey(plane: ControlPlane, agreement: string): Promise<Result<WrappedKey>> {
  const key = randomBytes(dataKeyBytes);
  const wrapped = await plane.vault.wrap(key, `agreement/${agreement}`);
  key.fill(0);
  return wrapped.ok ? wrapped : during(`making the data key of ${agreement}`, wrapped.failure);
}
