export { headerFault, sortedHeaders } from './header-terms.ts';
export type { AgreementTerms, ChannelTerms, Constraint, HeaderTerm, Otherwise, StageRule } from './terms.ts';
export { parsePolicy, policyProfile } from './parse-policy.ts';
