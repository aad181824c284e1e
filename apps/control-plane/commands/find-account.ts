/** Accounts that the caller may see: those of its participant, and all for operators and auditors. */
import type { AccountRow, PageAfter } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { mayReadAll, readerOf } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';

export function findAccount(plane: ControlPlane, caller: Caller, name: string): Promise<Result<AccountRow>> {
  return plane.database.asCaller(readerOf(caller), async ({ participants }) => {
    const found = await participants.readAccount(name);
    if (!found.ok) return found;
    const isSeen = mayReadAll(caller) || found.value?.participant === caller.participant;
    return found.value === null || !isSeen ? fail('not-found', `there is no account ${name}`) : ok(found.value);
  });
}

/** In the order of names. */
export function listAccounts(plane: ControlPlane, caller: Caller, page: PageAfter): Promise<Result<AccountRow[]>> {
  const of = mayReadAll(caller) ? null : caller.participant;
  return plane.database.asCaller(readerOf(caller), ({ participants }) => participants.listAccounts(of, page));
}
