/** An agreement as its parties see it: without secrets, keys and modules. */
import type { Agreement } from '../../../libs/adapters/postgres/index.ts';
import { groupPrefix, topicNames } from '../../../libs/base/index.ts';
import type { Delivery } from '../../../libs/catalog/index.ts';

/** Whether the agreement still needs Programs. */
export const isLive = (agreement: Pick<Agreement, 'state'>): boolean =>
  agreement.state === 'started' || agreement.state === 'suspended';

export interface AgreementView {
  readonly id: string;
  readonly dataset: string;
  readonly assigner: string;
  readonly assignee: string;
  readonly state: Agreement['state'];
  readonly revision: number;
  readonly topic: string;
  readonly groupPrefix: string;
  readonly policy: unknown;
  readonly delivery: Readonly<Record<string, unknown>>;
  readonly programs: readonly {
    readonly writerSchemaId: number;
    readonly governedSchemaId: number;
    readonly programHash: string;
  }[];
}

export function agreementView(agreement: Agreement): AgreementView {
  const { id, dataset, assigner, assignee, state, revision, policy } = agreement;
  return {
    id,
    dataset,
    assigner,
    assignee,
    state,
    revision,
    topic: topicNames.governed(dataset, id),
    groupPrefix: groupPrefix(id),
    policy,
    delivery: deliveryView(agreement.delivery),
    programs: agreement.programs.map(({ writerSchemaId, governedSchemaId, programHash }) => ({
      writerSchemaId,
      governedSchemaId,
      programHash,
    })),
  };
}

/** Members are named one by one: a secret added to a delivery later cannot slip through. */
function deliveryView(delivery: Delivery): Readonly<Record<string, unknown>> {
  switch (delivery.kind) {
    case 'kafka':
      return { kind: delivery.kind };
    case 'mirror':
      return { kind: delivery.kind, brokers: delivery.brokers, topic: delivery.topic, username: delivery.username };
    case 'webhook':
      return { kind: delivery.kind, url: delivery.url, batchRecordsMax: delivery.batchRecordsMax };
  }
}
