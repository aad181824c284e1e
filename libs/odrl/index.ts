export type { AgreementTerms, ChannelTerms, Constraint, Otherwise, StageRule } from './terms.ts';
export { parsePolicy, policyProfile } from './parse-policy.ts';
