/** The table of what leaves under an agreement, one for each approved Program. */
import { parseSchema } from '../../../libs/avro/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import type { ExplainRow } from '../../../libs/govern/index.ts';
import type { ExplainedTerm } from '../../../libs/odrl/index.ts';
import { explainTerms, parsePolicy } from '../../../libs/odrl/index.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import type { KeyEffect } from './key-effects.ts';
import { currentEpoch, keyedFieldsOf, rotationEffects } from './key-effects.ts';
import { compileProgram } from './compile-programs.ts';
import { contractOf } from './contract-of.ts';
import { findAgreement } from './find-agreement.ts';
import { absentFields } from './terms-for-schema.ts';

export interface AgreementExplanation {
  readonly agreement: string;
  /** Terms of use, each with what enforces it. */
  readonly terms: readonly ExplainedTerm[];
  /** The epoch of the data key, null once it was shredded, and what a rotation would do to each field that is made with it. */
  readonly keys: { readonly epoch: number | null; readonly rotation: readonly KeyEffect[] };
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
  const dataset = await plane.database.stores.datasets.find(agreement.value.dataset);
  if (!dataset.ok) return dataset;
  if (dataset.value === null) throw new Error(`agreement ${id} has no dataset`);
  const approved = await plane.database.stores.programs.of(id);
  if (!approved.ok) return approved;
  const named = { name: `agreement ${id}`, terms: terms.value };
  const programs: AgreementExplanation['programs'][number][] = [];
  for (const program of approved.value) {
    const { writerSchemaId, writerSchema, programHash } = program;
    const writer = { id: writerSchemaId, text: writerSchema };
    const compiled = compileProgram(plane, named, dataset.value, writer, contractOf(program));
    if (!compiled.ok) return compiled;
    if (compiled.value.hash !== programHash) {
      return fail(
        'program-mismatch',
        `the Program for schema ${writerSchemaId} was approved by another release; put the agreement again`,
      );
    }
    const schema = parseSchema(contractOf(program));
    if (!schema.ok) return schema;
    const rows = [...compiled.value.explain(), ...absentFields(terms.value, schema.value).map(absentRow)];
    programs.push({ writerSchemaId, programHash, rows });
  }
  const epoch = await currentEpoch(plane.database.stores, id);
  if (!epoch.ok) return epoch;
  const keys = { epoch: epoch.value, rotation: rotationEffects(keyedFieldsOf(approved.value, plane.stages)) };
  return ok({ agreement: id, terms: explainTerms(terms.value), keys, programs });
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
