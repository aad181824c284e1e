/** Compiles a policy against writer schemas and registers the governed schemas. */
import { parseSchema } from '../../../libs/avro/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok, topicNames } from '../../../libs/base/index.ts';
import type { ApprovedProgram } from '../../../libs/catalog/index.ts';
import { programPayload } from '../../../libs/catalog/index.ts';
import type { Program } from '../../../libs/govern/index.ts';
import { compile, unreadFields } from '../../../libs/govern/index.ts';
import type { AgreementTerms } from '../../../libs/odrl/index.ts';
import type { ControlPlane } from '../plane.ts';
import type { Named, OfDataset } from './check-tightens.ts';
import { checkTightensBaseline, currentBaseline } from './check-tightens.ts';
import { contractOf } from './contract-of.ts';
import { absentFields, termsForSchema } from './terms-for-schema.ts';

interface Writer {
  readonly id: number;
  readonly text: string;
}

type Compiling = Pick<ControlPlane, 'stages'>;

/** The Program of a policy for one writer schema, read as the contract where there is another one. A failure names the policy and the schema. */
export function compileProgram(
  plane: Compiling,
  { name, terms }: Named,
  { compacted }: OfDataset,
  writer: Writer,
  contractText = writer.text,
): Result<Program> {
  const action = `compiling ${name} for schema ${writer.id}`;
  const schema = parseSchema(contractText);
  if (!schema.ok) return during(action, schema.failure);
  const written = contractText === writer.text ? schema : parseSchema(writer.text);
  if (!written.ok) return during(action, written.failure);
  const program = compile({
    schema: schema.value,
    ...(written === schema ? {} : { writer: written.value }),
    terms: termsForSchema(terms, schema.value),
    stages: plane.stages,
    compacted,
  });
  return program.ok ? program : during(action, program.failure);
}

/**
 * The Program for a later writer schema: under the contract that the agreement has where its records can be read as that, so that the subscriber's
 * schema stays; on its own where the policy wants a field that the contract does not have, or where only that is possible. A field that nothing
 * reads must be dropped by the policy in so many words: `field-unnamed`.
 */
function compileLater(plane: Compiling, named: Named, dataset: OfDataset, contractText: string, writer: Writer): Result<Program> {
  const { name, terms } = named;
  const action = `compiling ${name} for schema ${writer.id}`;
  const contract = parseSchema(contractText);
  const schema = parseSchema(writer.text);
  if (!contract.ok) return during(action, contract.failure);
  if (!schema.ok) return during(action, schema.failure);
  const dropped = new Set(terms.rules.filter(({ stage }) => stage === 'drop').flatMap(({ at }) => at));
  const gone = new Set(absentFields(terms, schema.value));
  const isWanted = absentFields(terms, contract.value).some((path) => !gone.has(path) && !dropped.has(path));
  const unnamed = unreadFields(contract.value, schema.value).find((path) => !dropped.has(path));
  if (isWanted || contractText === writer.text) return compileProgram(plane, named, dataset, writer);
  const later =
    unnamed === undefined
      ? compileProgram(plane, named, dataset, writer, contractText)
      : fail('field-unnamed', `${action}: field ${unnamed}: no rule names it; leaving it out takes an explicit drop`, unnamed);
  if (later.ok) return later;
  const plain = compileProgram(plane, named, dataset, writer);
  return plain.ok ? plain : later;
}

/**
 * Compiles all first, so that a policy which fails on one schema registers nothing; each is held against the dataset's baseline, which fails with
 * `policy-loosens`, and signs what comes of it: this is the approval. `earlier` is a Program that the agreement has: its contract stays.
 */
export async function compilePrograms(
  plane: ControlPlane,
  terms: AgreementTerms,
  dataset: OfDataset,
  writers: readonly Writer[],
  earlier?: ApprovedProgram,
): Promise<Result<ApprovedProgram[]>> {
  const named = { name: `agreement ${terms.agreement}`, terms };
  const baseline = await currentBaseline(plane.database.stores, dataset.id);
  if (!baseline.ok) return baseline;
  const compiled: { writer: Writer; program: Program }[] = [];
  for (const writer of writers) {
    const program =
      earlier === undefined
        ? compileProgram(plane, named, dataset, writer)
        : compileLater(plane, named, dataset, contractOf(earlier), writer);
    if (!program.ok) return program;
    const contract = contractOf({
      manifest: program.value.manifest,
      writerSchema: writer.text,
    });
    const tightens = checkTightensBaseline(plane, baseline.value, named, writer.text, contract);
    if (!tightens.ok) return tightens;
    compiled.push({ writer, program: program.value });
  }
  const approved: ApprovedProgram[] = [];
  for (const { writer, program } of compiled) {
    const governedSchema = program.governedSchema.text;
    const subject = `${topicNames.governed(terms.dataset, terms.agreement)}-value`;
    const governedSchemaId = await plane.schemas.registerGoverned(subject, governedSchema);
    if (!governedSchemaId.ok) return during(`registering the governed schema of ${terms.agreement}`, governedSchemaId.failure);
    const signed = {
      writerSchemaId: writer.id,
      writerSchema: writer.text,
      governedSchemaId: governedSchemaId.value,
      governedSchema,
      programHash: program.hash,
    };
    const signature = await plane.signer.sign('program', programPayload(terms.agreement, signed));
    if (!signature.ok) return during(`signing the Program of ${terms.agreement} for schema ${writer.id}`, signature.failure);
    approved.push({
      ...signed,
      manifest: program.manifest,
      module: Buffer.from(program.module ?? []).toString('base64'),
      signature: signature.value,
    });
  }
  return ok(approved);
}
