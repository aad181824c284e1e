/** Takes the evidence that a duty was done. */
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { requireParticipant } from '../caller.ts';
import { newEvent } from '../events/new-event.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import type { DutyView } from './find-duty.ts';
import { dutyView, findDuty } from './find-duty.ts';

/** For the assignee, and the operator who was told otherwise. The same evidence again is a success; other evidence is a conflict. */
export async function proveDuty(
  plane: ControlPlane,
  caller: Caller,
  input: { readonly id: string; readonly evidence: string },
): Promise<Result<DutyView>> {
  const seen = await findDuty(plane, caller, input.id);
  if (!seen.ok) return seen;
  const allowed = requireParticipant(caller, seen.value.assignee, 'the assignee');
  if (!allowed.ok) return allowed;
  const { agreement, erasure } = seen.value;
  const proved = await plane.database.transaction('proving a duty', async (stores) => {
    const moved = await stores.suppressions.prove(input.id, { evidence: input.evidence, by: caller.account });
    if (!moved.ok || !moved.value) return moved;
    const told = await stores.events.add(newEvent('duty.proved', agreement, { duty: input.id, erasure }));
    return told.ok ? moved : told;
  });
  if (!proved.ok) return proved;
  plane.eventsWaiting();
  const now = await findDuty(plane, caller, input.id);
  if (!now.ok) return now;
  if (now.value.evidence === input.evidence) return ok(dutyView(now.value));
  return fail('conflict', `duty ${input.id} was proved by other evidence`);
}
