/**
 * Emits what happens to one record: a scan over the writer's fields that keeps what is needed later in locals, the checks, and the writing, which
 * copies neighbouring kept fields as one range. A record at the root is scanned with every check; one deeper down is walked again, trusted.
 */
import type { TypeModel } from '../../avro/index.ts';
import type { Node, NodeField, RecordNode, TransformNode } from '../tree.ts';
import type { ValueSource } from '../value-source.ts';
import type { Checking, Emission, Writing } from './emission.ts';
import type { Operand } from './operand.ts';
import { emitOperand, operandOf, releaseOperand } from './operand.ts';
import { emitDepthCheck, emitSkip } from './reader.ts';
import type { Reader } from './scalars.ts';
import type { Decision } from './transform-code.ts';
import { decisionOf, emitCheckTransform, emitWriteTransform, releaseDecision } from './transform-code.ts';
import { emitBytes, emitCopy } from './write-value.ts';

/** A boundary between two fields; `local` is -1 until somebody needs it. */
interface Point {
  local: number;
}

type Step =
  | { readonly point: Point }
  | { readonly type: TypeModel; readonly level: number }
  | { readonly operand: Operand; readonly level: number };

/** What leaves, in the order of the governed record. */
type Item =
  | { readonly bytes: Uint8Array }
  | { readonly from: Point; to: Point }
  | {
      readonly decision: Decision;
      readonly operand: Operand;
      readonly path: string;
    }
  | { readonly node: Node; readonly type: TypeModel; readonly at: Point };

export class RecordCode {
  /** Locals for where the text of this field begins and ends in the output, its union index left out; set while writing. */
  written: { readonly path: string; readonly start: number; readonly end: number } | undefined;
  readonly #emission: Emission;
  readonly #reader: Reader;
  readonly #observed: ReadonlySet<string>;
  readonly #steps: Step[] = [];
  readonly #items: Item[] = [];
  readonly #points = new Map<NodeField, { readonly start: Point; readonly end: Point; readonly type: TypeModel }>();
  readonly #operands = new Map<string, Operand>();
  /** Operands whose bytes are a default, not the record's. */
  readonly #missing: {
    readonly operand: Operand;
    readonly bytes: Uint8Array;
  }[] = [];
  #here: Point = { local: -1 };

  constructor(emission: Emission, reader: Reader, node: RecordNode, observed: ReadonlySet<string> = new Set()) {
    this.#emission = emission;
    this.#reader = reader;
    this.#observed = observed;
    this.#layOut(node, 1);
    this.#steps.push({ point: this.#here });
    this.#list(node);
    for (const item of this.#items) {
      if ('from' in item) [item.from, item.to].forEach((point) => this.#need(point));
      else if ('at' in item) this.#need(item.at);
    }
  }

  /** A field that rules look at, by path. */
  operand(path: string): Operand {
    const found = this.#operands.get(path);
    if (found === undefined) throw new Error(`RecordCode: ${path} is not looked at`);
    return found;
  }

  /** Leaves the reader's position behind the record. */
  scan(): void {
    const reader = this.#reader;
    const { c, p } = reader;
    let seen = 0;
    for (const step of this.#steps) {
      if ('point' in step) {
        if (step.point.local >= 0) c.get(p).set(step.point.local);
        continue;
      }
      seen = emitDepthCheck(reader, step.level, seen);
      if ('type' in step) emitSkip(reader, step.type, step.level, seen);
      else emitOperand(reader, step.operand, step.level);
    }
    if (this.#missing.length === 0) return;
    const place = c.local('i32');
    const end = c.local('i32');
    for (const { operand, bytes } of this.#missing) {
      this.#emission.constants.push(c, bytes).tee(place).i32(bytes.length).op('i32.add').set(end);
      emitOperand({ ...reader, p: place, end, malformed: undefined }, operand, 1);
    }
    c.release('i32', place);
    c.release('i32', end);
  }

  check(checking: Checking): void {
    for (const item of this.#items) {
      if ('decision' in item) emitCheckTransform(this.#emission, checking, item.decision, item.operand);
      else if ('node' in item && this.#emission.nodes.needsCheck(this.#emission, item.node))
        this.#at(item.at, checking.reader, (reader) =>
          this.#emission.nodes.check(this.#emission, { ...checking, reader }, item.node, item.type),
        );
    }
  }

  /** `decided` tells that `check` was emitted before on the same way, so that its locals hold. */
  write(writing: Writing, decided: boolean): void {
    const { c } = writing.reader;
    const { writer } = writing;
    for (const item of this.#items) {
      if ('bytes' in item) emitBytes(writer, item.bytes);
      else if ('from' in item) emitCopy(writer, item.from.local, () => c.get(item.to.local).get(item.from.local).op('i32.sub'));
      else if ('decision' in item) {
        const marked = this.written?.path === item.path ? this.written : undefined;
        if (marked !== undefined) c.get(writer.out).set(marked.start);
        emitWriteTransform(this.#emission, writing, item.decision, item.operand, decided);
        if (marked !== undefined) c.get(writer.out).set(marked.end);
      } else
        this.#at(item.at, writing.reader, (reader) =>
          this.#emission.nodes.write(this.#emission, { ...writing, reader }, item.node, item.type),
        );
    }
  }

  /** Gives every local back. */
  release(): void {
    const { c } = this.#reader;
    const points = new Set<Point>();
    for (const step of this.#steps) if ('point' in step) points.add(step.point);
    for (const { local } of points) if (local >= 0) c.release('i32', local);
    for (const operand of this.#operands.values()) releaseOperand(c, operand);
    for (const item of this.#items) if ('decision' in item) releaseDecision(c, item.decision);
  }

  #at(point: Point, reader: Reader, body: (reader: Reader) => void): void {
    const { c } = reader;
    const p = c.local('i32');
    c.get(point.local).set(p);
    body({ ...reader, p, malformed: undefined });
    c.release('i32', p);
  }

  #need(point: Point): void {
    if (point.local < 0) point.local = this.#reader.c.local('i32');
  }

  /** The writer's fields in their order; plain records within are laid out in line. */
  #layOut(node: RecordNode, level: number): void {
    node.source.fields.forEach((source, index) => {
      const field = node.fields.find(({ from }) => from === index);
      const inner = field?.node?.op === 'record' ? field.node : field?.inside;
      if (inner !== undefined) {
        this.#layOut(inner, level + 1);
        return;
      }
      const start = this.#here;
      this.#steps.push({ point: start });
      const operand = field === undefined ? undefined : this.#operandOf(field);
      this.#steps.push(operand === undefined ? { type: source.type, level } : { operand, level });
      this.#here = { local: -1 };
      if (field !== undefined) this.#points.set(field, { start, end: this.#here, type: source.type });
    });
    for (const field of node.fields) {
      const operand = field.from < 0 ? this.#operandOf(field) : undefined;
      if (operand !== undefined && field.constant !== undefined) this.#missing.push({ operand, bytes: field.constant });
    }
  }

  #operandOf(field: NodeField): Operand | undefined {
    const of: ValueSource | undefined =
      field.node?.op === 'transform' ? field.node : this.#observed.has(field.path) ? field.looked : undefined;
    if (of === undefined) return undefined;
    const operand = operandOf(this.#reader.c, of);
    this.#operands.set(field.path, operand);
    return operand;
  }

  #list(node: RecordNode): void {
    for (const field of node.fields) {
      const { node: what } = field;
      if (what === undefined) continue;
      if (what.op === 'record' && field.from >= 0) {
        this.#list(what);
        continue;
      }
      if (what.op === 'fill') {
        this.#items.push({ bytes: what.bytes });
        continue;
      }
      if (what.op === 'transform') {
        this.#items.push(this.#transformItem(field, what));
        continue;
      }
      const points = this.#points.get(field);
      if (points === undefined) throw new Error(`RecordCode: ${field.path} has no place`);
      if (what.op !== 'copy') {
        this.#items.push({ node: what, type: points.type, at: points.start });
        continue;
      }
      const last = this.#items.at(-1);
      if (last !== undefined && 'from' in last && last.to === points.start) last.to = points.end;
      else this.#items.push({ from: points.start, to: points.end });
    }
  }

  #transformItem(field: NodeField, node: TransformNode): Item {
    return {
      decision: decisionOf(this.#reader.c, this.#emission, node),
      operand: this.operand(field.path),
      path: field.path,
    };
  }
}
