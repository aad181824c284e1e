/** Emits a predicate as an i32: 0 false, 1 true, 2 no answer. The same three values as `evaluate`, by the same rules. */
import type { EnumModel } from '../../avro/index.ts';
import type { Code } from '../../wasm/index.ts';
import type { Comparison, Literal, Predicate } from '../predicate.ts';
import type { Operand } from './operand.ts';

export interface PredicateContext {
  readonly c: Code;
  /** A field that the predicate looks at. */
  readonly operand: (path: string) => Operand;
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
      withValue(context, predicate.path, noAnswer, ({ value }) => c.get(value).op('i32.wrap_i64'));
      return;
    case 'compare':
      emitCompare(context, predicate.path, predicate.comparison, predicate.to);
      return;
    case 'in':
      emitIn(context, predicate);
      return;
    case 'text':
      withValue(context, predicate.path, noAnswer, (operand) => emitTextTest(c, operand, predicate.test, predicate.text));
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

/** Runs `body` for a value; leaves `whenNull` for a null, and no answer for what has no counterpart under the contract. */
function withValue(context: PredicateContext, path: string, whenNull: number, body: (operand: Operand) => void): void {
  const { c } = context;
  const operand = context.operand(path);
  const plain = (): void => {
    if (operand.isMisfit < 0) body(operand);
    else
      c.get(operand.isMisfit).if(
        () => c.i32(noAnswer),
        () => body(operand),
        'i32',
      );
  };
  if (operand.isNull < 0) plain();
  else c.get(operand.isNull).if(() => c.i32(operand.of.nullable ? whenNull : noAnswer), plain, 'i32');
}

/** An enum's symbols under the contract, by the writer's index; undefined for one that it does not have. */
function symbolsOf({ of }: Operand): (string | undefined)[] {
  const [from, type] = [of.from, of.type] as [EnumModel, EnumModel];
  return from.symbols.map((symbol) => (type.symbols.includes(symbol) ? symbol : type.default));
}

/** By the writer's index: a verdict for each symbol. */
function emitByIndex(c: Code, { value }: Operand, verdicts: readonly number[]): void {
  c.i32(verdicts[0] ?? noAnswer);
  verdicts.forEach((verdict, index) => {
    if (verdict === verdicts[0]) return;
    const other = c.local('i32');
    c.set(other).i32(verdict).get(other).get(value).op('i32.wrap_i64').i32(index).op('i32.eq', 'select');
    c.release('i32', other);
  });
}

function emitIn(context: PredicateContext, { path, list }: Extract<Predicate, { kind: 'in' }>): void {
  const { c } = context;
  const { of } = context.operand(path);
  if (of.type.kind === 'enum') {
    withValue(context, path, 0, (operand) => {
      const verdicts = symbolsOf(operand).map((symbol) => (symbol === undefined ? noAnswer : list.includes(symbol) ? 1 : 0));
      emitByIndex(c, operand, verdicts);
    });
    return;
  }
  // A list of texts, or of numbers: the first that is equal decides.
  withValue(context, path, 0, (operand) => {
    const found = c.local('i32');
    c.i32(0).set(found);
    c.block((decided) => {
      for (const item of list) {
        if (item === null) continue;
        emitPlainCompare(c, operand, '==', item);
        c.tee(found).brIf(decided);
      }
    });
    c.get(found);
    c.release('i32', found);
  });
}

function emitCompare(context: PredicateContext, path: string, comparison: Comparison, to: Literal): void {
  const { c } = context;
  if (to === null) {
    // The type check lets null through for == and != on optional fields alone.
    const whenNull = comparison === '==' ? 1 : 0;
    withValue(context, path, whenNull, (operand) => {
      if (operand.of.type.kind !== 'enum') c.i32(1 - whenNull);
      else
        emitByIndex(
          c,
          operand,
          symbolsOf(operand).map((symbol) => (symbol === undefined ? noAnswer : 1 - whenNull)),
        );
    });
    return;
  }
  const whenNull = comparison === '==' ? 0 : comparison === '!=' ? 1 : noAnswer;
  withValue(context, path, whenNull, (operand) => emitPlainCompare(c, operand, comparison, to));
}

function emitPlainCompare(c: Code, operand: Operand, comparison: Comparison, to: string | number | bigint | boolean): void {
  const { value, of } = operand;
  switch (of.type.kind) {
    case 'string':
      emitTextCompare(c, operand, comparison, String(to));
      return;
    case 'enum': {
      const verdict = (symbol: string): number => ((symbol === to) === (comparison === '==') ? 1 : 0);
      emitByIndex(
        c,
        operand,
        symbolsOf(operand).map((symbol) => (symbol === undefined ? noAnswer : verdict(symbol))),
      );
      return;
    }
    case 'boolean':
      c.get(value)
        .op('i32.wrap_i64')
        .i32(to === true ? 1 : 0)
        .op(comparison === '==' ? 'i32.eq' : 'i32.ne');
      return;
    case 'int':
    case 'long':
      c.get(value);
      emitWholeCompare(c, comparison, to as number | bigint);
      return;
    case 'float':
    case 'double':
      c.get(value).f64(Number(to)).op(floatOps[comparison]);
      return;
    default:
      throw new Error(`emitCompare: ${of.type.kind} has no comparison`);
  }
}

const floatOps = {
  '==': 'f64.eq',
  '!=': 'f64.ne',
  '<': 'f64.lt',
  '<=': 'f64.le',
  '>': 'f64.gt',
  '>=': 'f64.ge',
} as const;
const longOps = {
  '==': 'i64.eq',
  '!=': 'i64.ne',
  '<': 'i64.lt_s',
  '<=': 'i64.le_s',
  '>': 'i64.gt_s',
  '>=': 'i64.ge_s',
} as const;
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

function emitTextCompare(c: Code, { start, length }: Operand, comparison: Comparison, text: string): void {
  const bytes = Buffer.from(text);
  if (comparison === '==' || comparison === '!=') {
    c.get(length).i32(bytes.length).op('i32.eq');
    c.if(
      () => emitBytesEqual(c, start, bytes),
      () => c.i32(0),
      'i32',
    );
    if (comparison === '!=') c.op('i32.eqz');
    return;
  }
  emitOrder(c, start, length, bytes);
  c.i32(0).op(
    (
      {
        '<': 'i32.lt_s',
        '<=': 'i32.le_s',
        '>': 'i32.gt_s',
        '>=': 'i32.ge_s',
      } as const
    )[comparison],
  );
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

function emitTextTest(c: Code, { start, length }: Operand, test: 'startsWith' | 'endsWith' | 'contains', text: string): void {
  const bytes = Buffer.from(text);
  const p = c.local('i32');
  c.get(start).set(p);
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
  c.release('i32', p);
}
