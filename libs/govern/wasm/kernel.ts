/**
 * The small functions that every module carries: bounded varints, UTF-8, code points, copying. A position of 0 means failure, since no
 * input stands there. Copying moves 16 bytes at a time and may touch 15 bytes behind a range; the arena has room for that and is wiped.
 */
import type { Code } from '../../wasm/index.ts';
import { addAdvance, addIsShortUtf8, addIsUtf8, addPoints, addRetreat, addTextTables } from './kernel-text.ts';
import type { FunctionRef, ModuleWriter } from '../../wasm/index.ts';

export interface Kernel {
  /** Where the last read ended; 0 after a failure. */
  readonly position: number;
  /** (p, end) -> position behind a varint of at most 5 bytes, or 0. */
  readonly skipInt: number;
  /** (p, end) -> position behind a varint of at most 10 bytes, or 0. */
  readonly skipLong: number;
  /** (p, end) -> i32, and `position`. */
  readonly readInt: number;
  /** (p, end) -> i64, and `position`. */
  readonly readLong: number;
  /** (p, end) -> length of a run that fits before `end`, and `position` of its first byte; 0 and position 0 on failure. */
  readonly readLength: number;
  /** (p, end) -> 1 when the bytes are UTF-8. */
  readonly isUtf8: number;
  /** (p, length) -> the same for at most 16 bytes, and for 17 to 32. */
  readonly isShortUtf8: number;
  readonly isPairUtf8: number;
  /** (p, end) -> number of code points. */
  readonly points: number;
  /** (p, end, count) -> position behind so many code points, or `end`. */
  readonly advance: number;
  /** (start, p, count) -> position of the code point that is `count` before `p`. */
  readonly retreat: number;
  /** (to, from, length) -> to + length. */
  readonly copy: number;
  /** (to, from, length): the same for more than 32 bytes, of which the first 32 are there already. */
  readonly copyLong: number;
  /** (to, length) -> to behind the varint of a length. */
  readonly writeLength: number;
  /** (to, i64) -> to behind the zigzag varint. */
  readonly writeLong: number;
  /** (to, symbol as little-endian bytes, bytes of the symbol, times) -> to behind. */
  readonly repeat: number;
  /** (a, aLength, b, bLength) -> -1, 0 or 1 by byte order. */
  readonly compareBytes: number;
}

export function addKernel(module: ModuleWriter): Kernel {
  addTextTables(module);
  const position = module.global();
  const readLong = addReadLong(module, position);
  const readInt = addReadInt(module, position);
  return {
    position,
    skipInt: addSkip(module, 5, 0x0f),
    skipLong: addSkip(module, 10, 0x01),
    readInt,
    readLong,
    readLength: addReadLength(module, position, readLong),
    isUtf8: addIsUtf8(module),
    isShortUtf8: addIsShortUtf8(module, 1),
    isPairUtf8: addIsShortUtf8(module, 2),
    points: addPoints(module),
    advance: addAdvance(module),
    retreat: addRetreat(module),
    copy: addCopy(module),
    copyLong: addCopyLong(module),
    writeLength: addWriteLength(module),
    writeLong: addWriteLong(module),
    repeat: addRepeat(module),
    compareBytes: addCompareBytes(module),
  };
}

function addSkip(module: ModuleWriter, bytesMax: number, lastMax: number): number {
  const { index, code: c } = module.function(['i32', 'i32'], ['i32']);
  const [p, end] = [0, 1];
  const byte = c.local('i32');
  for (let at = 0; at < bytesMax; at += 1) {
    c.get(p)
      .get(end)
      .op('i32.ge_u')
      .if(() => c.i32(0).op('return'));
    c.get(p).load('i32.load8_u').tee(byte).i32(0x80).op('i32.lt_u');
    c.if(() => {
      if (at === bytesMax - 1)
        c.get(byte)
          .i32(lastMax)
          .op('i32.gt_u')
          .if(() => c.i32(0).op('return'));
      c.get(p).i32(1).op('i32.add', 'return');
    });
    c.get(p).i32(1).op('i32.add').set(p);
  }
  c.i32(0);
  return index;
}

function addReadInt(module: ModuleWriter, position: number): number {
  const { index, code: c } = module.function(['i32', 'i32'], ['i32']);
  const [p, end] = [0, 1];
  const [byte, value] = [c.local('i32'), c.local('i32')];
  for (let at = 0; at < 5; at += 1) {
    c.get(p)
      .get(end)
      .op('i32.ge_u')
      .if(() => fail32(c, position));
    c.get(p).load('i32.load8_u').set(byte);
    if (at === 4)
      c.get(byte)
        .i32(0x0f)
        .op('i32.gt_u')
        .if(() => fail32(c, position));
    c.get(value)
      .get(byte)
      .i32(0x7f)
      .op('i32.and')
      .i32(7 * at)
      .op('i32.shl', 'i32.or')
      .set(value);
    c.get(p).i32(1).op('i32.add').set(p);
    c.get(byte).i32(0x80).op('i32.lt_u');
    c.if(() => {
      c.get(p).globalSet(position);
      c.get(value).i32(1).op('i32.shr_u').i32(0).get(value).i32(1).op('i32.and', 'i32.sub', 'i32.xor', 'return');
    });
  }
  fail32(c, position);
  c.op('unreachable');
  return index;
}

function fail32(c: Code, position: number): void {
  c.i32(0).globalSet(position).i32(0).op('return');
}

function addReadLong(module: ModuleWriter, position: number): number {
  const { index, code: c } = module.function(['i32', 'i32'], ['i64']);
  const [p, end] = [0, 1];
  const [byte, shift, value] = [c.local('i64'), c.local('i64'), c.local('i64')];
  const fail = (): void => void c.i32(0).globalSet(position).i64(0n).op('return');
  c.get(p).get(end).op('i32.ge_u').if(fail);
  // Most counts and many values take one byte.
  c.get(p).load('i32.load8_u').op('i64.extend_i32_u').tee(byte).i64(0x7fn).op('i64.gt_u', 'i32.eqz');
  c.if(() => {
    c.get(p).i32(1).op('i32.add').globalSet(position);
    c.get(byte).i64(1n).op('i64.shr_u').i64(0n).get(byte).i64(1n).op('i64.and', 'i64.sub', 'i64.xor', 'return');
  });
  c.loop((again) => {
    c.get(p).get(end).op('i32.ge_u').if(fail);
    c.get(p).load('i32.load8_u').op('i64.extend_i32_u').set(byte);
    c.get(shift)
      .i64(63n)
      .op('i64.eq')
      .if(() => c.get(byte).i64(1n).op('i64.gt_u').if(fail));
    c.get(value).get(byte).i64(0x7fn).op('i64.and').get(shift).op('i64.shl', 'i64.or').set(value);
    c.get(p).i32(1).op('i32.add').set(p);
    c.get(byte).i64(0x7fn).op('i64.gt_u');
    c.if(() => {
      c.get(shift).i64(7n).op('i64.add').set(shift);
      c.br(again);
    });
  });
  c.get(p).globalSet(position);
  c.get(value).i64(1n).op('i64.shr_u').i64(0n).get(value).i64(1n).op('i64.and', 'i64.sub', 'i64.xor');
  return index;
}

function addReadLength(module: ModuleWriter, position: number, readLong: number): number {
  const { index, code: c } = module.function(['i32', 'i32'], ['i32']);
  const [p, end] = [0, 1];
  const long = c.local('i64');
  const [word, length] = [c.local('i32'), c.local('i32')];
  // Two bytes, the first with a continuation bit and an even value, hold lengths up to 8,191.
  c.get(end).get(p).op('i32.sub').i32(2).op('i32.gt_s');
  c.if(() => {
    c.get(p).load('i32.load16_u').tee(word).i32(0x8081).op('i32.and').i32(0x80).op('i32.eq');
    c.if(() => {
      c.get(word)
        .i32(0x7e)
        .op('i32.and')
        .i32(1)
        .op('i32.shr_u')
        .get(word)
        .i32(0x7f00)
        .op('i32.and')
        .i32(2)
        .op('i32.shr_u', 'i32.or')
        .set(length);
      c.get(end)
        .get(p)
        .op('i32.sub')
        .i32(2)
        .op('i32.sub')
        .get(length)
        .op('i32.lt_u')
        .if(() => fail32(c, position));
      c.get(p).i32(2).op('i32.add').globalSet(position).get(length).op('return');
    });
  });
  c.get(p).get(end).call(readLong).set(long);
  c.globalGet(position)
    .op('i32.eqz')
    .if(() => c.i32(0).op('return'));
  c.get(long).i64(0n).op('i64.lt_s');
  c.get(long).get(end).globalGet(position).op('i32.sub', 'i64.extend_i32_u', 'i64.gt_s', 'i32.or');
  c.if(() => fail32(c, position));
  c.get(long).op('i32.wrap_i64');
  return index;
}

function addCopy(module: ModuleWriter): number {
  const { index, code: c } = module.function(['i32', 'i32', 'i32'], ['i32']);
  const [to, from, length] = [0, 1, 2];
  const end = c.local('i32');
  c.get(to).get(length).op('i32.add').set(end);
  c.block((done) => {
    c.loop((again) => {
      c.get(to).get(end).op('i32.ge_u').brIf(done);
      c.get(to).get(from).load('v128.load').store('v128.store');
      c.get(to).i32(16).op('i32.add').set(to);
      c.get(from).i32(16).op('i32.add').set(from).br(again);
    });
  });
  c.get(end);
  return index;
}

function addCopyLong(module: ModuleWriter): number {
  const { index, code: c } = module.function(['i32', 'i32', 'i32'], []);
  const [to, from, length] = [0, 1, 2];
  const end = c.local('i32');
  c.get(to).get(length).op('i32.add').set(end);
  c.loop((again) => {
    for (const at of [32, 48]) c.get(to).get(from).load('v128.load', at).store('v128.store', at);
    c.get(from).i32(32).op('i32.add').set(from);
    c.get(to).i32(32).op('i32.add').tee(to).i32(32).op('i32.add').get(end).op('i32.lt_u').brIf(again);
  });
  return index;
}

function addWriteLength(module: ModuleWriter): number {
  const { index, code: c } = module.function(['i32', 'i32'], ['i32']);
  const [to, value] = [0, 1];
  c.get(value).i32(1).op('i32.shl').set(value);
  c.block((done) => {
    c.loop((again) => {
      c.get(value).i32(0x80).op('i32.lt_u').brIf(done);
      c.get(to).get(value).i32(0x80).op('i32.or').store('i32.store8');
      c.get(value).i32(7).op('i32.shr_u').set(value);
      c.get(to).i32(1).op('i32.add').set(to).br(again);
    });
  });
  c.get(to).get(value).store('i32.store8');
  c.get(to).i32(1).op('i32.add');
  return index;
}

function addWriteLong(module: ModuleWriter): number {
  const { index, code: c } = module.function(['i32', 'i64'], ['i32']);
  const [to, value] = [0, 1];
  c.get(value).i64(1n).op('i64.shl').get(value).i64(63n).op('i64.shr_s', 'i64.xor').set(value);
  c.block((done) => {
    c.loop((again) => {
      c.get(value).i64(0x7fn).op('i64.gt_u', 'i32.eqz').brIf(done);
      c.get(to).get(value).op('i32.wrap_i64').i32(0x80).op('i32.or').store('i32.store8');
      c.get(value).i64(7n).op('i64.shr_u').set(value);
      c.get(to).i32(1).op('i32.add').set(to).br(again);
    });
  });
  c.get(to).get(value).op('i32.wrap_i64').store('i32.store8');
  c.get(to).i32(1).op('i32.add');
  return index;
}

function addRepeat(module: ModuleWriter): number {
  const { index, code: c } = module.function(['i32', 'i32', 'i32', 'i32'], ['i32']);
  const [to, symbol, bytes, times] = [0, 1, 2, 3];
  c.block((done) => {
    c.loop((again) => {
      c.get(times).op('i32.eqz').brIf(done);
      c.get(to).get(symbol).store('i32.store');
      c.get(to).get(bytes).op('i32.add').set(to);
      c.get(times).i32(1).op('i32.sub').set(times).br(again);
    });
  });
  c.get(to);
  return index;
}

function addCompareBytes(module: ModuleWriter): number {
  const { index, code: c }: FunctionRef = module.function(['i32', 'i32', 'i32', 'i32'], ['i32']);
  const [a, aLength, b, bLength] = [0, 1, 2, 3];
  const [end, x, y] = [c.local('i32'), c.local('i32'), c.local('i32')];
  c.get(a).get(aLength).get(bLength).get(aLength).get(bLength).op('i32.lt_u', 'select', 'i32.add').set(end);
  c.block((done) => {
    c.loop((again) => {
      c.get(a).get(end).op('i32.ge_u').brIf(done);
      c.get(a).load('i32.load8_u').tee(x).get(b).load('i32.load8_u').tee(y).op('i32.ne');
      c.if(() => c.i32(-1).i32(1).get(x).get(y).op('i32.lt_u', 'select', 'return'));
      c.get(a).i32(1).op('i32.add').set(a);
      c.get(b).i32(1).op('i32.add').set(b).br(again);
    });
  });
  c.get(aLength).get(bLength).op('i32.gt_u').get(aLength).get(bLength).op('i32.lt_u', 'i32.sub');
  return index;
}
