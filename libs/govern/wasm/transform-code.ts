/** Emits one transform: the decision whether the value fits, and the writing of what becomes of it. */
import type { Code } from '../../wasm/index.ts';
import { typedConstant } from '../constants.ts';
import type { TransformNode } from '../tree.ts';
import type { Checking, Emission, Writing } from './emission.ts';
import { emitAsk, emitNextAnswer, pushAnswerIsUnfit } from './emission.ts';
import { canBeUnfit, emitFit, resultLocal } from './fit.ts';
import type { Operand } from './operand.ts';
import { emitBytes, emitValue } from './write-value.ts';

/** A transform with the locals that carry its decision from the checks to the writing. */
export interface Decision {
  readonly node: TransformNode;
  /** i32: 1 when `else` takes the value's place; -1 where every value fits or a value that does not refuses the record. */
  readonly isUnfit: number;
  /** i64 or f64; -1 for none. */
  readonly result: number;
  /** Bytes of the constant of `else`, with the union index before them where the result is optional. */
  readonly instead: Uint8Array | undefined;
}

const nullByte = 0;
const valueBranchByte = 2;

/** Whether this value may turn out unfit when the record is checked. */
export const mayBeUnfit = (node: TransformNode): boolean =>
  canBeUnfit(node.action) ||
  (node.type.kind === 'string' && node.from.kind === 'bytes') ||
  (node.nullBranch >= 0 && !node.nullable);

export const isAsked = ({ action }: Pick<TransformNode, 'action'>): boolean => action.lower.op === 'host';

export function decisionOf(c: Code, { plans }: Emission, node: TransformNode): Decision {
  const otherwise = plans.fields[node.plan]?.otherwise ?? 'refuse';
  const result = resultLocal(node.action);
  const constant = typeof otherwise === 'string' ? undefined : typedConstant(node.action.result, otherwise.constant);
  if (constant !== undefined && !constant.ok) throw new Error('decisionOf: the constant of else was checked before');
  const prefix = node.optional ? [valueBranchByte] : [];
  return {
    node,
    isUnfit: otherwise !== 'refuse' && (mayBeUnfit(node) || isAsked(node)) ? c.local('i32') : -1,
    result: result === undefined ? -1 : c.local(result),
    instead:
      otherwise === 'refuse'
        ? undefined
        : constant === undefined
          ? new Uint8Array([nullByte])
          : new Uint8Array([...prefix, ...constant.value.bytes]),
  };
}

export function releaseDecision(c: Code, { node, isUnfit, result }: Decision): void {
  if (isUnfit >= 0) c.release('i32', isUnfit);
  const kind = resultLocal(node.action);
  if (result >= 0 && kind !== undefined) c.release(kind, result);
}

/** Decides; a value that does not fit goes on to `unfit`, or sets `isUnfit` where the rule has an `else`. */
function emitDecide(
  { dates }: Emission,
  c: Code,
  { node, isUnfit, result }: Decision,
  operand: Operand,
  refuse: () => void,
): void {
  if (isUnfit >= 0) c.i32(0).set(isUnfit);
  if (!mayBeUnfit(node)) return;
  c.block((done) => {
    c.block((unfit) => {
      if (operand.isNull >= 0) c.get(operand.isNull).brIf(node.nullable ? done : unfit);
      if (operand.isMisfit >= 0) c.get(operand.isMisfit).brIf(unfit);
      emitFit(c, dates, node.action, operand, result, unfit);
      c.br(done);
    });
    if (isUnfit >= 0) c.i32(1).set(isUnfit);
    else refuse();
  });
}

/** In the checks: decides, and asks the host where it has the last word. */
export function emitCheckTransform(
  emission: Emission,
  { reader: { c }, refuse, asks }: Checking,
  decision: Decision,
  operand: Operand,
): void {
  const { node, isUnfit } = decision;
  emitDecide(emission, c, decision, operand, () => refuse(node.plan));
  if (!isAsked(node) || !asks) return;
  c.block((done) => {
    if (operand.isNull >= 0) c.get(operand.isNull).brIf(done);
    if (isUnfit >= 0) c.get(isUnfit).brIf(done);
    emitAsk(emission, c, node.plan, operand);
  });
}

/** In the writing. `decided` tells that the locals hold what the checks decided. */
export function emitWriteTransform(
  emission: Emission,
  { reader: { c }, writer }: Writing,
  decision: Decision,
  operand: Operand,
  decided: boolean,
): void {
  const { node, isUnfit, result, instead } = decision;
  // A value that would refuse its record is not met here any more.
  if (!decided) emitDecide(emission, c, decision, operand, () => c.op('unreachable'));
  const value = (): void => {
    if (node.optional) emitBytes(writer, [valueBranchByte]);
    emitValue(writer, node, operand, result);
  };
  const replace = (): void => {
    emitBytes(writer, instead ?? []);
    const count = emission.state.replaced.get(node.plan);
    if (count !== undefined) c.globalGet(count).i32(1).op('i32.add').globalSet(count);
  };
  const fitting = (): void => {
    if (isUnfit < 0) {
      value();
      return;
    }
    c.get(isUnfit);
    c.if(replace, () => {
      if (!isAsked(node)) value();
      else {
        pushAnswerIsUnfit(emission, c);
        c.if(() => {
          replace();
          emitNextAnswer(emission, c);
        }, value);
      }
    });
  };
  if (operand.isNull < 0 || !node.nullable) fitting();
  else c.get(operand.isNull).if(() => emitBytes(writer, [nullByte]), fitting);
}
