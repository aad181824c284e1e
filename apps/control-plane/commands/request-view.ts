/** An access request as its parties see it. */
import type { AccessRequest } from '../../../libs/adapters/postgres/index.ts';
import type { Approver } from '../../../libs/catalog/index.ts';
import { nextApprover } from '../../../libs/catalog/index.ts';
import { deliveryView } from './agreement-view.ts';

export interface RequestView {
  readonly id: string;
  readonly offer: string;
  readonly offerVersion: number;
  readonly dataset: string;
  readonly assigner: string;
  readonly assignee: string;
  /** What it becomes, and since it is granted is. */
  readonly agreement: string;
  readonly purpose: string;
  readonly fields: readonly string[] | null;
  readonly until: string | null;
  readonly note: string;
  readonly delivery: Readonly<Record<string, unknown>>;
  readonly policy: unknown;
  readonly programHashes: Readonly<Record<string, string>>;
  readonly madeBy: string;
  readonly madeAt: string;
  readonly state: AccessRequest['state'];
  readonly decisions: AccessRequest['decisions'];
  /** Whose approval it waits for; null when it waits for nobody's. */
  readonly waitsFor: Approver | null;
}

export function requestView(request: AccessRequest, approvers: readonly Approver[]): RequestView {
  const { until, madeAt, delivery, ...shown } = request;
  return {
    ...shown,
    until: until?.toISOString() ?? null,
    madeAt: madeAt.toISOString(),
    delivery: deliveryView(delivery),
    waitsFor: nextApprover(request, approvers),
  };
}
