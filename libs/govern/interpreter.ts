/**
 * The reference interpreter: decode, resolve, act, encode, one record after another over decoded values. It is the oracle of the property
 * tests; it uses Plans, schemas and each stage's `reference` alone.
 */
import type { Result } from '../base/index.ts';
import { fail, limits, ok, unwrap } from '../base/index.ts';
import { branchName, codecOf, defaultOf, frameHeaderBytes, resolveValue, unresolvable } from '../avro/index.ts';
import type { AvroSchema, FieldModel, RecordModel, TypeModel, UnionModel } from '../avro/index.ts';
import type { RecordFrames } from '../records/index.ts';
import { asksMax } from '../records/index.ts';
import { typedConstant } from './constants.ts';
import { deriveFieldKey } from './derive-key.ts';
import { evaluate, valueAt } from './evaluate.ts';
import { withoutNull } from './fields.ts';
import { keyGovernor, keyPlanOf } from './govern-key.ts';
import type { FusedPlans } from './plan-rules.ts';
import type { BoundProgram, Program, ProgramBinding, ProgramOutput, Refusal } from './program.ts';
import { outcomes, refusals } from './program.ts';
import type { FieldPlan, Reference, TransformAction } from './stage.ts';
import { unfit } from './stage.ts';

const dataKeyBytes = 32;

/** `contract` is the schema that the plans are for. */
export function bindReference(
  program: Program,
  contract: AvroSchema,
  plans: FusedPlans,
  binding: ProgramBinding,
): Result<BoundProgram> {
  if (binding.dataKey.length !== dataKeyBytes)
    return fail('key-missing', 'binding program: the data key is missing or has a wrong length');
  const references = plans.fields.map(({ action }) => {
    if (action.kind !== 'transform') return undefined;
    const { keyLabel } = action;
    return action.reference(
      keyLabel === undefined ? undefined : { key: deriveFieldKey(binding.dataKey, binding.datasetId, keyLabel) },
    );
  });
  const constants = plans.fields.map(({ action, otherwise }) => {
    if (action.kind === 'constant') return unwrap(typedConstant(action.result, action.value)).value;
    if (action.kind !== 'transform' || typeof otherwise === 'string') return undefined;
    return unwrap(typedConstant(action.result, otherwise.constant)).value;
  });
  const interpreter = new Interpreter(program, contract, plans, { references, constants }, binding.governedSchemaId);
  return ok({
    program,
    run: (frames, from, to, out) => interpreter.run(frames, from, to, out),
    governKey: keyGovernor(keyPlanOf(plans, program.compacted), (label) =>
      deriveFieldKey(binding.dataKey, binding.datasetId, label),
    ),
  });
}

/** How one record ends: refused, withheld, or with governed bytes and key. */
type Settled =
  | { readonly refusal: Refusal; readonly field: number }
  | { readonly withheld: true }
  | { readonly value: Uint8Array; readonly key: Uint8Array | null; readonly replaced: ReadonlyMap<number, number> };

/** What a binding makes of the plans once; index = field plan. */
interface BoundPlans {
  readonly references: readonly (Reference | undefined)[];
  /** Constants of the action or of `else`, as values of the result types. */
  readonly constants: readonly unknown[];
}

/** The record that a value is of, and the pass over it. */
interface Pass {
  readonly partition: number;
  readonly offset: bigint;
  readonly raw: unknown;
  /** Values whose size is known from the type or the value are decided before those whose size comes from the result. */
  readonly decides: 'first' | 'result';
  /** Values that each plan governed so far. */
  readonly occurrences: Map<number, number>;
  /** Values whose size comes from the result. */
  asked: number;
  /** Values that `else` replaced, by plan. */
  readonly replaced: Map<number, number>;
  /** Records that the place at hand is in, with the path where a type that contains itself is met first. */
  readonly above: { readonly type: RecordModel; readonly path: string }[];
}

/** A value that refuses its record; `field` is the index of the plan. */
class Misfit extends Error {
  readonly field: number;
  constructor(field: number) {
    super('value-unfit');
    this.field = field;
  }
}

class Interpreter {
  readonly #program: Program;
  readonly #contract: AvroSchema;
  readonly #plans: FusedPlans;
  readonly #paths: ReadonlyMap<string, number>;
  readonly #bound: BoundPlans;
  readonly #governedSchemaId: number;
  readonly #unchanged: boolean;
  readonly #defaults = new Map<FieldModel, unknown>();

  constructor(program: Program, contract: AvroSchema, plans: FusedPlans, bound: BoundPlans, governedSchemaId: number) {
    this.#program = program;
    this.#contract = contract;
    this.#plans = plans;
    this.#paths = new Map(plans.fields.map(({ path }, index) => [path, index]));
    this.#bound = bound;
    this.#governedSchemaId = governedSchemaId;
    this.#unchanged = program.writerSchema.text === contract.text && plans.fields.every(({ action }) => action.kind === 'keep');
  }

  run(frames: RecordFrames, from: number, to: number, out: ProgramOutput): number {
    for (let index = from; index < to; index += 1) {
      let settled = this.#govern(frames, index);
      if ('value' in settled) {
        const size = frameHeaderBytes + settled.value.length + (settled.key?.length ?? 0);
        if (size > limits.recordBytesMax || size > out.bytes.length) settled = refuse('output-too-large');
        else if (out.length + size > out.bytes.length) return index;
      }
      this.#write(settled, index, out);
    }
    return to;
  }

  #govern(frames: RecordFrames, index: number): Settled {
    const start = frames.valueStart[index] as number;
    if (start < 0) return refuse('tombstone-refused');
    const { writerSchema, governedSchema } = this.#program;
    const decoded = codecOf(writerSchema).decode(frames.bytes.subarray(start + frameHeaderBytes, frames.valueEnd[index]));
    if (!decoded.ok) return refuse('record-malformed');
    const { root } = this.#contract;
    const raw =
      writerSchema === this.#contract
        ? decoded.value
        : resolveValue(writerSchema.root, root, decoded.value, (field) => this.#default(field));
    for (const { predicate } of this.#plans.rows) {
      const verdict = evaluate(predicate, raw);
      if (verdict === 'error') return refuse('value-unfit');
      if (!verdict) return { withheld: true };
    }
    const offset = frames.baseOffset + BigInt(frames.offsetDelta[index] as number);
    const pass = (decides: Pass['decides']): Pass => ({
      partition: frames.partition,
      offset,
      raw,
      decides,
      occurrences: new Map(),
      asked: 0,
      replaced: new Map(),
      above: [],
    });
    const key = this.#rawKey(frames, index, raw);
    try {
      const first = pass('first');
      this.#value(root, governedSchema.root, raw, '', -1, first);
      if (key === undefined) return refuse('key-unfit');
      if (first.asked > asksMax) return refuse('output-too-large');
      const last = pass('result');
      const governed = this.#value(root, governedSchema.root, raw, '', -1, last);
      const encoded = codecOf(governedSchema).encode(governed);
      // A Plan whose result is not of its declared type is a bug of the stage; the record must not pass all the same.
      if (!encoded.ok) return refuse('value-unfit');
      return { value: encoded.value, key: this.#governedKey(key, governed), replaced: last.replaced };
    } catch (error) {
      if (error instanceof Misfit) return refuse('value-unfit', error.field);
      throw error;
    }
  }

  /** The governed value of the contract's value at a path; `keeper` is the plan that keeps what it is in, -1 for none. */
  #value(type: TypeModel, governed: TypeModel, value: unknown, path: string, keeper: number, pass: Pass): unknown {
    const index = this.#paths.get(path) ?? -1;
    const plan = this.#plans.fields[index];
    switch (plan?.action.kind) {
      case 'null':
        return null;
      case 'constant':
        return this.#bound.constants[index];
      case 'transform':
        return this.#transform(plan, plan.action, index, type, value, pass);
      default:
        return this.#structure(type, governed, value, path, index >= 0 ? index : keeper, pass);
    }
  }

  #transform(plan: FieldPlan, action: TransformAction, index: number, type: TypeModel, value: unknown, pass: Pass): unknown {
    const { nullable } = withoutNull(type);
    const wrap = (result: unknown): unknown =>
      nullable || plan.otherwise === 'null' ? { [branchName(action.result)]: result } : result;
    const instead = (): unknown => {
      if (plan.otherwise === 'refuse') throw new Misfit(index);
      pass.replaced.set(index, (pass.replaced.get(index) ?? 0) + 1);
      return plan.otherwise === 'null' ? null : wrap(this.#bound.constants[index]);
    };
    if (nullable && value === null) return null;
    const plain = nullable && isWrapped(value) ? Object.values(value)[0] : value;
    if (plain === unresolvable || plain === undefined) return instead();
    const reference = this.#bound.references[index];
    if (reference === undefined) throw new Error('interpreter: a transform has no reference');
    if (action.width === 'result') {
      pass.asked += 1;
      if (pass.decides === 'first') return undefined;
    }
    const occurrence = pass.occurrences.get(index) ?? 0;
    pass.occurrences.set(index, occurrence + 1);
    const subject = action.subject === undefined ? null : textOrNull(valueAt(pass.raw, action.subject));
    const result = reference(plain, {
      partition: pass.partition,
      offset: pass.offset,
      occurrence,
      subject,
    });
    return result === unfit ? instead() : wrap(result);
  }

  #structure(type: TypeModel, governed: TypeModel, value: unknown, path: string, keeper: number, pass: Pass): unknown {
    if (value === unresolvable || value === undefined) throw new Misfit(keeper);
    switch (type.kind) {
      case 'record': {
        // A record that holds its own type again is governed there as where it is met first.
        const again = keeper < 0 ? pass.above.find((entry) => entry.type === type) : undefined;
        const at = again?.path ?? path;
        pass.above.push({ type, path: at });
        const target: Record<string, unknown> = {};
        for (const field of type.fields) {
          const below = `${at}/${field.name}`;
          const plan = this.#plans.fields[this.#paths.get(below) ?? -1];
          if (plan?.action.kind === 'drop') continue;
          const to = (governed as RecordModel).fields.find(({ name }) => name === field.name) as FieldModel;
          const source = value as Readonly<Record<string, unknown>>;
          target[field.name] = this.#value(field.type, to.type, source[field.name], below, keeper, pass);
        }
        pass.above.pop();
        return target;
      }
      case 'array': {
        const { items } = governed as typeof type;
        return (value as unknown[]).map((item) => this.#value(type.items, items, item, `${path}[]`, keeper, pass));
      }
      case 'map': {
        const { values } = governed as typeof type;
        const entries = Object.entries(value as object).map(([name, item]) => [
          name,
          this.#value(type.values, values, item, `${path}{}`, keeper, pass),
        ]);
        return Object.fromEntries(entries) as unknown;
      }
      case 'union': {
        if (value === null) return null;
        const [name, inner] = Object.entries(value)[0] as [string, unknown];
        const index = type.branches.findIndex((branch) => branchName(branch) === name);
        const branch = type.branches[index] as TypeModel;
        const to = (governed as UnionModel).branches[index] as TypeModel;
        const single = type.branches.filter(({ kind }) => kind !== 'null').length < 2;
        const result = this.#value(branch, to, inner, single ? path : `${path}<${name}>`, keeper, pass);
        return { [branchName(to)]: result };
      }
      default:
        return value;
    }
  }

  #default(field: FieldModel): unknown {
    if (!this.#defaults.has(field)) {
      // A field without a default is one that is dropped.
      this.#defaults.set(field, field.default === undefined ? null : unwrap(defaultOf(field)).value);
    }
    return this.#defaults.get(field);
  }

  /** The raw key where it is written or repeats the field that it should; undefined where it does not repeat it. */
  #rawKey(frames: RecordFrames, index: number, raw: unknown): Uint8Array | null | undefined {
    const { key } = this.#plans.channels;
    const start = frames.keyStart[index] as number;
    const bytes = start < 0 || key === 'drop' ? null : frames.bytes.subarray(start, frames.keyEnd[index]);
    if (typeof key === 'string') return bytes;
    return bytes === null || !Buffer.from(String(valueAt(raw, key.repeats))).equals(bytes) ? undefined : bytes;
  }

  #governedKey(key: Uint8Array | null, governed: unknown): Uint8Array | null {
    const { key: channel } = this.#plans.channels;
    return typeof channel === 'string' ? key : Buffer.from(String(valueAt(governed, channel.repeats)));
  }

  #write(settled: Settled, index: number, out: ProgramOutput): void {
    if ('refusal' in settled) {
      out.outcome[index] = outcomes.refuse;
      out.reason[index] = refusals.indexOf(settled.refusal);
      out.field[index] = settled.field;
      return;
    }
    if ('withheld' in settled) {
      out.outcome[index] = outcomes.withhold;
      return;
    }
    out.outcome[index] = this.#unchanged ? outcomes.pass : outcomes.reshape;
    if (settled.key !== null) {
      out.keyStart[index] = out.length;
      out.length += Buffer.from(settled.key).copy(out.bytes, out.length);
      out.keyEnd[index] = out.length;
    }
    out.valueStart[index] = out.length;
    out.bytes[out.length] = 0;
    out.bytes.writeUInt32BE(this.#governedSchemaId, out.length + 1);
    out.length += frameHeaderBytes;
    out.length += Buffer.from(settled.value.buffer, settled.value.byteOffset, settled.value.length).copy(out.bytes, out.length);
    out.valueEnd[index] = out.length;
    for (const [plan, count] of settled.replaced) out.otherwise[plan] = (out.otherwise[plan] as number) + count;
  }
}

const isWrapped = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Buffer.isBuffer(value) && !Array.isArray(value);
const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const refuse = (refusal: Refusal, field = -1): Settled => ({ refusal, field });
