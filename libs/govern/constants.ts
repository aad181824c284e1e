/** Constants of a policy as values and bytes of the type they are written as. */
import type { Result } from '../base/index.ts';
import { ok } from '../base/index.ts';
import type { TypeModel } from '../avro/index.ts';
import { codecOf, fromJson, renderSchema } from '../avro/index.ts';

export interface TypedConstant {
  /** As the codec takes it. */
  readonly value: unknown;
  readonly bytes: Uint8Array;
}

/** The constant as a value of the type. Fails with the codec's failure when it is none. */
export function typedConstant(type: TypeModel, constant: unknown): Result<TypedConstant> {
  const holder = renderSchema({
    kind: 'record',
    name: 'Holder',
    fields: [{ name: 'value', type }],
  });
  if (!holder.ok) return holder;
  const value = fromJson(holder.value, { value: constant });
  if (!value.ok) return value;
  const bytes = codecOf(holder.value).encode(value.value);
  return bytes.ok
    ? ok({
        value: (value.value as { value: unknown }).value,
        bytes: bytes.value,
      })
    : bytes;
}
