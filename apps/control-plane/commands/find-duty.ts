/** Duties as their parties see them; what stands for the subject is for the one alone who has to delete it. */
import type { Duty, DutyQuery } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok } from '../../../libs/base/index.ts';
import { readerOf, requireParticipant } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';

export interface DutyView {
  readonly id: string;
  readonly kind: Duty['kind'];
  readonly agreement: string;
  readonly dataset: string;
  readonly assignee: string;
  readonly erasure: string;
  readonly openedAt: string;
  readonly dueAt: string;
  readonly state: Duty['state'];
  readonly evidence: string | null;
  readonly provedAt: string | null;
  readonly provedBy: string | null;
}

export interface DutySubjects {
  readonly duty: string;
  /** Values of the key field in the governed records, of every key epoch; empty where none tells the subject apart. */
  readonly subjects: readonly string[];
}

export const dutyContext = (duty: string): string => `duty/${duty}`;

/** Members are named one by one. */
export const dutyView = (duty: Duty): DutyView => ({
  id: duty.id,
  kind: duty.kind,
  agreement: duty.agreement,
  dataset: duty.dataset,
  assignee: duty.assignee,
  erasure: duty.erasure,
  openedAt: duty.openedAt.toISOString(),
  dueAt: duty.dueAt.toISOString(),
  state: duty.state,
  evidence: duty.evidence,
  provedAt: duty.provedAt?.toISOString() ?? null,
  provedBy: duty.provedBy,
});

/** Those that the caller is a party of, in the order of their ids. */
export function listDuties(plane: ControlPlane, caller: Caller, query: DutyQuery): Promise<Result<Duty[]>> {
  return plane.database.asCaller(readerOf(caller), (stores) => stores.suppressions.pageOfDuties(query));
}

export async function findDuty(plane: ControlPlane, caller: Caller, id: string): Promise<Result<Duty>> {
  const duty = await plane.database.asCaller(readerOf(caller), (stores) => stores.suppressions.findDuty(id));
  if (!duty.ok) return duty;
  return duty.value === null ? fail('not-found', `there is no duty ${id}`) : ok(duty.value);
}

/** For an account of the assignee, not for the operator: it is somebody's data. Fails with `conflict` once it is proved. */
export async function findDutySubjects(plane: ControlPlane, caller: Caller, id: string): Promise<Result<DutySubjects>> {
  const duty = await findDuty(plane, caller, id);
  if (!duty.ok) return duty;
  if (caller.participant !== duty.value.assignee) return fail('forbidden', 'only the assignee may see whom it has to delete');
  const allowed = requireParticipant(caller, duty.value.assignee, 'the assignee');
  if (!allowed.ok) return allowed;
  if (duty.value.state !== 'open') return fail('conflict', `duty ${id} is proved: what stood for the subject is kept no longer`);
  if (duty.value.subjects === null) return ok({ duty: id, subjects: [] });
  const opened = await plane.vault.unwrap(duty.value.subjects, dutyContext(id));
  if (!opened.ok) return during(`opening duty ${id}`, opened.failure);
  return ok({ duty: id, subjects: JSON.parse(Buffer.from(opened.value).toString('utf8')) as string[] });
}
