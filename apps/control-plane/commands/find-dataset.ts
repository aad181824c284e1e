/** Datasets that the caller may see: those that are open, and its own; all for operators and auditors. */
import type { Dataset, DatasetHit, DatasetQuery, DatasetRight, Policy } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { mayReadAll, readerOf, requireParticipant } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';

/** Everything that is read of one dataset together. */
export interface DatasetRecord {
  readonly dataset: Dataset;
  readonly rights: readonly DatasetRight[];
  readonly baseline: Policy | null;
  /** The newest versions of the offers that can be taken. */
  readonly offers: readonly Policy[];
}

export function findDataset(plane: ControlPlane, caller: Caller, id: string): Promise<Result<DatasetRecord>> {
  return plane.database.asCaller(readerOf(caller), async ({ datasets, policies }) => {
    const dataset = await datasets.find(id);
    if (!dataset.ok) return dataset;
    if (dataset.value === null || !isSeen(caller, dataset.value)) return fail('not-found', `there is no dataset ${id}`);
    const rights = await policies.rights(id);
    if (!rights.ok) return rights;
    const baseline = await policies.newest('baseline', id);
    if (!baseline.ok) return baseline;
    const offers = await policies.openOffers(id, { after: null, most: null });
    if (!offers.ok) return offers;
    return ok({ dataset: dataset.value, rights: rights.value, baseline: baseline.value, offers: offers.value });
  });
}

export interface DatasetFound extends DatasetHit {
  readonly dataset: Dataset;
}

/** The best first. They are found by the index, and read as the caller. */
export async function searchDatasets(plane: ControlPlane, caller: Caller, query: DatasetQuery): Promise<Result<DatasetFound[]>> {
  const hits = await plane.database.stores.datasets.search(readerOf(caller), query);
  if (!hits.ok) return hits;
  const ids = hits.value.map(({ id }) => id);
  const read = await plane.database.asCaller(readerOf(caller), (stores) => stores.datasets.among(ids));
  if (!read.ok) return read;
  const byId = new Map(read.value.map((dataset) => [dataset.id, dataset]));
  return ok(
    hits.value.flatMap((hit) => {
      const dataset = byId.get(hit.id);
      return dataset === undefined ? [] : [{ ...hit, dataset }];
    }),
  );
}

/** For whoever may change what belongs to a dataset: its publisher, and the operator. */
export async function findOwnDataset(plane: ControlPlane, caller: Caller, id: string): Promise<Result<Dataset>> {
  const found = await plane.database.stores.datasets.find(id);
  if (!found.ok) return found;
  if (found.value === null || !isSeen(caller, found.value)) return fail('not-found', `there is no dataset ${id}`);
  const allowed = requireParticipant(caller, found.value.publisher, 'the publisher', 'publisher');
  return allowed.ok ? ok(found.value) : allowed;
}

const isSeen = (caller: Caller, { state, publisher }: Dataset): boolean =>
  mayReadAll(caller) || state === 'open' || publisher === caller.participant;
