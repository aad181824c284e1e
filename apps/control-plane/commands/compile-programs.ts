/** Compiles a policy against writer schemas and registers the governed schemas. */
import { parseSchema } from '../../../libs/avro/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, ok, topicNames } from '../../../libs/base/index.ts';
import type { ApprovedProgram } from '../../../libs/catalog/index.ts';
import type { Program } from '../../../libs/govern/index.ts';
import { compile } from '../../../libs/govern/index.ts';
import type { AgreementTerms } from '../../../libs/odrl/index.ts';
import type { ControlPlane } from '../plane.ts';
import { termsForSchema } from './terms-for-schema.ts';

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

/** Compiles all first, so that a policy which fails on one schema registers nothing. */
export async function compilePrograms(
  plane: ControlPlane,
  terms: AgreementTerms,
  writers: readonly Writer[],
): Promise<Result<ApprovedProgram[]>> {
  const compiled: { writer: Writer; program: Program }[] = [];
  for (const writer of writers) {
    const program = compileProgram(plane, terms, writer);
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
