/** Policies that differ in how they mask, and the Program of each: as many agreements share one. */
import { compileProgram } from '../../../apps/control-plane/commands/compile-programs.ts';
import { unwrap } from '../../../libs/base/index.ts';
import type { ApprovedProgram } from '../../../libs/catalog/index.ts';
import { parsePolicy } from '../../../libs/odrl/index.ts';
import { stages } from '../../../libs/stages/index.ts';

const writerSchema = JSON.stringify({
  type: 'record',
  name: 'Visit',
  fields: [
    { name: 'residentId', type: 'string' },
    { name: 'phone', type: 'string' },
    { name: 'department', type: 'string' },
    { name: 'cost', type: 'double' },
    { name: 'day', type: { type: 'int', logicalType: 'date' } },
  ],
});

export const programsMax = 200;

export interface AgreementNames {
  readonly agreement: string;
  readonly dataset: string;
  readonly assigner: string;
  readonly assignee: string;
}

/** The policy of number `variant`, as an ODRL Agreement between these. */
export const policyOf = (variant: number, { agreement, dataset, assigner, assignee }: AgreementNames) => ({
  '@context': 'http://www.w3.org/ns/odrl.jsonld',
  '@type': 'Agreement',
  uid: agreement,
  profile: 'urn:sluice:odrl:1',
  permission: [
    {
      target: dataset,
      assigner,
      assignee,
      action: 'distribute',
      constraint: [
        { leftOperand: 'purpose', operator: 'isAnyOf', rightOperand: ['research', 'planning'] },
        { leftOperand: 'spatial', operator: 'isAnyOf', rightOperand: ['CN'] },
      ],
      duty: [
        {
          action: 'govern',
          stages: [
            { stage: 'pseudonymize', at: '/residentId', with: { length: 32 } },
            { stage: 'mask', at: '/phone', with: maskOf(variant) },
            { stage: 'keep', at: ['/department', '/cost', '/day'] },
          ],
        },
      ],
    },
  ],
  prohibition: [{ target: `${dataset}/governed`, action: 'distribute' }],
});

const maskOf = (variant: number): object => ({
  first: variant % 4,
  last: Math.floor(variant / 4) % 5,
  width: 1 + (Math.floor(variant / 20) % 10),
});

/** Programs of the first `count` variants, all different. Throws where two are the same. */
export function makePrograms(count: number): ApprovedProgram[] {
  const names = { agreement: 'a', dataset: 'd', assigner: 'p', assignee: 's' };
  const made = Array.from({ length: count }, (_, variant): ApprovedProgram => {
    const terms = unwrap(parsePolicy(policyOf(variant, names)));
    const program = unwrap(
      compileProgram({ stages }, { name: 'the bench', terms }, { id: 'd', compacted: false }, { id: 1, text: writerSchema }),
    );
    return {
      writerSchemaId: 1,
      writerSchema,
      governedSchemaId: 2,
      governedSchema: program.governedSchema.text,
      manifest: program.manifest,
      module: Buffer.from(program.module ?? []).toString('base64'),
      programHash: program.hash,
      signature: '',
    };
  });
  if (new Set(made.map(({ programHash }) => programHash)).size !== count)
    throw new Error('two Programs of the bench are the same');
  return made;
}
