/** How values of a writer's type are values of the type that was planned for. */
import type { RecordModel, TypeModel } from '../avro/index.ts';
import { matches, promotes, writerField } from '../avro/index.ts';
import { withoutNull } from './fields.ts';

/** A value that is looked at: as the writer has it and as it was planned for. */
export interface ValueSource {
  /** How many branches the writer's union has, 0 for no union; and which one is null, -1 for none. */
  readonly branches: number;
  readonly nullBranch: number;
  /** Whether null may be there, by the type that was planned for. */
  readonly nullable: boolean;
  /** The value's type as the writer has it, and as it was planned for, both without null. */
  readonly from: TypeModel;
  readonly type: TypeModel;
}

/** How a value of the writer's type is looked at as one of the planned type; undefined where it cannot be. */
export function sourceOf(type: TypeModel, source: TypeModel): ValueSource | undefined {
  const planned = withoutNull(type);
  const written = withoutNull(source);
  if (written.type.kind === 'union') return undefined;
  if (!identical(written.type, planned.type) && !promotes(written.type, planned.type) && !matches(written.type, planned.type))
    return undefined;
  const branches = source.kind === 'union' ? source.branches : [];
  return {
    branches: branches.length,
    nullBranch: branches.findIndex(({ kind }) => kind === 'null'),
    nullable: planned.nullable,
    from: written.type,
    type: planned.type,
  };
}

/** Whether values of the one type are values of the other, byte for byte. */
export function identical(a: TypeModel, b: TypeModel, assumed: readonly (readonly [TypeModel, TypeModel])[] = []): boolean {
  if (a === b || assumed.some(([left, right]) => left === a && right === b)) return true;
  if (!matches(a, b)) return false;
  const deeper = [...assumed, [a, b]] as const;
  switch (a.kind) {
    case 'record': {
      const { fields } = b as RecordModel;
      return (
        a.fields.length === fields.length &&
        a.fields.every((field, index) => {
          const other = fields[index];
          return other !== undefined && writerField(a, other) === field && identical(field.type, other.type, deeper);
        })
      );
    }
    case 'array':
      return identical(a.items, (b as typeof a).items, deeper);
    case 'map':
      return identical(a.values, (b as typeof a).values, deeper);
    case 'union': {
      const { branches } = b as typeof a;
      return (
        a.branches.length === branches.length &&
        a.branches.every((branch, index) => identical(branch, branches[index] as TypeModel, deeper))
      );
    }
    case 'enum': {
      const { symbols } = b as typeof a;
      return a.symbols.length <= symbols.length && a.symbols.every((symbol, index) => symbol === symbols[index]);
    }
    default:
      return true;
  }
}
