/** Suspends a participant, whose accounts are then refused, or lets it in again. */
import type { Participant, ParticipantState } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { requireOperator } from '../caller.ts';
import { newEvent } from '../events/new-event.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { settleAccounts } from './grants.ts';
import { scopeOf } from './kill-scopes.ts';
import { participantLock } from './locks.ts';

/**
 * A state that is so already is a success without an event. From the next request on every account of a suspended participant is
 * refused with `participant-suspended`, and its Kafka users have no permissions; credentials of its agreements stay. Fails with `forbidden`, `not-found`, or `conflict` for the caller's own participant.
 */
export async function setParticipantState(
  plane: ControlPlane,
  caller: Caller,
  { id, state }: Pick<Participant, 'id' | 'state'>,
): Promise<Result<Participant>> {
  const allowed = requireOperator(caller);
  if (!allowed.ok) return allowed;
  if (id === caller.participant) return fail('conflict', 'nobody may lock out the participant that it acts for');
  return plane.database.locked(participantLock(id), () => setLocked(plane, id, state));
}

async function setLocked(plane: ControlPlane, id: string, state: ParticipantState): Promise<Result<Participant>> {
  const known = await plane.database.stores.participants.find(id);
  if (!known.ok) return known;
  if (known.value === null) return fail('not-found', `there is no participant ${id}`);
  if (state === 'active') {
    const killed = await plane.database.stores.kills.among([scopeOf({ kind: 'participant', id })]);
    if (!killed.ok) return killed;
    if (killed.value.length > 0) return fail('conflict', `participant ${id} is killed, and must be lifted first`);
  }
  // It goes on being suspended when it is lifted.
  const kept =
    state === 'suspended' ? await plane.database.stores.kills.setWas(scopeOf({ kind: 'participant', id }), state) : ok(undefined);
  if (!kept.ok) return kept;
  const next = known.value.state === state ? ok(known.value) : await store(plane, known.value, state);
  if (!next.ok) return next;
  const settled = await settleAccounts(plane, id);
  return settled.ok ? next : settled;
}

async function store(plane: ControlPlane, known: Participant, state: ParticipantState): Promise<Result<Participant>> {
  const next: Participant = { ...known, state };
  const stored = await plane.database.transaction('storing a participant', async (stores) => {
    const put = await stores.participants.put(next);
    const type = state === 'suspended' ? 'participant.suspended' : 'participant.resumed';
    return put.ok ? stores.events.add(newEvent(type, known.id, {})) : put;
  });
  if (!stored.ok) return stored;
  plane.eventsWaiting();
  return ok(next);
}
