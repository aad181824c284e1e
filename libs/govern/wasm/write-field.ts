/** Emits the writing of a governed field, from what its checks left in locals. Writing cannot fail. */
import type { Lowering } from '../lowering.ts';
import type { ActionContext, FieldCode } from './actions.ts';

const nullByte = 0;
const valueBranchByte = 2;

/** Emits the writing of a field. */
export function emitWrite(context: ActionContext, field: FieldCode): void {
  const { c } = context;
  const value = (): void => {
    if (field.optional) emitBytes(context, [valueBranchByte]);
    emitValue(context, field);
  };
  const fitting = (): void => {
    if (field.isUnfit < 0) {
      value();
      return;
    }
    c.get(field.isUnfit);
    c.if(
      () =>
        emitBytes(
          context,
          field.constant === undefined ? [nullByte] : [...(field.optional ? [valueBranchByte] : []), ...field.constant],
        ),
      value,
    );
  };
  if (field.isNull < 0) fitting();
  else c.get(field.isNull).if(() => emitBytes(context, [nullByte]), fitting);
}

function emitValue(context: ActionContext, field: FieldCode): void {
  const { c, kernel, out } = context;
  const { result } = field;
  const { action } = field.plan;
  switch (action.lower.op) {
    case 'mask':
      emitMask(context, field, action.lower);
      return;
    case 'prefix':
      emitPrefix(context, field, action.lower.count);
      return;
    case 'token':
      emitToken(context, field, action.lower.length);
      return;
    case 'year-band':
      emitYears(context, field, action.lower.years);
      return;
    case 'band':
      if (action.lower.of === 'float') {
        c.get(out).get(result).op('f32.demote_f64').store('f32.store');
        c.get(out).i32(4).op('i32.add').set(out);
        return;
      }
      if (action.lower.of === 'double') {
        c.get(out).get(result).store('f64.store');
        c.get(out).i32(8).op('i32.add').set(out);
        return;
      }
      c.get(out).get(result).call(kernel.writeLong).set(out);
      return;
    case 'date-cut':
      c.get(out).get(result).call(kernel.writeLong).set(out);
  }
}

/** Puts the text's first byte into `p` and its length into `length`. */
function openText({ c, kernel }: ActionContext, { value, slot }: FieldCode, p: number, length: number): void {
  c.get(value).get(slot.end).call(kernel.readLength).set(length);
  c.globalGet(kernel.position).set(p);
}

function beginText({ c, out }: ActionContext, { textStart }: FieldCode): void {
  if (textStart >= 0) c.get(out).set(textStart);
}

function emitMask(context: ActionContext, field: FieldCode, lower: Extract<Lowering, { op: 'mask' }>): void {
  const { c, kernel, out } = context;
  const symbol = Buffer.from(lower.symbol);
  const symbolWord = Buffer.concat([symbol, Buffer.alloc(4)]).readInt32LE(0);
  const [p, length, points, head, tail] = [c.local('i32'), c.local('i32'), c.local('i32'), c.local('i32'), c.local('i32')];
  openText(context, field, p, length);
  c.get(p).get(length).op('i32.add').set(length);
  const end = length;
  c.get(p).get(end).i32(lower.first).call(kernel.advance).set(head);
  // Where the kept code points would end one after the other: at the end of the text, it is too short to keep any.
  if (lower.last === 0) c.get(head);
  else c.get(head).get(end).i32(lower.last).call(kernel.advance);
  c.get(end).op('i32.ge_u');
  c.if(
    () => {
      if (lower.width === undefined) c.get(p).get(end).call(kernel.points).set(points);
      c.get(p).set(head).get(end).set(tail);
    },
    () => {
      if (lower.width === undefined)
        c.get(p)
          .get(end)
          .call(kernel.points)
          .i32(lower.first + lower.last)
          .op('i32.sub')
          .set(points);
      c.get(head).get(end).i32(lower.last).call(kernel.retreat).set(tail);
    },
  );
  if (lower.width !== undefined) c.i32(lower.width).set(points);
  c.get(out).get(head).get(p).op('i32.sub').get(end).op('i32.add').get(tail).op('i32.sub');
  c.get(points).i32(symbol.length).op('i32.mul', 'i32.add').call(kernel.writeLength).set(out);
  beginText(context, field);
  c.get(out).get(p).get(head).get(p).op('i32.sub').call(kernel.copy).set(out);
  c.get(out).i32(symbolWord).i32(symbol.length).get(points).call(kernel.repeat).set(out);
  c.get(out).get(tail).get(end).get(tail).op('i32.sub').call(kernel.copy).set(out);
  for (const local of [p, length, points, head, tail]) c.release('i32', local);
}

function emitPrefix(context: ActionContext, field: FieldCode, count: number): void {
  const { c, kernel, out } = context;
  const [p, length] = [c.local('i32'), c.local('i32')];
  openText(context, field, p, length);
  c.get(p).get(p).get(length).op('i32.add').i32(count).call(kernel.advance).get(p).op('i32.sub').set(length);
  c.get(out).get(length).call(kernel.writeLength).set(out);
  beginText(context, field);
  c.get(out).get(p).get(length).call(kernel.copy).set(out);
  for (const local of [p, length]) c.release('i32', local);
}

/** Leaves a slot that is filled with a marker; the host writes the token there before anything leaves the arena. */
function emitToken(context: ActionContext, field: FieldCode, length: number): void {
  const { c, kernel, out } = context;
  const [p, size] = [c.local('i32'), c.local('i32')];
  openText(context, field, p, size);
  c.get(out).i32(length).call(kernel.writeLength).set(out);
  beginText(context, field);
  context.gather(p, size, out);
  emitBytes(context, Buffer.alloc(length, '!'));
  for (const local of [p, size]) c.release('i32', local);
}

/** "1980/1984": the first year in four digits, the last in four or five. */
function emitYears(context: ActionContext, field: FieldCode, years: number): void {
  const { c, out } = context;
  const [low, high] = [c.local('i32'), c.local('i32')];
  c.get(field.result)
    .op('i32.wrap_i64')
    .tee(low)
    .i32(years - 1)
    .op('i32.add')
    .set(high);
  const digits = (value: number, count: number): void => {
    for (let place = count - 1; place >= 0; place -= 1) {
      c.get(out)
        .get(value)
        .i32(10 ** place)
        .op('i32.div_s')
        .i32(10)
        .op('i32.rem_s')
        .i32(0x30)
        .op('i32.add')
        .store('i32.store8', count - 1 - place);
    }
    c.get(out).i32(count).op('i32.add').set(out);
  };
  const write = (highDigits: number): void => {
    emitBytes(context, [(5 + highDigits) * 2]);
    beginText(context, field);
    digits(low, 4);
    emitBytes(context, [0x2f]);
    digits(high, highDigits);
  };
  c.get(high)
    .i32(9999)
    .op('i32.gt_s')
    .if(
      () => write(5),
      () => write(4),
    );
  for (const local of [low, high]) c.release('i32', local);
}

/** Writes constant bytes. */
export function emitBytes({ c, out }: Pick<ActionContext, 'c' | 'out'>, bytes: ArrayLike<number>): void {
  const all = Buffer.from(Array.from(bytes));
  let at = 0;
  for (; at + 8 <= all.length; at += 8) c.get(out).i64(all.readBigInt64LE(at)).store('i64.store', at);
  for (; at + 4 <= all.length; at += 4) c.get(out).i32(all.readInt32LE(at)).store('i32.store', at);
  for (; at < all.length; at += 1)
    c.get(out)
      .i32(all[at] as number)
      .store('i32.store8', at);
  if (all.length > 0) c.get(out).i32(all.length).op('i32.add').set(out);
}
