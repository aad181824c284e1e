/** The compatibility level that holds where none is set, and levels by name. */
import type { CompatibilityLevel } from '../../../libs/avro/index.ts';
import { compatibilityLevels } from '../../../libs/avro/index.ts';

export const defaultLevel: CompatibilityLevel = 'BACKWARD';

/** The level of a name in any case, or null. */
export function parseLevel(name: unknown): CompatibilityLevel | null {
  return compatibilityLevels.find((level) => typeof name === 'string' && level === name.toUpperCase()) ?? null;
}
