/** Creates or changes an account: one name and secret for HTTP and for Kafka, or an OIDC subject, or both. */
import type { Account, AccountRow } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { requireOperator } from '../caller.ts';
import { checkIfMatch } from '../etag.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { hashSecret, verifySecret } from '../secret-hash.ts';
import { accountView } from './account-view.ts';
import { grantsOfAccount } from './grants.ts';

export interface AccountInput extends AccountRow {
  /** Null keeps the one that there is. */
  readonly secret: string | null;
  /** An ETag that must be the account's when it is changed; null for no condition. */
  readonly ifMatch: string | null;
}

/** An account may not move to another participant: its Kafka permissions would stay behind. */
export async function putAccount(plane: ControlPlane, caller: Caller, input: AccountInput): Promise<Result<AccountRow>> {
  const allowed = requireOperator(caller);
  if (!allowed.ok) return allowed;
  if (plane.reservedAccounts.has(input.name) || input.name.startsWith('sluice')) {
    return fail('conflict', `the account name ${input.name} is reserved`);
  }
  return plane.database.locked(`account/${input.name}`, () => putLocked(plane, input));
}

async function putLocked(plane: ControlPlane, { secret, ifMatch, ...account }: AccountInput): Promise<Result<AccountRow>> {
  const { participants } = plane.database.stores;
  const { name, participant, roles } = account;
  const holder = await participants.find(participant);
  if (!holder.ok) return holder;
  if (holder.value === null) return fail('not-found', `there is no participant ${participant}`);
  const foreign = roles?.find((role) => holder.value?.roles.includes(role) !== true);
  if (foreign !== undefined) return fail('conflict', `participant ${participant} does not have the role ${foreign}`, '/roles');
  const known = await participants.findAccount(name);
  if (!known.ok) return known;
  const unchanged = checkIfMatch(ifMatch, known.value === null ? null : accountView(known.value));
  if (!unchanged.ok) return unchanged;
  if (known.value !== null && known.value.participant !== participant) {
    return fail('conflict', `account ${name} belongs to another participant`);
  }
  const secretHash = await hashOf(secret, known.value?.secretHash ?? null);
  if (secretHash === null && account.oidcSubject === null)
    return fail('request-invalid', 'an account needs a secret, or the subject of an OIDC issuer, or both', '/secret');
  const put = await participants.putAccount({ ...account, secretHash } satisfies Account);
  if (!put.ok) return put;
  if (secret !== null) {
    const user = await plane.broker.setScramUser(name, secret);
    if (!user.ok) return user;
  }
  const grants = await grantsOfAccount(plane, account);
  if (!grants.ok) return grants;
  const granted = await plane.broker.allow(grants.value);
  return granted.ok ? ok(account) : granted;
}

/** The hash that is kept already when it is of this secret: a new one would end what the old one is believed for. */
async function hashOf(secret: string | null, kept: string | null): Promise<string | null> {
  if (secret === null || (kept !== null && (await verifySecret(secret, kept)))) return kept;
  return hashSecret(secret);
}
