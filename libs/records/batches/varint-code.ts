/**
 * Emits reading and writing of zigzag varints, as libs/base/varint.ts does them. Reading does not ask where the input ends: it takes at most
 * ten bytes, and whoever reads asks afterwards whether the position is still inside.
 */
import type { Code, Label } from '../../wasm/index.ts';

/** Locals by index: `position` (i32) is moved behind the varint and `value` (i32) becomes the number; a fifth byte over 0x0f is `malformed`. */
export function emitReadVarint(c: Code, position: number, value: number, malformed: Label): void {
  emitFewBytes(c, position, value, 4, (last) => c.get(last).i32(0x0f).op('i32.gt_u').brIf(malformed));
  c.get(value).i32(1).op('i32.shr_u').i32(0).get(value).i32(1).op('i32.and', 'i32.sub', 'i32.xor').set(value);
}

/** The same for up to ten bytes: `value` is an i64, and a tenth byte over 1 is `malformed`. */
export function emitReadVarlong(c: Code, position: number, value: number, malformed: Label): void {
  const low = c.local('i32');
  c.block((known) => {
    c.block((long) => {
      emitFewBytes(c, position, low, 3, (last) => c.get(last).i32(0x80).op('i32.ge_u').brIf(long));
      c.get(low).op('i64.extend_i32_u').set(value).br(known);
    });
    const shift = c.local('i64');
    c.i64(0n).set(value).i64(0n).set(shift);
    c.loop((next) => {
      c.get(position).load('i32.load8_u').set(low);
      c.get(position).i32(1).op('i32.add').set(position);
      c.get(shift).i64(63n).op('i64.eq').get(low).i32(1).op('i32.gt_u', 'i32.and').brIf(malformed);
      c.get(value).get(low).i32(0x7f).op('i32.and', 'i64.extend_i32_u').get(shift).op('i64.shl', 'i64.or').set(value);
      c.get(shift).i64(7n).op('i64.add').set(shift);
      c.get(low).i32(0x80).op('i32.ge_u').brIf(next);
    });
    c.release('i64', shift);
  });
  c.get(value).i64(1n).op('i64.shr_u').i64(0n).get(value).i64(1n).op('i64.and', 'i64.sub', 'i64.xor').set(value);
  c.release('i32', low);
}

/** Up to `most` + 1 bytes in nested tests, since nearly all varints have one or two; `atLast` is asked about the last of them. */
function emitFewBytes(c: Code, position: number, value: number, most: number, atLast: (byte: number) => void): void {
  const byte = c.local('i32');
  const advance = (): void => {
    c.get(position).i32(1).op('i32.add').set(position);
  };
  const further = (index: number): void => {
    const shift = 7 * index;
    c.get(position).load('i32.load8_u', index).set(byte);
    if (index === most) atLast(byte);
    c.get(value)
      .i32((1 << shift) - 1)
      .op('i32.and')
      .get(byte)
      .i32(shift)
      .op('i32.shl', 'i32.or')
      .set(value);
    if (index < most)
      c.get(byte)
        .i32(0x80)
        .op('i32.ge_u')
        .if(() => further(index + 1));
    advance();
  };
  c.get(position)
    .load('i32.load8_u')
    .tee(value)
    .i32(0x80)
    .op('i32.ge_u')
    .if(() => further(1));
  advance();
  c.release('i32', byte);
}

/** Leaves how many bytes the unsigned `value` (i32) takes: nine bits of length for each seven of the number, rounded the right way. */
export function emitVarintBytes(c: Code, value: number): void {
  c.i32(31)
    .get(value)
    .i32(1)
    .op('i32.or', 'i32.clz', 'i32.sub')
    .i32(9)
    .op('i32.mul')
    .i32(73)
    .op('i32.add')
    .i32(6)
    .op('i32.shr_u');
}

/** The same for an i64. */
export function emitVarlongBytes(c: Code, value: number): void {
  c.i64(63n).get(value).i64(1n).op('i64.or', 'i64.clz', 'i64.sub', 'i32.wrap_i64');
  c.i32(9).op('i32.mul').i32(73).op('i32.add').i32(6).op('i32.shr_u');
}

/** Writes the unsigned `value` (i32, lost) at `position`, which is moved behind it. */
export function emitWriteVarint(c: Code, position: number, value: number): void {
  const advance = (by: number): void => {
    c.get(position).i32(by).op('i32.add').set(position);
  };
  c.get(value).i32(0x80).op('i32.lt_u');
  c.if(
    () => {
      c.get(position).get(value).store('i32.store8');
      advance(1);
    },
    () => {
      c.loop((next) => {
        c.get(position).get(value).i32(0x80).op('i32.or').store('i32.store8');
        advance(1);
        c.get(value).i32(7).op('i32.shr_u').tee(value).i32(0x80).op('i32.ge_u').brIf(next);
      });
      c.get(position).get(value).store('i32.store8');
      advance(1);
    },
  );
}

/** The same for an i64. */
export function emitWriteVarlong(c: Code, position: number, value: number): void {
  c.block((short) => {
    c.loop((next) => {
      c.get(value).i64(0x80n).op('i64.lt_u').brIf(short);
      c.get(position).get(value).op('i32.wrap_i64').i32(0x80).op('i32.or').store('i32.store8');
      c.get(position).i32(1).op('i32.add').set(position);
      c.get(value).i64(7n).op('i64.shr_u').set(value).br(next);
    });
  });
  c.get(position).get(value).op('i32.wrap_i64').store('i32.store8');
  c.get(position).i32(1).op('i32.add').set(position);
}
