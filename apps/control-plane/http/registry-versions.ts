/** Versions of subjects, or the registry's own errors about them. */
import type { SubjectVersion } from '../../../libs/adapters/postgres/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import type { ControlPlane } from '../plane.ts';
import { registryErrors } from './registry-error.ts';

/** All versions in order; throws 40401 when there are none. */
export async function versionsOf(
  plane: Pick<ControlPlane, 'database'>,
  subject: string,
  options: { readonly deleted: boolean },
): Promise<SubjectVersion[]> {
  const versions = unwrap(await plane.database.stores.schemas.versions(subject, options));
  if (versions.length === 0) throw registryErrors.subjectNotFound(subject);
  return versions;
}

/** A version by number, `latest` or `-1`; throws 42202, 40401 or 40402. */
export async function findVersion(
  plane: Pick<ControlPlane, 'database'>,
  subject: string,
  version: string,
  options: { readonly deleted: boolean },
): Promise<SubjectVersion> {
  const isLatest = version === 'latest' || version === '-1';
  if (!isLatest && (!/^\d{1,10}$/.test(version) || Number(version) < 1 || Number(version) > 0x7fffffff))
    throw registryErrors.invalidVersion();
  const versions = await versionsOf(plane, subject, options);
  const found = isLatest ? versions.at(-1) : versions.find((candidate) => candidate.version === Number(version));
  if (found === undefined) throw registryErrors.versionNotFound(version);
  return found;
}
