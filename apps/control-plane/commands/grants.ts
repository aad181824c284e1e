/** The Kafka permissions that there are: an account of a publisher writes its raw topics, a credential reads its governed topic, nobody else anything. */
import type { AclGrant } from '../../../libs/adapters/kafka/index.ts';
import type { Account, Agreement, Dataset } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { groupPrefix, ok, topicNames } from '../../../libs/base/index.ts';
import type { ControlPlane } from '../plane.ts';

/** What an account of the publisher may do on a dataset. Idempotent producing comes with `write`; transactions need an id `<account>.…`. */
export function publisherGrants(account: string, dataset: string): AclGrant[] {
  const topic = {
    principal: account,
    resource: 'topic',
    name: topicNames.raw(dataset),
    pattern: 'literal',
  } as const;
  const transactionalId = {
    principal: account,
    resource: 'transactionalId',
    name: `${account}.`,
    pattern: 'prefixed',
  } as const;
  return [
    { ...topic, operation: 'write' },
    { ...topic, operation: 'describe' },
    { ...transactionalId, operation: 'write' },
    { ...transactionalId, operation: 'describe' },
  ];
}

/** What a credential may do under its agreement: this topic by its whole name, groups by the prefix with its dot. */
export function credentialGrants(kafkaUser: string, agreement: Pick<Agreement, 'id' | 'dataset'>): AclGrant[] {
  const name = topicNames.governed(agreement.dataset, agreement.id);
  const topic = {
    principal: kafkaUser,
    resource: 'topic',
    name,
    pattern: 'literal',
  } as const;
  const group = {
    principal: kafkaUser,
    resource: 'group',
    name: groupPrefix(agreement.id),
    pattern: 'prefixed',
  } as const;
  return [
    { ...topic, operation: 'read' },
    { ...topic, operation: 'describe' },
    { ...group, operation: 'read' },
    { ...group, operation: 'describe' },
  ];
}

/** Every permission that an account should have now: none while its participant is suspended. */
export async function grantsOfAccount(
  plane: Pick<ControlPlane, 'database'>,
  account: Pick<Account, 'name' | 'participant'>,
): Promise<Result<AclGrant[]>> {
  const { datasets, participants } = plane.database.stores;
  const participant = await participants.find(account.participant);
  if (!participant.ok) return participant;
  if (participant.value?.state !== 'active') return ok([]);
  const own = await datasets.ofPublisher(account.participant);
  return own.ok ? ok(own.value.flatMap((dataset) => publisherGrants(account.name, dataset.id))) : own;
}

/** Gives every account of the publisher what a dataset needs. */
export async function grantPublisher(plane: ControlPlane, dataset: Pick<Dataset, 'id' | 'publisher'>): Promise<Result<void>> {
  const { participants } = plane.database.stores;
  const publisher = await participants.find(dataset.publisher);
  if (!publisher.ok) return publisher;
  if (publisher.value?.state !== 'active') return ok(undefined);
  const accounts = await participants.accountsOf(dataset.publisher);
  if (!accounts.ok) return accounts;
  return plane.broker.allow(accounts.value.flatMap((account) => publisherGrants(account.name, dataset.id)));
}

/** Makes the permissions of a participant's accounts what they should be after it was suspended or let in again. */
export async function settleAccounts(plane: ControlPlane, participant: string): Promise<Result<void>> {
  const accounts = await plane.database.stores.participants.accountsOf(participant);
  if (!accounts.ok) return accounts;
  const ours = accounts.value.filter(({ name }) => !plane.reservedAccounts.has(name));
  const grants: AclGrant[] = [];
  for (const account of ours) {
    const own = await grantsOfAccount(plane, account);
    if (!own.ok) return own;
    grants.push(...own.value);
  }
  if (grants.length > 0) return plane.broker.allow(grants);
  return ours.length === 0 ? ok(undefined) : plane.broker.access.revokeAllOf(ours.map(({ name }) => name));
}
