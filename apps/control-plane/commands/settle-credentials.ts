/** Makes the credentials of an agreement what its terms say: whether there may be any, until when, and how fast they read. */
import type { Agreement } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { ok } from '../../../libs/base/index.ts';
import { parsePolicy } from '../../../libs/odrl/index.ts';
import type { ControlPlane } from '../plane.ts';
import { cutAccess } from './cut-access.ts';

/** Whether a credential may read under it: it is delivered to Kafka clients, not over, and not killed. */
export const mayBeRead = ({ delivery, state, holds }: Pick<Agreement, 'delivery' | 'state' | 'holds'>): boolean =>
  delivery.kind === 'kafka' && (state === 'started' || state === 'suspended') && !holds.some(({ kind }) => kind === 'kill');

/** What its policy lets a credential read from each broker, bytes a second; null for no limit. */
export function byteRateOf({ policy }: Pick<Agreement, 'policy'>): Result<number | null> {
  const terms = parsePolicy(policy);
  return terms.ok ? ok(terms.value.usage.bytesPerSecondMax) : terms;
}

/** The caller holds the dataset's lock, and has stored the agreement. */
export async function settleCredentials(
  plane: Pick<ControlPlane, 'database' | 'broker'>,
  agreement: Agreement,
): Promise<Result<void>> {
  const { credentials } = plane.database.stores;
  if (!mayBeRead(agreement)) {
    const users = await credentials.revokeAll([agreement.id]);
    return users.ok ? cutAccess(plane, users.value) : users;
  }
  const live = await credentials.liveOf([agreement.id]);
  if (!live.ok || live.value.length === 0) return live.ok ? ok(undefined) : live;
  const rate = byteRateOf(agreement);
  if (!rate.ok) return rate;
  const ended = await credentials.endWith(agreement.id, agreement.expiresAt);
  if (!ended.ok) return ended;
  const others = live.value.filter(({ byteRate }) => byteRate !== rate.value);
  for (const credential of others) {
    const changed = await credentials.change(credential, ['pending', 'active', 'retiring'], { byteRate: rate.value });
    if (!changed.ok) return changed;
  }
  if (others.length === 0) return ok(undefined);
  return plane.broker.access.setQuotas(new Map(others.map(({ kafkaUser }) => [kafkaUser, rate.value])));
}
