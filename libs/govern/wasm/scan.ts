/** Emits the checked scan of a value: exactly what `checkRecord` accepts, with the places of governed fields kept in locals. */
import { limits } from '../../base/index.ts';
import type { TypeModel } from '../../avro/index.ts';
import type { Code, Label } from './code.ts';
import type { Kernel } from './kernel.ts';

/** Where a field's bytes stand in the record at hand, its union index included. */
export interface Slot {
  readonly start: number;
  readonly end: number;
}

export interface Scan {
  readonly c: Code;
  readonly kernel: Kernel;
  /** Local: the position. */
  readonly p: number;
  /** Local: the end of the record. */
  readonly end: number;
  /** Local: items so far that took no bytes. */
  readonly emptyItems: number;
  /** Where to go when the bytes are no value of the type. */
  readonly malformed: Label;
  /** Slots by field path. */
  readonly slots: ReadonlyMap<string, Slot>;
}

/** Emits the scan of one value at `p`; `path` is undefined inside of arrays, maps and unions, where no path leads. */
export function emitScan(scan: Scan, type: TypeModel, path: string | undefined): void {
  const { c, kernel, p, end, malformed } = scan;
  switch (type.kind) {
    case 'null':
      return;
    case 'boolean':
      c.get(p).get(end).op('i32.ge_u').brIf(malformed);
      c.get(p).load('i32.load8_u').i32(1).op('i32.gt_u').brIf(malformed);
      c.get(p).i32(1).op('i32.add').set(p);
      return;
    case 'int':
    case 'long':
      emitSkip(scan, type.kind === 'int' ? kernel.skipInt : kernel.skipLong);
      return;
    case 'float':
      emitFixed(scan, 4);
      return;
    case 'double':
      emitFixed(scan, 8);
      return;
    case 'fixed':
      emitFixed(scan, type.size);
      return;
    case 'bytes':
      emitRun(scan, false);
      return;
    case 'string':
      emitRun(scan, true);
      return;
    case 'enum': {
      const index = emitIndex(scan, type.symbols.length);
      c.release('i32', index);
      return;
    }
    case 'union':
      emitUnion(scan, type.branches);
      return;
    case 'record':
      for (const field of type.fields) {
        const fieldPath = path === undefined ? undefined : `${path}/${field.name}`;
        const slot = fieldPath === undefined ? undefined : scan.slots.get(fieldPath);
        if (slot !== undefined) c.get(p).set(slot.start);
        emitScan(scan, field.type, fieldPath);
        if (slot !== undefined) c.get(p).set(slot.end);
      }
      return;
    case 'array':
      emitBlocks(scan, () => emitScan(scan, type.items, undefined));
      return;
    case 'map':
      emitBlocks(scan, () => {
        emitRun(scan, true);
        emitScan(scan, type.values, undefined);
      });
  }
}

/** One byte inline, more by the kernel. */
function emitSkip({ c, p, end, malformed }: Scan, skip: number): void {
  c.get(p).get(end).op('i32.ge_u').brIf(malformed);
  c.get(p).load('i32.load8_u').i32(0x80).op('i32.lt_u');
  c.if(
    () => c.get(p).i32(1).op('i32.add').set(p),
    () => c.get(p).get(end).call(skip).tee(p).op('i32.eqz').brIf(malformed),
  );
}

function emitFixed({ c, p, end, malformed }: Scan, bytes: number): void {
  c.get(end).get(p).op('i32.sub').i32(bytes).op('i32.lt_u').brIf(malformed);
  c.get(p).i32(bytes).op('i32.add').set(p);
}

/** A length and that many bytes; a text is checked to be UTF-8. */
function emitRun({ c, kernel, p, end, malformed }: Scan, isText: boolean): void {
  const length = c.local('i32');
  c.get(p).get(end).op('i32.ge_u').brIf(malformed);
  c.get(p).load('i32.load8_u').tee(length).i32(0x81).op('i32.and', 'i32.eqz');
  c.if(
    () => {
      c.get(length).i32(1).op('i32.shr_u').set(length);
      c.get(p).i32(1).op('i32.add').set(p);
      c.get(end).get(p).op('i32.sub').get(length).op('i32.lt_u').brIf(malformed);
    },
    () => {
      c.get(p).get(end).call(kernel.readLength).set(length);
      c.globalGet(kernel.position).tee(p).op('i32.eqz').brIf(malformed);
    },
  );
  if (isText) {
    // A short text of ASCII alone is decided here; the load may go past the text, and its bits are masked.
    const high = c.local('i32');
    c.get(p).load('v128.load').vec('i8x16.bitmask').set(high);
    c.get(high).i32(1).get(length).op('i32.shl').i32(1).op('i32.sub', 'i32.and').get(length).i32(16).op('i32.gt_u', 'i32.or');
    c.if(() => c.get(p).get(p).get(length).op('i32.add').call(kernel.isUtf8).op('i32.eqz').brIf(malformed));
    c.release('i32', high);
  }
  c.get(p).get(length).op('i32.add').set(p);
  c.release('i32', length);
}

/** Reads an int that must be an index below `count`; returns the local that holds it. */
function emitIndex({ c, kernel, p, end, malformed }: Scan, count: number): number {
  const index = c.local('i32');
  c.get(p).get(end).op('i32.ge_u').brIf(malformed);
  c.get(p).load('i32.load8_u').tee(index).i32(0x81).op('i32.and', 'i32.eqz');
  c.if(
    () => {
      c.get(index).i32(1).op('i32.shr_u').set(index);
      c.get(p).i32(1).op('i32.add').set(p);
    },
    () => {
      c.get(p).get(end).call(kernel.readInt).set(index);
      c.globalGet(kernel.position).tee(p).op('i32.eqz').brIf(malformed);
    },
  );
  c.get(index).i32(count).op('i32.ge_u').brIf(malformed);
  return index;
}

function emitUnion(scan: Scan, branches: readonly TypeModel[]): void {
  const { c } = scan;
  const index = emitIndex(scan, branches.length);
  c.block((done) => {
    branches.forEach((branch, at) => {
      if (branch.kind === 'null') return;
      c.get(index).i32(at).op('i32.eq');
      c.if(() => {
        emitScan(scan, branch, undefined);
        c.br(done);
      });
    });
  });
  c.release('i32', index);
}

/** The blocks of an array or map; a negative count carries the block's byte length, which must be true. */
function emitBlocks(scan: Scan, item: () => void): void {
  const { c, kernel, p, end, emptyItems, malformed } = scan;
  const [count, long] = [c.local('i64'), c.local('i64')];
  const [blockEnd, before] = [c.local('i32'), c.local('i32')];
  const readLong = (into: number): void => {
    c.get(p).get(end).call(kernel.readLong).set(into);
    c.globalGet(kernel.position).tee(p).op('i32.eqz').brIf(malformed);
  };
  c.block((done) => {
    c.loop((nextBlock) => {
      readLong(count);
      c.get(count).op('i64.eqz').brIf(done);
      c.i32(0).set(blockEnd);
      c.get(count).i64(0n).op('i64.lt_s');
      c.if(() => {
        c.i64(0n).get(count).op('i64.sub').set(count);
        // The negation of the least long is itself: no block has so many items.
        c.get(count).i64(0n).op('i64.lt_s').brIf(malformed);
        readLong(long);
        c.get(long)
          .i64(0n)
          .op('i64.lt_s')
          .get(long)
          .get(end)
          .get(p)
          .op('i32.sub', 'i64.extend_i32_u', 'i64.gt_s', 'i32.or')
          .brIf(malformed);
        c.get(p).get(long).op('i32.wrap_i64', 'i32.add').set(blockEnd);
      });
      c.loop((nextItem) => {
        c.get(p).set(before);
        item();
        c.get(p).get(before).op('i32.eq');
        c.if(() => {
          c.get(emptyItems).i32(1).op('i32.add').tee(emptyItems).i32(limits.emptyItemsMax).op('i32.gt_u').brIf(malformed);
        });
        c.get(count).i64(1n).op('i64.sub').tee(count).op('i64.eqz', 'i32.eqz').brIf(nextItem);
      });
      c.get(blockEnd).i32(0).op('i32.ne').get(blockEnd).get(p).op('i32.ne', 'i32.and').brIf(malformed);
      c.br(nextBlock);
    });
  });
  for (const local of [blockEnd, before]) c.release('i32', local);
  for (const local of [count, long]) c.release('i64', local);
}
