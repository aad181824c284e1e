/** API keys that the caller may see: its own, and all for operators and auditors. Never the keys themselves. */
import type { ApiKeyRow, PageAfter } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { mayReadAll, readerOf } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';

/** In the order of ids. */
export function listApiKeys(plane: ControlPlane, caller: Caller, page: PageAfter): Promise<Result<ApiKeyRow[]>> {
  const of = mayReadAll(caller) ? null : caller.account;
  return plane.database.asCaller(readerOf(caller), ({ apiKeys }) => apiKeys.list(of, page));
}
