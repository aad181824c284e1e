/** What a policy on a dataset comes to for the newest writer schema, before there is an agreement. */
import type { Dataset } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import type { Program } from '../../../libs/govern/index.ts';
import type { BaselineTerms } from '../../../libs/odrl/index.ts';
import type { ControlPlane } from '../plane.ts';
import type { Named } from './check-tightens.ts';
import { checkTightensBaseline, currentBaseline } from './check-tightens.ts';
import { compileProgram } from './compile-programs.ts';

/** A schema that records may carry, by its id in the registry. */
export interface Writer {
  readonly id: number;
  readonly text: string;
}

/** Fails with `conflict` for a dataset that has none yet. */
export async function newestWriter(plane: Pick<ControlPlane, 'schemas'>, dataset: Dataset): Promise<Result<Writer>> {
  const newest = await plane.schemas.latest(dataset.subject);
  if (!newest.ok) return newest;
  return newest.value === null ? fail('conflict', `dataset ${dataset.id} has no schema yet`) : ok(newest.value);
}

/** The Program that a policy gets, held against a baseline. Fails with `policy-loosens` or with why it cannot be compiled. */
export function compileUnder(
  plane: Pick<ControlPlane, 'stages'>,
  named: Named,
  dataset: Dataset,
  writer: Writer,
  baseline: BaselineTerms | null,
): Result<Program> {
  const program = compileProgram(plane, named, dataset, writer);
  if (!program.ok) return program;
  const tightens = checkTightensBaseline(plane, baseline, named, writer.text, writer.text);
  return tightens.ok ? program : tightens;
}

/** The same for the newest schema and the current baseline. */
export async function compileNewest(
  plane: ControlPlane,
  named: Named,
  dataset: Dataset,
): Promise<Result<{ readonly program: Program; readonly writerSchemaId: number }>> {
  const writer = await newestWriter(plane, dataset);
  if (!writer.ok) return writer;
  const baseline = await currentBaseline(plane.database.stores, dataset.id);
  if (!baseline.ok) return baseline;
  const program = compileUnder(plane, named, dataset, writer.value, baseline.value);
  return program.ok ? ok({ program: program.value, writerSchemaId: writer.value.id }) : program;
}
