/** Makes sure that the operator's account exists with the configured secret. */
import type { Database } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { hashSecret, verifySecret } from '../secret-hash.ts';

const operatorAccount = 'admin';
const operatorParticipant = 'operator';

/** The configuration is the authority: a changed secret holds from the next start. The account has no Kafka user. */
export async function ensureOperator(database: Database, secret: string): Promise<Result<void>> {
  return database.locked(`account/${operatorAccount}`, async () => {
    const { participants } = database.stores;
    const participant = await participants.put({ id: operatorParticipant, name: 'Operator', role: 'operator' });
    if (!participant.ok) return participant;
    const known = await participants.findAccount(operatorAccount);
    if (!known.ok) return known;
    if (known.value !== null && (await verifySecret(secret, known.value.secretHash))) return { ok: true, value: undefined };
    return participants.putAccount({
      name: operatorAccount,
      participant: operatorParticipant,
      secretHash: await hashSecret(secret),
    });
  });
}
