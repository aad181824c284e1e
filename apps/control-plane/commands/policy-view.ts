/** A stored policy as people see it: the version, the text, and what enforces each of its terms. */
import type { Policy } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { ok } from '../../../libs/base/index.ts';
import type { ExplainedTerm } from '../../../libs/odrl/index.ts';
import { explainTerms, parseBaseline, parseOffer } from '../../../libs/odrl/index.ts';

export interface PolicyView {
  readonly kind: Policy['kind'];
  readonly id: string;
  readonly version: number;
  readonly dataset: string;
  readonly policy: unknown;
  readonly terms: readonly ExplainedTerm[];
  readonly createdBy: string;
  readonly createdAt: string;
  readonly withdrawnAt: string | null;
}

export function policyView({ body, createdAt, withdrawnAt, ...policy }: Policy): Result<PolicyView> {
  const terms = policy.kind === 'baseline' ? parseBaseline(body) : parseOffer(body);
  if (!terms.ok) return terms;
  const { kind, id, version, dataset, createdBy } = policy;
  const times = { createdAt: createdAt.toISOString(), withdrawnAt: withdrawnAt?.toISOString() ?? null };
  return ok({ kind, id, version, dataset, policy: body, terms: explainTerms(terms.value), createdBy, ...times });
}
