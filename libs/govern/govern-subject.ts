/** What stands in governed records for the text of one field, where each text has one thing that does. For duties about a person, not for the record path. */
import type { Result } from '../base/index.ts';
import { during, ok } from '../base/index.ts';
import { parseSchema } from '../avro/index.ts';
import { deriveFieldKey } from './derive-key.ts';
import { keyGovernor } from './govern-key.ts';
import type { ApprovedModule } from './instantiate.ts';
import { plannedAgain } from './instantiate.ts';
import type { Manifest } from './manifest.ts';
import type { Stage } from './stage.ts';

export type SubjectGovernor = (
  subject: string,
  binding: { readonly dataKey: Uint8Array; readonly dataset: string },
) => string | null;

/**
 * The text itself where the field is kept, its token where a stage gives each text one of its own; null for a text that does not fit, and where nothing of the
 * field leaves that stands for one text alone. Fails with `program-mismatch` for a Program that this release cannot plan again.
 */
export function subjectGovernor(approved: ApprovedModule, stages: readonly Stage[], path: string): Result<SubjectGovernor> {
  const action = 'governing a subject';
  const manifest = JSON.parse(approved.manifest) as Manifest;
  const field = manifest.fields.findIndex(({ at }) => at === path);
  if (field < 0) return ok(() => null);
  const contract = parseSchema(JSON.stringify(manifest.contract ?? manifest.writerSchema));
  if (!contract.ok) return during(action, contract.failure);
  const planned = plannedAgain(manifest, field, contract.value, stages);
  if (!planned.ok) return during(action, planned.failure);
  const { action: how } = planned.value;
  if (how.kind !== 'keep' && !(how.kind === 'transform' && how.oneToOne === true)) return ok(() => null);
  return ok((subject, { dataKey, dataset }) => {
    const govern = keyGovernor({ channel: { repeats: path }, action: how }, (label) => deriveFieldKey(dataKey, dataset, label));
    const governed = govern(Buffer.from(subject, 'utf8'));
    return governed === null ? null : Buffer.from(governed).toString('utf8');
  });
}
