/** Makes data keys: random, wrapped at once, and in clear nowhere after. */
import { randomBytes } from 'node:crypto';

import type { Stores } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok } from '../../../libs/base/index.ts';
import type { KeyOwner, WrappedKey } from '../../../libs/catalog/index.ts';
import { dataKeyContext } from '../../../libs/catalog/index.ts';
import type { ControlPlane } from '../plane.ts';

const dataKeyBytes = 32;

/** Stored by the caller, with what it is for. */
export async function newDataKey(
  { vault }: Pick<ControlPlane, 'vault'>,
  owner: KeyOwner,
  epoch: number,
): Promise<Result<WrappedKey>> {
  const key = randomBytes(dataKeyBytes);
  const wrapped = await vault.wrap(key, dataKeyContext(owner, epoch));
  key.fill(0);
  return wrapped.ok ? ok({ ...wrapped.value, epoch }) : during(`making a data key of ${owner.kind} ${owner.id}`, wrapped.failure);
}

/** The key of a dataset: by which its erased subjects are known. Fails with `key-destroyed` once it was shredded. */
export async function datasetKey(stores: Pick<Stores, 'dataKeys'>, dataset: string): Promise<Result<WrappedKey | null>> {
  const epochs = await stores.dataKeys.epochs('dataset', [dataset]);
  if (!epochs.ok) return epochs;
  if (epochs.value.length === 0) return ok(null);
  const active = await stores.dataKeys.active('dataset', [dataset]);
  if (!active.ok) return active;
  const key = active.value.get(dataset);
  return key === undefined
    ? fail('key-destroyed', `the key of dataset ${dataset} was shredded: nobody would know who was erased from it`)
    : ok(key);
}

/** The same, made where there is none yet; the caller holds the dataset's lock. Datasets of before there were such keys get theirs so. */
export async function ensureDatasetKey(
  plane: Pick<ControlPlane, 'vault' | 'database'>,
  dataset: string,
): Promise<Result<WrappedKey>> {
  const { stores } = plane.database;
  const known = await datasetKey(stores, dataset);
  if (!known.ok) return known;
  if (known.value !== null) return ok(known.value);
  const owner: KeyOwner = { kind: 'dataset', id: dataset };
  const made = await newDataKey(plane, owner, 1);
  if (!made.ok) return made;
  const stored = await stores.dataKeys.add(owner, made.value);
  return stored.ok ? made : stored;
}
