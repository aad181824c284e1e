/** How many texts a type has: what the way of checking them depends on. */
import type { TypeModel } from '../../avro/index.ts';

/** Texts of a type, those in arrays and maps counted once, and none of a record within itself. */
export function textsIn(type: TypeModel, known = new Map<TypeModel, number>()): number {
  const before = known.get(type);
  if (before !== undefined) return before;
  const count = (): number => {
    switch (type.kind) {
      case 'string':
        return 1;
      case 'record':
        return type.fields.reduce((sum, field) => sum + textsIn(field.type, known), 0);
      case 'union':
        return type.branches.reduce((sum, branch) => sum + textsIn(branch, known), 0);
      case 'array':
        return textsIn(type.items, known);
      case 'map':
        return 1 + textsIn(type.values, known);
      default:
        return 0;
    }
  };
  known.set(type, 0);
  const found = count();
  known.set(type, found);
  return found;
}
