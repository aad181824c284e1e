/** Gives a new writer schema its Program under every live agreement of its dataset, and publishes the directives. */
import type { Agreement, Dataset } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, ok } from '../../../libs/base/index.ts';
import type { ApprovedProgram } from '../../../libs/catalog/index.ts';
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
  const live = agreements.value.filter(isLive);
  const made = await plane.database.stores.programs.ofAll(live.map(({ id }) => id));
  if (!made.ok) return made;
  const changed: {
    readonly next: Agreement;
    readonly programs: readonly ApprovedProgram[];
  }[] = [];
  for (const agreement of live) {
    const known = made.value.get(agreement.id) ?? [];
    if (known.some((program) => program.writerSchemaId === writer.id)) continue;
    const terms = parsePolicy(agreement.policy);
    if (!terms.ok) return during(`reading the policy of agreement ${agreement.id}`, terms.failure);
    const added = await compilePrograms(plane, terms.value, dataset, [writer], known[0]);
    if (!added.ok) return added;
    const next = { ...agreement, revision: agreement.revision + 1 };
    const programs = [...known, ...added.value];
    const fits = checkDirectiveSize(next, programs, dataset);
    if (!fits.ok) return fits;
    changed.push({ next, programs });
  }
  const stored = await plane.database.transaction('approving a writer schema', async (stores) => {
    for (const { next, programs } of changed) {
      const put = await stores.agreements.put(next, next.revision - 1);
      if (!put.ok) return put;
      const kept = await stores.programs.put(next.id, programs);
      if (!kept.ok) return kept;
    }
    return ok(undefined);
  });
  return stored.ok ? publishDirectives(plane, dataset) : stored;
}
