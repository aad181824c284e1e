/** Gives a new writer schema its Program under every live agreement of its dataset, and publishes the directives. */
import type { Agreement, Dataset } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, ok } from '../../../libs/base/index.ts';
import { parsePolicy } from '../../../libs/odrl/index.ts';
import type { ControlPlane } from '../plane.ts';
import { isLive } from './agreement-view.ts';
import { compilePrograms } from './compile-programs.ts';
import { checkDirectiveSize, publishDirectives } from './publish-directives.ts';

/**
 * The caller holds the dataset's lock. Nothing changes unless every agreement compiles. An agreement that has the Program already keeps
 * its revision. Succeeds when the directives are in the topic.
 */
export async function approveWriterSchema(
  plane: ControlPlane,
  dataset: Dataset,
  writer: { readonly id: number; readonly text: string },
): Promise<Result<void>> {
  const agreements = await plane.database.stores.agreements.ofDataset(dataset.id);
  if (!agreements.ok) return agreements;
  const changed: Agreement[] = [];
  for (const agreement of agreements.value.filter(isLive)) {
    if (agreement.programs.some((program) => program.writerSchemaId === writer.id)) continue;
    const terms = parsePolicy(agreement.policy);
    if (!terms.ok) return during(`reading the policy of agreement ${agreement.id}`, terms.failure);
    const programs = await compilePrograms(plane, terms.value, [writer], agreement.programs[0]);
    if (!programs.ok) return programs;
    const next = { ...agreement, programs: [...agreement.programs, ...programs.value], revision: agreement.revision + 1 };
    const fits = checkDirectiveSize(next, dataset);
    if (!fits.ok) return fits;
    changed.push(next);
  }
  const stored = await plane.database.transaction('approving a writer schema', async (stores) => {
    for (const agreement of changed) {
      const put = await stores.agreements.put(agreement);
      if (!put.ok) return put;
    }
    return ok(undefined);
  });
  return stored.ok ? publishDirectives(plane, dataset) : stored;
}
