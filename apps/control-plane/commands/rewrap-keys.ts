/** Wraps everything that is wrapped under the newest master key, in portions: what is done stays done, and a further call goes on. */
import type { Result } from '../../../libs/base/index.ts';
import { ok } from '../../../libs/base/index.ts';
import type { Delivery, WrappedKey } from '../../../libs/catalog/index.ts';
import { dataKeyContext, deliveryContext } from '../../../libs/catalog/index.ts';
import { requireOperator } from '../caller.ts';
import { newEvent } from '../events/new-event.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { dutyContext } from './find-duty.ts';
import { datasetLock } from './locks.ts';
import { publishAll } from './publish-directives.ts';

export interface RewrapOutcome {
  /** The master key under which they are now. */
  readonly keyId: string;
  readonly dataKeys: number;
  /** Secrets of deliveries, of agreements and of requests. */
  readonly deliveries: number;
  readonly duties: number;
  /** What does not open, by name: `data-key/agreement/<id>/<epoch>`. It stays as it is. */
  readonly failed: readonly string[];
  /** Whether a further call has more to do. */
  readonly more: boolean;
}

/** Keys that are looked at in one portion. */
const portion = 100;

/** One run's tally and how much it may still do. */
class Run {
  readonly keyId: string;
  readonly failed: string[] = [];
  /** Agreements whose directives carry something that was wrapped anew. */
  readonly carrying = new Set<string>();
  left: number;
  dataKeys = 0;
  deliveries = 0;
  duties = 0;

  constructor(keyId: string, most: number) {
    this.keyId = keyId;
    this.left = most;
  }
}

/**
 * At most `most` things; for the operator. Directives that carry a key get their next revision, so that the data plane and link have it, and are in the
 * topic when this succeeds. A key service that goes away ends it with its failure; answers kept for retries are not wrapped anew, they end within a day.
 */
export async function rewrapKeys(plane: ControlPlane, caller: Caller, most: number): Promise<Result<RewrapOutcome>> {
  const allowed = requireOperator(caller);
  if (!allowed.ok) return allowed;
  const keyId = await plane.vault.newestKeyId();
  if (!keyId.ok) return keyId;
  const run = new Run(keyId.value, most);
  const worked = await work(plane, run);
  // What was done before a failure is told to the data plane all the same.
  const published = await publishCarriers(plane, run);
  if (!worked.ok) return worked;
  if (!published.ok) return published;
  const { dataKeys, deliveries, duties, failed } = run;
  if (dataKeys + deliveries + duties > 0) {
    const told = await plane.database.stores.events.add(
      newEvent('keys.rewrapped', keyId.value, { dataKeys, deliveries, duties }),
    );
    if (!told.ok) return told;
    plane.eventsWaiting();
  }
  return ok({ keyId: keyId.value, dataKeys, deliveries, duties, failed, more: run.left <= 0 });
}

async function work(plane: ControlPlane, run: Run): Promise<Result<void>> {
  for (const step of [dataKeysOf, deliveriesOfAgreements, deliveriesOfRequests, dutiesOf]) {
    const done = await step(plane, run);
    if (!done.ok) return done;
  }
  return ok(undefined);
}

/** Null for one that does not open, of which is told; a service that does not answer ends the run. */
async function rewrap(
  plane: ControlPlane,
  run: Run,
  name: string,
  key: WrappedKey,
  context: string,
): Promise<Result<WrappedKey | null>> {
  const wrapped = await plane.vault.rewrap(key, context);
  if (wrapped.ok) {
    run.left -= 1;
    return wrapped;
  }
  if (wrapped.failure.code !== 'key-missing') return wrapped;
  run.failed.push(name);
  return ok(null);
}

async function dataKeysOf(plane: ControlPlane, run: Run): Promise<Result<void>> {
  const { dataKeys } = plane.database.stores;
  let after: Parameters<typeof dataKeys.notUnder>[1] = null;
  while (run.left > 0) {
    const found = await dataKeys.notUnder(run.keyId, after, Math.min(portion, run.left));
    if (!found.ok || found.value.length === 0) return found.ok ? ok(undefined) : found;
    for (const { wrapped, ...place } of found.value) {
      after = place;
      const { ownerKind: kind, owner: id, epoch } = place;
      const anew = await rewrap(plane, run, `data-key/${kind}/${id}/${epoch}`, wrapped, dataKeyContext({ kind, id }, epoch));
      if (!anew.ok) return anew;
      if (anew.value === null) continue;
      const stored = await dataKeys.rewrapped(place, wrapped, anew.value);
      if (!stored.ok) return stored;
      if (!stored.value) continue;
      run.dataKeys += 1;
      if (kind === 'agreement') run.carrying.add(id);
      else await carriersOf(plane, run, id);
    }
  }
  return ok(undefined);
}

/** Directives carry the key of a dataset only where somebody was erased. */
async function carriersOf(plane: ControlPlane, run: Run, dataset: string): Promise<void> {
  const erased = await plane.database.stores.suppressions.erasuresOf(dataset);
  if (!erased.ok || erased.value === 0) return;
  const agreements = await plane.database.stores.agreements.ofDataset(dataset);
  if (agreements.ok) for (const { id } of agreements.value) run.carrying.add(id);
}

async function deliveriesOfAgreements(plane: ControlPlane, run: Run): Promise<Result<void>> {
  const { agreements } = plane.database.stores;
  let after = '';
  while (run.left > 0) {
    const found = await agreements.deliveriesNotUnder(run.keyId, after, Math.min(portion, run.left));
    if (!found.ok || found.value.length === 0) return found.ok ? ok(undefined) : found;
    for (const agreement of found.value) {
      after = agreement.id;
      const done = await plane.database.locked(datasetLock(agreement.dataset), () => deliveryOf(plane, run, agreement.id));
      if (!done.ok) return done;
    }
  }
  return ok(undefined);
}

async function deliveryOf(plane: ControlPlane, run: Run, id: string): Promise<Result<void>> {
  const { agreements } = plane.database.stores;
  const agreement = await agreements.find(id);
  if (!agreement.ok || agreement.value === null) return agreement.ok ? ok(undefined) : agreement;
  const delivery = await delivered(plane, run, `delivery/agreement/${id}`, id, agreement.value.delivery);
  if (!delivery.ok || delivery.value === null) return delivery.ok ? ok(undefined) : delivery;
  const { revision } = agreement.value;
  const put = await agreements.put({ ...agreement.value, delivery: delivery.value, revision: revision + 1 }, revision);
  if (!put.ok) return put;
  run.deliveries += 1;
  return ok(undefined);
}

async function deliveriesOfRequests(plane: ControlPlane, run: Run): Promise<Result<void>> {
  const { requests } = plane.database.stores;
  let after = '';
  while (run.left > 0) {
    const found = await requests.deliveriesNotUnder(run.keyId, after, Math.min(portion, run.left));
    if (!found.ok || found.value.length === 0) return found.ok ? ok(undefined) : found;
    for (const { id, agreement, delivery: before } of found.value) {
      after = id;
      const delivery = await delivered(plane, run, `delivery/request/${id}`, agreement, before);
      if (!delivery.ok) return delivery;
      if (delivery.value === null) continue;
      const put = await requests.putDelivery(id, delivery.value);
      if (!put.ok) return put;
      run.deliveries += 1;
    }
  }
  return ok(undefined);
}

/** The delivery with its secret wrapped anew; null where that does not open, or there is none. */
async function delivered(
  plane: ControlPlane,
  run: Run,
  name: string,
  agreement: string,
  delivery: Delivery,
): Promise<Result<Delivery | null>> {
  if (delivery.kind === 'kafka') return ok(null);
  const secret = delivery.kind === 'mirror' ? delivery.password : delivery.secret;
  const anew = await rewrap(plane, run, name, secret, deliveryContext(agreement));
  if (!anew.ok || anew.value === null) return anew.ok ? ok(null) : anew;
  return ok(delivery.kind === 'mirror' ? { ...delivery, password: anew.value } : { ...delivery, secret: anew.value });
}

async function dutiesOf(plane: ControlPlane, run: Run): Promise<Result<void>> {
  const { suppressions } = plane.database.stores;
  let after = '';
  while (run.left > 0) {
    const found = await suppressions.dutiesNotUnder(run.keyId, after, Math.min(portion, run.left));
    if (!found.ok || found.value.length === 0) return found.ok ? ok(undefined) : found;
    for (const { id, subjects } of found.value) {
      after = id;
      if (subjects === null) continue;
      const anew = await rewrap(plane, run, `duty/${id}`, subjects, dutyContext(id));
      if (!anew.ok) return anew;
      if (anew.value === null) continue;
      const stored = await suppressions.rewrappedDuty(id, anew.value);
      if (!stored.ok) return stored;
      run.duties += 1;
    }
  }
  return ok(undefined);
}

async function publishCarriers(plane: ControlPlane, run: Run): Promise<Result<void>> {
  const raised = await plane.database.stores.agreements.raise([...run.carrying]);
  if (!raised.ok) return raised;
  const published = await publishAll(plane);
  return published.ok ? ok(undefined) : published;
}
