/** ETags of things as their GET shows them, and the condition `If-Match` (RFC 9110, sections 8.8.3 and 13.1.1). */
import { createHash } from 'node:crypto';

import type { Result } from '../../libs/base/index.ts';
import { canonicalJson, fail, ok } from '../../libs/base/index.ts';

/** Equal views have equal ETags on every instance. */
export function etagOf(view: unknown): string {
  return `"${createHash('sha256').update(canonicalJson(view)).digest('base64url').slice(0, 22)}"`;
}

/** Whether a list of ETags, as a header has them, holds this one. */
export const namesEtag = (header: string, etag: string): boolean =>
  header.trim() === '*' || header.split(',').some((candidate) => candidate.trim() === etag);

/**
 * Asked under the lock that a change holds. `view` is the thing as its GET shows it now, null where there is none; `ifMatch` null for a
 * caller that makes no condition. Fails with `precondition-failed`.
 */
export function checkIfMatch(ifMatch: string | null, view: unknown): Result<void> {
  if (ifMatch === null || (view !== null && namesEtag(ifMatch, etagOf(view)))) return ok(undefined);
  return fail('precondition-failed', view === null ? 'there is none yet' : 'it was changed by somebody else meanwhile');
}
