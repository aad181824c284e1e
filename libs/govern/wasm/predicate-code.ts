/** Emits a predicate as an i32: 0 false, 1 true, 2 no answer. The same three values as `evaluate`, by the same rules. */
import type { TypeModel } from '../../avro/index.ts';
import type { Comparison, Literal, Predicate } from '../predicate.ts';
import type { Code } from './code.ts';
import type { Kernel } from './kernel.ts';
import type { Slot } from './scan.ts';

/** A field as predicates see it: where it stands, its type without null, and which branch of its union is which. */
export interface PredicateField {
  readonly slot: Slot;
  readonly type: TypeModel;
  /** Branch index of null; -1 where the field is no union. */
  readonly nullBranch: number;
}

export interface PredicateContext {
  readonly c: Code;
  readonly kernel: Kernel;
  readonly field: (path: string) => PredicateField;
}

const noAnswer = 2;

/** Leaves the verdict on the stack. */
export function emitPredicate(context: PredicateContext, predicate: Predicate): void {
  const { c } = context;
  switch (predicate.kind) {
    case 'and':
    case 'or':
      emitLogic(context, predicate);
      return;
    case 'not': {
      const inner = c.local('i32');
      emitPredicate(context, predicate.of);
      c.set(inner);
      c.i32(noAnswer).get(inner).op('i32.eqz').get(inner).i32(noAnswer).op('i32.eq', 'select');
      c.release('i32', inner);
      return;
    }
    case 'flag':
      withValue(context, predicate.path, noAnswer, (p) => c.get(p).load('i32.load8_u'));
      return;
    case 'compare':
      emitCompare(context, predicate.path, predicate.comparison, predicate.to);
      return;
    case 'in':
      c.i32(0);
      for (const item of predicate.list) {
        emitCompare(context, predicate.path, '==', item);
        c.op('i32.or');
      }
      return;
    case 'text':
      withValue(context, predicate.path, noAnswer, (p, end) => emitTextTest(context, p, end, predicate.test, predicate.text));
  }
}

/** CEL's && and ||: the deciding side absorbs the other's missing answer. */
function emitLogic(context: PredicateContext, { kind, left, right }: Extract<Predicate, { kind: 'and' | 'or' }>): void {
  const { c } = context;
  const [a, b] = [c.local('i32'), c.local('i32')];
  const deciding = kind === 'and' ? 0 : 1;
  emitPredicate(context, left);
  c.tee(a).i32(deciding).op('i32.eq');
  c.if(
    () => c.i32(deciding),
    () => {
      emitPredicate(context, right);
      c.tee(b).i32(deciding).op('i32.eq');
      c.if(
        () => c.i32(deciding),
        () =>
          c
            .i32(noAnswer)
            .i32(1 - deciding)
            .get(a)
            .i32(noAnswer)
            .op('i32.eq')
            .get(b)
            .i32(noAnswer)
            .op('i32.eq', 'i32.or', 'select'),
        'i32',
      );
    },
    'i32',
  );
  c.release('i32', a);
  c.release('i32', b);
}

/** Runs `body` with locals of the value's start and end, behind its union index; leaves `whenNull` for a null. */
function withValue(context: PredicateContext, path: string, whenNull: number, body: (p: number, end: number) => void): void {
  const { c, kernel } = context;
  const { slot, nullBranch } = context.field(path);
  const p = c.local('i32');
  if (nullBranch < 0) {
    c.get(slot.start).set(p);
    body(p, slot.end);
  } else {
    c.get(slot.start).get(slot.end).call(kernel.readInt).i32(nullBranch).op('i32.eq');
    c.globalGet(kernel.position).set(p);
    c.if(
      () => c.i32(whenNull),
      () => body(p, slot.end),
      'i32',
    );
  }
  c.release('i32', p);
}

function emitCompare(context: PredicateContext, path: string, comparison: Comparison, to: Literal): void {
  const { c } = context;
  const { type, nullBranch } = context.field(path);
  if (to === null) {
    // The type check lets null through for == and != on optional fields alone.
    const whenNull = comparison === '==' ? 1 : 0;
    if (nullBranch < 0) c.i32(1 - whenNull);
    else withValue(context, path, whenNull, () => c.i32(1 - whenNull));
    return;
  }
  const whenNull = comparison === '==' ? 0 : comparison === '!=' ? 1 : noAnswer;
  withValue(context, path, whenNull, (p, end) => {
    switch (type.kind) {
      case 'string':
        emitTextCompare(context, p, end, comparison, String(to));
        return;
      case 'enum':
        c.get(p)
          .get(end)
          .call(context.kernel.readInt)
          .i32(type.symbols.indexOf(String(to)))
          .op(comparison === '==' ? 'i32.eq' : 'i32.ne');
        return;
      case 'boolean':
        c.get(p)
          .load('i32.load8_u')
          .i32(to === true ? 1 : 0)
          .op(comparison === '==' ? 'i32.eq' : 'i32.ne');
        return;
      case 'int':
        c.get(p).get(end).call(context.kernel.readInt).op('i64.extend_i32_s');
        emitWholeCompare(c, comparison, to as number | bigint);
        return;
      case 'long':
        c.get(p).get(end).call(context.kernel.readLong);
        emitWholeCompare(c, comparison, to as number | bigint);
        return;
      case 'float':
        c.get(p).load('f32.load').op('f64.promote_f32').f64(Number(to)).op(floatOps[comparison]);
        return;
      case 'double':
        c.get(p).load('f64.load').f64(Number(to)).op(floatOps[comparison]);
        return;
      default:
        throw new Error(`emitCompare: ${type.kind} has no comparison`);
    }
  });
}

const floatOps = { '==': 'f64.eq', '!=': 'f64.ne', '<': 'f64.lt', '<=': 'f64.le', '>': 'f64.gt', '>=': 'f64.ge' } as const;
const longOps = { '==': 'i64.eq', '!=': 'i64.ne', '<': 'i64.lt_s', '<=': 'i64.le_s', '>': 'i64.gt_s', '>=': 'i64.ge_s' } as const;
const longMax = 2 ** 63;

/** Compares the i64 on the stack with a literal that may have a fraction or lie outside of the longs: exactly, as CEL does. */
function emitWholeCompare(c: Code, comparison: Comparison, to: number | bigint): void {
  if (typeof to === 'bigint') {
    c.i64(to).op(longOps[comparison]);
    return;
  }
  if (to >= longMax || to < -longMax) {
    const below = to >= longMax;
    const verdict = comparison === '!=' || (below ? comparison.startsWith('<') : comparison.startsWith('>'));
    c.op('drop').i32(verdict ? 1 : 0);
    return;
  }
  if (Number.isInteger(to)) {
    c.i64(BigInt(to)).op(longOps[comparison]);
    return;
  }
  if (comparison === '==' || comparison === '!=') {
    c.op('drop').i32(comparison === '!=' ? 1 : 0);
    return;
  }
  c.i64(BigInt(Math.floor(to))).op(comparison.startsWith('<') ? 'i64.le_s' : 'i64.gt_s');
}

/** Reads the length at `p` and leaves `p` at the first byte; returns the local of the length. */
function readText({ c, kernel }: PredicateContext, p: number, end: number): number {
  const length = c.local('i32');
  c.get(p).get(end).call(kernel.readLength).set(length);
  c.globalGet(kernel.position).set(p);
  return length;
}

function emitTextCompare(context: PredicateContext, p: number, end: number, comparison: Comparison, text: string): void {
  const { c } = context;
  const bytes = Buffer.from(text);
  const length = readText(context, p, end);
  if (comparison === '==' || comparison === '!=') {
    c.get(length).i32(bytes.length).op('i32.eq');
    c.if(
      () => emitBytesEqual(c, p, bytes),
      () => c.i32(0),
      'i32',
    );
    if (comparison === '!=') c.op('i32.eqz');
  } else {
    emitOrder(c, p, length, bytes);
    c.i32(0).op(({ '<': 'i32.lt_s', '<=': 'i32.le_s', '>': 'i32.gt_s', '>=': 'i32.ge_s' } as const)[comparison]);
  }
  c.release('i32', length);
}

/** 1 when the bytes at `p` are these; the caller knows that there are so many. */
function emitBytesEqual(c: Code, p: number, bytes: Buffer): void {
  c.i32(1);
  let at = 0;
  for (; at + 8 <= bytes.length; at += 8) c.get(p).load('i64.load', at).i64(bytes.readBigInt64LE(at)).op('i64.eq', 'i32.and');
  for (; at + 4 <= bytes.length; at += 4) c.get(p).load('i32.load', at).i32(bytes.readInt32LE(at)).op('i32.eq', 'i32.and');
  for (; at < bytes.length; at += 1)
    c.get(p)
      .load('i32.load8_u', at)
      .i32(bytes[at] as number)
      .op('i32.eq', 'i32.and');
}

/** Order of the text at `p` against a literal, as -1, 0 or 1: byte by byte, which is the order of UTF-8 and so of code points. */
function emitOrder(c: Code, p: number, length: number, bytes: Buffer): void {
  const order = c.local('i32');
  c.i32(0).set(order);
  c.block((done) => {
    bytes.forEach((byte, at) => {
      c.get(length)
        .i32(at)
        .op('i32.le_u')
        .if(() => c.i32(-1).set(order).br(done));
      c.get(p)
        .load('i32.load8_u', at)
        .i32(byte)
        .op('i32.lt_u')
        .if(() => c.i32(-1).set(order).br(done));
      c.get(p)
        .load('i32.load8_u', at)
        .i32(byte)
        .op('i32.gt_u')
        .if(() => c.i32(1).set(order).br(done));
    });
    c.get(length).i32(bytes.length).op('i32.gt_u').set(order);
  });
  c.get(order);
  c.release('i32', order);
}

function emitTextTest(
  context: PredicateContext,
  p: number,
  end: number,
  test: 'startsWith' | 'endsWith' | 'contains',
  text: string,
): void {
  const { c } = context;
  const bytes = Buffer.from(text);
  const length = readText(context, p, end);
  const fits = (): Code => c.get(length).i32(bytes.length).op('i32.ge_u');
  if (test === 'contains') {
    const [stop, found] = [c.local('i32'), c.local('i32')];
    c.i32(0).set(found);
    fits().if(() => {
      c.get(p).get(length).op('i32.add').i32(bytes.length).op('i32.sub').set(stop);
      c.loop((again) => {
        emitBytesEqual(c, p, bytes);
        c.tee(found).op('i32.eqz').get(p).get(stop).op('i32.lt_u', 'i32.and');
        c.if(() => c.get(p).i32(1).op('i32.add').set(p).br(again));
      });
    });
    c.get(found);
    for (const local of [stop, found]) c.release('i32', local);
  } else {
    fits().if(
      () => {
        if (test === 'endsWith') c.get(p).get(length).op('i32.add').i32(bytes.length).op('i32.sub').set(p);
        emitBytesEqual(c, p, bytes);
      },
      () => c.i32(0),
      'i32',
    );
  }
  c.release('i32', length);
}
