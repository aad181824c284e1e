/** What keeps a dataset from being offered. Sources: the "Data Twenty Measures" of 2022; DB33/T 2350-2021; GB/T 43697-2024. */
import type { Dataset, DatasetRight, Participant, RightKind } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import type { ControlPlane } from '../plane.ts';

const rightNames: Readonly<Record<RightKind, string>> = {
  holder: 'the right of who holds the resource (holder)',
  processor: 'the right of who processes and uses it (processor)',
  operator: 'the right of who operates products of it (operator)',
};
const rightKinds = ['holder', 'processor', 'operator'] as const;

/** Fails with `offer-blocked`, naming all that is missing. Asked when a dataset is offered, and again when an offer is taken: rights run out. */
export async function checkOfferBlockers(
  plane: Pick<ControlPlane, 'database'>,
  dataset: Dataset,
  assigner: string,
): Promise<Result<void>> {
  const { participants, policies } = plane.database.stores;
  const participant = await participants.find(assigner);
  if (!participant.ok) return participant;
  if (participant.value === null) throw new Error(`dataset ${dataset.id} has no publisher`);
  const rights = await policies.rights(dataset.id);
  if (!rights.ok) return rights;
  const blockers = offerBlockers(dataset, rights.value, participant.value, Date.now());
  return blockers.length === 0
    ? ok(undefined)
    : fail('offer-blocked', `dataset ${dataset.id} may not be offered: ${blockers.join('; ')}`);
}

/** A sentence for each thing that is missing; none for a dataset that the assigner may offer. `nowMs` in milliseconds since the epoch. */
function offerBlockers(
  { level, category, state }: Pick<Dataset, 'level' | 'category' | 'state'>,
  rights: readonly DatasetRight[],
  assigner: Pick<Participant, 'id' | 'name'>,
  nowMs: number,
): readonly string[] {
  const found = rightKinds.map((kind) => [kind, rights.find((right) => right.kind === kind)] as const);
  const operates = found.find(([kind]) => kind === 'operator')?.[1];
  return [
    state === 'open' ? null : `the dataset is ${state}`,
    level === null ? 'its level (L1 to L3) is not said' : level === 'L4' ? 'data of level L4 is not offered' : null,
    category === 'core' ? 'core data is not offered' : null,
    ...found.map(([kind, right]) => {
      if (right === undefined) return `${rightNames[kind]} is not registered`;
      return right.validUntil !== null && right.validUntil.getTime() <= nowMs ? `${rightNames[kind]} has run out` : null;
    }),
    operates !== undefined && operates.holder !== assigner.id && operates.holder !== assigner.name
      ? `${rightNames.operator} is not the assigner's`
      : null,
  ].filter((sentence) => sentence !== null);
}
