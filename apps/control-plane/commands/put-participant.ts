/** Creates or changes a participant. */
import type { Participant, Stores } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { requireOperator } from '../caller.ts';
import { checkIfMatch } from '../etag.ts';
import type { Caller, ControlPlane, Role } from '../plane.ts';
import { isLive } from './agreement-view.ts';
import { participantLock } from './locks.ts';

export interface ParticipantInput extends Omit<Participant, 'state'> {
  /** An ETag that must be the participant's when it is changed; null for no condition. */
  readonly ifMatch: string | null;
}

/** The roles in which one side of a dataset's traffic is taken. */
const receiving: readonly Role[] = ['subscriber', 'platform'];

/**
 * The state stays; `setParticipantState` alone changes it. A role under which something runs may not be taken away.
 * Fails with `forbidden`, `precondition-failed`, or `conflict`, also for a credit code that another participant has.
 */
export async function putParticipant(plane: ControlPlane, caller: Caller, input: ParticipantInput): Promise<Result<Participant>> {
  const allowed = requireOperator(caller);
  if (!allowed.ok) return allowed;
  return plane.database.locked(participantLock(input.id), () => putLocked(plane.database.stores, input));
}

async function putLocked(stores: Stores, { ifMatch, ...input }: ParticipantInput): Promise<Result<Participant>> {
  const known = await stores.participants.find(input.id);
  if (!known.ok) return known;
  const unchanged = checkIfMatch(ifMatch, known.value);
  if (!unchanged.ok) return unchanged;
  const unused = known.value === null ? ok(undefined) : await checkUnused(stores, known.value, input.roles);
  if (!unused.ok) return unused;
  const participant: Participant = { ...input, state: known.value?.state ?? 'active' };
  const put = await stores.participants.put(participant);
  return put.ok ? ok(participant) : put;
}

async function checkUnused(stores: Stores, { id, roles }: Participant, next: readonly Role[]): Promise<Result<void>> {
  if (roles.includes('publisher') && !next.includes('publisher')) {
    const datasets = await stores.datasets.ofPublisher(id);
    if (!datasets.ok) return datasets;
    if (datasets.value.length > 0) return fail('conflict', `participant ${id} publishes datasets: it must stay a publisher`);
  }
  if (roles.some((role) => receiving.includes(role)) && !next.some((role) => receiving.includes(role))) {
    const agreements = await stores.agreements.ofAssignee(id);
    if (!agreements.ok) return agreements;
    if (agreements.value.some(isLive))
      return fail('conflict', `participant ${id} receives under agreements: it must stay a subscriber or platform`);
  }
  return ok(undefined);
}
