/** Lists the credentials of an agreement, and ends one before its time. */
import type { CredentialRow } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { readerOf, requireParticipant } from '../caller.ts';
import { newEvent } from '../events/new-event.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { cutAccess } from './cut-access.ts';
import { findAgreement } from './find-agreement.ts';
import { datasetLock } from './locks.ts';

/** For the parties, operators and auditors; from the newest on. */
export async function listCredentials(plane: ControlPlane, caller: Caller, agreement: string): Promise<Result<CredentialRow[]>> {
  const seen = await findAgreement(plane, caller, agreement);
  if (!seen.ok) return seen;
  const listed = await plane.database.asCaller(readerOf(caller), (stores) => stores.credentials.ofAgreement(agreement));
  return listed.ok ? ok(listed.value.toReversed()) : listed;
}

/** For the assignee and the operator. One that has ended is a success. */
export async function revokeCredential(
  plane: ControlPlane,
  caller: Caller,
  input: { readonly agreement: string; readonly generation: number },
): Promise<Result<void>> {
  const seen = await findAgreement(plane, caller, input.agreement);
  if (!seen.ok) return seen;
  const { assignee, dataset } = seen.value;
  const allowed = requireParticipant(caller, assignee, 'the assignee', 'subscriber', 'platform');
  if (!allowed.ok) return allowed;
  return plane.database.locked(datasetLock(dataset), async () => {
    const known = await plane.database.stores.credentials.ofAgreement(input.agreement);
    if (!known.ok) return known;
    const credential = known.value.find(({ generation }) => generation === input.generation);
    if (credential === undefined) return fail('not-found', `agreement ${input.agreement} has no credential ${input.generation}`);
    const ended = await endCredential(plane, credential, dataset);
    return ended.ok ? cutAccess(plane, [credential.kafkaUser]) : ended;
  });
}

/** In the database alone: the caller cuts its user afterwards. */
export async function endCredential(
  plane: Pick<ControlPlane, 'database' | 'eventsWaiting'>,
  credential: CredentialRow,
  dataset: string,
): Promise<Result<void>> {
  const { agreement, generation } = credential;
  const stored = await plane.database.transaction('revoking a credential', async (stores) => {
    const changed = await stores.credentials.change(credential, ['pending', 'active', 'retiring', 'lost'], { state: 'revoked' });
    if (!changed.ok || !changed.value) return changed.ok ? ok(undefined) : changed;
    return stores.events.add(newEvent('credential.revoked', agreement, { dataset, generation }));
  });
  if (stored.ok) plane.eventsWaiting();
  return stored;
}
