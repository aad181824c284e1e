/** Creates or changes a participant. */
import type { Participant, ParticipantRole } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { requireOperator } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';

export interface ParticipantInput {
  readonly id: string;
  readonly name: string;
  readonly role: ParticipantRole;
}

/** The role may not change: permissions were given by it. */
export async function putParticipant(plane: ControlPlane, caller: Caller, input: ParticipantInput): Promise<Result<Participant>> {
  const allowed = requireOperator(caller);
  if (!allowed.ok) return allowed;
  const known = await plane.database.stores.participants.find(input.id);
  if (!known.ok) return known;
  if (known.value !== null && known.value.role !== input.role) {
    return fail('conflict', `participant ${input.id} has the role ${known.value.role}, which may not change`);
  }
  const put = await plane.database.stores.participants.put({ ...input });
  return put.ok ? ok({ ...input }) : put;
}
