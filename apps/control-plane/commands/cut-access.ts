/** Takes Kafka users off the cluster in the order that cuts soonest. */
import type { Result } from '../../../libs/base/index.ts';
import { during, ok } from '../../../libs/base/index.ts';
import type { ControlPlane } from '../plane.ts';

/**
 * Permissions first, which ends what is being read over a live connection; then `publish`, which stops delivery; the users last, because
 * deleting one cuts no connection. Each step is tried even when one before it failed; the first failure is answered. Call it after what it does
 * is committed: what is left undone then is found by the reconciliation.
 */
export async function cutAccess(
  { broker }: Pick<ControlPlane, 'broker'>,
  users: readonly string[],
  publish: () => Promise<Result<void>> = () => Promise.resolve(ok(undefined)),
): Promise<Result<void>> {
  const revoked = users.length === 0 ? ok(undefined) : await broker.access.revokeAllOf(users);
  const published = await publish();
  const deleted = users.length === 0 ? ok(undefined) : await broker.access.deleteUsers(users);
  const failed = [revoked, published, deleted].find((done) => !done.ok);
  return failed === undefined || failed.ok ? ok(undefined) : during('cutting access', failed.failure);
}
