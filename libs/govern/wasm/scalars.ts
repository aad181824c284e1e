/**
 * Emits reading of single values from the writer's bytes. Short lengths are read without a look at the record's end: a reader that went past it is
 * found when the record is done, since `p` never goes back, and what it saw there decides nothing else. The arena has room behind the input for
 * as much as one record's short parts can promise.
 */
import type { RecordModel } from '../../avro/index.ts';
import type { Code, Label, ModuleWriter } from '../../wasm/index.ts';
import type { Kernel } from './kernel.ts';
import { pushTable } from './kernel-text.ts';

export interface Reader {
  readonly module: ModuleWriter;
  readonly c: Code;
  readonly kernel: Kernel;
  readonly functions: ScanFunctions;
  /** Locals: the position, and the byte behind the record. */
  readonly p: number;
  readonly end: number;
  /** Where malformed bytes lead; undefined for a trusting reader. */
  readonly malformed: Label | undefined;
  /** Local with the depth of the record function at hand; -1 outside of one. */
  readonly depth: number;
  /** Whether texts are checked without branches on what is in them, as pays where there are many. */
  readonly steady: boolean;
}

/** Functions that walk one value of a record type that contains itself, by type; made when first called. */
export interface ScanFunctions {
  readonly checking: Map<RecordModel, number>;
  readonly trusting: Map<RecordModel, number>;
  /** Global: items of arrays and maps so far that took no bytes. */
  readonly emptyItems: number;
}

/** Static parts of more bytes than this are looked at the record's end for. */
const uncheckedBytesMax = 64;

/** Leaves in `stops` a bit for each of the first bytes at `p` that ends a varint, of the eight, or of the first four for an int. */
export function emitStops(c: Code, p: number, kind: 'int' | 'long', stops: number): void {
  // The lowest byte without the high bit ends the varint. A fifth byte of an int, and a ninth of a long, are looked at by the kernel.
  c.get(p)
    .load('i64.load')
    .i64(-1n)
    .op('i64.xor')
    .i64(kind === 'int' ? 0x8080_8080n : -0x7f7f_7f7f_7f7f_7f80n)
    .op('i64.and')
    .set(stops);
}

/** A varint whose value nobody looks at: without a branch on its length. */
export function emitVarintSkip({ c, kernel, p, end, malformed }: Reader, kind: 'int' | 'long'): void {
  const stops = c.local('i64');
  emitStops(c, p, kind, stops);
  c.get(stops).op('i64.eqz');
  c.if(
    () => {
      c.get(p)
        .get(end)
        .call(kind === 'int' ? kernel.skipInt : kernel.skipLong)
        .tee(p);
      if (malformed === undefined) c.op('drop');
      else c.op('i32.eqz').brIf(malformed);
    },
    () => pushBehindStop(c, p, stops).set(p),
  );
  c.release('i64', stops);
}

/** Pushes the position behind the varint at `p`, whose stop bits are known and not all 0. */
export const pushBehindStop = (c: Code, p: number, stops: number): Code =>
  c.get(p).get(stops).op('i64.ctz', 'i32.wrap_i64').i32(3).op('i32.shr_u').i32(1).op('i32.add', 'i32.add');

export function emitFixed({ c, p, end, malformed }: Reader, bytes: number): void {
  if (bytes > uncheckedBytesMax && malformed !== undefined) {
    c.get(p).get(end).op('i32.gt_u').brIf(malformed);
    c.get(end).get(p).op('i32.sub').i32(bytes).op('i32.lt_u').brIf(malformed);
  }
  if (bytes > 0) c.get(p).i32(bytes).op('i32.add').set(p);
}

/** Locals that a run's place is kept in. */
export interface RunPlace {
  /** First byte. */
  readonly start: number;
  readonly length: number;
}

/** A length and that many bytes; a text is checked to be UTF-8. */
export function emitRun(reader: Reader, isText: boolean, into?: RunPlace): void {
  const { c, p } = reader;
  const length = into?.length ?? c.local('i32');
  emitLength(reader, length);
  if (into !== undefined) c.get(p).set(into.start);
  if (isText) emitTextCheck(reader, length);
  c.get(p).get(length).op('i32.add').set(p);
  if (into === undefined) c.release('i32', length);
}

/** Reads a length into a local and leaves `p` at the first byte of the run. One and two bytes are read in line. */
function emitLength({ c, kernel, p, end, malformed }: Reader, length: number): void {
  c.get(p).load('i32.load16_u').tee(length).i32(0x81).op('i32.and', 'i32.eqz');
  c.if(
    () => {
      c.get(length).i32(1).op('i32.shr_u').i32(0x3f).op('i32.and').set(length);
      c.get(p).i32(1).op('i32.add').set(p);
    },
    () => {
      c.get(length).i32(0x8081).op('i32.and').i32(0x80).op('i32.eq');
      c.if(
        () => {
          // The low byte has six bits of the length behind its sign, the high byte seven.
          c.get(length)
            .i32(1)
            .op('i32.shr_u')
            .i32(0x3f)
            .op('i32.and')
            .get(length)
            .i32(2)
            .op('i32.shr_u')
            .i32(0x1fc0)
            .op('i32.and', 'i32.or')
            .set(length);
          c.get(p).i32(2).op('i32.add').set(p);
          if (malformed !== undefined) c.get(p).get(length).op('i32.add').get(end).op('i32.gt_u').brIf(malformed);
        },
        () => {
          c.get(p).get(end).call(kernel.readLength).set(length);
          c.globalGet(kernel.position).tee(p);
          if (malformed === undefined) c.op('drop');
          else c.op('i32.eqz').brIf(malformed);
        },
      );
    },
  );
}

/**
 * Texts of up to 32 bytes without a branch on what is in them: where texts of many fields are now ASCII and now not, every guess is a bad one. Three
 * bits a byte tell whether it is ASCII, begins a sequence of three, or continues one; other leads, and those whose second byte is limited, are left
 * to the function.
 */
function emitSteadyTextCheck(c: Code, kernel: Kernel, p: number, length: number, malformed: Label): void {
  const [first, second] = [c.local('v128'), c.local('v128')];
  const [high, leads, mask] = [c.local('i32'), c.local('i32'), c.local('i32')];
  const both = (bits: (vector: number) => Code): Code => {
    bits(first).vec('i8x16.bitmask');
    bits(second).vec('i8x16.bitmask').i32(16).op('i32.shl', 'i32.or');
    return c;
  };
  c.get(length).i32(32).op('i32.gt_u');
  c.if(
    () => c.i32(1),
    () => {
      c.get(p).load('v128.load').set(first);
      c.get(p).load('v128.load', 16).set(second);
      c.i64(1n).get(length).op('i64.extend_i32_u', 'i64.shl').i64(1n).op('i64.sub', 'i32.wrap_i64').set(mask);
      both((vector) => c.get(vector))
        .get(mask)
        .op('i32.and')
        .set(high);
      both((vector) => {
        pushTable(c.get(vector), 'highNibble').vec('v128.and');
        return pushTable(c, 'threeBytes').vec('i8x16.eq');
      });
      c.get(mask).op('i32.and').set(leads);
      // High bytes are leads of three and the two behind each; nothing of it is beyond the text.
      c.get(high).op('i64.extend_i32_u').get(leads).op('i64.extend_i32_u');
      c.get(leads).op('i64.extend_i32_u').i64(1n).op('i64.shl', 'i64.or');
      c.get(leads).op('i64.extend_i32_u').i64(2n).op('i64.shl', 'i64.or', 'i64.ne');
      // What continues is no lead, and what begins is one of three whose second byte may be anything.
      both((vector) => pushTable(c.get(vector), 'belowStarts').vec('i8x16.gt_s'));
      c.get(high).op('i32.and').get(leads).op('i32.ne', 'i32.or');
      pushTable(c.get(first), 'leadE0').vec('i8x16.eq');
      pushTable(c.get(first), 'leadED').vec('i8x16.eq', 'v128.or');
      pushTable(c.get(second), 'leadE0').vec('i8x16.eq', 'v128.or');
      pushTable(c.get(second), 'leadED').vec('i8x16.eq', 'v128.or', 'v128.any_true').op('i32.or');
    },
    'i32',
  );
  c.if(() => c.get(p).get(p).get(length).op('i32.add').call(kernel.isUtf8).op('i32.eqz').brIf(malformed));
  for (const local of [first, second]) c.release('v128', local);
  for (const local of [high, leads, mask]) c.release('i32', local);
}

/** Checks the text of a length at the reader's position to be UTF-8. */
export function emitTextCheck({ c, kernel, p, malformed, steady }: Reader, length: number): void {
  if (malformed === undefined) return;
  if (steady) emitSteadyTextCheck(c, kernel, p, length, malformed);
  else emitFastTextCheck(c, kernel, p, length, malformed);
}

/**
 * Texts of ASCII alone, up to 64 bytes, are decided here, by vectors that overlap where they must: the loads of a short one go past it, and their bits
 * are masked.
 */
function emitFastTextCheck(c: Code, kernel: Kernel, p: number, length: number, malformed: Label): void {
  const end = c.local('i32');
  c.get(length).i32(16).op('i32.le_u');
  c.if(
    () => {
      c.get(p).load('v128.load').vec('i8x16.bitmask').i32(1).get(length).op('i32.shl').i32(1).op('i32.sub', 'i32.and');
      c.if(() => c.get(p).get(length).call(kernel.isShortUtf8).op('i32.eqz').brIf(malformed));
    },
    () => {
      c.get(p).get(length).op('i32.add').set(end);
      c.get(length).i32(32).op('i32.le_u');
      c.if(
        () => {
          c.get(p).load('v128.load').get(end).i32(16).op('i32.sub').load('v128.load').vec('v128.or', 'i8x16.bitmask');
          c.if(() => c.get(p).get(length).call(kernel.isPairUtf8).op('i32.eqz').brIf(malformed));
        },
        () => {
          c.get(p).load('v128.load').get(end).i32(16).op('i32.sub').load('v128.load').vec('v128.or');
          c.get(p)
            .load('v128.load', 16)
            .get(end)
            .i32(32)
            .op('i32.sub')
            .load('v128.load')
            .vec('v128.or', 'v128.or', 'i8x16.bitmask');
          c.get(length).i32(64).op('i32.gt_u', 'i32.or');
          c.if(() => c.get(p).get(end).call(kernel.isUtf8).op('i32.eqz').brIf(malformed));
        },
      );
    },
  );
  c.release('i32', end);
}

/** Reads an int that must be an index below `count`; returns the local that holds it. */
export function emitIndex({ c, kernel, p, end, malformed }: Reader, count: number): number {
  const index = c.local('i32');
  c.get(p).load('i32.load8_u').tee(index).i32(0x81).op('i32.and', 'i32.eqz');
  c.if(
    () => {
      c.get(index).i32(1).op('i32.shr_u').set(index);
      c.get(p).i32(1).op('i32.add').set(p);
    },
    () => {
      c.get(p).get(end).call(kernel.readInt).set(index);
      c.globalGet(kernel.position).tee(p);
      if (malformed === undefined) c.op('drop');
      else c.op('i32.eqz').brIf(malformed);
    },
  );
  if (malformed !== undefined) c.get(index).i32(count).op('i32.ge_u').brIf(malformed);
  return index;
}
