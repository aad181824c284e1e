/** Shreds data keys: what was made with them can never be joined or opened again. First says what that is, and does it to nothing else. */
import { createHash } from 'node:crypto';

import type { Agreement, DataKeyEpoch, Stores } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { canonicalJson, fail, ok } from '../../../libs/base/index.ts';
import type { KeyOwner } from '../../../libs/catalog/index.ts';
import { readerOf, requireParticipant } from '../caller.ts';
import { newEvent } from '../events/new-event.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { isLive } from './agreement-view.ts';
import { findAgreement } from './find-agreement.ts';
import { findOwnDataset } from './find-dataset.ts';
import { keyedFieldsOf } from './key-effects.ts';
import { datasetLock } from './locks.ts';
import { publishDirectives } from './publish-directives.ts';

interface LostField {
  readonly field: string;
  readonly stage: string;
  readonly lost: string;
}

/** Everything that a shredding takes away for good. */
export interface BlastRadius {
  readonly owner: KeyOwner;
  readonly agreements: readonly {
    readonly id: string;
    readonly assignee: string;
    readonly state: Agreement['state'];
    /** Epochs that still have their keys. */
    readonly epochs: readonly number[];
    readonly fields: readonly LostField[];
  }[];
  /** Erased subjects that nobody could know again; only of a dataset. */
  readonly erasedSubjects: number;
  /** What the shredding does not reach. */
  readonly caveats: readonly string[];
}

export interface ShownRadius {
  readonly radius: BlastRadius;
  /** SHA-256 of its canonical JSON, hex: given back by whoever wants it done. */
  readonly digest: string;
  /** Why it cannot be done now; empty when it can. */
  readonly blockedBy: readonly string[];
}

const caveats = [
  'backups and replicas of the database hold the wrapped keys until they are gone: they open with the master key',
  'the directive that carried the key is compacted out of sluice.directives within about an hour',
  'PostgreSQL overwrites the row when it vacuums the table',
  'what subscribers were given stays with them',
];

/** For the assigner or publisher, and the operator. */
export async function showBlastRadius(plane: ControlPlane, caller: Caller, owner: KeyOwner): Promise<Result<ShownRadius>> {
  const dataset = await mayShred(plane, caller, owner);
  return dataset.ok ? plane.database.asCaller(readerOf(caller), (stores) => radiusOf(plane, stores, owner)) : dataset;
}

/**
 * Overwrites the wrapped keys, and publishes directives without them. Only of agreements that are over; a completed one is terminated with it, since nothing
 * could be governed after a renewal. `digest` must be that of what would be destroyed now: fails with `precondition-failed` for any other.
 */
export async function shredKey(
  plane: ControlPlane,
  caller: Caller,
  owner: KeyOwner,
  digest: string,
): Promise<Result<BlastRadius>> {
  const dataset = await mayShred(plane, caller, owner);
  if (!dataset.ok) return dataset;
  return plane.database.locked(datasetLock(dataset.value), () => shredLocked(plane, owner, dataset.value, digest));
}

/** The id of its dataset. */
async function mayShred(plane: ControlPlane, caller: Caller, { kind, id }: KeyOwner): Promise<Result<string>> {
  if (kind === 'dataset') {
    const dataset = await findOwnDataset(plane, caller, id);
    return dataset.ok ? ok(dataset.value.id) : dataset;
  }
  const agreement = await findAgreement(plane, caller, id);
  if (!agreement.ok) return agreement;
  const allowed = requireParticipant(caller, agreement.value.assigner, 'the assigner', 'publisher');
  return allowed.ok ? ok(agreement.value.dataset) : allowed;
}

async function radiusOf(plane: Pick<ControlPlane, 'stages'>, stores: Stores, owner: KeyOwner): Promise<Result<ShownRadius>> {
  const agreements = await agreementsOf(stores, owner);
  if (!agreements.ok) return agreements;
  const ids = agreements.value.map(({ id }) => id);
  const epochs = await stores.dataKeys.epochs('agreement', ids);
  if (!epochs.ok) return epochs;
  const own = owner.kind === 'dataset' ? await stores.dataKeys.epochs('dataset', [owner.id]) : ok([]);
  if (!own.ok) return own;
  const programs = await stores.programs.ofAll(ids);
  if (!programs.ok) return programs;
  const erased = owner.kind === 'dataset' ? await stores.suppressions.erasuresOf(owner.id) : ok(0);
  if (!erased.ok) return erased;
  const radius: BlastRadius = {
    owner,
    agreements: agreements.value.map(({ id, assignee, state }) => ({
      id,
      assignee,
      state,
      epochs: epochs.value.filter((epoch) => epoch.owner === id && epoch.state !== 'shredded').map(({ epoch }) => epoch),
      fields: keyedFieldsOf(programs.value.get(id) ?? [], plane.stages).map(({ field, stage, opens }) => ({
        field,
        stage,
        lost: opens
          ? 'its values can never be opened or joined again'
          : 'its values can never be made again, so nothing new joins with them',
      })),
    })),
    erasedSubjects: erased.value,
    caveats,
  };
  return ok({
    radius,
    digest: createHash('sha256').update(canonicalJson(radius)).digest('hex'),
    blockedBy: blockersOf(agreements.value, [...epochs.value, ...own.value]),
  });
}

function blockersOf(agreements: readonly Agreement[], epochs: readonly DataKeyEpoch[]): string[] {
  const live = agreements.filter(isLive).map(({ id, state }) => `agreement ${id} is ${state}: terminate it first`);
  return epochs.some(({ state }) => state !== 'shredded') ? live : [...live, 'there is no key left'];
}

async function agreementsOf({ agreements }: Stores, { kind, id }: KeyOwner): Promise<Result<Agreement[]>> {
  if (kind === 'dataset') return agreements.ofDataset(id);
  const agreement = await agreements.find(id);
  if (!agreement.ok) return agreement;
  return agreement.value === null ? fail('not-found', `there is no agreement ${id}`) : ok([agreement.value]);
}

async function shredLocked(plane: ControlPlane, owner: KeyOwner, dataset: string, digest: string): Promise<Result<BlastRadius>> {
  const shown = await radiusOf(plane, plane.database.stores, owner);
  if (!shown.ok) return shown;
  const [blocker] = shown.value.blockedBy;
  if (blocker !== undefined) return fail('conflict', `the key of ${owner.kind} ${owner.id} cannot be shredded: ${blocker}`);
  if (shown.value.digest !== digest)
    return fail(
      'precondition-failed',
      'what would be destroyed is not what the digest was shown for; look at it again',
      '/digest',
    );
  const stored = await plane.database.transaction('shredding data keys', (stores) => destroy(stores, owner));
  if (!stored.ok) return stored;
  plane.eventsWaiting();
  const of = await plane.database.stores.datasets.find(dataset);
  if (!of.ok || of.value === null) return of.ok ? ok(shown.value.radius) : of;
  const published = await publishDirectives(plane, of.value);
  return published.ok ? ok(shown.value.radius) : published;
}

async function destroy(stores: Stores, owner: KeyOwner): Promise<Result<void>> {
  const agreements = await agreementsOf(stores, owner);
  if (!agreements.ok) return agreements;
  for (const agreement of agreements.value) {
    // Somebody who does not wait for the lock may have changed it since it was looked at.
    const put = await stores.agreements.put(
      { ...agreement, state: 'terminated', revision: agreement.revision + 1 },
      agreement.revision,
    );
    if (!put.ok) return put;
  }
  const shredded = await stores.dataKeys.shred(
    'agreement',
    agreements.value.map(({ id }) => id),
  );
  if (!shredded.ok) return shredded;
  const own = owner.kind === 'dataset' ? await stores.dataKeys.shred('dataset', [owner.id]) : ok(undefined);
  if (!own.ok) return own;
  return stores.events.add(
    newEvent('key.shredded', owner.id, { kind: owner.kind, agreements: agreements.value.map(({ id }) => id) }),
  );
}
