/** An access request from its making to the grant: which approvals it takes, and which step may follow which. Pure. */
import type { Result } from '../base/index.ts';
import { fail, ok } from '../base/index.ts';

export type RequestState = 'submitted' | 'approved' | 'granted' | 'rejected' | 'withdrawn';

/** Who decides, in this order. */
export type Approver = 'assigner' | 'operator';

export interface RequestDecision {
  readonly by: Approver;
  readonly account: string;
  readonly decision: 'approved' | 'rejected';
  readonly reason: string;
  /** ISO 8601. */
  readonly at: string;
}

export interface RequestProgress {
  readonly state: RequestState;
  readonly decisions: readonly RequestDecision[];
}

/**
 * Approvals by level of DB33/T 2350-2021: the publisher for L1 and L2, publisher and operator for L3. Nothing of L4, or of no level, is
 * shared. Fails with `offer-blocked`.
 */
export function approversOf(level: string | null): Result<readonly Approver[]> {
  switch (level) {
    case 'L1':
    case 'L2':
      return ok(['assigner']);
    case 'L3':
      return ok(['assigner', 'operator']);
    default:
      return fail('offer-blocked', `data of level ${level ?? 'none'} is not shared`);
  }
}

/** Whose turn it is, null when everything is decided. */
export function nextApprover({ state, decisions }: RequestProgress, approvers: readonly Approver[]): Approver | null {
  return state === 'submitted' ? (approvers[decisions.length] ?? null) : null;
}

/** The request after a decision; `approved` once the last approver has agreed. Fails with `conflict` where it is not this approver's turn. */
export function decide(
  request: RequestProgress,
  approvers: readonly Approver[],
  decision: RequestDecision,
): Result<RequestProgress> {
  const next = nextApprover(request, approvers);
  if (next === null) return fail('conflict', `the request is ${request.state}`);
  if (next !== decision.by) return fail('conflict', `the request waits for the ${next}`);
  const decisions = [...request.decisions, decision];
  if (decision.decision === 'rejected') return ok({ state: 'rejected', decisions });
  return ok({ state: decisions.length === approvers.length ? 'approved' : 'submitted', decisions });
}

/** Fails with `conflict` once it is decided. */
export function withdraw(request: RequestProgress): Result<RequestProgress> {
  if (request.state === 'submitted') return ok({ ...request, state: 'withdrawn' });
  return fail('conflict', `the request is ${request.state}`);
}
