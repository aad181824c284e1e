export { isNoLonger } from './duration.ts';
export type { Enforcer } from './enforcers.ts';
export { enforcerSentence } from './enforcers.ts';
export type { ExplainedTerm } from './explain-terms.ts';
export { explainTerms } from './explain-terms.ts';
export { headerFault, sortedHeaders } from './header-terms.ts';
export {
  parseBaseline,
  parseOffer,
  parsePolicy,
  policyProfile,
} from './parse-policy.ts';
export type {
  AgreementTerms,
  BaselineTerms,
  ChannelTerms,
  Constraint,
  HeaderTerm,
  OfferTerms,
  Otherwise,
  PolicyTerms,
  StageRule,
  UsageDuty,
  UsageTerms,
} from './terms.ts';
