/** Reads the value that a transform is about into locals, as the type that was planned for; the writer's type may be another one. */
import type { TypeModel } from '../../avro/index.ts';
import type { Code, ValueType } from '../../wasm/index.ts';
import type { ValueSource } from '../value-source.ts';
import { emitSkip } from './reader.ts';
import type { Reader } from './scalars.ts';
import { emitIndex, emitRun, emitStops, pushBehindStop } from './scalars.ts';

export interface Operand {
  readonly of: ValueSource;
  /** i32: 1 when the value is null; -1 where it never is. */
  readonly isNull: number;
  /** i32: 1 when the writer's value is none of the planned type; -1 where that cannot be. */
  readonly isMisfit: number;
  /** i32 of a text or bytes: first byte and length. Of another value: where the writer's bytes begin, and -1. */
  readonly start: number;
  readonly length: number;
  /** i64 of an int, a long, a boolean or an enum's index; f64 of a float or double; -1 for other types. */
  readonly value: number;
}

const valueLocals: Readonly<Partial<Record<TypeModel['kind'], ValueType>>> = {
  int: 'i64',
  long: 'i64',
  boolean: 'i64',
  enum: 'i64',
  float: 'f64',
  double: 'f64',
};
const isRun = ({ kind }: TypeModel): boolean => kind === 'string' || kind === 'bytes';

export function operandOf(c: Code, of: ValueSource): Operand {
  const value = isRun(of.type) ? undefined : valueLocals[of.type.kind];
  return {
    of,
    isNull: of.nullBranch >= 0 ? c.local('i32') : -1,
    isMisfit: of.type.kind === 'string' && of.from.kind === 'bytes' ? c.local('i32') : -1,
    start: c.local('i32'),
    length: isRun(of.type) ? c.local('i32') : -1,
    value: value === undefined ? -1 : c.local(value),
  };
}

export function releaseOperand(c: Code, { of, ...locals }: Operand): void {
  for (const local of [locals.isNull, locals.isMisfit, locals.start, locals.length]) if (local >= 0) c.release('i32', local);
  const value = valueLocals[of.type.kind];
  if (locals.value >= 0 && value !== undefined) c.release(value, locals.value);
}

/** Reads the value at the reader's position and leaves the position behind it. */
export function emitOperand(reader: Reader, operand: Operand, level: number): void {
  const { c } = reader;
  const { of, isNull } = operand;
  const { branches } = of;
  if (isNull >= 0) {
    const index = emitIndex(reader, branches);
    c.get(index).i32(of.nullBranch).op('i32.eq').tee(isNull).op('i32.eqz');
    c.release('i32', index);
    c.if(() => emitPlain(reader, operand, level + 1));
    return;
  }
  if (branches > 0) c.release('i32', emitIndex(reader, branches));
  emitPlain(reader, operand, branches > 0 ? level + 1 : level);
}

function emitPlain(reader: Reader, operand: Operand, level: number): void {
  const { c, kernel, p } = reader;
  const { of, start, length, value, isMisfit } = operand;
  if (length >= 0) {
    emitRun(reader, of.from.kind === 'string', { start, length });
    if (isMisfit >= 0) c.get(start).get(p).call(kernel.isUtf8).op('i32.eqz').set(isMisfit);
    return;
  }
  c.get(p).set(start);
  switch (of.from.kind) {
    case 'int':
    case 'long':
      if (value < 0) break;
      emitVarint(reader, of.from.kind, of.type.kind === 'int' || of.type.kind === 'long' ? value : -1);
      if (of.type.kind !== 'int' && of.type.kind !== 'long') c.op('f64.convert_i64_s');
      // A float that a whole number is read as has a float's precision.
      if (of.type.kind === 'float') c.op('f32.demote_f64', 'f64.promote_f32');
      if (of.type.kind === 'float' || of.type.kind === 'double') c.set(value);
      return;
    case 'float':
    case 'double': {
      if (value < 0) break;
      const width = of.from.kind === 'float' ? 4 : 8;
      if (width === 4) c.get(p).load('f32.load').op('f64.promote_f32').set(value);
      else c.get(p).load('f64.load').set(value);
      c.get(p).i32(width).op('i32.add').set(p);
      return;
    }
    case 'enum': {
      if (value < 0) break;
      const index = emitIndex(reader, of.from.symbols.length);
      c.get(index).op('i64.extend_i32_u').set(value);
      c.release('i32', index);
      return;
    }
    default:
  }
  emitSkip(reader, of.from, level);
  if (of.from.kind === 'boolean' && value >= 0) c.get(start).load('i32.load8_u').op('i64.extend_i32_u').set(value);
}

/** Reads a zigzag varint into the i64 local `into`, or leaves it on the stack when that is -1. */
export function emitVarint({ c, kernel, p, end, malformed }: Reader, kind: 'int' | 'long', into: number): void {
  const [raw, stops] = [c.local('i64'), c.local('i64')];
  const value = into < 0 ? c.local('i64') : into;
  c.get(p).load('i64.load').set(raw);
  emitStops(c, p, kind, stops);
  c.get(stops).op('i64.eqz');
  c.if(
    () => {
      if (kind === 'int') c.get(p).get(end).call(kernel.readInt).op('i64.extend_i32_s').set(value);
      else c.get(p).get(end).call(kernel.readLong).set(value);
      c.globalGet(kernel.position).tee(p);
      if (malformed === undefined) c.op('drop');
      else c.op('i32.eqz').brIf(malformed);
    },
    () => {
      pushBehindStop(c, p, stops).set(p);
      c.get(stops).op('i64.ctz').set(stops);
      // The groups of seven bits up to the last byte, drawn together: bytes, then pairs, then fours.
      c.get(raw)
        .i64(-1n)
        .i64(63n)
        .get(stops)
        .op('i64.sub', 'i64.shr_u', 'i64.and')
        .i64(0x7f7f_7f7f_7f7f_7f7fn)
        .op('i64.and')
        .set(raw);
      emitGroups(c, raw, 0x7f00_7f00_7f00_7f00n, 0x007f_007f_007f_007fn, 1n);
      emitGroups(c, raw, 0x3fff_0000_3fff_0000n, 0x0000_3fff_0000_3fffn, 2n);
      emitGroups(c, raw, 0x0fff_ffff_0000_0000n, 0x0000_0000_0fff_ffffn, 4n);
      c.get(raw).i64(1n).op('i64.shr_u').i64(0n).get(raw).i64(1n).op('i64.and', 'i64.sub', 'i64.xor').set(value);
    },
  );
  if (into < 0) {
    c.get(value);
    c.release('i64', value);
  }
  c.release('i64', raw);
  c.release('i64', stops);
}

function emitGroups(c: Code, raw: number, high: bigint, low: bigint, shift: bigint): void {
  c.get(raw).i64(high).op('i64.and').i64(shift).op('i64.shr_u').get(raw).i64(low).op('i64.and', 'i64.or').set(raw);
}
