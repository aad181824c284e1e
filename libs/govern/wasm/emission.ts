/** What all code of one module shares: its functions, the plans, and the globals that a run keeps its state in. */
import { answerEntryBytes, askEntryBytes, asksMax, gatherEntryBytes, gathersMax, place } from '../../records/index.ts';
import type { AvroSchema, TypeModel } from '../../avro/index.ts';
import type { Code, FunctionRef, Label, ModuleWriter } from '../../wasm/index.ts';
import type { FusedPlans } from '../plan-rules.ts';
import type { Node, RecordNode } from '../tree.ts';
import type { Dates } from './dates.ts';
import type { Kernel } from './kernel.ts';
import type { Operand } from './operand.ts';
import type { Reader, ScanFunctions } from './scalars.ts';
import type { Writer } from './write-value.ts';

export interface EmitInput {
  readonly writer: AvroSchema;
  readonly contract: AvroSchema;
  readonly plans: FusedPlans;
  readonly tree: RecordNode;
}

/** Code for values that are no plain fields: a record has them in it, and they have records in them. */
export interface NodeCode {
  readonly needsCheck: (emission: Emission, node: Node) => boolean;
  readonly check: (emission: Emission, checking: Checking, node: Node, type: TypeModel) => void;
  readonly write: (emission: Emission, writing: Writing, node: Node, type: TypeModel) => void;
}

export interface Checking {
  readonly reader: Reader;
  /** Refuses the record by a plan; branches away. */
  readonly refuse: (plan: number) => void;
  /** Whether the host is asked about values on this way. */
  readonly asks: boolean;
}

export interface Writing {
  readonly reader: Reader;
  readonly writer: Writer;
  /** Where an output leads that is larger than a record may be. */
  readonly tooLarge: Label;
}

export interface Emission {
  readonly module: ModuleWriter;
  readonly kernel: Kernel;
  readonly dates: Dates;
  readonly functions: ScanFunctions;
  readonly plans: FusedPlans;
  readonly state: RunState;
  /** Functions over records that contain themselves: (p, end) -> p or 0, and (p, end, out) -> (p, out) or zeros. */
  readonly checks: Map<RecordNode, number>;
  readonly writes: Map<RecordNode, number>;
  readonly constants: Constants;
  readonly nodes: NodeCode;
}

/** Globals. */
interface RunState {
  readonly gatherCount: number;
  readonly askCount: number;
  /** 1 when a table had no room for an entry. */
  readonly full: number;
  /** Plan that a function refused by. */
  readonly refusedPlan: number;
  /** Address of the host's next answer. */
  readonly answer: number;
  /** Index of the record at hand. */
  readonly record: number;
  /** Where a record's output is too large, as an address. */
  readonly outStop: number;
  /** Values that `else` replaced in this record, by plan; for plans with an `else` alone. */
  readonly replaced: ReadonlyMap<number, number>;
  /** Values that the host was asked about in this record, by plan. */
  readonly occurrences: ReadonlyMap<number, number>;
  /** First byte and length of the subjects' texts, by path; -1 for null. */
  readonly subjects: ReadonlyMap<string, { readonly start: number; readonly length: number }>;
}

/**
 * Defaults of fields that the writer does not have: the module writes them into the arena at the start of a run, and its
 * export `clear` wipes them when the host has read what it needs.
 */
export class Constants {
  readonly #fill: FunctionRef;
  readonly #clear: FunctionRef;
  readonly #offsets = new Map<string, number>();
  #bytes: number[] = [];

  constructor(module: ModuleWriter) {
    this.#fill = module.function([], []);
    this.#clear = module.function([], [], 'clear');
  }

  /** Index of the function that writes them. */
  get fill(): number {
    return this.#fill.index;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** Pushes the address of these bytes. */
  push(c: Code, bytes: Uint8Array): Code {
    const key = Buffer.from(bytes).toString('hex');
    let offset = this.#offsets.get(key);
    if (offset === undefined) {
      offset = this.#bytes.length;
      this.#bytes.push(...bytes);
      this.#offsets.set(key, offset);
    }
    return c.i32(0).load('i32.load', place.constants).i32(offset).op('i32.add');
  }

  /** Writes the bodies of both functions, when all constants are known. */
  finish(): void {
    for (const [{ code: c }, byteAt] of [
      [this.#fill, (index: number) => this.#bytes[index] as number],
      [this.#clear, () => 0],
    ] as const) {
      const at = c.local('i32');
      c.i32(0).load('i32.load', place.constants).set(at);
      this.#bytes.forEach((_, index) => c.get(at).i32(byteAt(index)).store('i32.store8', index));
    }
  }
}

/** How the writer has a value that the host is asked about; the index stands in the ask. */
export const askKinds = ['string', 'bytes', 'int', 'long', 'float', 'double'] as const;

/** Appends a gather entry; leaves nothing on the stack. */
export function emitGather(
  { state }: Emission,
  c: Code,
  plan: number,
  source: number,
  length: number,
  destination: number,
): void {
  const entry = c.local('i32');
  c.globalGet(state.gatherCount).i32(gathersMax).op('i32.ge_u');
  c.if(
    () => c.i32(1).globalSet(state.full),
    () => {
      c.i32(0).load('i32.load', place.gathers);
      c.globalGet(state.gatherCount).i32(gatherEntryBytes).op('i32.mul', 'i32.add').set(entry);
      c.get(entry).get(source).store('i32.store', 0);
      c.get(entry).get(length).store('i32.store', 4);
      c.get(entry).get(destination).store('i32.store', 8);
      c.get(entry).i32(0).store('i32.store', 12);
      c.get(entry).i32(plan).store('i32.store', 16);
      c.globalGet(state.gatherCount).i32(1).op('i32.add').globalSet(state.gatherCount);
    },
  );
  c.release('i32', entry);
}

/** Asks the host about a value that is not null; leaves nothing on the stack. */
export function emitAsk({ state, plans }: Emission, c: Code, plan: number, operand: Operand): void {
  const entry = c.local('i32');
  const action = plans.fields[plan]?.action;
  const subject = action?.kind === 'transform' && action.subject !== undefined ? state.subjects.get(action.subject) : undefined;
  const occurrence = state.occurrences.get(plan);
  if (occurrence === undefined) throw new Error('emitAsk: the plan asks nothing');
  c.globalGet(state.askCount).i32(asksMax).op('i32.ge_u');
  c.if(
    () => c.i32(1).globalSet(state.full),
    () => {
      c.i32(0).load('i32.load', place.asks);
      c.globalGet(state.askCount).i32(askEntryBytes).op('i32.mul', 'i32.add').set(entry);
      c.get(entry).get(operand.start).store('i32.store', 0);
      if (operand.length >= 0) c.get(entry).get(operand.length).store('i32.store', 4);
      c.get(entry).i32(plan).store('i32.store', 8);
      c.get(entry).globalGet(state.record).store('i32.store', 12);
      c.get(entry).globalGet(occurrence).store('i32.store', 16);
      if (subject !== undefined) {
        c.get(entry).globalGet(subject.start).store('i32.store', 20);
        c.get(entry).globalGet(subject.length).store('i32.store', 24);
      }
      c.get(entry)
        .i32(askKinds.indexOf(operand.of.from.kind as (typeof askKinds)[number]))
        .store('i32.store', 28);
      c.globalGet(state.askCount).i32(1).op('i32.add').globalSet(state.askCount);
      c.globalGet(occurrence).i32(1).op('i32.add').globalSet(occurrence);
    },
  );
  c.release('i32', entry);
}

/** Pushes 1 when the host's next answer is that the value does not fit; the answer stays the next one. */
export function pushAnswerIsUnfit({ state }: Emission, c: Code): void {
  c.globalGet(state.answer).load('i32.load', 8);
}

/** Goes on to the answer behind. */
export function emitNextAnswer({ state }: Emission, c: Code): void {
  c.globalGet(state.answer).i32(answerEntryBytes).op('i32.add').globalSet(state.answer);
}

/** Copies the host's next answer to `out` and moves both on. */
export function emitAnswer(emission: Emission, c: Code, out: number): void {
  const { state, kernel } = emission;
  const [from, length] = [c.local('i32'), c.local('i32')];
  c.globalGet(state.answer).load('i32.load', 0).set(from);
  c.globalGet(state.answer).load('i32.load', 4).set(length);
  c.get(out).get(from).get(length).call(kernel.copy).set(out);
  emitNextAnswer(emission, c);
  c.release('i32', from);
  c.release('i32', length);
}
