/** Makes an API key of an account. The key is in the answer, and nowhere after it. */
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { makeApiKey } from '../api-key.ts';
import { isOperator } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import type { Scope } from '../scope.ts';
import type { ApiKeyView } from './api-key-view.ts';
import { apiKeyView } from './api-key-view.ts';

export interface ApiKeyInput {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date;
  /** The account that it is of. */
  readonly account: string;
}

/** Longest life of a key, milliseconds: 366 days. */
const lifeMsMax = 366 * 24 * 60 * 60_000;

/**
 * A key acts with the roles of its account within its scopes. An API key makes none. Fails with `forbidden`, `not-found`, or
 * `request-invalid` for an end that has passed or is too far.
 */
export async function createApiKey(
  plane: ControlPlane,
  caller: Caller,
  input: ApiKeyInput,
): Promise<Result<ApiKeyView & { readonly key: string }>> {
  if (caller.via === 'api-key') return fail('forbidden', 'an API key makes no API keys');
  if (input.account !== caller.account && !isOperator(caller))
    return fail('forbidden', 'only the operator may make a key of another account');
  const now = new Date();
  const lifeMs = input.expiresAt.getTime() - now.getTime();
  if (!(lifeMs > 0 && lifeMs <= lifeMsMax))
    return fail('request-invalid', '/expiresAt: must be within the next 366 days', '/expiresAt');
  const account = await plane.database.stores.participants.readAccount(input.account);
  if (!account.ok) return account;
  if (account.value === null) return fail('not-found', `there is no account ${input.account}`);
  const { id, key, digest } = makeApiKey();
  const row = {
    id,
    account: input.account,
    participant: account.value.participant,
    name: input.name,
    scopes: [...input.scopes],
    digest,
    createdAt: now,
    expiresAt: input.expiresAt,
    lastUsedAt: null,
  };
  const put = await plane.database.stores.apiKeys.put(row);
  return put.ok ? ok({ ...apiKeyView(row), key }) : put;
}
