/** What hangs on an agreement's data key: the fields whose values were made with it, and what becomes of them without it. */
import type { Stores } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { ok } from '../../../libs/base/index.ts';
import type { ApprovedProgram } from '../../../libs/catalog/index.ts';
import type { KeyedField, Stage } from '../../../libs/govern/index.ts';
import { keyedFields } from '../../../libs/govern/index.ts';

/** Of a rotation: what of later records no longer fits what came before. */
export interface KeyEffect {
  readonly field: string;
  readonly stage: string;
  readonly effect: string;
}

/** Of all Programs, each field and stage once, in their order. */
export function keyedFieldsOf(programs: readonly ApprovedProgram[], stages: readonly Stage[]): KeyedField[] {
  const fields = programs.flatMap(({ manifest }) => keyedFields(manifest, stages));
  return [...new Map(fields.map((keyed) => [`${keyed.field} ${keyed.stage}`, keyed])).values()];
}

export const rotationEffects = (fields: readonly KeyedField[]): KeyEffect[] =>
  fields.map(({ field, stage, opens }) => ({
    field,
    stage,
    effect: opens
      ? 'values of before open with the key of their own epoch alone, and equal values are not equal across the rotation'
      : 'equal values have other tokens from the rotation on: joins with records of before break',
  }));

/** The epoch that an agreement is governed under now; null once its key was shredded. */
export async function currentEpoch(stores: Pick<Stores, 'dataKeys'>, agreement: string): Promise<Result<number | null>> {
  const epochs = await stores.dataKeys.epochs('agreement', [agreement]);
  return epochs.ok ? ok(epochs.value.find(({ state }) => state === 'active')?.epoch ?? null) : epochs;
}
