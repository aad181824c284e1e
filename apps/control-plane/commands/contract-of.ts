/** The schema that an approved Program's rules were planned on. */
import type { ApprovedProgram } from '../../../libs/catalog/index.ts';

/** The writer's own unless the manifest names another one. */
export function contractOf({ manifest, writerSchema }: Pick<ApprovedProgram, 'manifest' | 'writerSchema'>): string {
  const { contract } = JSON.parse(manifest) as { contract?: unknown };
  return contract === undefined ? writerSchema : JSON.stringify(contract);
}
