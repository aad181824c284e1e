/** Emits the loop over the records of a run: what each one becomes, and why. */
import { frameHeaderBytes } from '../../avro/index.ts';
import { answerEntryBytes, gatherEntryBytes, place } from '../../records/index.ts';
import type { Code, Label } from '../../wasm/index.ts';
import { observedPaths } from '../plan-rules.ts';
import { outcomes, refusals } from '../program.ts';
import type { Emission, EmitInput } from './emission.ts';
import type { Operand } from './operand.ts';
import { emitPredicate } from './predicate-code.ts';
import type { Reader } from './scalars.ts';
import { RecordCode } from './record-code.ts';
import { emitCopy } from './write-value.ts';
import { textsIn } from './texts-in.ts';
import { writerOf } from './walk.ts';

/** Locals that hold what the arena's context says, loaded once a run. */
const loaded = [
  'inBase',
  'valueStarts',
  'valueEnds',
  'keyStarts',
  'keyEnds',
  'outcomes',
  'reasons',
  'fields',
  'outStarts',
  'outEnds',
  'outKeyStarts',
  'outKeyEnds',
  'outBase',
  'outUsed',
  'outLimit',
  'recordBytesMax',
  'schemaIdBytes',
  'askStarts',
  'answers',
] as const satisfies readonly (keyof typeof place)[];
type ContextLocals = Readonly<Record<(typeof loaded)[number], number>>;

/** `whole` does all; `check` all but the writing, asking the host; `answered` writes what was checked, with the host's answers. */
type RunKind = 'whole' | 'check' | 'answered';

export class RunCode {
  readonly #emission: Emission;
  readonly #input: EmitInput;
  readonly #c: Code;
  readonly #kind: RunKind;
  readonly #locals: ContextLocals;
  readonly #index = 0;
  readonly #to = 1;
  readonly #start: number;
  readonly #out: number;
  readonly #reader: Omit<Reader, 'malformed'>;

  constructor(emission: Emission, input: EmitInput, code: Code, kind: RunKind) {
    this.#emission = emission;
    this.#input = input;
    this.#c = code;
    this.#kind = kind;
    const local = (): number => code.local('i32');
    this.#locals = Object.fromEntries(loaded.map((name) => [name, local()])) as unknown as ContextLocals;
    const { module, kernel, functions } = emission;
    this.#reader = {
      module,
      c: code,
      kernel,
      functions,
      p: local(),
      end: local(),
      depth: -1,
      steady: textsIn(input.writer.root) > steadyAbove,
    };
    [this.#start, this.#out] = [local(), local()];
  }

  emit(): void {
    const c = this.#c;
    const { state, constants } = this.#emission;
    for (const name of loaded) c.i32(0).load('i32.load', place[name]).set(this.#locals[name]);
    for (const global of [state.gatherCount, state.askCount, state.full]) c.i32(0).globalSet(global);
    c.call(constants.fill);
    c.block((done) => {
      c.loop((nextRecord) => {
        c.get(this.#index).get(this.#to).op('i32.ge_u').brIf(done);
        c.block((settled) => {
          if (this.#kind === 'answered') {
            // What the check or the host settled stays so.
            this.#element('outcomes', 0).load('i32.load8_u').brIf(settled);
            c.get(this.#locals.answers);
            this.#element('askStarts', 2).load('i32.load').i32(answerEntryBytes).op('i32.mul', 'i32.add').globalSet(state.answer);
          }
          this.#record(done, settled);
        });
        c.get(this.#index).i32(1).op('i32.add').set(this.#index).br(nextRecord);
      });
    });
    c.i32(0).get(this.#locals.outUsed).store('i32.store', place.outUsed);
    c.i32(0).globalGet(state.gatherCount).store('i32.store', place.gatherCount);
    if (this.#kind === 'check') c.i32(0).globalGet(state.askCount).store('i32.store', place.askCount);
    c.get(this.#index);
  }

  #record(done: Label, settled: Label): void {
    const c = this.#c;
    const { functions } = this.#emission;
    if (this.#kind === 'check') {
      this.#element('outcomes', 0).i32(0).store('i32.store8');
      this.#element('askStarts', 2).globalGet(this.#emission.state.askCount).store('i32.store');
    }
    this.#element('valueStarts', 2).load('i32.load').tee(this.#start).i32(0).op('i32.lt_s');
    c.if(() => {
      this.#refuse('tombstone-refused');
      c.br(settled);
    });
    c.get(this.#start).get(this.#locals.inBase).op('i32.add').i32(frameHeaderBytes).op('i32.add').set(this.#reader.p);
    this.#element('valueEnds', 2).load('i32.load').get(this.#locals.inBase).op('i32.add').set(this.#reader.end);
    c.i32(0).globalSet(functions.emptyItems);
    const observed = new Set(observedPaths(this.#input.plans));
    c.block((malformed) => {
      const reader: Reader = { ...this.#reader, malformed };
      c.get(reader.p).get(reader.end).op('i32.gt_u').brIf(malformed);
      const record = new RecordCode(this.#emission, reader, this.#input.tree, observed);
      record.scan();
      c.get(reader.p).get(reader.end).op('i32.ne').brIf(malformed);
      this.#settle(record, reader, done, settled);
      c.br(settled);
    });
    this.#refuse('record-malformed');
  }

  #settle(record: RecordCode, reader: Reader, done: Label, settled: Label): void {
    const c = this.#c;
    const { state } = this.#emission;
    const trusting: Reader = { ...reader, malformed: undefined };
    const askStart = c.local('i32');
    if (this.#kind === 'check') {
      c.get(this.#index).globalSet(state.record);
      c.globalGet(state.askCount).set(askStart);
      for (const global of state.occurrences.values()) c.i32(0).globalSet(global);
      for (const [path, subject] of state.subjects) this.#subject(record.operand(path), subject);
    }
    /** Takes back what the host was asked about this record. */
    const forget = (): void => void (this.#kind === 'check' && c.get(askStart).globalSet(state.askCount));
    this.#rows(record, settled);
    const refuse = (plan: number): void => {
      forget();
      this.#refuse('value-unfit', plan);
      c.br(settled);
    };
    record.check({ reader: trusting, refuse, asks: this.#kind === 'check' });
    this.#keyCheck(record, () => {
      forget();
      this.#refuse('key-unfit');
      c.br(settled);
    });
    if (this.#kind === 'check') {
      c.globalGet(state.full);
      c.if(() => {
        forget();
        // One that fills the table alone is too large; another one is the first of the next run.
        c.get(askStart).brIf(done);
        c.i32(0).globalSet(state.full);
        this.#refuse('output-too-large');
      });
    } else this.#write(record, trusting, done, settled);
    c.release('i32', askStart);
    record.release();
  }

  #subject(operand: Operand, subject: { start: number; length: number }): void {
    const c = this.#c;
    c.get(operand.start).globalSet(subject.start);
    if (operand.isNull < 0) c.get(operand.length);
    else c.i32(-1).get(operand.length).get(operand.isNull).op('select');
    c.globalSet(subject.length);
    if (operand.isMisfit >= 0) c.get(operand.isMisfit).if(() => c.i32(-1).globalSet(subject.length));
  }

  #write(record: RecordCode, reader: Reader, done: Label, settled: Label): void {
    const c = this.#c;
    const { outBase, outUsed } = this.#locals;
    const { state } = this.#emission;
    const [recordOut, size, valueEnd, keyStart, gathered] = c.locals('i32', 'i32', 'i32', 'i32', 'i32');
    const writer = writerOf(this.#emission, reader, this.#out);
    c.get(outBase).get(outUsed).op('i32.add').tee(recordOut).set(this.#out);
    c.get(recordOut).get(this.#locals.recordBytesMax).op('i32.add').globalSet(state.outStop);
    c.globalGet(state.gatherCount).set(gathered);
    for (const count of state.replaced.values()) c.i32(0).globalSet(count);
    const repeats = this.#repeated();
    if (repeats !== undefined)
      record.written = {
        path: repeats,
        start: c.local('i32'),
        end: c.local('i32'),
      };
    c.block((tooLarge) => {
      // A zero and the schema id's four bytes.
      c.get(this.#out).i32(0).store('i32.store8');
      c.get(this.#out).get(this.#locals.schemaIdBytes).store('i32.store', 1);
      c.get(this.#out).i32(frameHeaderBytes).op('i32.add').set(this.#out);
      record.write({ reader, writer, tooLarge }, true);
      c.get(this.#out).set(valueEnd);
      this.#key(record, keyStart, gathered);
      c.get(this.#out).get(recordOut).op('i32.sub').tee(size).get(this.#locals.recordBytesMax).op('i32.gt_u').brIf(tooLarge);
      // The output or the table is full: this record is the first of the next run.
      c.get(outUsed).get(size).op('i32.add').get(this.#locals.outLimit).op('i32.gt_u').globalGet(state.full).op('i32.or');
      c.if(() => {
        c.get(gathered).globalSet(state.gatherCount);
        c.br(done);
      });
      this.#element('outcomes', 0)
        .i32(this.#isUnchanged() ? outcomes.pass : outcomes.reshape)
        .store('i32.store8');
      this.#element('outStarts', 2).get(outUsed).store('i32.store');
      this.#element('outEnds', 2).get(valueEnd).get(outBase).op('i32.sub').store('i32.store');
      if (this.#input.plans.channels.key !== 'drop') {
        this.#element('outKeyStarts', 2).get(keyStart).store('i32.store');
        this.#element('outKeyEnds', 2).i32(-1).get(this.#out).get(outBase).op('i32.sub').get(keyStart).i32(0);
        c.op('i32.lt_s', 'select').store('i32.store');
      }
      c.get(outUsed).get(size).op('i32.add').set(outUsed);
      this.#countReplaced();
      c.br(settled);
    });
    c.get(gathered).globalSet(state.gatherCount);
    this.#refuse('output-too-large');
    if (record.written !== undefined) for (const local of [record.written.start, record.written.end]) c.release('i32', local);
    for (const local of [recordOut, size, valueEnd, keyStart, gathered]) c.release('i32', local);
  }

  /** Adds what `else` replaced in the record, now that it is written, to the sums of the output. */
  #countReplaced(): void {
    const c = this.#c;
    const sums = c.local('i32');
    const { replaced } = this.#emission.state;
    if (replaced.size > 0) c.i32(0).load('i32.load', place.otherwise).set(sums);
    for (const [plan, count] of replaced) {
      const offset = plan * 4;
      c.get(sums).get(sums).load('i32.load', offset).globalGet(count).op('i32.add').store('i32.store', offset);
    }
    c.release('i32', sums);
  }

  #isUnchanged(): boolean {
    const { writer, contract, plans } = this.#input;
    return writer.text === contract.text && plans.fields.every(({ action }) => action.kind === 'keep');
  }

  /** Writes the governed key behind the value and leaves its start, relative to the output, in `keyStart`; -1 for no key. */
  #key(record: RecordCode, keyStart: number, gathered: number): void {
    const c = this.#c;
    const { key } = this.#input.plans.channels;
    const { kernel } = this.#emission;
    if (key === 'drop') return;
    const begin = (): void => void c.get(this.#out).get(this.#locals.outBase).op('i32.sub').set(keyStart);
    const [from, length] = [c.local('i32'), c.local('i32')];
    const copy = (): void => emitCopy({ c, kernel, out: this.#out }, from, () => c.get(length));
    if (key === 'keep') {
      c.i32(-1).set(keyStart);
      this.#element('keyStarts', 2).load('i32.load').tee(from).i32(0).op('i32.ge_s');
      c.if(() => {
        this.#element('keyEnds', 2).load('i32.load').get(from).op('i32.sub').set(length);
        c.get(from).get(this.#locals.inBase).op('i32.add').set(from);
        begin();
        copy();
      });
    } else {
      const { written } = record;
      const index = this.#input.plans.fields.findIndex(({ path }) => path === key.repeats);
      const action = this.#input.plans.fields[index]?.action;
      begin();
      if (action?.kind !== 'transform' || written === undefined) {
        const operand = record.operand(key.repeats);
        c.get(operand.start).set(from).get(operand.length).set(length);
      } else {
        c.get(written.start).get(written.end).call(kernel.readLength).set(length);
        c.globalGet(kernel.position).set(from);
      }
      copy();
      if (action?.kind === 'transform' && (action.lower.op === 'token' || action.lower.op === 'fpe'))
        this.#second(written?.start ?? 0, written?.end ?? 0, keyStart, gathered);
    }
    for (const local of [from, length]) c.release('i32', local);
  }

  /** The slot in what was written from `start` to `end` is in the key as well: its entry gets a second destination. */
  #second(start: number, end: number, keyStart: number, gathered: number): void {
    const c = this.#c;
    const { state } = this.#emission;
    const [entry, at] = [c.local('i32'), c.local('i32')];
    c.get(gathered).set(at);
    c.block((found) => {
      c.loop((next) => {
        c.get(at).globalGet(state.gatherCount).op('i32.ge_u').brIf(found);
        c.i32(0).load('i32.load', place.gathers).get(at).i32(gatherEntryBytes).op('i32.mul', 'i32.add').tee(entry);
        c.load('i32.load', 8).get(start).op('i32.ge_u').get(entry).load('i32.load', 8).get(end).op('i32.lt_u', 'i32.and');
        c.if(() => {
          c.get(entry).get(keyStart).get(this.#locals.outBase).op('i32.add').store('i32.store', 12);
          c.br(found);
        });
        c.get(at).i32(1).op('i32.add').set(at).br(next);
      });
    });
    for (const local of [entry, at]) c.release('i32', local);
  }

  #repeated(): string | undefined {
    const { key } = this.#input.plans.channels;
    return typeof key === 'string' ? undefined : key.repeats;
  }

  /** Pushes `array + width * index`. */
  #element(array: keyof ContextLocals, shift: number): Code {
    return this.#c.get(this.#locals[array]).get(this.#index).i32(shift).op('i32.shl', 'i32.add');
  }

  #refuse(refusal: (typeof refusals)[number], field = -1): void {
    const c = this.#c;
    this.#element('outcomes', 0).i32(outcomes.refuse).store('i32.store8');
    this.#element('reasons', 0).i32(refusals.indexOf(refusal)).store('i32.store8');
    this.#element('fields', 1);
    // -2 stands for what a function found; it has said which plan.
    if (field === -2) c.globalGet(this.#emission.state.refusedPlan);
    else c.i32(field);
    c.store('i32.store16');
  }

  #rows(record: RecordCode, settled: Label): void {
    const c = this.#c;
    const verdict = c.local('i32');
    for (const { predicate } of this.#input.plans.rows) {
      emitPredicate({ c, operand: (path) => record.operand(path) }, predicate);
      c.tee(verdict).i32(1).op('i32.ne');
      c.if(() => {
        c.get(verdict);
        c.if(
          () => this.#refuse('value-unfit'),
          () => this.#element('outcomes', 0).i32(outcomes.withhold).store('i32.store8'),
        );
        c.br(settled);
      });
    }
    c.release('i32', verdict);
  }

  #keyCheck(record: RecordCode, refuse: () => void): void {
    const repeated = this.#repeated();
    if (repeated === undefined) return;
    const c = this.#c;
    const { kernel } = this.#emission;
    const operand = record.operand(repeated);
    const key = c.local('i32');
    c.block((same) => {
      c.block((other) => {
        this.#element('keyStarts', 2).load('i32.load').tee(key).i32(0).op('i32.lt_s').brIf(other);
        c.get(key).get(this.#locals.inBase).op('i32.add').set(key);
        if (operand.isMisfit >= 0) c.get(operand.isMisfit).brIf(other);
        if (operand.isNull >= 0) c.get(operand.isNull).brIf(other);
        c.get(key);
        this.#element('keyEnds', 2).load('i32.load').get(this.#locals.inBase).op('i32.add').get(key).op('i32.sub');
        c.get(operand.start).get(operand.length).call(kernel.compareBytes).op('i32.eqz').brIf(same);
      });
      refuse();
    });
    c.release('i32', key);
  }
}

/** With so many texts in a record their kinds can no longer be guessed. Measured on W1 (9 texts) and W2 (26): docs/performance.md. */
const steadyAbove = 16;
