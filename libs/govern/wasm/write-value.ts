/** Emits the writing of a governed value that is not null and fits. Writing cannot fail. */
import type { Code } from '../../wasm/index.ts';
import type { Lowering } from '../lowering.ts';
import type { TransformNode } from '../tree.ts';
import type { Kernel } from './kernel.ts';
import { pushTable } from './kernel-text.ts';
import type { Operand } from './operand.ts';

export interface Writer {
  readonly c: Code;
  readonly kernel: Kernel;
  /** Local: where the next byte is written. */
  readonly out: number;
  /** Appends a gather entry: source, length, destination. Leaves nothing on the stack. */
  readonly gather: (plan: number, source: number, length: number, destination: number) => void;
  /** Copies the host's next answer and moves `out` behind it. */
  readonly answer: () => void;
}

/** `result` is the local that the decision left its result in. */
export function emitValue(writer: Writer, node: TransformNode, operand: Operand, result: number): void {
  const { c, kernel, out } = writer;
  const { lower } = node.action;
  switch (lower.op) {
    case 'mask':
      emitMask(writer, operand, lower);
      return;
    case 'prefix':
      emitPrefix(writer, operand, lower.count);
      return;
    case 'token':
      emitToken(writer, node.plan, operand, lower.length);
      return;
    case 'fpe':
      emitFormat(writer, node.plan, operand);
      return;
    case 'year-band':
      emitYears(writer, result, lower.years);
      return;
    case 'band':
    case 'clamp':
      if (lower.of === 'float') {
        c.get(out).get(result).op('f32.demote_f64').store('f32.store');
        c.get(out).i32(4).op('i32.add').set(out);
        return;
      }
      if (lower.of === 'double') {
        c.get(out).get(result).store('f64.store');
        c.get(out).i32(8).op('i32.add').set(out);
        return;
      }
      c.get(out).get(result).call(kernel.writeLong).set(out);
      return;
    case 'date-cut':
      c.get(out).get(result).call(kernel.writeLong).set(out);
      return;
    case 'host':
      writer.answer();
  }
}

/** Most code points at one end of a text that are counted bit by bit in line. */
const inlinePointsMax = 6;
const bitsMax = 16;

/**
 * Texts of up to 16 bytes are one vector: a bit for each byte that begins a code point tells where the kept ends are, and three overlapping stores
 * write head, symbols and tail. Others go by the kernel's functions.
 */
function emitMask(writer: Writer, operand: Operand, lower: Extract<Lowering, { op: 'mask' }>): void {
  const { c } = writer;
  const symbol = Buffer.from(lower.symbol);
  const { first, last, width } = lower;
  const inline =
    symbol.length === 1 && first <= inlinePointsMax && last <= inlinePointsMax && (width === undefined || width <= bitsMax);
  if (!inline) {
    emitLongMask(writer, operand, lower, symbol);
    return;
  }
  c.get(operand.length).i32(bitsMax).op('i32.gt_u');
  c.if(
    () => emitLongMask(writer, operand, lower, symbol),
    () => emitShortMask(writer, operand, lower, symbol),
  );
}

function emitShortMask(
  writer: Writer,
  { start, length }: Operand,
  { first, last, width }: Extract<Lowering, { op: 'mask' }>,
  symbol: Buffer,
): void {
  const { c, out } = writer;
  const [starts, points, bits, head, tail, size] = c.locals('i32', 'i32', 'i32', 'i32', 'i32', 'i32');
  const text = c.local('v128');
  c.get(start).load('v128.load').tee(text);
  pushTable(c, 'belowStarts').vec('i8x16.gt_s', 'i8x16.bitmask');
  c.i32(1).get(length).op('i32.shl').i32(1).op('i32.sub', 'i32.and').tee(starts).op('i32.popcnt').set(points);
  c.get(points)
    .i32(first + last)
    .op('i32.gt_u');
  c.if(
    () => {
      // ASCII alone: a character is a byte.
      c.get(points).get(length).op('i32.eq');
      c.if(
        () => {
          c.i32(first).set(head);
          c.get(length).i32(last).op('i32.sub').set(tail);
        },
        () => {
          c.get(starts).set(bits);
          for (let point = 0; point < first; point += 1) c.get(bits).get(bits).i32(1).op('i32.sub', 'i32.and').set(bits);
          if (first === 0) c.i32(0).set(head);
          else c.get(bits).op('i32.ctz').set(head);
          if (last === 0) c.get(length).set(tail);
          else {
            c.get(starts).set(bits);
            for (let point = 1; point < last; point += 1)
              c.get(bits).i32(-0x8000_0000).get(bits).op('i32.clz', 'i32.shr_u', 'i32.xor').set(bits);
            c.i32(31).get(bits).op('i32.clz', 'i32.sub').set(tail);
          }
        },
      );
      c.get(points)
        .i32(first + last)
        .op('i32.sub')
        .set(points);
    },
    () => {
      // Too short to keep any of it.
      c.i32(0).set(head);
      c.get(length).set(tail);
    },
  );
  if (width !== undefined) c.i32(width).set(points);
  // A symbol is a byte and a length below 64 is one byte.
  c.get(head).get(points).op('i32.add').get(length).op('i32.add').get(tail).op('i32.sub').set(size);
  c.get(out).get(size).i32(1).op('i32.shl').store('i32.store8');
  c.get(out).i32(1).op('i32.add').set(out);
  c.get(out).get(text).store('v128.store');
  c.get(out)
    .get(head)
    .op('i32.add')
    .i32(symbol[0] as number)
    .vec('i8x16.splat')
    .store('v128.store');
  if (last > 0)
    c.get(out)
      .get(head)
      .op('i32.add')
      .get(points)
      .op('i32.add')
      .get(start)
      .get(tail)
      .op('i32.add')
      .load('v128.load')
      .store('v128.store');
  c.get(out).get(size).op('i32.add').set(out);
  for (const local of [starts, points, bits, head, tail, size]) c.release('i32', local);
  c.release('v128', text);
}

function emitLongMask(
  writer: Writer,
  { start, length }: Operand,
  { first, last, width }: Extract<Lowering, { op: 'mask' }>,
  symbol: Buffer,
): void {
  const { c, kernel, out } = writer;
  const symbolWord = Buffer.concat([symbol, Buffer.alloc(4)]).readInt32LE(0);
  const [p, end, points, head, tail] = c.locals('i32', 'i32', 'i32', 'i32', 'i32');
  c.get(start).set(p);
  c.get(start).get(length).op('i32.add').set(end);
  c.get(p).get(end).i32(first).call(kernel.advance).set(head);
  // Where the kept code points would end one after the other: at the end of the text, it is too short to keep any.
  if (last === 0) c.get(head);
  else c.get(head).get(end).i32(last).call(kernel.advance);
  c.get(end).op('i32.ge_u');
  c.if(
    () => {
      if (width === undefined) c.get(p).get(end).call(kernel.points).set(points);
      c.get(p).set(head).get(end).set(tail);
    },
    () => {
      if (width === undefined)
        c.get(p)
          .get(end)
          .call(kernel.points)
          .i32(first + last)
          .op('i32.sub')
          .set(points);
      if (last === 0) c.get(end).set(tail);
      else c.get(head).get(end).i32(last).call(kernel.retreat).set(tail);
    },
  );
  if (width !== undefined) c.i32(width).set(points);
  c.get(out).get(head).get(p).op('i32.sub').get(end).op('i32.add').get(tail).op('i32.sub');
  c.get(points).i32(symbol.length).op('i32.mul', 'i32.add').call(kernel.writeLength).set(out);
  emitCopy(writer, p, () => c.get(head).get(p).op('i32.sub'));
  c.get(out).i32(symbolWord).i32(symbol.length).get(points).call(kernel.repeat).set(out);
  if (last > 0) emitCopy(writer, tail, () => c.get(end).get(tail).op('i32.sub'));
  for (const local of [p, end, points, head, tail]) c.release('i32', local);
}

/** Copies so many bytes as `length` pushes: up to 32 in line. */
export function emitCopy({ c, kernel, out }: Pick<Writer, 'c' | 'kernel' | 'out'>, from: number, length: () => void): void {
  const bytes = c.local('i32');
  length();
  c.set(bytes);
  c.get(out).get(from).load('v128.load').store('v128.store');
  c.get(bytes).i32(16).op('i32.gt_u');
  c.if(() => {
    c.get(out).get(from).load('v128.load', 16).store('v128.store', 16);
    c.get(bytes).i32(32).op('i32.gt_u');
    c.if(() => c.get(out).get(from).get(bytes).call(kernel.copyLong));
  });
  c.get(out).get(bytes).op('i32.add').set(out);
  c.release('i32', bytes);
}

function emitPrefix(writer: Writer, { start, length }: Operand, count: number): void {
  const { c, kernel, out } = writer;
  const [bytes, bits] = [c.local('i32'), c.local('i32')];
  if (count === 0) c.i32(0).set(bytes);
  else {
    c.get(length).i32(bitsMax).op('i32.gt_u');
    c.if(
      () => {
        c.get(start).get(start).get(length).op('i32.add').i32(count).call(kernel.advance).get(start).op('i32.sub').set(bytes);
      },
      () => {
        c.get(start).load('v128.load');
        pushTable(c, 'belowStarts').vec('i8x16.gt_s', 'i8x16.bitmask');
        c.i32(1).get(length).op('i32.shl').i32(1).op('i32.sub', 'i32.and').set(bits);
        for (let point = 0; point < Math.min(count, bitsMax); point += 1)
          c.get(bits).get(bits).i32(1).op('i32.sub', 'i32.and').set(bits);
        // Where no code point is left, the whole text is.
        c.get(bits).op('i32.ctz').tee(bits).get(length).get(bits).get(length).op('i32.lt_u', 'select').set(bytes);
      },
    );
  }
  c.get(out).get(bytes).call(kernel.writeLength).set(out);
  emitCopy(writer, start, () => c.get(bytes));
  for (const local of [bytes, bits]) c.release('i32', local);
}

/** Leaves a slot that is filled with a marker; the host writes the token there before anything leaves the arena. */
function emitToken(writer: Writer, plan: number, { start, length }: Operand, size: number): void {
  const { c, kernel, out } = writer;
  c.get(out).i32(size).call(kernel.writeLength).set(out);
  writer.gather(plan, start, length, out);
  emitMarker(writer, size);
  c.get(out).i32(size).op('i32.add').set(out);
}

/** Most bytes of a slot that is as long as its text: kept digits, encrypted ones and a check character. */
const slotBytesMax = 52;

/** Fills a slot with a character that no maker of slots writes. */
function emitMarker({ c, out }: Writer, bytes: number): void {
  for (let at = 0; at < bytes; at += 16) pushTable(c.get(out), 'marker').store('v128.store', at);
}

/** A slot as long as the text. */
function emitFormat(writer: Writer, plan: number, { start, length }: Operand): void {
  const { c, kernel, out } = writer;
  c.get(out).get(length).call(kernel.writeLength).set(out);
  writer.gather(plan, start, length, out);
  emitMarker(writer, slotBytesMax);
  c.get(out).get(length).op('i32.add').set(out);
}

/** "1980/1984": the first year in four digits, the last in four or five. */
function emitYears(writer: Writer, result: number, years: number): void {
  const { c, out } = writer;
  const [low, high] = [c.local('i32'), c.local('i32')];
  c.get(result)
    .op('i32.wrap_i64')
    .tee(low)
    .i32(years - 1)
    .op('i32.add')
    .set(high);
  c.get(high).i32(9999).op('i32.gt_s');
  c.if(
    () => {
      emitBytes(writer, [20]);
      emitFourDigits(writer, low, 0);
      c.get(out).i32(0x312f).store('i32.store16', 4);
      c.get(high).i32(10_000).op('i32.sub').set(high);
      emitFourDigits(writer, high, 6);
      c.get(out).i32(10).op('i32.add').set(out);
    },
    () => {
      emitBytes(writer, [18]);
      emitFourDigits(writer, low, 0);
      c.get(out).i32(0x2f).store('i32.store8', 4);
      emitFourDigits(writer, high, 5);
      c.get(out).i32(9).op('i32.add').set(out);
    },
  );
  for (const local of [low, high]) c.release('i32', local);
}

/** Four decimal digits of an i32 local below 10,000 at `out + offset`. */
function emitFourDigits({ c, out }: Writer, value: number, offset: number): void {
  const [hundreds, pair] = [c.local('i32'), c.local('i32')];
  c.get(value).i32(5243).op('i32.mul').i32(19).op('i32.shr_u').set(hundreds);
  // Both pairs side by side in one word: hundreds in the low half.
  c.get(value).get(hundreds).i32(100).op('i32.mul', 'i32.sub').i32(16).op('i32.shl').get(hundreds).op('i32.or').set(pair);
  // The tens of each: a tenth by 103 / 1024, exact below 100.
  c.get(pair).i32(103).op('i32.mul').i32(10).op('i32.shr_u').i32(0x000f_000f).op('i32.and').set(hundreds);
  c.get(out);
  c.get(hundreds)
    .get(pair)
    .get(hundreds)
    .i32(10)
    .op('i32.mul', 'i32.sub')
    .i32(8)
    .op('i32.shl', 'i32.or')
    .i32(0x3030_3030)
    .op('i32.or');
  c.store('i32.store', offset);
  for (const local of [hundreds, pair]) c.release('i32', local);
}

/** Writes constant bytes. */
export function emitBytes({ c, out }: Pick<Writer, 'c' | 'out'>, bytes: ArrayLike<number>): void {
  const all = Buffer.from(Array.from(bytes));
  let at = 0;
  for (; at + 16 <= all.length; at += 16)
    c.get(out)
      .v128([...all.subarray(at, at + 16)])
      .store('v128.store', at);
  for (; at + 8 <= all.length; at += 8) c.get(out).i64(all.readBigInt64LE(at)).store('i64.store', at);
  for (; at + 4 <= all.length; at += 4) c.get(out).i32(all.readInt32LE(at)).store('i32.store', at);
  for (; at < all.length; at += 1)
    c.get(out)
      .i32(all[at] as number)
      .store('i32.store8', at);
  if (all.length > 0) c.get(out).i32(all.length).op('i32.add').set(out);
}
