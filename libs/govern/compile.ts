/** Compiles a schema and the terms of an Agreement into a Program: plans every rule, checks that each field is named, derives the governed schema. */
import { createHash } from 'node:crypto';
import type { Result } from '../base/index.ts';
import { canonicalJson, during, fail, limits, ok } from '../base/index.ts';
import type { AvroSchema } from '../avro/index.ts';
import { parseSchema, renderSchema } from '../avro/index.ts';
import type { AgreementTerms, ChannelTerms, StageRule } from '../odrl/index.ts';
import { deriveRecord } from './derive-schema.ts';
import { explainTable } from './explain.ts';
import { fieldAt, rootRecord, withoutNull, writtenOutFields } from './fields.ts';
import { bindReference } from './interpreter.ts';
import type { KeyNeed, Program, RunnableProgram } from './program.ts';
import type { FieldPlan, RowPlan, Stage } from './stage.ts';
import type { TokenSlot } from './wasm/bind-module.ts';
import { bindModule } from './wasm/bind-module.ts';
import { emitModule } from './wasm/emit-module.ts';
import { tokenKernelBytes } from './wasm/token-kernel.ts';

/** Version of the manifest's form and of the run contract. */
const abi = 1;

export interface CompileInput {
  readonly schema: AvroSchema;
  readonly terms: Pick<AgreementTerms, 'rules' | 'channels'>;
  readonly stages: readonly Stage[];
  /** `wasm` emits a module; `reference` is the oracle that it is compared with. */
  readonly engine?: Engine;
}

type Engine = 'wasm' | 'reference';

/** All Plans of one Agreement on one schema. */
export interface FusedPlans {
  readonly rows: readonly RowPlan[];
  /** Sorted by path. */
  readonly fields: readonly FieldPlan[];
  readonly channels: ChannelTerms;
}

/** Fails with `plan-invalid`, `field-unnamed` or `predicate-invalid`, naming the field. Pure: equal inputs give an equal Program. */
export function compile(input: CompileInput): Result<Program> {
  const action = 'compiling program';
  const record = rootRecord(input.schema);
  if (record === undefined) return fail('plan-invalid', `${action}: the schema is not a record`);
  const fields = writtenOutFields(record);
  if (fields > limits.schemaFieldsMax && Number.isFinite(fields))
    return fail(
      'plan-invalid',
      `${action}: the schema has ${fields} fields when its types are written out, more than ${limits.schemaFieldsMax}`,
    );
  if (!Number.isFinite(fields))
    return fail('plan-invalid', `${action}: the schema has a recursive type, whose fields no path can name`);
  const planned = planRules(input);
  if (!planned.ok) return during(action, planned.failure);
  const plans = planned.value;
  const unnamed = firstUnnamed(input.schema, plans.fields);
  if (unnamed !== undefined) {
    return fail('field-unnamed', `${action}: field ${unnamed}: no rule names it; keeping it takes an explicit keep`, unnamed);
  }
  const channel = checkChannels(input.schema, plans);
  if (!channel.ok) return during(action, channel.failure);
  const derived = deriveRecord(record, plans.fields);
  if (!derived.ok) return during(action, derived.failure);
  const governedSchema = renderSchema(derived.value);
  if (!governedSchema.ok) return during(`${action}: deriving the governed schema`, governedSchema.failure);
  return assemble(input, plans, governedSchema.value);
}

/** What the control plane approved and published: manifest, its hash, and the module's bytes in base64. */
export interface ApprovedModule {
  readonly manifest: string;
  readonly programHash: string;
  readonly module: string;
}

/**
 * The Program of an approved module. It compiles nothing, so an upgrade changes no approved Program. Fails with `program-mismatch` unless the
 * manifest has the approved hash, and the module and this release's kernel have the hashes that stand in it.
 */
export function instantiate(approved: ApprovedModule): Result<RunnableProgram> {
  const action = 'instantiating program';
  if (sha256(approved.manifest) !== approved.programHash)
    return fail('program-mismatch', `${action}: the manifest has another hash`);
  const manifest = JSON.parse(approved.manifest) as Manifest;
  const module = Buffer.from(approved.module, 'base64');
  if (manifest.abi !== abi || manifest.engine !== 'wasm' || sha256(module) !== manifest.module)
    return fail('program-mismatch', `${action}: the module is not the one of the manifest`);
  if (sha256(tokenKernelBytes()) !== manifest.kernel)
    return fail('program-mismatch', `${action}: it was approved with another kernel; the agreement has to be put again`);
  const writerSchema = parseSchema(JSON.stringify(manifest.writerSchema));
  if (!writerSchema.ok) return during(action, writerSchema.failure);
  const governedSchema = parseSchema(JSON.stringify(manifest.governedSchema));
  if (!governedSchema.ok) return during(action, governedSchema.failure);
  const tokens = manifest.tokens ?? [];
  const program: RunnableProgram = {
    hash: approved.programHash,
    manifest: approved.manifest,
    writerSchema: writerSchema.value,
    governedSchema: governedSchema.value,
    needs: needsOf(tokens),
    fieldPaths: manifest.fields.map(({ at }) => at),
    timestamp: manifest.channels.timestamp,
    module,
    bind: (binding) => bindModule(program, module, tokens, binding),
  };
  return ok(program);
}

interface Manifest {
  readonly abi: number;
  readonly engine: Engine;
  /** SHA-256 of the emitted module. */
  readonly module?: string;
  /** SHA-256 of the kernel module beside it. */
  readonly kernel?: string;
  /** The slots that the host fills: what it needs to know of them. */
  readonly tokens?: readonly TokenSlot[];
  readonly writerSchema: unknown;
  readonly governedSchema: unknown;
  readonly rows: readonly { readonly stage: string; readonly version: number; readonly config: unknown }[];
  readonly fields: readonly {
    readonly at: string;
    readonly stage: string;
    readonly version: number;
    readonly config: unknown;
    readonly else: StageRule['else'];
  }[];
  readonly channels: ChannelTerms;
}

const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const needsOf = (tokens: readonly TokenSlot[]): KeyNeed[] =>
  [...new Set(tokens.map(({ label }) => label))].sort().map((label) => ({ label }));

/** The token slots of the plans; `field` is an index into them. */
function tokenSlots(plans: FusedPlans): TokenSlot[] {
  return plans.fields.flatMap(({ action }, field) =>
    action.kind === 'transform' && action.lower.op === 'token' && action.keyLabel !== undefined
      ? [{ field, label: action.keyLabel, length: action.lower.length }]
      : [],
  );
}

function assemble(input: CompileInput, plans: FusedPlans, governedSchema: AvroSchema): Result<Program> {
  const engine = input.engine ?? 'wasm';
  const emitted = engine === 'wasm' ? emitModule(input.schema, plans) : undefined;
  if (emitted?.ok === false) return during('compiling program', emitted.failure);
  const tokens = tokenSlots(plans);
  const manifest = canonicalJson({
    abi,
    engine,
    ...(emitted === undefined ? {} : { module: sha256(emitted.value), kernel: sha256(tokenKernelBytes()), tokens }),
    writerSchema: JSON.parse(input.schema.text) as unknown,
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
  } satisfies Manifest);
  const program: Program = {
    hash: sha256(manifest),
    manifest,
    writerSchema: input.schema,
    governedSchema,
    needs: needsOf(tokens),
    fieldPaths: plans.fields.map(({ path }) => path),
    timestamp: plans.channels.timestamp,
    ...(emitted === undefined ? {} : { module: emitted.value }),
    explain: () => explainTable(plans),
    bind: (binding) =>
      emitted === undefined ? bindReference(program, plans, binding) : bindModule(program, emitted.value, tokens, binding),
  };
  return ok(program);
}

function planRules(input: CompileInput): Result<FusedPlans> {
  const rows: RowPlan[] = [];
  const fields: FieldPlan[] = [];
  for (const rule of input.terms.rules) {
    const stage = input.stages.find(({ name }) => name === rule.stage);
    if (stage === undefined) return fail('plan-invalid', `there is no stage ${rule.stage}`);
    const parsed = stage.config.safeParse(rule.with);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      const where = rule.at[0] === undefined ? '' : ` at ${rule.at[0]}`;
      return fail(
        'plan-invalid',
        `stage ${rule.stage}${where}: ${[...(issue?.path ?? []), ''].join(': ')}${issue?.message ?? 'malformed'}`,
        rule.at[0],
      );
    }
    if (stage.scope === 'row') {
      if (rule.at.length > 0) return fail('plan-invalid', `stage ${rule.stage}: it is about rows and takes no field`);
      const plan = stage.planWith(input.schema, parsed.data);
      if (!plan.ok) return plan;
      rows.push({ ...plan.value, stage: stage.name, version: stage.version, config: parsed.data });
      continue;
    }
    if (rule.at.length === 0) return fail('plan-invalid', `stage ${rule.stage}: name the fields with \`at\``);
    for (const path of rule.at) {
      const field = fieldAt(input.schema, path);
      if (field === undefined) return fail('plan-invalid', `field ${path}: the schema has no such field`, path);
      const clash = fields.find(
        (other) => other.path === path || other.path.startsWith(`${path}/`) || path.startsWith(`${other.path}/`),
      );
      if (clash !== undefined)
        return fail('plan-invalid', `field ${path}: two rules name it (${clash.stage} and ${stage.name})`, path);
      const plan = stage.planWith({ path, ...withoutNull(field.type) }, parsed.data);
      if (!plan.ok) return during(`field ${path}`, plan.failure);
      fields.push({ ...plan.value, path, otherwise: rule.else, stage: stage.name, version: stage.version, config: parsed.data });
    }
  }
  fields.sort((a, b) => (a.path < b.path ? -1 : 1));
  return ok({ rows, fields, channels: input.terms.channels });
}

/** The first field that no rule covers: a rule covers its field with all below it. */
function firstUnnamed(schema: AvroSchema, plans: readonly FieldPlan[]): string | undefined {
  const search = (record: ReturnType<typeof rootRecord>, above: string): string | undefined => {
    for (const field of record?.fields ?? []) {
      const path = `${above}/${field.name}`;
      if (plans.some((plan) => plan.path === path)) continue;
      if (field.type.kind !== 'record' || !plans.some((plan) => plan.path.startsWith(`${path}/`))) return path;
      const below = search(field.type, path);
      if (below !== undefined) return below;
    }
    return undefined;
  };
  return search(rootRecord(schema), '');
}

/** A key that repeats a field takes that field's governed text, so the field must survive as a text. */
function checkChannels(schema: AvroSchema, plans: FusedPlans): Result<void> {
  const { key } = plans.channels;
  if (typeof key === 'string') return ok(undefined);
  const field = fieldAt(schema, key.repeats);
  if (field === undefined || field.type.kind !== 'string') {
    return fail('plan-invalid', `(key): ${key.repeats} is not a text field that is never null`, key.repeats);
  }
  const plan = plans.fields.find(({ path }) => path === key.repeats);
  const kept = plan?.action.kind === 'keep' || (plan?.action.kind === 'transform' && plan.action.result.kind === 'string');
  if (!kept) return fail('plan-invalid', `(key): ${key.repeats} does not survive as a text`, key.repeats);
  if (plan?.otherwise !== 'refuse')
    return fail('plan-invalid', `(key): the rule of ${key.repeats} must refuse what does not fit`, key.repeats);
  return ok(undefined);
}
