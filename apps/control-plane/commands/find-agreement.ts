/** An agreement that the caller may see; one it may not see is not found. */
import type { Agreement } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { isOperator } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';

export async function findAgreement(plane: ControlPlane, caller: Caller, id: string): Promise<Result<Agreement>> {
  const agreement = await plane.database.stores.agreements.find(id);
  if (!agreement.ok) return agreement;
  if (agreement.value === null || !isParty(caller, agreement.value)) return fail('not-found', `there is no agreement ${id}`);
  return ok(agreement.value);
}

export async function listAgreements(plane: ControlPlane, caller: Caller): Promise<Result<Agreement[]>> {
  const agreements = await plane.database.stores.agreements.list();
  return agreements.ok ? ok(agreements.value.filter((agreement) => isParty(caller, agreement))) : agreements;
}

const isParty = (caller: Caller, { assigner, assignee }: Agreement): boolean =>
  isOperator(caller) || caller.participant === assigner || caller.participant === assignee;
