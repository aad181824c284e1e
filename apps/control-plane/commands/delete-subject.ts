/** Deletes versions of a subject: softly, or for good after that. Schemas and their ids stay: records may carry them. */
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { requireOperator } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';

export interface VersionsToDelete {
  readonly subject: string;
  readonly versions: readonly number[];
  readonly permanent: boolean;
}

/** The subject's own compatibility level goes with its last version. */
export async function deleteSubject(plane: ControlPlane, caller: Caller, input: VersionsToDelete): Promise<Result<void>> {
  const allowed = mayDelete(caller, input.subject);
  if (!allowed.ok) return allowed;
  return plane.database.transaction('deleting a subject', async ({ schemas }) => {
    const deleted = input.permanent
      ? await schemas.removeVersions(input.subject, input.versions)
      : await schemas.setDeleted(input.subject, input.versions);
    return deleted.ok ? schemas.removeCompatibility(input.subject) : deleted;
  });
}

export async function deleteVersion(plane: ControlPlane, caller: Caller, input: VersionsToDelete): Promise<Result<void>> {
  const allowed = mayDelete(caller, input.subject);
  if (!allowed.ok) return allowed;
  const { schemas } = plane.database.stores;
  return input.permanent
    ? schemas.removeVersions(input.subject, input.versions)
    : schemas.setDeleted(input.subject, input.versions);
}

function mayDelete(caller: Caller, subject: string): Result<void> {
  if (subject.startsWith('gov.')) return fail('forbidden', 'subjects gov.* are written by Sluice only');
  const allowed = requireOperator(caller);
  return allowed.ok ? ok(undefined) : allowed;
}
