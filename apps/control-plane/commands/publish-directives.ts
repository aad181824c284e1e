/** Publishes the directives of a dataset's agreements whose last revision is not known to be in the topic. */
import type { Agreement, Dataset } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, limits, ok } from '../../../libs/base/index.ts';
import type { Directive } from '../../../libs/catalog/index.ts';
import type { ControlPlane } from '../plane.ts';
import { datasetLock } from './locks.ts';

/** Room for the key of the record. */
const recordOverheadBytes = 1024;

type Publishing = Pick<ControlPlane, 'database' | 'directives'>;

/**
 * The caller holds the dataset's lock: two instances publishing out of order would leave the lower revision as the topic's last word.
 * A crash between commit and publication is made good by `publishAll`.
 */
export async function publishDirectives(plane: Publishing, dataset: Dataset): Promise<Result<void>> {
  const agreements = await plane.database.stores.agreements.ofDataset(dataset.id);
  if (!agreements.ok) return agreements;
  for (const agreement of agreements.value) {
    if (agreement.publishedRevision >= agreement.revision) continue;
    const published = await plane.directives.publish(directiveOf(agreement, dataset));
    if (!published.ok) return during(`publishing the directive of ${agreement.id}`, published.failure);
    const noted = await plane.database.stores.agreements.markPublished(agreement.id, agreement.revision);
    if (!noted.ok) return noted;
  }
  return ok(undefined);
}

/** Publishes what is behind, dataset by dataset; called at start and now and then. */
export async function publishAll(plane: Publishing): Promise<Result<void>> {
  const behind = await plane.database.stores.agreements.unpublished();
  if (!behind.ok) return behind;
  for (const id of new Set(behind.value.map((agreement) => agreement.dataset))) {
    const published = await plane.database.locked(datasetLock(id), async () => {
      const dataset = await plane.database.stores.datasets.find(id);
      if (!dataset.ok || dataset.value === null) return dataset.ok ? ok(undefined) : dataset;
      return publishDirectives(plane, dataset.value);
    });
    if (!published.ok) return published;
  }
  return ok(undefined);
}

/**
 * Compares what the topic says with what the database says. An agreement that the topic lacks or has an older revision of is published
 * again (a new Kafka under an old database); one that the topic is ahead of (a restored database) gets a revision above the topic's,
 * because a lower one would be ignored for ever.
 */
export async function reconcileDirectives(plane: Publishing, current: ReadonlyMap<string, Directive>): Promise<Result<void>> {
  const agreements = await plane.database.stores.agreements.list();
  if (!agreements.ok) return agreements;
  for (const { id, dataset } of agreements.value) {
    const seen = current.get(id)?.revision ?? 0;
    const reconciled = await plane.database.locked(datasetLock(dataset), async () => {
      const agreement = await plane.database.stores.agreements.find(id);
      if (!agreement.ok) return agreement;
      if (agreement.value === null || agreement.value.revision === seen) return ok(undefined);
      const revision = agreement.value.revision > seen ? agreement.value.revision : seen + 1;
      return plane.database.stores.agreements.put({ ...agreement.value, revision, publishedRevision: revision - 1 });
    });
    if (!reconciled.ok) return reconciled;
  }
  return publishAll(plane);
}

/**
 * Whether the directive of an agreement fits a Kafka record; asked before the agreement is stored, because one that does not fit could
 * never be published.
 */
export function checkDirectiveSize(agreement: Agreement, dataset: Dataset): Result<void> {
  const bytes = Buffer.byteLength(JSON.stringify(directiveOf(agreement, dataset)));
  if (bytes <= limits.recordBytesMax - recordOverheadBytes) return ok(undefined);
  const detail = `agreement ${agreement.id} has ${agreement.programs.length} Programs of ${bytes} bytes together, over the limit`;
  return fail('plan-invalid', `${detail}: the schemas of dataset ${dataset.id} are too large or too many`);
}

function directiveOf(agreement: Agreement, dataset: Dataset): Directive {
  return {
    version: 1,
    agreement: agreement.id,
    dataset: agreement.dataset,
    assigner: agreement.assigner,
    assignee: agreement.assignee,
    revision: agreement.revision,
    state: agreement.state,
    programs: agreement.programs,
    dataKey: agreement.dataKey,
    sealTo: dataset.sealTo,
    delivery: agreement.delivery,
  };
}
