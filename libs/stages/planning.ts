/** What the plans of several stages say in the same way: a refusal, a result that is a text, and numbers of one kind. */
import type { Result } from '../base/index.ts';
import { fail } from '../base/index.ts';
import type { TypeModel } from '../avro/index.ts';
import type { PlannedField } from '../govern/index.ts';

export const text = { kind: 'string' } as const satisfies TypeModel;

/** The kinds of numbers that a stage computes with. */
export type NumberKind = 'int' | 'long' | 'float' | 'double';

const numberKinds: readonly string[] = ['int', 'long', 'float', 'double'] satisfies NumberKind[];

/** The kind of a number, whatever it stands for; undefined for any other type. */
export const numberKind = ({ kind }: TypeModel): NumberKind | undefined =>
  numberKinds.includes(kind) ? (kind as NumberKind) : undefined;

/** What a count of a logical type counts, for the dates and timestamps that stages know. */
export type DateUnit = 'days' | 'millis' | 'micros';

/** Days for a date, millis or micros for a timestamp; undefined for any other type. */
export function dateUnit(type: TypeModel): DateUnit | undefined {
  if (type.kind === 'int' && type.logicalType === 'date') return 'days';
  if (type.kind !== 'long') return undefined;
  if (type.logicalType === 'timestamp-millis') return 'millis';
  return type.logicalType === 'timestamp-micros' ? 'micros' : undefined;
}

/** The stage cannot serve this field. */
export function refusal(stage: string, { path, type }: PlannedField, why: string): Result<never> {
  const logical = 'logicalType' in type && type.logicalType !== undefined ? ` (${type.logicalType})` : '';
  return fail('plan-invalid', `${stage}: ${why}, and this is ${type.kind}${logical}`, path);
}
