/** How much a policy may add to a record. */
import type { TypeModel } from '../../avro/index.ts';
import { typedConstant } from '../constants.ts';
import type { FieldPlan } from '../stage.ts';
import type { Node, RecordNode } from '../tree.ts';

function constantBytes(type: TypeModel, value: unknown): number {
  const constant = typedConstant(type, value);
  if (!constant.ok) throw new Error('constantBytes: a planned constant is of its type');
  return constant.value.bytes.length;
}

/** Largest count of bytes that a number, a band of years or a union index takes. */
const smallBytesMax = 16;
const symbolBytesMax = 4;

/**
 * Most bytes that the plans write into a record, or into an item of it, whatever its size: constants, defaults, tokens, masks of a fixed width,
 * numbers.
 */
export function fixedGrowth(plans: readonly FieldPlan[], tree: RecordNode): number {
  const planned = plans.reduce((sum, { action, otherwise }) => {
    if (action.kind === 'constant') return sum + constantBytes(action.result, action.value);
    if (action.kind !== 'transform') return sum + smallBytesMax;
    const instead = typeof otherwise === 'string' ? 0 : constantBytes(action.result, otherwise.constant);
    const { lower } = action;
    const written = lower.op === 'token' ? lower.length : lower.op === 'mask' ? (lower.width ?? 0) * symbolBytesMax : 0;
    return sum + smallBytesMax + Math.max(instead, written);
  }, 0);
  return planned + defaults(tree, new Set());
}

/** Bytes of defaults, and what numbers grow by when they are written as longer ones. */
function defaults(node: Node | undefined, seen: Set<Node>): number {
  switch (node?.op) {
    case 'record':
      if (seen.has(node)) return 0;
      seen.add(node);
      return node.fields.reduce((sum, field) => sum + (field.constant?.length ?? 0) + defaults(field.node, seen), 0);
    case 'array':
      return defaults(node.items, seen);
    case 'map':
      return defaults(node.values, seen);
    case 'union':
      return node.branches.reduce((sum, branch) => sum + smallBytesMax + defaults(branch?.of, seen), 0);
    case 'wrap':
      return smallBytesMax + defaults(node.of, seen);
    case undefined:
    case 'copy':
    case 'text':
    case 'again':
    case 'transform':
    case 'fill':
      return 0;
    default:
      return smallBytesMax;
  }
}
