/** Binds an emitted module to keys and runs it in the arena: records in, module, answers and slots by the host, records out. */
import type { Result } from '../../base/index.ts';
import { fail, limits, ok } from '../../base/index.ts';
import type { TypeModel } from '../../avro/index.ts';
import type { Arena, BlockCipher, Prf, RecordFrames, SlotMaker } from '../../records/index.ts';
import { countBytes, formatMaker, gatherEntryBytes, sharedArena, tokenMaker } from '../../records/index.ts';
import type { KeyPlan } from '../govern-key.ts';
import { keyGovernor } from '../govern-key.ts';
import { deriveFieldKey } from '../derive-key.ts';
import type { BoundProgram, ProgramBinding, ProgramOutput, RunnableProgram } from '../program.ts';
import { outcomes, refusals } from '../program.ts';
import type { TransformAction } from '../stage.ts';
import { HostAnswers } from './host-answers.ts';

const dataKeyBytes = 32;

/** A slot that the host fills, as the manifest names it: index of the field plan, label of its key, and what is made. */
export type SlotSpec =
  | {
      readonly field: number;
      readonly label: string;
      readonly kind: 'token';
      readonly prf: Prf;
      readonly length: number;
    }
  | {
      readonly field: number;
      readonly label: string;
      readonly kind: 'format';
      readonly cipher: BlockCipher;
      readonly first: number;
      readonly check: 'none' | 'luhn' | 'mod11-2';
    };

/** A field whose values the host answers for by the stage's own function. */
export interface HostField {
  /** Index of the field plan. */
  readonly field: number;
  readonly action: TransformAction;
  /** The value's type without null, as it was planned for. */
  readonly type: TypeModel;
  /** Whether a value that does not fit refuses its record. */
  readonly refuses: boolean;
  readonly label?: string;
}

export interface ModuleParts {
  readonly module: Uint8Array;
  readonly slots: readonly SlotSpec[];
  readonly asks: readonly HostField[];
  /** Of a compacted Program. */
  readonly keyPlan: KeyPlan | undefined;
}

/** Fails with `key-missing`. */
export function bindModule(
  program: RunnableProgram,
  { module, slots, asks, keyPlan }: ModuleParts,
  binding: ProgramBinding,
): Result<BoundProgram> {
  if (binding.dataKey.length !== dataKeyBytes)
    return fail('key-missing', 'binding program: the data key is missing or has a wrong length');
  const arena = sharedArena();
  const keyOf = (label: string): Uint8Array => deriveFieldKey(binding.dataKey, binding.datasetId, label);
  const makers = slots.map(
    (slot): FieldMaker => ({
      field: slot.field,
      maker: makerOf(arena, slot, keyOf(slot.label)),
    }),
  );
  const answers = asks.length === 0 ? undefined : new HostAnswers(arena, asks, keyOf);
  const instance = new WebAssembly.Instance(moduleOf(module), {
    env: { memory: arena.memory },
  });
  const bound = new ModuleRun(
    arena,
    instance.exports as unknown as ProgramModule,
    makers,
    answers,
    binding,
    program.fieldPaths.length,
  );
  const made: BoundProgram = {
    program,
    // What the host answers may hang on the key, and so may what becomes of the record.
    ...(answers === undefined ? { walk: `${program.hash}/${binding.governedSchemaId}` } : {}),
    run: (frames, from, to, out) => bound.run(frames, from, to, out),
    governKey: keyGovernor(keyPlan, keyOf),
  };
  moduleRuns.set(made, bound);
  return ok(made);
}

const moduleRuns = new WeakMap<BoundProgram, ModuleRun>();

/**
 * Governs records that the arena holds into its own output for several Programs of one walk: the module goes over them once, and each Program's keys fill the
 * slots in turn. `each` is told of the Program at this index when the output is as its own `run` makes it, which it is during the call alone; all are
 * told of the same records, up to `done`, which comes back. Throws for Programs of different walks.
 */
export function runTogether(
  programs: readonly BoundProgram[],
  frames: RecordFrames,
  from: number,
  to: number,
  each: (index: number, done: number) => void,
): number {
  const [first] = programs;
  const runs = programs.map((program) => {
    const run = moduleRuns.get(program);
    if (run === undefined || program.walk === undefined || program.walk !== first?.walk)
      throw new Error('runTogether: the Programs do not go over records alike');
    return run;
  });
  if (runs[0] === undefined) throw new Error('runTogether: there is no Program');
  return runs[0].runFor(runs, frames, from, to, each);
}

/** Modules by their bytes: agreements with the same Program differ in their keys, and not in what is compiled. */
const modules = new WeakMap<Uint8Array, WebAssembly.Module>();

function moduleOf(bytes: Uint8Array): WebAssembly.Module {
  let module = modules.get(bytes);
  if (module === undefined) modules.set(bytes, (module = new WebAssembly.Module(bytes)));
  return module;
}

function makerOf(arena: Arena, slot: SlotSpec, key: Uint8Array): SlotMaker {
  return slot.kind === 'token'
    ? tokenMaker(arena, slot.prf, key, slot.length)
    : formatMaker(arena, { cipher: slot.cipher, first: slot.first, check: slot.check }, key, Buffer.from(slot.label));
}

interface FieldMaker {
  readonly field: number;
  readonly maker: SlotMaker;
}

/** What a module exports: records [from, to) of the arena; the first record not done comes back. `check` is there when the host is asked. */
interface ProgramModule {
  run(from: number, to: number): number;
  check?(from: number, to: number): number;
  /** Wipes the defaults that a run put into the arena. */
  clear(): void;
}

const tooLarge = refusals.indexOf('output-too-large');

class ModuleRun {
  readonly #arena: Arena;
  readonly #module: ProgramModule;
  readonly #makers: readonly FieldMaker[];
  /** 1 for each field plan whose slots are filled. */
  readonly #hasMaker: Uint8Array;
  readonly #answers: HostAnswers | undefined;
  readonly #binding: ProgramBinding;
  /** How many field plans there are. */
  readonly #fields: number;

  constructor(
    arena: Arena,
    module: ProgramModule,
    makers: readonly FieldMaker[],
    answers: HostAnswers | undefined,
    binding: ProgramBinding,
    fields: number,
  ) {
    this.#arena = arena;
    this.#module = module;
    this.#makers = makers;
    this.#hasMaker = new Uint8Array(fields);
    for (const { field } of makers) this.#hasMaker[field] = 1;
    this.#answers = answers;
    this.#binding = binding;
    this.#fields = fields;
  }

  run(frames: RecordFrames, from: number, to: number, out: ProgramOutput): number {
    const arena = this.#arena;
    if (arena.holds(frames)) return this.#runAdmitted(frames, from, to, out, 0);
    let next = from;
    while (next < to) {
      const end = arena.admissible(frames, next, to);
      const admitted = arena.admit(frames, next, end);
      const done = this.#runAll(admitted, end - next, out, next);
      arena.dismiss();
      next += done;
      if (next < end) return next;
    }
    return next;
  }

  /** One run for several, of which this is the first. */
  runFor(
    runs: readonly ModuleRun[],
    frames: RecordFrames,
    from: number,
    to: number,
    each: (index: number, done: number) => void,
  ): number {
    const arena = this.#arena;
    const { output } = arena;
    if (!arena.holds(frames)) throw new Error('runTogether: the arena does not hold the records');
    const { done, rolledBack } = this.#walk(frames, from, to, output);
    try {
      for (const [index, run] of runs.entries()) {
        run.#fillSlots();
        output.length = arena.outUsed;
        each(index, done);
      }
    } finally {
      this.#endWalk(done, to, rolledBack);
    }
    return done;
  }

  /** All admitted records, in as many runs as the tables take; less than `count` when the output is full. */
  #runAll(frames: RecordFrames, count: number, out: ProgramOutput, shift: number): number {
    let done = 0;
    while (done < count) {
      const more = this.#runAdmitted(frames, done, count, out, shift);
      if (more === done) return done;
      done = more;
    }
    return done;
  }

  /** Governs admitted records; their results stand at index + `shift` of `out`. Returns the first record not done. */
  #runAdmitted(frames: RecordFrames, from: number, to: number, out: ProgramOutput, shift: number): number {
    const { done, rolledBack } = this.#walk(frames, from, to, out);
    try {
      this.#fillSlots();
      this.#arena.output.length = this.#arena.outUsed;
    } finally {
      this.#endWalk(done, to, rolledBack);
    }
    if (out !== this.#arena.output) this.#copyOut(from, done, out, shift);
    return done;
  }

  /** Lets the module go over the records. Its output lacks what fills the slots, and the tables of the run are left for that. */
  #walk(frames: RecordFrames, from: number, to: number, out: ProgramOutput): { done: number; rolledBack: boolean } {
    const arena = this.#arena;
    const { output } = arena;
    const inPlace = out === output;
    // An output that somebody read in place before is no longer theirs.
    if (!inPlace && output.length > 0) output.recycle?.(0);
    clearResults(output, from, to);
    const used = inPlace ? out.length : 0;
    const room = out.bytes.length - (inPlace ? 0 : out.length);
    arena.open(used, room, Math.min(limits.recordBytesMax, out.bytes.length), this.#binding.governedSchemaId);
    const until = this.#answers === undefined ? to : this.#ask(this.#answers, frames, from, to);
    const done = this.#module.run(from, until);
    return { done, rolledBack: done < to || refusedBy(output, from, done, tooLarge) };
  }

  /** Wipes what `#walk` left beside its output. */
  #endWalk(done: number, to: number, rolledBack: boolean): void {
    this.#module.clear();
    this.#arena.wipeRun(this.#arena.outUsed, rolledBack);
    if (this.#answers === undefined) return;
    this.#answers.wipe();
    // Records that were checked and not written are checked again by the next run.
    clearResults(this.#arena.output, done, to);
  }

  /** Checks the records, and answers for the values that the host has the last word on. Returns the first record without answers. */
  #ask(answers: HostAnswers, frames: RecordFrames, from: number, to: number): number {
    if (this.#module.check === undefined) throw new Error('bindModule: the module has no check');
    const checked = this.#module.check(from, to);
    return answers.answer(frames, from, checked);
  }

  /** Fills every slot that the run left; one without a maker is a bug, and nothing of the batch may leave. */
  #fillSlots(): void {
    const count = this.#arena.gatherCount;
    if (count === 0) return;
    const { gathers, words } = this.#arena;
    for (let entry = 0; entry < count; entry += 1) {
      const field = words[(gathers + entry * gatherEntryBytes + 16) >> 2] as number;
      if (this.#hasMaker[field] !== 1) throw new Error('bindModule: a slot has no maker');
    }
    for (const { field, maker } of this.#makers) maker.fill(this.#arena, count, field);
  }

  #copyOut(from: number, to: number, out: ProgramOutput, shift: number): void {
    const { output } = this.#arena;
    const base = out.length;
    out.bytes.set(output.bytes.subarray(0, output.length), base);
    out.length += output.length;
    const at = from + shift;
    out.outcome.set(output.outcome.subarray(from, to), at);
    out.reason.set(output.reason.subarray(from, to), at);
    out.field.set(output.field.subarray(from, to), at);
    for (const name of ['keyStart', 'keyEnd', 'valueStart', 'valueEnd'] as const) {
      out[name].set(output[name].subarray(from, to), at);
      if (base > 0) moved(out[name], at, at + to - from, base);
    }
    for (let plan = 0; plan < this.#fields; plan += 1)
      out.otherwise[plan] = (out.otherwise[plan] as number) + (output.otherwise[plan] as number);
    output.otherwise.fill(0);
    output.bytes.fill(0, 0, output.length);
    output.length = 0;
    clearResults(output, from, to);
  }
}

function moved(ranges: Int32Array, from: number, to: number, by: number): void {
  for (let index = from; index < to; index += 1)
    if ((ranges[index] as number) >= 0) ranges[index] = (ranges[index] as number) + by;
}

function clearResults(output: ProgramOutput, from: number, to: number): void {
  output.outcome.fill(0, from, to);
  output.reason.fill(0, from, to);
  output.field.fill(-1, from, to);
  for (const name of ['keyStart', 'keyEnd', 'valueStart', 'valueEnd'] as const) output[name].fill(-1, from, to);
}

function refusedBy(
  out: { readonly outcome: Uint8Array; readonly reason: Uint8Array },
  from: number,
  to: number,
  reason: number,
): boolean {
  if (countBytes(sharedArena(), out.reason, from, to, reason) === 0) return false;
  for (let index = from; index < to; index += 1)
    if (out.outcome[index] === outcomes.refuse && out.reason[index] === reason) return true;
  return false;
}
