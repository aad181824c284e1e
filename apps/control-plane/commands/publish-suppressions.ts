/** Makes erased subjects known to the data plane, in the order in which nothing leaves in between: the list first, then the directives that demand it. */
import type { Result } from '../../../libs/base/index.ts';
import { during, ok } from '../../../libs/base/index.ts';
import type { Suppression } from '../../../libs/catalog/index.ts';
import type { ControlPlane } from '../plane.ts';
import { datasetLock } from './locks.ts';
import { publishDirectives } from './publish-directives.ts';

type Publishing = Pick<ControlPlane, 'checker' | 'signer' | 'database' | 'directives' | 'suppressions'>;

/** The caller holds the dataset's lock. A crash at any step is made good by `publishAllSuppressions`. */
export async function publishSuppressions(plane: Publishing, dataset: string): Promise<Result<void>> {
  const { stores } = plane.database;
  const waiting = await stores.suppressions.unpublishedOf(dataset);
  if (!waiting.ok) return waiting;
  if (waiting.value.length > 0) {
    const published = await plane.suppressions.publish(waiting.value);
    if (!published.ok) return during(`publishing the erased subjects of ${dataset}`, published.failure);
    const noted = await note(
      plane,
      dataset,
      waiting.value.map(({ erasure }) => erasure),
    );
    if (!noted.ok) return noted;
  }
  const of = await stores.datasets.find(dataset);
  if (!of.ok || of.value === null) return of.ok ? ok(undefined) : of;
  return publishDirectives(plane, of.value);
}

/** With the first one every directive of the dataset has something new to say. */
function note(plane: Publishing, dataset: string, erasures: readonly string[]): Promise<Result<void>> {
  return plane.database.transaction('noting erased subjects', async (stores) => {
    const before = await stores.suppressions.publishedCounts([dataset]);
    if (!before.ok) return before;
    const marked = await stores.suppressions.markPublished(erasures);
    if (!marked.ok || before.value.has(dataset)) return marked;
    const agreements = await stores.agreements.ofDataset(dataset);
    if (!agreements.ok) return agreements;
    return stores.agreements.raise(agreements.value.flatMap(({ id, state }) => (state === 'terminated' ? [] : [id])));
  });
}

/** What is behind, dataset by dataset; called at start and now and then. */
export async function publishAllSuppressions(plane: Publishing): Promise<Result<void>> {
  const behind = await plane.database.stores.suppressions.unpublished();
  if (!behind.ok) return behind;
  for (const dataset of behind.value) {
    const published = await plane.database.locked(datasetLock(dataset), () => publishSuppressions(plane, dataset));
    if (!published.ok) return published;
  }
  return ok(undefined);
}

/** Publishes again what the topic does not have: a new Kafka under an old database. `known` is all that it has. */
export async function reconcileSuppressions(plane: Publishing, known: readonly Suppression[]): Promise<Result<void>> {
  const has = new Set(known.map(({ dataset, digest }) => `${dataset}/${digest}`));
  const all = await plane.database.stores.suppressions.published();
  if (!all.ok) return all;
  const missing = all.value.filter(({ dataset, digest }) => !has.has(`${dataset}/${digest}`));
  if (missing.length > 0) {
    const noted = await plane.database.stores.suppressions.markUnpublished(missing.map(({ erasure }) => erasure));
    if (!noted.ok) return noted;
  }
  return publishAllSuppressions(plane);
}
