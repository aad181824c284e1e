/** What a policy would let out, before anybody agrees to it: the governed schema, every rule with what is lost, and real records before and after. */
import type { Dataset } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { ok } from '../../../libs/base/index.ts';
import type { ExplainRow, Tried } from '../../../libs/govern/index.ts';
import { tryProgram } from '../../../libs/govern/index.ts';
import type { PolicyTerms } from '../../../libs/odrl/index.ts';
import { enforcerSentence } from '../../../libs/odrl/index.ts';
import type { ControlPlane } from '../plane.ts';
import type { Named } from './check-tightens.ts';
import { compileNewest } from './compile-newest.ts';
import { sampleRecords } from './sample-records.ts';

export interface DryRun {
  readonly dataset: string;
  readonly writerSchemaId: number;
  readonly programHash: string;
  readonly governedSchema: unknown;
  /** What happens to each place and channel, what is lost, and why. */
  readonly rows: readonly ExplainRow[];
  readonly terms: readonly {
    readonly leftOperand: string;
    readonly operator: string;
    readonly rightOperand: string | number | readonly string[];
    /** Who sees to it. */
    readonly enforcement: string;
  }[];
  readonly samples: readonly Tried[];
}

export interface DryRunOptions {
  readonly samplesMax: number;
  /** Whether raw values are shown: to the publisher's people and the operator alone. */
  readonly showsBefore: boolean;
}

/** Tokens are under a key of this run alone: they join neither with the agreement's nor with those of another run. */
export async function dryRun(
  plane: ControlPlane,
  named: Named & { readonly terms: PolicyTerms },
  dataset: Dataset,
  { samplesMax, showsBefore }: DryRunOptions,
): Promise<Result<DryRun>> {
  const compiled = await compileNewest(plane, named, dataset);
  if (!compiled.ok) return compiled;
  const { program, writerSchemaId } = compiled.value;
  const records = await sampleRecords(plane.cluster, dataset.id, writerSchemaId, samplesMax);
  if (!records.ok) return records;
  const tried = tryProgram(program, dataset.id, records.value);
  if (!tried.ok) return tried;
  return ok({
    dataset: dataset.id,
    writerSchemaId,
    programHash: program.hash,
    governedSchema: JSON.parse(program.governedSchema.text) as unknown,
    rows: program.explain(),
    terms: named.terms.constraints.map(({ enforcedBy, ...constraint }) => ({
      ...constraint,
      enforcement: enforcerSentence[enforcedBy],
    })),
    samples: showsBefore ? tried.value : tried.value.map((one) => ({ ...one, before: null })),
  });
}
