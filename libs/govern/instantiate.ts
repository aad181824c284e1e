/** Brings an approved module to life. It compiles nothing, so an upgrade changes no approved Program. */
import type { Result } from '../base/index.ts';
import { during, fail, ok } from '../base/index.ts';
import type { AvroSchema } from '../avro/index.ts';
import { parseSchema } from '../avro/index.ts';
import { tokenKernelBytes } from '../records/index.ts';
import { placeAt } from './address.ts';
import { withoutNull } from './fields.ts';
import type { Manifest } from './manifest.ts';
import { abi, needsOf, sha256 } from './manifest.ts';
import type { RunnableProgram } from './program.ts';
import type { Stage } from './stage.ts';
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
    module,
    bind: (binding) => bindModule(program, { module, slots, asks }, binding),
  };
  return ok(program);
}

/** The stage's own function for a field, planned again on the approved contract. */
function hostField(manifest: Manifest, field: number, contract: AvroSchema, stages: readonly Stage[]): Result<HostField> {
  const planned = manifest.fields[field];
  const stage = stages.find(({ name }) => name === planned?.stage);
  if (planned === undefined || stage?.scope !== 'field' || stage.version !== planned.version)
    return fail('program-mismatch', `it was approved with another version of stage ${planned?.stage ?? '(none)'}`);
  const place = placeAt(contract, planned.at);
  if (!place.ok) return place;
  const value = withoutNull(place.value.type);
  const plan = stage.planWith({ path: planned.at, ...value }, planned.config);
  if (!plan.ok || plan.value.action.kind !== 'transform')
    return fail('program-mismatch', `stage ${planned.stage} no longer serves ${planned.at}`);
  const { action } = plan.value;
  const label = action.keyLabel === undefined ? {} : { label: action.keyLabel };
  return ok({
    field,
    action,
    type: value.type,
    refuses: planned.else === 'refuse',
    ...label,
  });
}
