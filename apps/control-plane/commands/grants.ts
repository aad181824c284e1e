/** The Kafka permissions of an account: a publisher writes its raw topics, a subscriber reads its governed topics, nobody else anything. */
import type { AclGrant } from '../../../libs/adapters/kafka/index.ts';
import type { Account, Agreement, Dataset } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { groupPrefix, topicNames } from '../../../libs/base/index.ts';
import type { ControlPlane } from '../plane.ts';

/** What an account of the publisher may do on a dataset. Idempotent producing comes with `write`; transactions need an id `<account>.…`. */
function publisherGrants(account: string, dataset: string): AclGrant[] {
  const topic = { principal: account, resource: 'topic', name: topicNames.raw(dataset), pattern: 'literal' } as const;
  const transactionalId = { principal: account, resource: 'transactionalId', name: `${account}.`, pattern: 'prefixed' } as const;
  return [
    { ...topic, operation: 'write' },
    { ...topic, operation: 'describe' },
    { ...transactionalId, operation: 'write' },
    { ...transactionalId, operation: 'describe' },
  ];
}

/** What an account of the subscriber may do under an agreement: this topic by its whole name, groups by the prefix with its dot. */
function subscriberGrants(account: string, agreement: Pick<Agreement, 'id' | 'dataset'>): AclGrant[] {
  const topic = {
    principal: account,
    resource: 'topic',
    name: topicNames.governed(agreement.dataset, agreement.id),
    pattern: 'literal',
  } as const;
  const group = { principal: account, resource: 'group', name: groupPrefix(agreement.id), pattern: 'prefixed' } as const;
  return [
    { ...topic, operation: 'read' },
    { ...topic, operation: 'describe' },
    { ...group, operation: 'read' },
    { ...group, operation: 'describe' },
  ];
}

/** Only what is read with a Kafka client needs permissions; mirrors and webhooks are read by link's own account. */
const isReadByKafka = (agreement: Pick<Agreement, 'delivery' | 'state'>): boolean =>
  agreement.delivery.kind === 'kafka' && (agreement.state === 'started' || agreement.state === 'suspended');

/** Every permission that an account should have now. */
export async function grantsOfAccount(plane: Pick<ControlPlane, 'database'>, account: Account): Promise<Result<AclGrant[]>> {
  const datasets = await plane.database.stores.datasets.ofPublisher(account.participant);
  if (!datasets.ok) return datasets;
  const agreements = await plane.database.stores.agreements.ofAssignee(account.participant);
  if (!agreements.ok) return agreements;
  const written = datasets.value.flatMap((dataset) => publisherGrants(account.name, dataset.id));
  const read = agreements.value.filter(isReadByKafka).flatMap((agreement) => subscriberGrants(account.name, agreement));
  return { ok: true, value: [...written, ...read] };
}

/** Gives every account of the publisher what a dataset needs. */
export async function grantPublisher(plane: ControlPlane, dataset: Pick<Dataset, 'id' | 'publisher'>): Promise<Result<void>> {
  const accounts = await plane.database.stores.participants.accountsOf(dataset.publisher);
  if (!accounts.ok) return accounts;
  return plane.broker.allow(accounts.value.flatMap((account) => publisherGrants(account.name, dataset.id)));
}

/** Gives every account of the subscriber what its agreement allows, or takes it away when the agreement no longer does. */
export async function grantSubscriber(plane: ControlPlane, agreement: Agreement): Promise<Result<void>> {
  const accounts = await plane.database.stores.participants.accountsOf(agreement.assignee);
  if (!accounts.ok) return accounts;
  const grants = accounts.value.flatMap((account) => subscriberGrants(account.name, agreement));
  return isReadByKafka(agreement) ? plane.broker.allow(grants) : plane.broker.revoke(grants);
}
