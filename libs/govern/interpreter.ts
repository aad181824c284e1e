/**
 * The reference interpreter: decode, act, encode, one record after another over decoded values. It is the oracle of the property tests; it
 * uses Plans, schemas and each stage's `reference` alone.
 */
import { hkdfSync } from 'node:crypto';
import type { Result } from '../base/index.ts';
import { fail, limits, ok, unwrap } from '../base/index.ts';
import { branchName, codecOf, frameHeaderBytes } from '../avro/index.ts';
import type { RecordModel } from '../avro/index.ts';
import type { RecordFrames } from '../records/index.ts';
import type { FusedPlans } from './compile.ts';
import { typedConstant } from './constants.ts';
import { evaluate, unwrapUnion, valueAt } from './evaluate.ts';
import { withoutNull } from './fields.ts';
import type { BoundProgram, Program, ProgramBinding, ProgramOutput, Refusal } from './program.ts';
import { outcomes, refusals } from './program.ts';
import type { FieldPlan, Reference } from './stage.ts';
import { unfit } from './stage.ts';

const dataKeyBytes = 32;

/** Derives the key of one label of one agreement. Source: RFC 5869, HKDF with SHA-256. */
export function deriveFieldKey(dataKey: Uint8Array, datasetId: string, label: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', dataKey, new Uint8Array(), `sluice/1/${datasetId}/${label}`, 32));
}

export function bindReference(program: Program, plans: FusedPlans, binding: ProgramBinding): Result<BoundProgram> {
  if (binding.dataKey.length !== dataKeyBytes)
    return fail('key-missing', 'binding program: the data key is missing or has a wrong length');
  const references = plans.fields.map(({ action }) => {
    if (action.kind !== 'transform') return undefined;
    const { keyLabel } = action;
    return action.reference(
      keyLabel === undefined ? undefined : { key: deriveFieldKey(binding.dataKey, binding.datasetId, keyLabel) },
    );
  });
  const constants = plans.fields.map(({ action, otherwise }) =>
    action.kind !== 'transform' || typeof otherwise === 'string'
      ? undefined
      : unwrap(typedConstant(action.result, otherwise.constant)).value,
  );
  const interpreter = new Interpreter(program, plans, { references, constants }, binding.governedSchemaId);
  return ok({ program, run: (frames, from, to, out) => interpreter.run(frames, from, to, out) });
}

/** How one record ends: refused, withheld, or with governed bytes and key. */
type Settled =
  | { readonly refusal: Refusal; readonly field: number }
  | { readonly withheld: true }
  | { readonly value: Uint8Array; readonly key: Uint8Array | null };

/** What a binding makes of the plans once; index = field plan. */
interface BoundPlans {
  readonly references: readonly (Reference | undefined)[];
  /** Constants of `else`, as values of the result types. */
  readonly constants: readonly unknown[];
}

class Interpreter {
  readonly #program: Program;
  readonly #plans: FusedPlans;
  readonly #bound: BoundPlans;
  readonly #governedSchemaId: number;
  readonly #unchanged: boolean;

  constructor(program: Program, plans: FusedPlans, bound: BoundPlans, governedSchemaId: number) {
    this.#program = program;
    this.#plans = plans;
    this.#bound = bound;
    this.#governedSchemaId = governedSchemaId;
    this.#unchanged = plans.fields.every(({ action }) => action.kind === 'keep');
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
    const decoded = codecOf(this.#program.writerSchema).decode(
      frames.bytes.subarray(start + frameHeaderBytes, frames.valueEnd[index]),
    );
    if (!decoded.ok) return refuse('record-malformed');
    for (const { predicate } of this.#plans.rows) {
      const verdict = evaluate(predicate, decoded.value);
      if (verdict === 'error') return refuse('value-unfit');
      if (!verdict) return { withheld: true };
    }
    const governed = this.#record(this.#program.writerSchema.root as RecordModel, decoded.value, '');
    if (!governed.ok) return refuse('value-unfit', governed.field);
    const key = this.#key(frames, index, decoded.value, governed.value);
    if (key === undefined) return refuse('key-unfit');
    const encoded = codecOf(this.#program.governedSchema).encode(governed.value);
    // A Plan whose result is not of its declared type is a bug of the stage; the record must not pass all the same.
    return encoded.ok ? { value: encoded.value, key } : refuse('value-unfit');
  }

  #record(
    model: RecordModel,
    value: unknown,
    above: string,
  ): { ok: true; value: Record<string, unknown> } | { ok: false; field: number } {
    const source = value as Readonly<Record<string, unknown>>;
    const target: Record<string, unknown> = {};
    for (const field of model.fields) {
      const path = `${above}/${field.name}`;
      const planIndex = this.#plans.fields.findIndex((plan) => plan.path === path);
      const plan = this.#plans.fields[planIndex];
      if (plan === undefined) {
        const inner = this.#record(field.type as RecordModel, source[field.name], path);
        if (!inner.ok) return inner;
        target[field.name] = inner.value;
        continue;
      }
      if (plan.action.kind === 'drop') continue;
      const result = this.#field(plan, planIndex, withoutNull(field.type).nullable, source[field.name]);
      if (result === unfit) return { ok: false, field: planIndex };
      target[field.name] = result;
    }
    return { ok: true, value: target };
  }

  #field(plan: FieldPlan, index: number, nullable: boolean, value: unknown): unknown {
    const { action } = plan;
    if (action.kind === 'keep') return value;
    if (action.kind === 'null' || action.kind === 'drop') return null;
    if (action.kind === 'constant') return action.value;
    const reference = this.#bound.references[index];
    if (reference === undefined) throw new Error('interpreter: a transform has no reference');
    const wrap = (result: unknown): unknown =>
      nullable || plan.otherwise === 'null' ? { [branchName(action.result)]: result } : result;
    const plain = nullable ? unwrapUnion(value) : value;
    if (plain === null) return null;
    const result = reference(plain);
    if (result !== unfit) return wrap(result);
    if (plan.otherwise === 'refuse') return unfit;
    return plan.otherwise === 'null' ? null : wrap(this.#bound.constants[index]);
  }

  /** The governed key, or undefined when the raw key does not repeat the field that it should. */
  #key(frames: RecordFrames, index: number, raw: unknown, governed: unknown): Uint8Array | null | undefined {
    const { key } = this.#plans.channels;
    if (key === 'drop') return null;
    const start = frames.keyStart[index] as number;
    const bytes = start < 0 ? null : frames.bytes.subarray(start, frames.keyEnd[index]);
    if (key === 'keep') return bytes;
    if (bytes === null || !Buffer.from(String(valueAt(raw, key.repeats))).equals(bytes)) return undefined;
    return Buffer.from(String(valueAt(governed, key.repeats)));
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
  }
}

const refuse = (refusal: Refusal, field = -1): Settled => ({ refusal, field });
