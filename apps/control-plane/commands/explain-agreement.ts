/** The table of what leaves under an agreement, one for each approved Program. */
import { parseSchema } from '../../../libs/avro/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import type { ExplainRow } from '../../../libs/govern/index.ts';
import { parsePolicy } from '../../../libs/odrl/index.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { compileProgram } from './compile-programs.ts';
import { findAgreement } from './find-agreement.ts';
import { absentFields } from './terms-for-schema.ts';

export interface AgreementExplanation {
  readonly agreement: string;
  readonly programs: readonly {
    readonly writerSchemaId: number;
    readonly programHash: string;
    readonly rows: readonly ExplainRow[];
  }[];
}

/** Compiles again to explain; a hash that differs from the approved one is `program-mismatch`, never a table of something else. */
export async function explainAgreement(plane: ControlPlane, caller: Caller, id: string): Promise<Result<AgreementExplanation>> {
  const agreement = await findAgreement(plane, caller, id);
  if (!agreement.ok) return agreement;
  const terms = parsePolicy(agreement.value.policy);
  if (!terms.ok) return terms;
  const programs: AgreementExplanation['programs'][number][] = [];
  for (const { writerSchemaId, writerSchema, programHash } of agreement.value.programs) {
    const compiled = compileProgram(plane, terms.value, { id: writerSchemaId, text: writerSchema });
    if (!compiled.ok) return compiled;
    if (compiled.value.hash !== programHash) {
      return fail(
        'program-mismatch',
        `the Program for schema ${writerSchemaId} was approved by another release; put the agreement again`,
      );
    }
    const schema = parseSchema(writerSchema);
    if (!schema.ok) return schema;
    const rows = [...compiled.value.explain(), ...absentFields(terms.value, schema.value).map(absentRow)];
    programs.push({ writerSchemaId, programHash, rows });
  }
  return ok({ agreement: id, programs });
}

/** So that a name which fits no field is seen. */
const absentRow = (field: string): ExplainRow => ({
  field,
  stage: '(none)',
  happens: 'nothing: this schema has no such field',
  why: 'the policy names it, perhaps for another version of the schema',
  reversible: 'no',
  informationLost: 'none',
  lengthLeaked: false,
  clause: '',
});
