/** What a caller may do. A thing that a caller may not see is `not-found`, so that ids cannot be probed. */
import type { Result } from '../../libs/base/index.ts';
import { fail, ok } from '../../libs/base/index.ts';
import type { Caller } from './plane.ts';

export const isOperator = (caller: Caller): boolean => caller.role === 'operator';

export function requireOperator(caller: Caller): Result<void> {
  return isOperator(caller) ? ok(undefined) : fail('forbidden', 'only the operator may do this');
}

/** The operator, or an account of this participant. */
export function requireParticipant(caller: Caller, participant: string, what: string): Result<void> {
  if (isOperator(caller) || caller.participant === participant) return ok(undefined);
  return fail('forbidden', `only ${what} or the operator may do this`);
}
