/**
 * Emits the checks and the writing of values inside of arrays, maps, unions and records that contain themselves: the bytes are sound, and are
 * walked once for the checks and once for the writing.
 */
import type { TypeModel, UnionModel } from '../../avro/index.ts';
import type { Node, RecordNode, TransformNode, UnionNode } from '../tree.ts';
import type { Checking, Emission, NodeCode, Writing } from './emission.ts';
import { emitAnswer, emitGather } from './emission.ts';
import { emitOperand, emitVarint, operandOf, releaseOperand } from './operand.ts';
import { emitBlocks, emitSkip } from './reader.ts';
import type { Reader } from './scalars.ts';
import { emitIndex, emitRun } from './scalars.ts';
import { RecordCode } from './record-code.ts';
import { decisionOf, emitCheckTransform, emitWriteTransform, isAsked, mayBeUnfit, releaseDecision } from './transform-code.ts';
import type { Writer } from './write-value.ts';
import { emitBytes, emitCopy } from './write-value.ts';

/** Whether a value at the node may refuse its record or is one for the host. */
function needsCheck(emission: Emission, node: Node, seen: ReadonlySet<Node> = new Set()): boolean {
  switch (node.op) {
    case 'text':
      return true;
    case 'enum':
      return node.indexes.includes(-1);
    case 'transform':
      return isAsked(node) || (mayBeUnfit(node) && emission.plans.fields[node.plan]?.otherwise === 'refuse');
    case 'record': {
      if (seen.has(node)) return false;
      const inside = new Set([...seen, node]);
      return node.fields.some((field) => field.node !== undefined && needsCheck(emission, field.node, inside));
    }
    case 'again':
      return needsCheck(emission, node.of, seen);
    case 'array':
      return needsCheck(emission, node.items, seen);
    case 'map':
      return needsCheck(emission, node.values, seen);
    case 'union':
      return node.branches.some((branch) => branch === undefined || needsCheck(emission, branch.of, seen));
    case 'wrap':
      return needsCheck(emission, node.of, seen);
    default:
      return false;
  }
}

/** Walks a value of the writer's `type` at the reader's position for the checks and leaves the position behind it. */
function emitCheckNode(emission: Emission, checking: Checking, node: Node, type: TypeModel): void {
  const { reader } = checking;
  const { c } = reader;
  if (!needsCheck(emission, node)) {
    emitSkip(reader, type, 0);
    return;
  }
  switch (node.op) {
    case 'text': {
      const place = { start: c.local('i32'), length: c.local('i32') };
      emitRun(reader, false, place);
      c.get(place.start).get(reader.p).call(emission.kernel.isUtf8).op('i32.eqz');
      c.if(() => checking.refuse(node.plan));
      for (const local of [place.start, place.length]) c.release('i32', local);
      return;
    }
    case 'enum': {
      const index = emitIndex(reader, node.indexes.length);
      node.indexes.forEach((to, from) => {
        if (to < 0)
          c.get(index)
            .i32(from)
            .op('i32.eq')
            .if(() => checking.refuse(node.plan));
      });
      c.release('i32', index);
      return;
    }
    case 'transform': {
      const [operand, decision] = [operandOf(c, node), decisionOf(c, emission, node)];
      emitOperand(reader, operand, 0);
      emitCheckTransform(emission, checking, decision, operand);
      releaseOperand(c, operand);
      releaseDecision(c, decision);
      return;
    }
    case 'record':
      if (node.again) {
        callCheck(emission, checking, node);
        return;
      }
      checkRecord(emission, checking, node);
      return;
    case 'again':
      callCheck(emission, checking, node.of);
      return;
    case 'array':
      emitBlocks(reader, false, () => emitCheckNode(emission, checking, node.items, node.source));
      return;
    case 'map':
      emitBlocks(reader, false, () => {
        emitRun(reader, false);
        emitCheckNode(emission, checking, node.values, node.source);
      });
      return;
    case 'union':
      branchesOf(reader, type as UnionModel, node, (branch) => {
        if (branch === undefined) checking.refuse(node.plan);
        else emitCheckNode(emission, checking, branch.of, branch.source);
      });
      return;
    case 'wrap':
      emitCheckNode(emission, checking, node.of, type);
      return;
    default:
      throw new Error(`emitCheckNode: ${node.op} needs no check`);
  }
}

function checkRecord(emission: Emission, checking: Checking, node: RecordNode): void {
  const code = new RecordCode(emission, checking.reader, node);
  code.scan();
  code.check(checking);
  code.release();
}

/** Does what belongs to the branch that is there. */
function branchesOf(
  reader: Reader,
  { branches }: UnionModel,
  node: UnionNode,
  body: (branch: UnionNode['branches'][number]) => void,
): void {
  const { c } = reader;
  const index = emitIndex(reader, branches.length);
  c.block((done) => {
    branches.forEach((_, at) => {
      c.get(index).i32(at).op('i32.eq');
      c.if(() => {
        body(node.branches[at]);
        c.br(done);
      });
    });
  });
  c.release('i32', index);
}

function callCheck(emission: Emission, checking: Checking, node: RecordNode): void {
  const { reader, refuse } = checking;
  const { c, p, end } = reader;
  const index = emission.checks.get(node) ?? addCheck(emission, checking, node);
  c.get(p).get(end).call(index).tee(p).op('i32.eqz');
  c.if(() => refuse(-2));
}

/** (p, end) -> position behind the record, or 0 when a plan refused, whose index is in `refusedPlan`. */
function addCheck(emission: Emission, checking: Checking, node: RecordNode): number {
  const { index, code: c } = emission.module.function(['i32', 'i32'], ['i32']);
  emission.checks.set(node, index);
  const reader: Reader = {
    ...checking.reader,
    c,
    p: 0,
    end: 1,
    malformed: undefined,
    depth: -1,
  };
  const refuse = (plan: number): void => {
    // -2 stands for what a function within found; it has said which plan.
    if (plan !== -2) c.i32(plan).globalSet(emission.state.refusedPlan);
    c.i32(0).op('return');
  };
  checkRecord(emission, { reader, refuse, asks: checking.asks }, node);
  c.get(0);
  return index;
}

/** Walks a value of the writer's `type` at the reader's position, writes what becomes of it, and leaves the position behind it. */
function emitWriteNode(emission: Emission, writing: Writing, node: Node, type: TypeModel): void {
  const { reader, writer } = writing;
  const { c, p } = reader;
  switch (node.op) {
    case 'copy':
    case 'text': {
      const start = c.local('i32');
      c.get(p).set(start);
      emitSkip(reader, type, 0);
      emitCopy(writer, start, () => c.get(p).get(start).op('i32.sub'));
      c.release('i32', start);
      return;
    }
    case 'fill':
      emitSkip(reader, type, 0);
      emitBytes(writer, node.bytes);
      return;
    case 'promote':
      writePromoted(writing, node);
      return;
    case 'enum': {
      const index = emitIndex(reader, node.indexes.length);
      const to = c.local('i32');
      node.indexes.forEach((target, from) => {
        c.get(index).i32(from).op('i32.eq');
        c.if(() => c.i32(Math.max(0, target)).set(to));
      });
      c.get(writer.out).get(to).call(emission.kernel.writeLength).set(writer.out);
      for (const local of [index, to]) c.release('i32', local);
      return;
    }
    case 'transform':
      writeTransform(emission, writing, node);
      return;
    case 'record':
      if (node.again) callWrite(emission, writing, node);
      else writeRecord(emission, writing, node);
      return;
    case 'again':
      callWrite(emission, writing, node.of);
      return;
    case 'array':
      writeBlocks(emission, writing, () => emitWriteNode(emission, writing, node.items, node.source));
      return;
    case 'map':
      writeBlocks(emission, writing, () => {
        const start = c.local('i32');
        c.get(p).set(start);
        emitRun(reader, false);
        emitCopy(writer, start, () => c.get(p).get(start).op('i32.sub'));
        c.release('i32', start);
        emitWriteNode(emission, writing, node.values, node.source);
      });
      return;
    case 'union':
      branchesOf(reader, type as UnionModel, node, (branch) => {
        if (branch === undefined) {
          c.op('unreachable');
          return;
        }
        if (branch.index >= 0) emitIndexBytes(writer, branch.index);
        emitWriteNode(emission, writing, branch.of, branch.source);
      });
      return;
    case 'wrap':
      emitIndexBytes(writer, node.index);
      emitWriteNode(emission, writing, node.of, type);
  }
}

/** A small non-negative int as a constant. */
function emitIndexBytes(writer: Writer, index: number): void {
  const bytes: number[] = [];
  let rest = index * 2;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  emitBytes(writer, [...bytes, rest]);
}

function writePromoted({ reader, writer }: Writing, { from, to }: Extract<Node, { op: 'promote' }>): void {
  const { c, p } = reader;
  const value = c.local('f64');
  if (from === 'float') {
    c.get(p).load('f32.load').op('f64.promote_f32').set(value);
    c.get(p).i32(4).op('i32.add').set(p);
  } else {
    emitVarint(reader, from, -1);
    c.op('f64.convert_i64_s').set(value);
  }
  if (to === 'float') c.get(writer.out).get(value).op('f32.demote_f64').store('f32.store');
  else c.get(writer.out).get(value).store('f64.store');
  c.get(writer.out)
    .i32(to === 'float' ? 4 : 8)
    .op('i32.add')
    .set(writer.out);
  c.release('f64', value);
}

function writeTransform(emission: Emission, writing: Writing, node: TransformNode): void {
  const { c } = writing.reader;
  const [operand, decision] = [operandOf(c, node), decisionOf(c, emission, node)];
  emitOperand(writing.reader, operand, 0);
  emitWriteTransform(emission, writing, decision, operand, false);
  releaseOperand(c, operand);
  releaseDecision(c, decision);
}

function writeRecord(emission: Emission, writing: Writing, node: RecordNode): void {
  const code = new RecordCode(emission, writing.reader, node);
  code.scan();
  code.write(writing, false);
  code.release();
}

/** Blocks as they come, each with a plain count; the output is looked at after each item. */
function writeBlocks(emission: Emission, { reader, writer, tooLarge }: Writing, item: () => void): void {
  const { c } = reader;
  emitBlocks(
    reader,
    false,
    () => {
      item();
      c.get(writer.out).globalGet(emission.state.outStop).op('i32.gt_u').brIf(tooLarge);
    },
    (count) => c.get(writer.out).get(count).call(emission.kernel.writeLength).set(writer.out),
  );
  emitBytes(writer, [0]);
}

function callWrite(emission: Emission, { reader, writer, tooLarge }: Writing, node: RecordNode): void {
  const { c, p, end } = reader;
  const index = emission.writes.get(node) ?? addWrite(emission, reader, node);
  c.get(p).get(end).get(writer.out).call(index).set(writer.out).tee(p).op('i32.eqz').brIf(tooLarge);
}

/** (p, end, out) -> the positions behind the record and behind what was written, or zeros when that is too large. */
function addWrite(emission: Emission, outer: Reader, node: RecordNode): number {
  const { index, code: c } = emission.module.function(['i32', 'i32', 'i32'], ['i32', 'i32']);
  emission.writes.set(node, index);
  const reader: Reader = {
    ...outer,
    c,
    p: 0,
    end: 1,
    malformed: undefined,
    depth: -1,
  };
  c.block((tooLarge) => {
    // Each depth may add as much as a policy may: it is looked at before the next one.
    c.get(2).globalGet(emission.state.outStop).op('i32.gt_u').brIf(tooLarge);
    writeRecord(emission, { reader, writer: writerOf(emission, reader, 2), tooLarge }, node);
    c.get(0).get(2).op('return');
  });
  c.i32(0).i32(0);
  return index;
}

export function writerOf(emission: Emission, { c }: Reader, out: number): Writer {
  return {
    c,
    kernel: emission.kernel,
    out,
    gather: (plan, source, length, to) => emitGather(emission, c, plan, source, length, to),
    answer: () => emitAnswer(emission, c, out),
  };
}

/** What records ask of the values in them. */
export const nodeCode: NodeCode = {
  needsCheck,
  check: emitCheckNode,
  write: emitWriteNode,
};
