/** An agreement that the caller may see; one it may not see is not found. */
import type { Agreement, AgreementQuery, ProgramRef } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { mayReadAll, readerOf } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';

export interface FoundAgreement extends Agreement {
  readonly programs: readonly ProgramRef[];
}

/** Fails with `not-found`. */
export async function findAgreement(plane: ControlPlane, caller: Caller, id: string): Promise<Result<FoundAgreement>> {
  const found = await plane.database.asCaller(readerOf(caller), async (stores) => {
    const agreement = await stores.agreements.find(id);
    if (!agreement.ok || agreement.value === null) return agreement.ok ? ok(null) : agreement;
    const programs = await stores.programs.refs(id);
    return programs.ok ? ok({ ...agreement.value, programs: programs.value }) : programs;
  });
  if (!found.ok) return found;
  if (found.value === null || !isParty(caller, found.value)) return fail('not-found', `there is no agreement ${id}`);
  return ok(found.value);
}

/** Those that the caller may see, in the order of their ids. */
export function listAgreements(
  plane: ControlPlane,
  caller: Caller,
  query: Omit<AgreementQuery, 'party'>,
): Promise<Result<Agreement[]>> {
  const shown = mayReadAll(caller) ? query : { ...query, party: caller.participant };
  return plane.database.asCaller(readerOf(caller), (stores) => stores.agreements.page(shown));
}

const isParty = (caller: Caller, { assigner, assignee }: Agreement): boolean =>
  mayReadAll(caller) || caller.participant === assigner || caller.participant === assignee;
