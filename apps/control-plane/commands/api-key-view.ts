/** An API key as it is shown: without the key and without its digest. */
import type { ApiKeyRow } from '../../../libs/adapters/postgres/index.ts';

export interface ApiKeyView {
  readonly id: string;
  readonly account: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
}

export const apiKeyView = ({ id, account, name, scopes, createdAt, expiresAt, lastUsedAt }: ApiKeyRow): ApiKeyView => ({
  id,
  account,
  name,
  scopes,
  createdAt: createdAt.toISOString(),
  expiresAt: expiresAt?.toISOString() ?? null,
  lastUsedAt: lastUsedAt?.toISOString() ?? null,
});
