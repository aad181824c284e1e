/** What a policy says beside its rules, in words, each with what enforces it. */
import { enforcerSentence } from './enforcers.ts';
import type { Constraint, PolicyTerms } from './terms.ts';

export interface ExplainedTerm {
  /** Such as `purpose isAnyOf research, audit`. */
  readonly term: string;
  readonly enforcement: string;
}

/** Constraints first, in the order of the policy; then what is prohibited and owed. */
export function explainTerms({ constraints, usage }: Pick<PolicyTerms, 'constraints' | 'usage'>): readonly ExplainedTerm[] {
  const contractual = [
    ...(usage.mayRedistribute ? [] : ['prohibition: distribute']),
    ...usage.duties.map((duty) => `duty: ${duty}`),
  ];
  return [
    ...constraints.map((constraint) => ({ term: written(constraint), enforcement: enforcerSentence[constraint.enforcedBy] })),
    ...contractual.map((term) => ({ term, enforcement: enforcerSentence.contract })),
  ];
}

const written = ({ leftOperand, operator, rightOperand }: Constraint): string =>
  `${leftOperand} ${operator} ${typeof rightOperand === 'object' ? rightOperand.join(', ') : rightOperand}`;
