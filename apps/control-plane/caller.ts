/** What a caller may do. A thing that a caller may not see is `not-found`, so that ids cannot be probed. */
import type { Reader } from '../../libs/adapters/postgres/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { fail, ok } from '../../libs/base/index.ts';
import type { Caller, Role } from './plane.ts';

export const hasRole = (caller: Caller, role: Role): boolean => caller.roles.includes(role);

export const isOperator = (caller: Caller): boolean => hasRole(caller, 'operator');

/** Operators and auditors read everything; never secrets, which nobody reads. An auditor writes nothing by that role. */
export const mayReadAll = (caller: Caller): boolean => isOperator(caller) || hasRole(caller, 'auditor');

/** For `Database.asCaller`. */
export const readerOf = (caller: Caller): Reader => ({ participant: caller.participant, readsAll: mayReadAll(caller) });

/** One of these roles. Fails with `forbidden`. */
export function requireRole(caller: Caller, ...roles: readonly Role[]): Result<void> {
  if (roles.some((role) => hasRole(caller, role))) return ok(undefined);
  return fail('forbidden', `only an account with the role ${roles.join(' or ')} may do this`);
}

export const requireOperator = (caller: Caller): Result<void> => requireRole(caller, 'operator');

/**
 * The operator, or an account of this participant that has one of the roles; without roles any but the auditor's, which only looks.
 * Fails with `forbidden`.
 */
export function requireParticipant(caller: Caller, participant: string, what: string, ...roles: readonly Role[]): Result<void> {
  if (isOperator(caller)) return ok(undefined);
  const acts = roles.length === 0 ? (role: Role) => role !== 'auditor' : (role: Role) => roles.includes(role);
  if (caller.participant === participant && caller.roles.some(acts)) return ok(undefined);
  return fail('forbidden', `only ${what} or the operator may do this`);
}
