/** Carries an event of its life out on one agreement: decided by the table of transitions, stored, cut off or published. */
import type { Agreement, Dataset, Stores } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok } from '../../../libs/base/index.ts';
import type { LifecycleEvent, Standing } from '../../../libs/catalog/index.ts';
import { transition } from '../../../libs/catalog/index.ts';
import type { LifecycleType } from '../events/new-event.ts';
import { newEvent } from '../events/new-event.ts';
import type { ControlPlane } from '../plane.ts';
import { cutAccess } from './cut-access.ts';
import { publishDirectives } from './publish-directives.ts';
import { mayBeRead } from './settle-credentials.ts';

const types: Readonly<Record<LifecycleEvent['event'], LifecycleType>> = {
  suspend: 'agreement.suspended',
  resume: 'agreement.resumed',
  kill: 'agreement.killed',
  lift: 'agreement.lifted',
  exhaust: 'agreement.exhausted',
  begin: 'agreement.begun',
  renew: 'agreement.renewed',
  expire: 'agreement.completed',
  terminate: 'agreement.terminated',
};

export const standingOf = ({ state, holds, expiresAt }: Pick<Agreement, 'state' | 'holds' | 'expiresAt'>): Standing => ({
  state,
  holds,
  expiresAtMs: expiresAt?.getTime() ?? null,
});

/** The columns of a standing. */
export const columnsOf = ({ state, holds, expiresAtMs }: Standing): Pick<Agreement, 'state' | 'holds' | 'expiresAt'> => ({
  state,
  holds,
  expiresAt: expiresAtMs === null ? null : new Date(expiresAtMs),
});

/** What an agreement becomes besides its standing, or why the event may not be. Asked only when something changes. */
type Prepare = (agreement: Agreement, next: Standing) => Promise<Result<Agreement>>;

/**
 * The caller holds the dataset's lock. What is so already is a success without a new revision, and still does what an earlier call left undone.
 * Fails with `conflict` for an event that the state does not allow.
 */
export async function moveAgreement(
  plane: ControlPlane,
  id: string,
  happening: LifecycleEvent,
  prepare: Prepare = (agreement) => Promise.resolve(ok(agreement)),
): Promise<Result<Agreement>> {
  const found = await agreementAndDataset(plane, id);
  if (!found.ok) return found;
  const { agreement, dataset } = found.value;
  const standing = standingOf(agreement);
  const moved = transition(standing, happening);
  if (!moved.ok) return during(`agreement ${id}`, moved.failure);
  let next = agreement;
  if (moved.value !== standing) {
    const revision = agreement.revision + 1;
    const prepared = await prepare({ ...agreement, ...columnsOf(moved.value), revision }, moved.value);
    if (!prepared.ok) return prepared;
    next = prepared.value;
    const stored = await plane.database.transaction('storing an agreement', (stores) =>
      store(stores, next, agreement.revision, happening.event),
    );
    if (!stored.ok) return stored;
    plane.eventsWaiting();
  }
  const users = await usersToCut(plane.database.stores, next);
  if (!users.ok) return users;
  const done = await cutAccess(plane, users.value, () => publishDirectives(plane, dataset));
  return done.ok ? ok(next) : done;
}

async function agreementAndDataset(
  { database }: Pick<ControlPlane, 'database'>,
  id: string,
): Promise<Result<{ agreement: Agreement; dataset: Dataset }>> {
  const agreement = await database.stores.agreements.find(id);
  if (!agreement.ok) return agreement;
  if (agreement.value === null) return fail('not-found', `there is no agreement ${id}`);
  const dataset = await database.stores.datasets.find(agreement.value.dataset);
  if (!dataset.ok) return dataset;
  if (dataset.value === null) throw new Error(`agreement ${id} has no dataset`);
  return ok({ agreement: agreement.value, dataset: dataset.value });
}

async function store(stores: Stores, next: Agreement, after: number, event: LifecycleEvent['event']): Promise<Result<void>> {
  const put = await stores.agreements.put(next, after);
  if (!put.ok) return put;
  const metered = event === 'renew' ? await stores.meters.beginPeriod(next.id) : ok(undefined);
  if (!metered.ok) return metered;
  const ended = mayBeRead(next)
    ? await stores.credentials.endWith(next.id, next.expiresAt)
    : await stores.credentials.revokeAll([next.id]);
  if (!ended.ok) return ended;
  return stores.events.add(newEvent(types[event], next.id, { dataset: next.dataset, revision: next.revision }));
}

/** Of an agreement that nobody may read: those that were revoked before as well, in case that this is a second attempt. */
async function usersToCut({ credentials }: Stores, agreement: Agreement): Promise<Result<string[]>> {
  if (mayBeRead(agreement)) return ok([]);
  const all = await credentials.ofAgreement(agreement.id);
  return all.ok ? ok(all.value.map(({ kafkaUser }) => kafkaUser)) : all;
}
