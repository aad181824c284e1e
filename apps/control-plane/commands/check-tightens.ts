/** Holds policies against the baseline of their dataset. */
import type { Agreement, Dataset, Stores } from '../../../libs/adapters/postgres/index.ts';
import { parseSchema } from '../../../libs/avro/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, ok } from '../../../libs/base/index.ts';
import type { ApprovedProgram } from '../../../libs/catalog/index.ts';
import { checkTightens } from '../../../libs/catalog/index.ts';
import type { BaselineTerms, PolicyTerms } from '../../../libs/odrl/index.ts';
import { parseBaseline, parsePolicy } from '../../../libs/odrl/index.ts';
import type { ControlPlane } from '../plane.ts';
import { contractOf } from './contract-of.ts';
import { termsForSchema } from './terms-for-schema.ts';

/** What compiling needs to know of a dataset. */
export type OfDataset = Pick<Dataset, 'id' | 'compacted'>;

/** The terms of an agreement or an offer, under the name that failures have for it. */
export interface Named {
  readonly name: string;
  readonly terms: PolicyTerms;
}

/** The newest baseline of a dataset, or null where there is none. */
export async function currentBaseline(stores: Pick<Stores, 'policies'>, dataset: string): Promise<Result<BaselineTerms | null>> {
  const newest = await stores.policies.newest('baseline', dataset);
  if (!newest.ok) return newest;
  if (newest.value === null) return ok(null);
  const terms = parseBaseline(newest.value.body);
  return terms.ok ? terms : during(`reading the baseline of ${dataset}`, terms.failure);
}

/** Fails with `policy-loosens`, naming the policy. `contractText` is the schema that its rules are planned on. */
export function checkTightensBaseline(
  plane: Pick<ControlPlane, 'stages'>,
  baseline: BaselineTerms | null,
  { name, terms }: Named,
  writerText: string,
  contractText: string,
): Result<void> {
  if (baseline === null) return ok(undefined);
  const schema = parseSchema(contractText);
  const writer = parseSchema(writerText);
  if (!schema.ok) return schema;
  if (!writer.ok) return writer;
  const policy = termsForSchema(terms, schema.value);
  const tightens = checkTightens({ schema: schema.value, writer: writer.value, baseline, policy, stages: plane.stages });
  return tightens.ok ? tightens : during(name, tightens.failure);
}

/** Every Program that a stored agreement has. */
export function checkAgreementTightens(
  plane: Pick<ControlPlane, 'stages'>,
  baseline: BaselineTerms | null,
  agreement: Pick<Agreement, 'id' | 'policy'>,
  programs: readonly ApprovedProgram[],
): Result<void> {
  const terms = parsePolicy(agreement.policy);
  if (!terms.ok) return terms;
  const named = { name: `agreement ${agreement.id}`, terms: terms.value };
  for (const program of programs) {
    const tightens = checkTightensBaseline(plane, baseline, named, program.writerSchema, contractOf(program));
    if (!tightens.ok) return tightens;
  }
  return ok(undefined);
}
