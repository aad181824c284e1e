/** Gives an agreement the next epoch of its data key. The data plane changes over between two transactions, so that no record is governed by half a key. */
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { hasKeyedRecordKey } from '../../../libs/govern/index.ts';
import { requireParticipant } from '../caller.ts';
import { newEvent } from '../events/new-event.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { isLive } from './agreement-view.ts';
import { findAgreement } from './find-agreement.ts';
import type { KeyEffect } from './key-effects.ts';
import { keyedFieldsOf, rotationEffects } from './key-effects.ts';
import { datasetLock } from './locks.ts';
import { newDataKey } from './new-data-key.ts';
import { publishDirectives } from './publish-directives.ts';

export interface RotateInput {
  readonly agreement: string;
  /** Whether the keys of a compacted topic may change, which leaves the old ones in it. */
  readonly breaksCompaction: boolean;
}

export interface Rotation {
  readonly agreement: string;
  readonly epoch: number;
  /** Of the directive that says so: Receipts of this revision and later are of this epoch. */
  readonly revision: number;
  readonly fields: readonly KeyEffect[];
}

/** For the assigner and the operator; the directive is in the topic when it succeeds. The earlier epochs stay, wrapped, until they are shredded. */
export async function rotateKey(plane: ControlPlane, caller: Caller, input: RotateInput): Promise<Result<Rotation>> {
  const seen = await findAgreement(plane, caller, input.agreement);
  if (!seen.ok) return seen;
  const allowed = requireParticipant(caller, seen.value.assigner, 'the assigner', 'publisher');
  if (!allowed.ok) return allowed;
  return plane.database.locked(datasetLock(seen.value.dataset), () => rotateLocked(plane, input));
}

async function rotateLocked(plane: ControlPlane, { agreement: id, breaksCompaction }: RotateInput): Promise<Result<Rotation>> {
  const { stores } = plane.database;
  const agreement = await stores.agreements.find(id);
  if (!agreement.ok) return agreement;
  if (agreement.value === null) return fail('not-found', `there is no agreement ${id}`);
  if (!isLive(agreement.value))
    return fail('conflict', `agreement ${id} is ${agreement.value.state}: nothing is governed under it`);
  const dataset = await stores.datasets.find(agreement.value.dataset);
  if (!dataset.ok) return dataset;
  if (dataset.value === null) throw new Error(`agreement ${id} has no dataset`);
  const programs = await stores.programs.of(id);
  if (!programs.ok) return programs;
  const breaks = dataset.value.compacted && programs.value.some(({ manifest }) => hasKeyedRecordKey(manifest, plane.stages));
  if (breaks && !breaksCompaction)
    return fail(
      'conflict',
      `the topic of agreement ${id} is compacted and its keys are made with the data key: after a rotation the old keys stay in it for ever; make a new agreement, or say breaksCompaction=true`,
    );
  const epochs = await stores.dataKeys.epochs('agreement', [id]);
  if (!epochs.ok) return epochs;
  const owner = { kind: 'agreement', id } as const;
  const epoch = Math.max(0, ...epochs.value.map((known) => known.epoch)) + 1;
  const key = await newDataKey(plane, owner, epoch);
  if (!key.ok) return key;
  const { revision: before, dataset: of } = agreement.value;
  const next = { ...agreement.value, revision: before + 1 };
  const stored = await plane.database.transaction('rotating a data key', async (changed) => {
    const retired = await changed.dataKeys.retire(owner);
    if (!retired.ok) return retired;
    const added = await changed.dataKeys.add(owner, key.value);
    if (!added.ok) return added;
    const put = await changed.agreements.put(next, before);
    return put.ok ? changed.events.add(newEvent('key.rotated', id, { dataset: of, epoch, revision: next.revision })) : put;
  });
  if (!stored.ok) return stored;
  plane.eventsWaiting();
  const published = await publishDirectives(plane, dataset.value);
  if (!published.ok) return published;
  return ok({
    agreement: id,
    epoch,
    revision: next.revision,
    fields: rotationEffects(keyedFieldsOf(programs.value, plane.stages)),
  });
}
