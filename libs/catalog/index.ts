export type { Approver, RequestDecision, RequestProgress, RequestState } from './access-request.ts';
export { approversOf, decide, nextApprover, withdraw } from './access-request.ts';
export type { DescribedField } from './describe-fields.ts';
export { describeFields, fieldTags } from './describe-fields.ts';
export type { Hold, LifecycleEvent, Standing } from './agreement-lifecycle.ts';
export { renewableForMs, transition, underTerms } from './agreement-lifecycle.ts';
export type {
  ApprovedProgram,
  Delivery,
  DirectedSuppression,
  Directive,
  TransferStart,
  TransferState,
  WrappedKey,
} from './directive.ts';
export type { DataKeyState, KeyOwner } from './data-key.ts';
export { dataKeyContext, deliveryContext } from './data-key.ts';
export type { Asked } from './narrow-offer.ts';
export { narrowOffer } from './narrow-offer.ts';
export type { DirectivePublisher, KeyOpener, KeyVault, SchemaLookup, SuppressionPublisher } from './ports.ts';
export { parseDirective } from './parse-directive.ts';
export type { SignatureChecker, SignedKind, Signer } from './signature.ts';
export { programPayload } from './signature.ts';
export { searchForm, searchGrams, searchWords } from './search-text.ts';
export type { Suppression } from './suppression.ts';
export { parseSuppression, subjectDigest, suppressionKey, suppressionRecord } from './suppression.ts';
export type { Tightening } from './tightening.ts';
export { checkTightens, regionCovers } from './tightening.ts';
