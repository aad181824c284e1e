/** Brings an approved module to life. It compiles nothing, so an upgrade changes no approved Program. */
import type { Result } from '../base/index.ts';
import { during, fail, ok } from '../base/index.ts';
import type { AvroSchema, TypeModel } from '../avro/index.ts';
import { parseSchema } from '../avro/index.ts';
import type { Otherwise } from '../odrl/index.ts';
import { tokenKernelBytes } from '../records/index.ts';
import { placeAt } from './address.ts';
import { withoutNull } from './fields.ts';
import type { KeyPlan } from './govern-key.ts';
import type { Manifest } from './manifest.ts';
import { abi, needsOf, sha256 } from './manifest.ts';
import type { RunnableProgram } from './program.ts';
import type { FieldAction, Stage } from './stage.ts';
import type { HostField } from './wasm/bind-module.ts';
import { bindModule } from './wasm/bind-module.ts';

/** What the control plane approved and published: manifest, its hash, and the module's bytes in base64. */
export interface ApprovedModule {
  readonly manifest: string;
  readonly programHash: string;
  readonly module: string;
}

/**
 * The Program of an approved module. Fails with `program-mismatch` unless the manifest has the approved hash, the module and this release's
 * kernel have the hashes that stand in it, and this release has the same versions of the stages whose own functions the host applies.
 */
export function instantiate(approved: ApprovedModule, stages: readonly Stage[]): Result<RunnableProgram> {
  const action = 'instantiating program';
  const read = checkApprovedModule(approved);
  if (!read.ok) return during(action, read.failure);
  const { manifest, module } = read.value;
  if (sha256(tokenKernelBytes()) !== manifest.kernel)
    return fail('program-mismatch', `${action}: it was approved with another kernel; the agreement has to be put again`);
  const writerSchema = parseSchema(JSON.stringify(manifest.writerSchema));
  if (!writerSchema.ok) return during(action, writerSchema.failure);
  const contract = manifest.contract === undefined ? writerSchema : parseSchema(JSON.stringify(manifest.contract));
  if (!contract.ok) return during(action, contract.failure);
  const governedSchema = parseSchema(JSON.stringify(manifest.governedSchema));
  if (!governedSchema.ok) return during(action, governedSchema.failure);
  const asks: HostField[] = [];
  for (const { field } of manifest.asks) {
    const ask = hostField(manifest, field, contract.value, stages);
    if (!ask.ok) return during(action, ask.failure);
    asks.push(ask.value);
  }
  const keyPlan = keyPlanIn(manifest, contract.value, stages);
  if (!keyPlan.ok) return during(action, keyPlan.failure);
  const slots = manifest.slots ?? [];
  const program: RunnableProgram = {
    hash: approved.programHash,
    manifest: approved.manifest,
    writerSchema: writerSchema.value,
    governedSchema: governedSchema.value,
    needs: needsOf(slots, asks),
    fieldPaths: manifest.fields.map(({ at }) => at),
    timestamp: manifest.channels.timestamp,
    headers: manifest.channels.headers ?? [],
    compacted: manifest.compacted === true,
    module,
    bind: (binding) => bindModule(program, { module, slots, asks, keyPlan: keyPlan.value }, binding),
  };
  return ok(program);
}

/** Reads an approved module without bringing it to life. Fails with `program-mismatch` unless manifest and module have the approved hash. */
export function checkApprovedModule(
  approved: ApprovedModule,
): Result<{ readonly manifest: Manifest; readonly module: Buffer<ArrayBuffer> }> {
  if (sha256(approved.manifest) !== approved.programHash) return fail('program-mismatch', 'the manifest has another hash');
  const manifest = JSON.parse(approved.manifest) as Manifest;
  const module = Buffer.from(approved.module, 'base64');
  if (manifest.abi !== abi || manifest.engine !== 'wasm' || sha256(module) !== manifest.module)
    return fail('program-mismatch', 'the module is not the one of the manifest');
  return ok({ manifest, module });
}

/** What a compacted Program does with keys; of another one nothing is required of this release. */
function keyPlanIn(manifest: Manifest, contract: AvroSchema, stages: readonly Stage[]): Result<KeyPlan | undefined> {
  const { key: channel } = manifest.channels;
  if (manifest.compacted !== true) return ok(undefined);
  const field = typeof channel === 'string' ? -1 : manifest.fields.findIndex(({ at }) => at === channel.repeats);
  // A field without a rule of its own is kept with what it is in.
  if (field < 0) return ok({ channel });
  const planned = plannedAgain(manifest, field, contract, stages);
  return planned.ok ? ok({ channel, action: planned.value.action }) : planned;
}

/** The stage's own function for a field. */
function hostField(manifest: Manifest, field: number, contract: AvroSchema, stages: readonly Stage[]): Result<HostField> {
  const planned = plannedAgain(manifest, field, contract, stages);
  if (!planned.ok) return planned;
  const { action, type, otherwise } = planned.value;
  if (action.kind !== 'transform') return mismatch(manifest, field);
  const label = action.keyLabel === undefined ? {} : { label: action.keyLabel };
  return ok({ field, action, type, refuses: otherwise === 'refuse', ...label });
}

export interface PlannedAgain {
  readonly action: FieldAction;
  /** Without null. */
  readonly type: TypeModel;
  readonly otherwise: Otherwise;
}

/** What happens to a field, planned again on the approved contract. */
export function plannedAgain(
  manifest: Manifest,
  field: number,
  contract: AvroSchema,
  stages: readonly Stage[],
): Result<PlannedAgain> {
  const planned = manifest.fields[field];
  const stage = stages.find(({ name }) => name === planned?.stage);
  if (planned === undefined || stage?.scope !== 'field' || stage.version !== planned.version)
    return fail('program-mismatch', `it was approved with another version of stage ${planned?.stage ?? '(none)'}`);
  const place = placeAt(contract, planned.at);
  if (!place.ok) return place;
  const { type, nullable } = withoutNull(place.value.type);
  const plan = stage.planWith({ path: planned.at, type, nullable }, planned.config);
  return plan.ok ? ok({ action: plan.value.action, type, otherwise: planned.else }) : mismatch(manifest, field);
}

function mismatch({ fields }: Manifest, field: number): Result<never> {
  return fail('program-mismatch', `stage ${fields[field]?.stage ?? '(none)'} no longer serves ${fields[field]?.at ?? '(none)'}`);
}
