/** Participants that the caller may see: its own, and all for operators and auditors. */
import type { PageAfter, Participant } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { mayReadAll, readerOf } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';

export function findParticipant(plane: ControlPlane, caller: Caller, id: string): Promise<Result<Participant>> {
  return plane.database.asCaller(readerOf(caller), async ({ participants }) => {
    const found = await participants.find(id);
    if (!found.ok) return found;
    const isSeen = mayReadAll(caller) || id === caller.participant;
    return found.value === null || !isSeen ? fail('not-found', `there is no participant ${id}`) : ok(found.value);
  });
}

/** In the order of ids. */
export function listParticipants(plane: ControlPlane, caller: Caller, page: PageAfter): Promise<Result<Participant[]>> {
  return plane.database.asCaller(readerOf(caller), async ({ participants }) => {
    if (mayReadAll(caller)) return participants.list(page);
    const own = await participants.find(caller.participant);
    if (!own.ok) return own;
    return ok(own.value === null || (page.after !== null && own.value.id <= page.after) ? [] : [own.value]);
  });
}
