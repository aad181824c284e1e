/** The account by which an installation calls its own API, where it does: a service account without a secret, with one API key. */
import type { Database } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail } from '../../../libs/base/index.ts';
import { apiKeyId, digestOfKey } from '../api-key.ts';
import { scopes } from '../scope.ts';
import { ensureOperatorParticipant, operatorParticipant } from './ensure-operator.ts';

/** Reserved: names that begin so can be given to nobody. */
export const ownAccount = 'sluice-own';

const keyName = 'own';

/**
 * Makes this key the only one of the account. It does not expire: the next start makes another.
 * @param key as `makeApiKey` makes it
 */
export async function ensureOwnAccount(database: Database, key: string): Promise<Result<void>> {
  const id = apiKeyId(key);
  if (id === null) return fail('config-invalid', 'the key of the own account is not an API key');
  return database.locked(`account/${ownAccount}`, async () => {
    const participant = await ensureOperatorParticipant(database.stores);
    if (!participant.ok) return participant;
    return database.transaction('storing the own account', async ({ participants, apiKeys }) => {
      const put = await participants.putAccount({
        name: ownAccount,
        participant: operatorParticipant,
        kind: 'service',
        displayName: null,
        roles: ['operator'],
        secretHash: null,
        oidcIssuer: null,
        oidcSubject: null,
      });
      if (!put.ok) return put;
      const stored = await apiKeys.put({
        id,
        account: ownAccount,
        participant: operatorParticipant,
        name: keyName,
        scopes: [...scopes],
        digest: digestOfKey(key),
        createdAt: new Date(),
        expiresAt: null,
        lastUsedAt: null,
      });
      return stored.ok ? apiKeys.removeOthers(ownAccount, keyName, id) : stored;
    });
  });
}
