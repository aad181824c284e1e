/** Makes sure that the operator's account `admin` exists, with the configured secret or with one that is made at the first start. */
import { randomBytes } from 'node:crypto';

import type { Database, Participant, Stores } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { hashSecret, verifySecret } from '../secret-hash.ts';

const operatorAccount = 'admin';
export const operatorParticipant = 'operator';

const passwordBytes = 18;

/** Where the secret of `admin` comes from: a setting, which is the authority at each start, or the first start, which makes one. */
export type OperatorSecret = { readonly secret: string } | 'made-at-first-start';

/**
 * Answers the password that was made, which nobody can read again, or null. The account has no Kafka user.
 * @param source null for neither: then the account must be there. Fails with `config-invalid` where it is not.
 */
export async function ensureOperator(database: Database, source: OperatorSecret | null): Promise<Result<string | null>> {
  return database.locked<string | null>(`account/${operatorAccount}`, async () => {
    const { stores } = database;
    const known = await stores.participants.findAccount(operatorAccount);
    if (!known.ok) return known;
    const kept = known.value?.secretHash ?? null;
    if (kept === null && source === null)
      return fail('config-invalid', `SLUICE_OPERATOR_SECRET is not set, and there is no account ${operatorAccount} yet`);
    if (kept === null && source === 'made-at-first-start') return setNewPassword(stores);
    const participant = await ensureOperatorParticipant(stores);
    if (!participant.ok) return participant;
    if (source === null || source === 'made-at-first-start' || (kept !== null && (await verifySecret(source.secret, kept))))
      return ok(null);
    const put = await putOperator(stores, source.secret);
    return put.ok ? ok(null) : put;
  });
}

/** Gives `admin` a new random password and answers it. The old one is refused from the next request on. */
export function resetOperator(database: Database): Promise<Result<string>> {
  return database.locked(`account/${operatorAccount}`, () => setNewPassword(database.stores));
}

async function setNewPassword(stores: Stores): Promise<Result<string>> {
  const participant = await ensureOperatorParticipant(stores);
  if (!participant.ok) return participant;
  const password = randomBytes(passwordBytes).toString('base64url');
  const put = await putOperator(stores, password);
  return put.ok ? ok(password) : put;
}

/** What else it became stays; without its role nobody could give it back. */
export async function ensureOperatorParticipant(stores: Stores): Promise<Result<void>> {
  const known = await stores.participants.find(operatorParticipant);
  if (!known.ok) return known;
  if (known.value?.roles.includes('operator') === true) return ok(undefined);
  const base: Participant = known.value ?? {
    id: operatorParticipant,
    name: 'Operator',
    creditCode: null,
    roles: [],
    sector: null,
    region: null,
    state: 'active',
  };
  return stores.participants.put({ ...base, roles: [...base.roles, 'operator'] });
}

async function putOperator(stores: Stores, secret: string): Promise<Result<void>> {
  return stores.participants.putAccount({
    name: operatorAccount,
    participant: operatorParticipant,
    kind: 'person',
    displayName: null,
    roles: null,
    secretHash: await hashSecret(secret),
    oidcIssuer: null,
    oidcSubject: null,
  });
}
