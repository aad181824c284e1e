/** Ends an API key: the next request with it is refused. */
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { isOperator } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';

/** The account's own keys, and all for the operator; another's key is not found. */
export async function revokeApiKey(plane: ControlPlane, caller: Caller, id: string): Promise<Result<void>> {
  const { apiKeys } = plane.database.stores;
  const known = await apiKeys.read(id);
  if (!known.ok) return known;
  const isOwn = known.value?.account === caller.account || isOperator(caller);
  const missing = fail('not-found', 'there is no such API key');
  if (known.value === null || !isOwn) return missing;
  const removed = await apiKeys.remove(id);
  if (!removed.ok) return removed;
  return removed.value ? ok(undefined) : missing;
}
