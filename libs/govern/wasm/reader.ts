/**
 * Emits the walk over the writer's bytes. A checking reader refuses whatever is not exactly the type; a trusting one walks bytes that were checked
 * before.
 */
import type { RecordModel, TypeModel } from '../../avro/index.ts';
import { limits } from '../../base/index.ts';
import type { Label } from '../../wasm/index.ts';
import type { Reader } from './scalars.ts';
import { emitFixed, emitIndex, emitRun, emitStops, emitTextCheck, emitVarintSkip, pushBehindStop } from './scalars.ts';

/**
 * Emits the walk over one value and leaves `p` behind it. `level` is how deep the value stands below the record function at hand, or below the
 * record; `seen` the deepest level that was compared with the limit already on the way here.
 */
export function emitSkip(reader: Reader, type: TypeModel, level: number, seen = 0): void {
  const deep = emitDepthCheck(reader, level, seen);
  switch (type.kind) {
    case 'null':
      return;
    case 'boolean': {
      const { c, p, malformed } = reader;
      if (malformed !== undefined) c.get(p).load('i32.load8_u').i32(1).op('i32.gt_u').brIf(malformed);
      c.get(p).i32(1).op('i32.add').set(p);
      return;
    }
    case 'int':
      emitVarintSkip(reader, 'int');
      return;
    case 'long':
      emitVarintSkip(reader, 'long');
      return;
    case 'float':
      emitFixed(reader, 4);
      return;
    case 'double':
      emitFixed(reader, 8);
      return;
    case 'bytes':
      emitRun(reader, false);
      return;
    case 'string':
      emitRun(reader, true);
      return;
    case 'fixed':
      emitFixed(reader, type.size);
      return;
    case 'enum':
      reader.c.release('i32', emitIndex(reader, type.symbols.length));
      return;
    case 'union':
      if (emitOptionalSkip(reader, type.branches, level + 1, deep)) return;
      emitUnion(reader, type.branches, (branch) => emitSkip(reader, branch, level + 1, deep));
      return;
    case 'record':
      if (isRecursive(type)) emitRecordCall(reader, type, level);
      else for (const field of type.fields) emitSkip(reader, field.type, level + 1, deep);
      return;
    case 'array':
      emitBlocks(reader, canBeEmpty(type.items), () => emitSkip(reader, type.items, level + 1, deep));
      return;
    case 'map':
      emitBlocks(reader, false, () => {
        emitRun(reader, true);
        emitSkip(reader, type.values, level + 1, deep);
      });
  }
}

/** Refuses what is nested too deep; outside of a record function that is known now. Returns the deepest level that is known to be good. */
export function emitDepthCheck({ c, malformed, depth }: Reader, level: number, seen: number): number {
  if (malformed === undefined || level <= seen) return seen;
  if (depth >= 0)
    c.get(depth)
      .i32(limits.depthMax - level)
      .op('i32.gt_s')
      .brIf(malformed);
  else if (level > limits.depthMax) c.br(malformed);
  return level;
}

/** Reads the index and does what belongs to its branch; null is passed over unless `withNull`. */
function emitUnion(
  reader: Reader,
  branches: readonly TypeModel[],
  body: (branch: TypeModel, index: number) => void,
  withNull = false,
): void {
  const { c } = reader;
  const index = emitIndex(reader, branches.length);
  c.block((done) => {
    branches.forEach((branch, at) => {
      if (branch.kind === 'null' && !withNull) return;
      c.get(index).i32(at).op('i32.eq');
      c.if(() => {
        body(branch, at);
        c.br(done);
      });
    });
  });
  c.release('i32', index);
}

/** Bytes of the types that have a width of their own. */
const widths: Readonly<Partial<Record<TypeModel['kind'], number>>> = {
  float: 4,
  double: 8,
};

/**
 * An optional number or text, without a branch on whether it is there: which of both comes next is as good as random, and a wrong guess of the
 * processor costs more than the walk. False for other unions, which are left to the caller.
 */
function emitOptionalSkip(reader: Reader, branches: readonly TypeModel[], level: number, seen: number): boolean {
  const { c, p, malformed, kernel, end } = reader;
  const nullIndex = branches.findIndex(({ kind }) => kind === 'null');
  const only = branches[1 - nullIndex];
  if (branches.length !== 2 || nullIndex < 0 || only === undefined || malformed === undefined) return false;
  const width = widths[only.kind];
  if (width === undefined && !['int', 'long', 'string', 'bytes'].includes(only.kind)) return false;
  emitDepthCheck(reader, level, seen);
  const [index, mask] = [c.local('i32'), c.local('i32')];
  c.get(p).load('i32.load8_u').tee(index).i32(0xfd).op('i32.and');
  c.if(
    // An index of more bytes than it needs, or one that is none.
    () => emitUnion(reader, branches, (branch) => emitSkip(reader, branch, level, level)),
    () => {
      // All ones where the value is there, zero for null.
      if (nullIndex === 0) c.i32(0).get(index).i32(1).op('i32.shr_u', 'i32.sub').set(mask);
      else c.get(index).i32(1).op('i32.shr_u').i32(1).op('i32.sub').set(mask);
      c.get(p).i32(1).op('i32.add').set(p);
      if (width !== undefined) c.get(p).i32(width).get(mask).op('i32.and', 'i32.add').set(p);
      else if (only.kind === 'int' || only.kind === 'long') {
        const stops = c.local('i64');
        emitStops(c, p, only.kind, stops);
        c.get(stops).op('i64.eqz').get(mask).op('i32.and');
        c.if(
          () =>
            c
              .get(p)
              .get(end)
              .call(only.kind === 'int' ? kernel.skipInt : kernel.skipLong)
              .tee(p)
              .op('i32.eqz')
              .brIf(malformed),
          () => pushBehindStop(c, p, stops).get(p).op('i32.sub').get(mask).op('i32.and').get(p).op('i32.add').set(p),
        );
        c.release('i64', stops);
      } else {
        const length = c.local('i32');
        c.get(p).load('i32.load8_u').get(mask).op('i32.and').tee(length).i32(0x81).op('i32.and');
        c.if(
          () => emitRun(reader, only.kind === 'string'),
          () => {
            c.get(length).i32(1).op('i32.shr_u').set(length);
            c.get(p).get(mask).op('i32.sub').set(p);
            if (only.kind === 'string') emitTextCheck(reader, length);
            c.get(p).get(length).op('i32.add').set(p);
          },
        );
        c.release('i32', length);
      }
    },
  );
  c.release('i32', index);
  c.release('i32', mask);
  return true;
}

/** The blocks of an array or map; a negative count carries the block's byte length, which must be true. */
export function emitBlocks(reader: Reader, canItemBeEmpty: boolean, item: () => void, block?: (count: number) => void): void {
  const { c, kernel, p, end, malformed, functions } = reader;
  const [count, blockEnd, before] = [c.local('i32'), c.local('i32'), c.local('i32')];
  const long = c.local('i64');
  const readLong = (): void => {
    c.get(p).get(end).call(kernel.readLong).set(long);
    c.globalGet(kernel.position).tee(p);
    if (malformed === undefined) c.op('drop');
    else c.op('i32.eqz').brIf(malformed);
  };
  c.block((done) => {
    c.loop((nextBlock) => {
      c.get(p).load('i32.load8_u').tee(count).i32(0x81).op('i32.and', 'i32.eqz');
      c.if(
        () => {
          c.get(p).i32(1).op('i32.add').set(p);
          c.get(count).op('i32.eqz').brIf(done);
          c.get(count).i32(1).op('i32.shr_u').set(count);
          c.i32(0).set(blockEnd);
        },
        () => {
          readLong();
          c.get(long).op('i64.eqz').brIf(done);
          c.i32(0).set(blockEnd);
          c.get(long).i64(0n).op('i64.lt_s');
          c.if(() => {
            const items = c.local('i64');
            c.i64(0n).get(long).op('i64.sub').set(items);
            // The negation of the least long is itself: no block has so many items.
            if (malformed !== undefined) c.get(items).i64(0n).op('i64.lt_s').brIf(malformed);
            readLong();
            if (malformed !== undefined) {
              c.get(p).get(end).op('i32.gt_u').brIf(malformed);
              c.get(long).get(end).get(p).op('i32.sub', 'i64.extend_i32_u', 'i64.gt_u').brIf(malformed);
            }
            c.get(p).get(long).op('i32.wrap_i64', 'i32.add').set(blockEnd);
            c.get(items).set(long);
            c.release('i64', items);
          });
          if (malformed !== undefined) {
            // Each item takes a byte or is one of the few that may take none.
            c.get(p).get(end).op('i32.gt_u').brIf(malformed);
            c.get(long).get(end).get(p).op('i32.sub').i32(limits.emptyItemsMax).op('i32.add', 'i64.extend_i32_u', 'i64.gt_u');
            c.brIf(malformed);
          }
          c.get(long).op('i32.wrap_i64').set(count);
        },
      );
      block?.(count);
      c.loop((nextItem) => {
        if (malformed !== undefined) c.get(p).get(end).op('i32.gt_u').brIf(malformed);
        if (canItemBeEmpty) c.get(p).set(before);
        item();
        if (canItemBeEmpty && malformed !== undefined) {
          c.get(p).get(before).op('i32.eq');
          c.if(() => {
            c.globalGet(functions.emptyItems).i32(1).op('i32.add').globalSet(functions.emptyItems);
            c.globalGet(functions.emptyItems).i32(limits.emptyItemsMax).op('i32.gt_u').brIf(malformed);
          });
        }
        c.get(count).i32(1).op('i32.sub').tee(count).brIf(nextItem);
      });
      if (malformed !== undefined)
        c.get(blockEnd).i32(0).op('i32.ne').get(blockEnd).get(p).op('i32.ne', 'i32.and').brIf(malformed);
      c.br(nextBlock);
    });
  });
  for (const local of [count, blockEnd, before]) c.release('i32', local);
  c.release('i64', long);
}

/** Whether a value may take no bytes; of a type that contains itself this is not ruled out. */
function canBeEmpty(type: TypeModel, seen = new Set<TypeModel>()): boolean {
  if (type.kind === 'null') return true;
  if (type.kind === 'fixed') return type.size === 0;
  if (type.kind !== 'record') return false;
  if (seen.has(type)) return true;
  seen.add(type);
  return type.fields.every((field) => canBeEmpty(field.type, seen));
}

const recursive = new WeakMap<RecordModel, boolean>();

/** Whether a record type can contain itself. */
function isRecursive(record: RecordModel): boolean {
  const known = recursive.get(record);
  if (known !== undefined) return known;
  const seen = new Set<TypeModel>();
  const reaches = (type: TypeModel): boolean => {
    if (type === record && seen.size > 0) return true;
    if (seen.has(type)) return false;
    seen.add(type);
    switch (type.kind) {
      case 'record':
        return type.fields.some((field) => reaches(field.type));
      case 'array':
        return reaches(type.items);
      case 'map':
        return reaches(type.values);
      case 'union':
        return type.branches.some(reaches);
      default:
        return false;
    }
  };
  const found = reaches(record);
  recursive.set(record, found);
  return found;
}

function emitRecordCall(reader: Reader, type: RecordModel, level: number): void {
  const { c, p, end, depth, malformed, functions } = reader;
  const known = malformed === undefined ? functions.trusting : functions.checking;
  const index = known.get(type) ?? addRecordFunction(reader, type, known);
  c.get(p).get(end);
  if (depth < 0) c.i32(level);
  else c.get(depth).i32(level).op('i32.add');
  c.call(index).tee(p);
  if (malformed === undefined) c.op('drop');
  else c.op('i32.eqz').brIf(malformed);
}

/** (p, end, depth) -> position behind the record, or 0. */
function addRecordFunction(reader: Reader, type: RecordModel, known: Map<RecordModel, number>): number {
  const { index, code: c } = reader.module.function(['i32', 'i32', 'i32'], ['i32']);
  known.set(type, index);
  const [p, end, depth] = [0, 1, 2];
  const walk = (malformed: Label | undefined): void => {
    const inner: Reader = { ...reader, c, p, end, depth, malformed };
    // A value so deep is refused by whoever looks at it: the record itself stands at `depth`.
    if (malformed !== undefined) {
      c.get(depth).i32(limits.depthMax).op('i32.gt_s').brIf(malformed);
      c.get(p).get(end).op('i32.gt_u').brIf(malformed);
    }
    for (const field of type.fields) emitSkip(inner, field.type, 1, 0);
    c.get(p).op('return');
  };
  if (reader.malformed === undefined) walk(undefined);
  else c.block((malformed) => walk(malformed));
  c.i32(0);
  return index;
}
