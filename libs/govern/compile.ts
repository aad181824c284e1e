/** Compiles a schema and the terms of an Agreement into a Program: plans every rule, derives the governed schema, emits the module. */
import type { Result } from '../base/index.ts';
import { canonicalJson, during, fail, limits, ok, unwrap } from '../base/index.ts';
import type { AvroSchema } from '../avro/index.ts';
import { renderSchema } from '../avro/index.ts';
import type { AgreementTerms } from '../odrl/index.ts';
import { tokenKernelBytes } from '../records/index.ts';
import { placeAt } from './address.ts';
import { deriveRecord } from './derive-schema.ts';
import { explainTable } from './explain.ts';
import { checkCompactedKey, keyPlanOf } from './govern-key.ts';
import { rootRecord, withoutNull, writtenOutFields } from './fields.ts';
import { bindReference } from './interpreter.ts';
import type { Engine, Manifest } from './manifest.ts';
import { abi, needsOf, sha256 } from './manifest.ts';
import type { FusedPlans } from './plan-rules.ts';
import { observedPaths, planRules } from './plan-rules.ts';
import type { Program } from './program.ts';
import type { Stage } from './stage.ts';
import type { RecordNode } from './tree.ts';
import { buildTree } from './tree.ts';
import type { HostField, SlotSpec } from './wasm/bind-module.ts';
import { bindModule } from './wasm/bind-module.ts';
import { emitModule } from './wasm/emit-module.ts';

export interface CompileInput {
  /** The contract: the schema that the rules are planned on, and that the governed schema is derived from. */
  readonly schema: AvroSchema;
  /** Schema of the records where it is another one. They are read as the contract, by the rules of schema resolution. */
  readonly writer?: AvroSchema;
  readonly terms: Pick<AgreementTerms, 'rules' | 'channels'>;
  readonly stages: readonly Stage[];
  /** `wasm` emits a module; `reference` is the oracle that it is compared with. */
  readonly engine?: Engine;
  /** Whether the feed is compacted: the governed topic then keeps the last record of each key, and null values pass as deletes. */
  readonly compacted?: boolean;
}

/**
 * Fails with `plan-invalid`, `field-unnamed` or `predicate-invalid`, naming the field; with `plan-invalid` also where records of the writer's
 * schema cannot be read as the contract, and where a compacted feed would have keys that do not tell its records apart. Pure: equal inputs give an equal Program.
 */
export function compile(input: CompileInput): Result<Program> {
  const action = 'compiling program';
  const { schema, writer = schema } = input;
  const contract = rootRecord(schema);
  const written = rootRecord(writer);
  if (contract === undefined || written === undefined) return fail('plan-invalid', `${action}: the schema is not a record`);
  const fields = Math.max(writtenOutFields(contract), writtenOutFields(written));
  if (fields > limits.schemaFieldsMax)
    return fail(
      'plan-invalid',
      `${action}: the schema has ${fields} fields when its types are written out, more than ${limits.schemaFieldsMax}`,
    );
  const planned = planRules(schema, input.terms, input.stages);
  if (!planned.ok) return during(action, planned.failure);
  const plans = planned.value;
  const keyed = input.compacted === true ? checkCompactedKey(plans) : ok(undefined);
  if (!keyed.ok) return during(action, keyed.failure);
  const observed = observedPaths(plans);
  const own = buildTree({
    contract,
    writer: contract,
    plans: plans.fields,
    observed,
  });
  if (!own.ok) return during(action, own.failure);
  const derived = deriveRecord(contract, own.value, plans.fields);
  if (!derived.ok) return during(action, derived.failure);
  const governedSchema = renderSchema(derived.value);
  if (!governedSchema.ok) return during(`${action}: deriving the governed schema`, governedSchema.failure);
  const tree = written === contract ? own : buildTree({ contract, writer: written, plans: plans.fields, observed });
  if (!tree.ok) return during(`${action}: reading the writer schema as the contract`, tree.failure);
  return assemble(input, plans, governedSchema.value, tree.value);
}

function assemble(input: CompileInput, plans: FusedPlans, governedSchema: AvroSchema, tree: RecordNode): Result<Program> {
  const { schema, writer = schema, engine = 'wasm', compacted = false } = input;
  const emitted = engine === 'wasm' ? emitModule({ writer, contract: schema, plans, tree }) : undefined;
  if (emitted?.ok === false) return during('compiling program', emitted.failure);
  const slots = slotSpecs(plans);
  const asks = hostFields(schema, plans);
  const manifest = canonicalJson({
    abi,
    engine,
    ...(emitted === undefined
      ? {}
      : {
          module: sha256(emitted.value),
          kernel: sha256(tokenKernelBytes()),
          slots,
        }),
    asks: asks.map(({ field, label }) => ({
      field,
      ...(label === undefined ? {} : { label }),
    })),
    writerSchema: JSON.parse(writer.text) as unknown,
    ...(writer.text === schema.text ? {} : { contract: JSON.parse(schema.text) as unknown }),
    governedSchema: JSON.parse(governedSchema.text) as unknown,
    rows: plans.rows
      .map(({ stage, version, config }) => ({ stage, version, config }))
      .sort((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1)),
    fields: plans.fields.map(({ path, stage, version, config, otherwise }) => ({
      at: path,
      stage,
      version,
      config,
      else: otherwise,
    })),
    channels: plans.channels,
    ...(compacted ? { compacted } : {}),
  } satisfies Manifest);
  const program: Program = {
    hash: sha256(manifest),
    manifest,
    writerSchema: writer,
    governedSchema,
    needs: needsOf(slots, asks),
    fieldPaths: plans.fields.map(({ path }) => path),
    timestamp: plans.channels.timestamp,
    headers: plans.channels.headers ?? [],
    compacted,
    ...(emitted === undefined ? {} : { module: emitted.value }),
    explain: () => explainTable(plans, compacted),
    bind: (binding) =>
      emitted === undefined
        ? bindReference(program, schema, plans, binding)
        : bindModule(program, { module: emitted.value, slots, asks, keyPlan: keyPlanOf(plans, compacted) }, binding),
  };
  return ok(program);
}

/** What the host writes into the slots of a run; `field` is an index into the plans. */
function slotSpecs(plans: FusedPlans): SlotSpec[] {
  return plans.fields.flatMap(({ action }, field): SlotSpec[] => {
    if (action.kind !== 'transform' || action.keyLabel === undefined) return [];
    const { lower, keyLabel: label } = action;
    if (lower.op === 'token') return [{ field, label, kind: 'token', prf: lower.prf, length: lower.length }];
    if (lower.op !== 'fpe') return [];
    return [
      {
        field,
        label,
        kind: 'format',
        cipher: lower.cipher,
        first: lower.first,
        check: lower.check,
      },
    ];
  });
}

/** The values that the host answers for. */
function hostFields(contract: AvroSchema, plans: FusedPlans): HostField[] {
  return plans.fields.flatMap(({ action, path, otherwise }, field): HostField[] => {
    if (action.kind !== 'transform' || action.lower.op !== 'host') return [];
    const { type } = withoutNull(unwrap(placeAt(contract, path)).type);
    const label = action.keyLabel === undefined ? {} : { label: action.keyLabel };
    return [{ field, action, type, refuses: otherwise === 'refuse', ...label }];
  });
}
