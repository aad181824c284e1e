/** An account as it is shown: without the hash of its secret. */
import type { AccountRow } from '../../../libs/adapters/postgres/index.ts';

export interface AccountView extends Omit<AccountRow, 'oidcIssuer' | 'oidcSubject'> {
  readonly oidc: { readonly issuer: string; readonly subject: string } | null;
}

/** Members are named one by one: a secret added to the row later cannot slip through. */
export const accountView = ({
  name,
  participant,
  kind,
  displayName,
  roles,
  oidcIssuer,
  oidcSubject,
}: AccountRow): AccountView => ({
  name,
  participant,
  kind,
  displayName,
  roles,
  oidc: oidcIssuer === null || oidcSubject === null ? null : { issuer: oidcIssuer, subject: oidcSubject },
});
