/** Which fields of an approved Program are made with a key, for whoever rotates or shreds it. Compiles nothing, and reads Programs of any release. */
import type { Manifest } from './manifest.ts';
import type { Stage } from './stage.ts';

export interface KeyedField {
  /** Path, or address with `[]` and `{}`, as the rule names it. */
  readonly field: string;
  readonly stage: string;
  /** Whether whoever has the key can open the values; of the others it can only make the same ones again. */
  readonly opens: boolean;
}

/** In the order of the manifest. A stage that this release does not know counts as one that opens: too much is said rather than too little. */
export function keyedFields(manifestText: string, stages: readonly Stage[]): KeyedField[] {
  const { fields, slots = [], asks } = JSON.parse(manifestText) as Pick<Manifest, 'fields' | 'slots' | 'asks'>;
  const keyed = new Set([...slots, ...asks].flatMap(({ field, label }) => (label === undefined ? [] : [field])));
  return fields.flatMap(({ at, stage }, index) => {
    if (!keyed.has(index)) return [];
    const facts = stages.find(({ name }) => name === stage)?.facts;
    return [{ field: at, stage, opens: facts === undefined || facts.reversible.startsWith('with the key') }];
  });
}

/** Whether the key of the governed records of an approved Program is made with the agreement's key. */
export function hasKeyedRecordKey(manifestText: string, stages: readonly Stage[]): boolean {
  const { key } = (JSON.parse(manifestText) as Pick<Manifest, 'channels'>).channels;
  return typeof key !== 'string' && keyedFields(manifestText, stages).some(({ field }) => field === key.repeats);
}
