/** Compiles a policy against writer schemas and registers the governed schemas. */
import { parseSchema } from '../../../libs/avro/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok, topicNames } from '../../../libs/base/index.ts';
import type { ApprovedProgram } from '../../../libs/catalog/index.ts';
import type { Program } from '../../../libs/govern/index.ts';
import { compile, unreadFields } from '../../../libs/govern/index.ts';
import type { AgreementTerms } from '../../../libs/odrl/index.ts';
import type { ControlPlane } from '../plane.ts';
import { absentFields, termsForSchema } from './terms-for-schema.ts';

interface Writer {
  readonly id: number;
  readonly text: string;
}

/** The Program of a policy for one writer schema. A failure names the agreement and the schema. */
export function compileProgram(plane: Pick<ControlPlane, 'stages'>, terms: AgreementTerms, writer: Writer): Result<Program> {
  const action = `compiling agreement ${terms.agreement} for schema ${writer.id}`;
  const schema = parseSchema(writer.text);
  if (!schema.ok) return during(action, schema.failure);
  const program = compile({ schema: schema.value, terms: termsForSchema(terms, schema.value), stages: plane.stages });
  return program.ok ? program : during(action, program.failure);
}

/**
 * The Program for a later writer schema: under the contract that the agreement has where its records can be read as that, so that the subscriber's
 * schema stays; on its own where the policy wants a field that the contract does not have, or where only that is possible. A field that nothing
 * reads must be dropped by the policy in so many words: `field-unnamed`.
 */
function compileLater(
  plane: Pick<ControlPlane, 'stages'>,
  terms: AgreementTerms,
  contractText: string,
  writer: Writer,
): Result<Program> {
  const action = `compiling agreement ${terms.agreement} for schema ${writer.id}`;
  const contract = parseSchema(contractText);
  const schema = parseSchema(writer.text);
  if (!contract.ok) return during(action, contract.failure);
  if (!schema.ok) return during(action, schema.failure);
  const dropped = new Set(terms.rules.filter(({ stage }) => stage === 'drop').flatMap(({ at }) => at));
  const gone = new Set(absentFields(terms, schema.value));
  const isWanted = absentFields(terms, contract.value).some((path) => !gone.has(path) && !dropped.has(path));
  const unnamed = unreadFields(contract.value, schema.value).find((path) => !dropped.has(path));
  if (isWanted || contractText === writer.text) return compileProgram(plane, terms, writer);
  const later =
    unnamed === undefined
      ? compile({
          schema: contract.value,
          writer: schema.value,
          terms: termsForSchema(terms, contract.value),
          stages: plane.stages,
        })
      : fail('field-unnamed', `field ${unnamed}: no rule names it; leaving it out takes an explicit drop`, unnamed);
  if (later.ok) return later;
  const plain = compileProgram(plane, terms, writer);
  return plain.ok ? plain : during(action, later.failure);
}

/** The schema that a Program's rules were planned on. */
function contractOf({ manifest, writerSchema }: ApprovedProgram): string {
  const { contract } = JSON.parse(manifest) as { contract?: unknown };
  return contract === undefined ? writerSchema : JSON.stringify(contract);
}

/** Compiles all first, so that a policy which fails on one schema registers nothing. `earlier` is a Program that the agreement has: its contract stays. */
export async function compilePrograms(
  plane: ControlPlane,
  terms: AgreementTerms,
  writers: readonly Writer[],
  earlier?: ApprovedProgram,
): Promise<Result<ApprovedProgram[]>> {
  const compiled: { writer: Writer; program: Program }[] = [];
  for (const writer of writers) {
    const program =
      earlier === undefined ? compileProgram(plane, terms, writer) : compileLater(plane, terms, contractOf(earlier), writer);
    if (!program.ok) return program;
    compiled.push({ writer, program: program.value });
  }
  const approved: ApprovedProgram[] = [];
  for (const { writer, program } of compiled) {
    const governedSchema = program.governedSchema.text;
    const subject = `${topicNames.governed(terms.dataset, terms.agreement)}-value`;
    const governedSchemaId = await plane.schemas.registerGoverned(subject, governedSchema);
    if (!governedSchemaId.ok) return during(`registering the governed schema of ${terms.agreement}`, governedSchemaId.failure);
    approved.push({
      writerSchemaId: writer.id,
      writerSchema: writer.text,
      governedSchemaId: governedSchemaId.value,
      governedSchema,
      manifest: program.manifest,
      module: Buffer.from(program.module ?? []).toString('base64'),
      programHash: program.hash,
    });
  }
  return ok(approved);
}
