/** Creates an account or changes its secret: one name and secret for HTTP and for Kafka. */
import type { Account } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { requireOperator } from '../caller.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { hashSecret, verifySecret } from '../secret-hash.ts';
import { grantsOfAccount } from './grants.ts';

export interface AccountInput {
  readonly name: string;
  readonly participant: string;
  readonly secret: string;
}

/** An account may not move to another participant: its Kafka permissions would stay behind. */
export async function putAccount(
  plane: ControlPlane,
  caller: Caller,
  input: AccountInput,
): Promise<Result<Omit<Account, 'secretHash'>>> {
  const allowed = requireOperator(caller);
  if (!allowed.ok) return allowed;
  if (plane.reservedAccounts.has(input.name) || input.name.startsWith('sluice')) {
    return fail('conflict', `the account name ${input.name} is reserved`);
  }
  return plane.database.locked(`account/${input.name}`, () => putLocked(plane, input));
}

async function putLocked(plane: ControlPlane, input: AccountInput): Promise<Result<Omit<Account, 'secretHash'>>> {
  const { participants } = plane.database.stores;
  const participant = await participants.find(input.participant);
  if (!participant.ok) return participant;
  if (participant.value === null) return fail('not-found', `there is no participant ${input.participant}`);
  const known = await participants.findAccount(input.name);
  if (!known.ok) return known;
  if (known.value !== null && known.value.participant !== input.participant) {
    return fail('conflict', `account ${input.name} belongs to another participant`);
  }
  const same = known.value !== null && (await verifySecret(input.secret, known.value.secretHash));
  const account = { name: input.name, participant: input.participant };
  if (!same) {
    const put = await participants.putAccount({ ...account, secretHash: await hashSecret(input.secret) });
    if (!put.ok) return put;
  }
  const user = await plane.broker.setScramUser(input.name, input.secret);
  if (!user.ok) return user;
  const grants = await grantsOfAccount(plane, { ...account, secretHash: '' });
  if (!grants.ok) return grants;
  const granted = await plane.broker.allow(grants.value);
  return granted.ok ? ok(account) : granted;
}
