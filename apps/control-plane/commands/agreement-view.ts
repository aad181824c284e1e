/** An agreement as its parties see it: without secrets, keys and modules. */
import type { Agreement, ProgramRef } from '../../../libs/adapters/postgres/index.ts';
import { groupPrefix, topicNames } from '../../../libs/base/index.ts';
import type { Delivery, Hold } from '../../../libs/catalog/index.ts';

/** Whether the agreement still needs Programs. */
export const isLive = (agreement: Pick<Agreement, 'state'>): boolean =>
  agreement.state === 'started' || agreement.state === 'suspended';

/** As a list shows it. */
export interface AgreementItem {
  readonly id: string;
  readonly dataset: string;
  readonly assigner: string;
  readonly assignee: string;
  readonly state: Agreement['state'];
  /** Why it is suspended, or would be if it were not over. */
  readonly holds: readonly Hold[];
  readonly revision: number;
  /** RFC 3339; null without an end. */
  readonly expiresAt: string | null;
  readonly topic: string;
  readonly groupPrefix: string;
  readonly policy: unknown;
  readonly delivery: Readonly<Record<string, unknown>>;
}

export interface AgreementView extends AgreementItem {
  readonly programs: readonly ProgramRef[];
}

export function agreementItem(agreement: Agreement): AgreementItem {
  const { id, dataset, assigner, assignee, state, holds, revision, expiresAt, policy } = agreement;
  return {
    id,
    dataset,
    assigner,
    assignee,
    state,
    holds,
    revision,
    expiresAt: expiresAt?.toISOString() ?? null,
    topic: topicNames.governed(dataset, id),
    groupPrefix: groupPrefix(id),
    policy,
    delivery: deliveryView(agreement.delivery),
  };
}

/** @param programs may have more than is shown. */
export function agreementView(agreement: Agreement, programs: readonly ProgramRef[]): AgreementView {
  return {
    ...agreementItem(agreement),
    programs: programs.map(({ writerSchemaId, governedSchemaId, programHash }) => ({
      writerSchemaId,
      governedSchemaId,
      programHash,
    })),
  };
}

/** Members are named one by one: a secret added to a delivery later cannot slip through. */
export function deliveryView(delivery: Delivery): Readonly<Record<string, unknown>> {
  switch (delivery.kind) {
    case 'kafka':
      return { kind: delivery.kind };
    case 'mirror':
      return {
        kind: delivery.kind,
        brokers: delivery.brokers,
        topic: delivery.topic,
        username: delivery.username,
      };
    case 'webhook':
      return {
        kind: delivery.kind,
        url: delivery.url,
        batchRecordsMax: delivery.batchRecordsMax,
      };
  }
}
