/**
 * Emits the module of a Program: one function `run` that scans and checks each record to its exact end, evaluates the row conditions, and
 * only then writes. The module's only import is its memory. No text of the schema is in it but the constants of the policy.
 */
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import type { AvroSchema, FieldModel, RecordModel } from '../../avro/index.ts';
import { frameHeaderBytes } from '../../avro/index.ts';
import type { FusedPlans } from '../compile.ts';
import { typedConstant } from '../constants.ts';
import { fieldAt, withoutNull } from '../fields.ts';
import { outcomes, refusals } from '../program.ts';
import type { FieldPlan, TransformAction } from '../stage.ts';
import type { ActionContext, FieldCode } from './actions.ts';
import { canBeUnfit, emitCheck, nullBranchOf, resultLocal } from './actions.ts';
import { fixedGrowthMax, gatherEntryBytes, place } from './arena-layout.ts';
import type { Code, Label } from './code.ts';
import { addDates } from './dates.ts';
import { addKernel } from './kernel.ts';
import type { Kernel } from './kernel.ts';
import { ModuleWriter } from './module-writer.ts';
import { constantBytes, fixedGrowth, pathsOf, walkFields } from './plan-walk.ts';
import type { PredicateField } from './predicate-code.ts';
import { emitPredicate } from './predicate-code.ts';
import type { Scan, Slot } from './scan.ts';
import { emitScan } from './scan.ts';
import { emitBytes, emitWrite } from './write-field.ts';

const moduleBytesMax = 1024 * 1024;

/** Fails with `plan-invalid` and a message that begins with "lowering" when the module would be too large. */
export function emitModule(schema: AvroSchema, plans: FusedPlans): Result<Uint8Array> {
  const fixed = fixedGrowth(plans.fields);
  if (fixed > fixedGrowthMax)
    return fail('plan-invalid', `lowering: the constants of the policy would add ${fixed} bytes to a record`);
  const module = new ModuleWriter();
  const kernel = addKernel(module);
  const dates = addDates(module);
  const { code } = module.function(['i32', 'i32'], ['i32'], 'run');
  const emitter = new RunEmitter(code, kernel, schema, plans);
  const emitted = emitter.emit(dates);
  if (!emitted.ok) return emitted;
  const bytes = module.finish(1);
  if (bytes.length > moduleBytesMax) return fail('plan-invalid', `lowering: the module would have ${bytes.length} bytes`);
  return ok(bytes);
}

/** Locals that hold what the arena's context says, loaded once a run. */
type ContextLocals = Readonly<Record<keyof typeof place, number>>;

class RunEmitter {
  /** Indexes of the token fields that were written so far. */
  readonly #tokenFields: number[] = [];
  readonly #c: Code;
  readonly #kernel: Kernel;
  readonly #schema: AvroSchema;
  readonly #plans: FusedPlans;
  readonly #locals: ContextLocals;
  readonly #slots = new Map<string, Slot>();
  readonly #index = 0;
  readonly #to = 1;
  readonly #p: number;
  readonly #end: number;
  readonly #start: number;
  readonly #out: number;
  readonly #gathered: number;
  /** First byte of the written text that the key repeats, and the byte behind it. */
  readonly #keyText: number;
  readonly #keyTextEnd: number;
  /** Gather entry of that text when it is a token. */
  readonly #keyEntry: number;

  constructor(code: Code, kernel: Kernel, schema: AvroSchema, plans: FusedPlans) {
    this.#c = code;
    this.#kernel = kernel;
    this.#schema = schema;
    this.#plans = plans;
    const local = (): number => code.local('i32');
    this.#locals = Object.fromEntries(Object.keys(place).map((name) => [name, local()])) as unknown as ContextLocals;
    [this.#p, this.#end, this.#start, this.#out, this.#gathered] = [local(), local(), local(), local(), local()];
    [this.#keyText, this.#keyTextEnd, this.#keyEntry] = [local(), local(), local()];
  }

  emit(dates: ActionContext['dates']): Result<void> {
    const c = this.#c;
    const fields = this.#fieldCodes();
    if (!fields.ok) return fields;
    this.#addSlots();
    for (const [name, offset] of Object.entries(place))
      c.i32(0)
        .load('i32.load', offset)
        .set(this.#locals[name as keyof typeof place]);
    const emptyItems = c.local('i32');
    const actions: ActionContext = { c, kernel: this.#kernel, dates, out: this.#out, gather: () => undefined };
    c.block((done) => {
      c.loop((nextRecord) => {
        c.get(this.#index).get(this.#to).op('i32.ge_u').brIf(done);
        c.block((settled) => {
          this.#openRecord(settled);
          c.block((malformed) => {
            c.i32(0).set(emptyItems);
            c.get(this.#p).get(this.#end).op('i32.gt_u').brIf(malformed);
            const scan: Scan = { c, kernel: this.#kernel, p: this.#p, end: this.#end, emptyItems, malformed, slots: this.#slots };
            emitScan(scan, this.#schema.root, '');
            c.get(this.#p).get(this.#end).op('i32.ne').brIf(malformed);
            this.#rows(settled);
            this.#checks(actions, fields.value, settled);
            this.#keyCheck(settled);
            this.#write(actions, fields.value, done, settled);
            c.br(settled);
          });
          this.#refuse('record-malformed', -1);
        });
        c.get(this.#index).i32(1).op('i32.add').set(this.#index).br(nextRecord);
      });
    });
    // What the last copy left behind the output is cleared; the host wipes the rest of the arena.
    for (const at of [0, 8, 16])
      c.get(this.#locals.outBase).get(this.#locals.outUsed).op('i32.add').i64(0n).store('i64.store', at);
    c.i32(0).get(this.#locals.outUsed).store('i32.store', place.outUsed);
    c.i32(0).get(this.#locals.gatherCount).store('i32.store', place.gatherCount);
    c.get(this.#index);
    return ok(undefined);
  }

  #fieldCodes(): Result<Map<string, FieldCode>> {
    const codes = new Map<string, FieldCode>();
    for (const plan of this.#plans.fields) {
      if (plan.action.kind !== 'transform') continue;
      const code = this.#fieldCode(plan, plan.action);
      if (!code.ok) return code;
      codes.set(plan.path, code.value);
    }
    return ok(codes);
  }

  #fieldCode(plan: FieldPlan, action: TransformAction): Result<FieldCode> {
    const c = this.#c;
    const field = fieldAt(this.#schema, plan.path) as FieldModel;
    const nullBranch = nullBranchOf(field.type);
    const constant = typeof plan.otherwise === 'string' ? ok(undefined) : typedConstant(action.result, plan.otherwise.constant);
    if (!constant.ok) return constant;
    const result = resultLocal(action);
    return ok({
      plan: { ...plan, action },
      slot: this.#slot(plan.path),
      nullBranch,
      optional: nullBranch >= 0 || plan.otherwise === 'null',
      constant: constant.value?.bytes,
      value: c.local('i32'),
      isNull: nullBranch >= 0 ? c.local('i32') : -1,
      isUnfit: plan.otherwise !== 'refuse' && canBeUnfit(action) ? c.local('i32') : -1,
      result: result === undefined ? -1 : c.local(result),
      textStart: this.#repeatedField() === plan.path ? this.#keyText : -1,
    });
  }

  #repeatedField(): string | undefined {
    const { key } = this.#plans.channels;
    return typeof key === 'string' ? undefined : key.repeats;
  }

  #slot(path: string): Slot {
    const known = this.#slots.get(path);
    if (known !== undefined) return known;
    const slot = { start: this.#c.local('i32'), end: this.#c.local('i32') };
    this.#slots.set(path, slot);
    return slot;
  }

  /** Places are kept of every field that is not copied, that a condition reads, or that the key repeats. */
  #addSlots(): void {
    for (const { path, action } of this.#plans.fields) if (action.kind !== 'keep') this.#slot(path);
    for (const { predicate } of this.#plans.rows) for (const path of pathsOf(predicate)) this.#slot(path);
    const repeated = this.#repeatedField();
    if (repeated !== undefined) this.#slot(repeated);
  }

  /** Pushes `array + width * index`. */
  #element(array: keyof typeof place, shift: number): Code {
    return this.#c.get(this.#locals[array]).get(this.#index).i32(shift).op('i32.shl', 'i32.add');
  }

  #openRecord(settled: Label): void {
    const c = this.#c;
    this.#element('valueStarts', 2).load('i32.load').tee(this.#p).i32(0).op('i32.lt_s');
    c.if(() => {
      this.#refuse('tombstone-refused', -1);
      c.br(settled);
    });
    c.get(this.#p).get(this.#locals.inBase).op('i32.add').i32(frameHeaderBytes).op('i32.add').tee(this.#p).set(this.#start);
    this.#element('valueEnds', 2).load('i32.load').get(this.#locals.inBase).op('i32.add').set(this.#end);
  }

  #refuse(refusal: (typeof refusals)[number], field: number): void {
    this.#element('outcomes', 0).i32(outcomes.refuse).store('i32.store8');
    this.#element('reasons', 0).i32(refusals.indexOf(refusal)).store('i32.store8');
    this.#element('fields', 1).i32(field).store('i32.store16');
  }

  #rows(settled: Label): void {
    const c = this.#c;
    const verdict = c.local('i32');
    for (const { predicate } of this.#plans.rows) {
      emitPredicate({ c, kernel: this.#kernel, field: (path) => this.#predicateField(path) }, predicate);
      c.tee(verdict).i32(2).op('i32.eq');
      c.if(() => {
        this.#refuse('value-unfit', -1);
        c.br(settled);
      });
      c.get(verdict).op('i32.eqz');
      c.if(() => {
        this.#element('outcomes', 0).i32(outcomes.withhold).store('i32.store8');
        c.br(settled);
      });
    }
    c.release('i32', verdict);
  }

  #predicateField(path: string): PredicateField {
    const field = fieldAt(this.#schema, path) as FieldModel;
    return { slot: this.#slot(path), type: withoutNull(field.type).type, nullBranch: nullBranchOf(field.type) };
  }

  /** In the order of the schema, as the interpreter meets the fields. */
  #checks(actions: ActionContext, fields: ReadonlyMap<string, FieldCode>, settled: Label): void {
    const c = this.#c;
    for (const [path] of walkFields(this.#schema.root as RecordModel, this.#plans.fields, '')) {
      const field = fields.get(path);
      if (field === undefined) continue;
      c.block((fits) => {
        c.block((refused) => {
          emitCheck(actions, field, refused);
          c.br(fits);
        });
        this.#refuse(
          'value-unfit',
          this.#plans.fields.findIndex((plan) => plan.path === path),
        );
        c.br(settled);
      });
    }
  }

  #keyCheck(settled: Label): void {
    const repeated = this.#repeatedField();
    if (repeated === undefined) return;
    const c = this.#c;
    const [key, length, text] = [c.local('i32'), c.local('i32'), c.local('i32')];
    const slot = this.#slot(repeated);
    c.block((same) => {
      c.block((other) => {
        this.#element('keyStarts', 2).load('i32.load').tee(key).i32(0).op('i32.lt_s').brIf(other);
        c.get(key).get(this.#locals.inBase).op('i32.add').set(key);
        c.get(slot.start).get(slot.end).call(this.#kernel.readLength).set(length);
        c.globalGet(this.#kernel.position).set(text);
        c.get(key);
        this.#element('keyEnds', 2).load('i32.load').get(this.#locals.inBase).op('i32.add').get(key).op('i32.sub');
        c.get(text).get(length).call(this.#kernel.compareBytes).op('i32.eqz').brIf(same);
      });
      this.#refuse('key-unfit', -1);
      c.br(settled);
    });
    for (const local of [key, length, text]) c.release('i32', local);
  }

  #write(actions: ActionContext, fields: ReadonlyMap<string, FieldCode>, done: Label, settled: Label): void {
    const c = this.#c;
    const { outBase, outUsed } = this.#locals;
    const [recordOut, size, valueEnd, keyStart] = [c.local('i32'), c.local('i32'), c.local('i32'), c.local('i32')];
    c.get(outBase).get(outUsed).op('i32.add').tee(recordOut).set(this.#out);
    c.get(this.#locals.gatherCount).set(this.#gathered);
    emitBytes(actions, [0]);
    c.get(this.#out).get(this.#locals.schemaIdBytes).store('i32.store');
    c.get(this.#out).i32(4).op('i32.add').set(this.#out);
    this.#fields({ ...actions, gather: (source, length, to) => this.#gather(source, length, to) }, fields);
    c.get(this.#out).set(valueEnd);
    this.#key(keyStart);
    c.get(this.#out).get(recordOut).op('i32.sub').set(size);
    c.get(size).get(this.#locals.recordBytesMax).op('i32.gt_u');
    c.if(() => {
      this.#refuse('output-too-large', -1);
      c.br(settled);
    });
    // The output is full: this record is the first of the next run.
    c.get(outUsed).get(size).op('i32.add').get(this.#locals.outLimit).op('i32.gt_u').brIf(done);
    const unchanged = this.#plans.fields.every(({ action }) => action.kind === 'keep');
    this.#element('outcomes', 0)
      .i32(unchanged ? outcomes.pass : outcomes.reshape)
      .store('i32.store8');
    this.#element('outStarts', 2).get(outUsed).store('i32.store');
    this.#element('outEnds', 2).get(valueEnd).get(outBase).op('i32.sub').store('i32.store');
    this.#element('outKeyStarts', 2).get(keyStart).store('i32.store');
    this.#element('outKeyEnds', 2)
      .i32(-1)
      .get(this.#out)
      .get(outBase)
      .op('i32.sub')
      .get(keyStart)
      .i32(0)
      .op('i32.lt_s', 'select')
      .store('i32.store');
    c.get(outUsed).get(size).op('i32.add').set(outUsed);
    c.get(this.#gathered).set(this.#locals.gatherCount);
    for (const local of [recordOut, size, valueEnd, keyStart]) c.release('i32', local);
  }

  /** Copies between the governed fields in as few runs as there are, and writes those. */
  #fields(actions: ActionContext, fields: ReadonlyMap<string, FieldCode>): void {
    const c = this.#c;
    const kept = c.local('i32');
    c.get(this.#start).set(kept);
    // Whether anything is kept between two governed fields: where nothing is, nothing is copied.
    let between = false;
    const copyUpTo = (end: number): void =>
      void c.get(this.#out).get(kept).get(end).get(kept).op('i32.sub').call(this.#kernel.copy).set(this.#out);
    for (const [path, plan] of walkFields(this.#schema.root as RecordModel, this.#plans.fields, '')) {
      if (plan.action.kind === 'keep') {
        between = true;
        continue;
      }
      const slot = this.#slot(path);
      if (between) copyUpTo(slot.start);
      between = false;
      const field = fields.get(path);
      if (field !== undefined) {
        if (field.plan.action.lower.op === 'token') this.#tokenFields.push(this.#plans.fields.indexOf(plan));
        emitWrite(actions, field);
        if (field.textStart >= 0) c.get(this.#out).set(this.#keyTextEnd);
      } else if (plan.action.kind === 'null') emitBytes(actions, [0]);
      else if (plan.action.kind === 'constant') emitBytes(actions, constantBytes(plan.action.result, plan.action.value));
      c.get(slot.end).set(kept);
    }
    if (between) copyUpTo(this.#end);
    c.release('i32', kept);
  }

  /** Writes the governed key behind the value and leaves its start, relative to the output, in `keyStart`; -1 for no key. */
  #key(keyStart: number): void {
    const c = this.#c;
    const { key } = this.#plans.channels;
    c.i32(-1).set(keyStart);
    if (key === 'drop') return;
    const [from, length] = [c.local('i32'), c.local('i32')];
    c.block((none) => {
      if (key === 'keep') {
        this.#element('keyStarts', 2).load('i32.load').tee(from).i32(0).op('i32.lt_s').brIf(none);
        this.#element('keyEnds', 2).load('i32.load').get(from).op('i32.sub').set(length);
        c.get(from).get(this.#locals.inBase).op('i32.add').set(from);
      } else this.#governedText(key.repeats, from, length);
      c.get(this.#out).get(this.#locals.outBase).op('i32.sub').set(keyStart);
      if (key !== 'keep' && this.#isToken(key.repeats)) {
        // The token is not there yet: its entry gets a second destination.
        c.get(this.#keyEntry).get(this.#out).store('i32.store', 12);
      }
      c.get(this.#out).get(from).get(length).call(this.#kernel.copy).set(this.#out);
    });
    for (const local of [from, length]) c.release('i32', local);
  }

  #isToken(path: string): boolean {
    const action = this.#plans.fields.find((plan) => plan.path === path)?.action;
    return action?.kind === 'transform' && action.lower.op === 'token';
  }

  /** The governed text of a field: in the input when it is kept, else where it was written. */
  #governedText(path: string, from: number, length: number): void {
    const c = this.#c;
    const slot = this.#slot(path);
    if (this.#plans.fields.find((plan) => plan.path === path)?.action.kind === 'keep') {
      c.get(slot.start).get(slot.end).call(this.#kernel.readLength).set(length);
      c.globalGet(this.#kernel.position).set(from);
      return;
    }
    c.get(this.#keyText).set(from);
    c.get(this.#keyTextEnd).get(from).op('i32.sub').set(length);
  }

  #gather(source: number, length: number, to: number): void {
    const c = this.#c;
    const entry = c.local('i32');
    c.get(this.#locals.gathers).get(this.#gathered).i32(gatherEntryBytes).op('i32.mul', 'i32.add').set(entry);
    if (this.#plans.fields[this.#tokenFields.at(-1) ?? -1]?.path === this.#repeatedField()) c.get(entry).set(this.#keyEntry);
    c.get(entry).get(source).store('i32.store', 0);
    c.get(entry).get(length).store('i32.store', 4);
    c.get(entry).get(to).store('i32.store', 8);
    c.get(entry).i32(0).store('i32.store', 12);
    c.get(entry)
      .i32(this.#tokenFields.at(-1) ?? 0)
      .store('i32.store', 16);
    c.get(this.#gathered).i32(1).op('i32.add').set(this.#gathered);
    c.release('i32', entry);
  }
}
