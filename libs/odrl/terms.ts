/** What a policy evaluates to: the only view of an Agreement that `govern` sees. */
import type { Enforcer } from './enforcers.ts';

/** What happens to a value that does not fit its rule. */
export type Otherwise = 'refuse' | 'null' | { readonly constant: string | number | boolean };

/** One application of a Stage: which stage, to which field paths, with which configuration. */
export interface StageRule {
  /** A name from the stage list, e.g. `mask`. */
  readonly stage: string;
  /** Addresses of places, such as `/patient/phone` or `tag:direct-identifier` (the README of this room has all forms); empty for a stage that is about the whole record. */
  readonly at: readonly string[];
  /** The stage's own configuration, checked by the stage. */
  readonly with: Readonly<Record<string, unknown>>;
  readonly else: Otherwise;
}

/** How the channels beside the value are governed. Absent in a policy means the closed setting. */
export interface ChannelTerms {
  /** `drop` (default): no key. `keep`: raw key bytes. A field path: the governed text of the field that the raw key repeats. */
  readonly key: 'drop' | 'keep' | { readonly repeats: string };
  /** `keep` (default): the record's own time. `drop`: the time of the governed write. */
  readonly timestamp: 'keep' | 'drop';
  /** Headers that leave, sorted by name; absent (default), or for any other header: `drop`. */
  readonly headers?: readonly HeaderTerm[];
}

/** What becomes of the headers of one name. */
export type HeaderTerm =
  /** They leave as they came, all values in order; a record without one is fine. */
  | { readonly name: string; readonly keep: true }
  /** Each value is the raw key again and leaves as the governed key; a record where it is not, or that has none, is refused. */
  | { readonly name: string; readonly repeats: 'key' };

/** A condition as the policy has it, with what enforces it. Source: ODRL Information Model 2.2, section 2.5. */
export interface Constraint {
  readonly leftOperand: string;
  readonly operator: string;
  readonly rightOperand: string | number | readonly string[];
  readonly enforcedBy: Enforcer;
}

/** What the constraints, prohibitions and duties come to; null where nothing is said. */
export interface UsageTerms {
  readonly purposes: readonly string[] | null;
  /** Section letters of GB/T 4754-2017 that the subscriber may be of. */
  readonly sectors: readonly string[] | null;
  /** Where the subscriber may be: a region covers what its code begins, `CN-33` covers `CN-330108`. */
  readonly regions: readonly string[] | null;
  /** Milliseconds since the epoch. */
  readonly startsAtMs: number | null;
  /** The first moment when nothing is governed any more, milliseconds since the epoch. */
  readonly endsAtMs: number | null;
  /** How long the subscriber may keep a record, as an ISO 8601 duration. */
  readonly retention: string | null;
  readonly recordsPerSecondMax: number | null;
  readonly bytesPerSecondMax: number | null;
  readonly recordsMax: number | null;
  /** False where the policy prohibits that the subscriber passes on what it receives. */
  readonly mayRedistribute: boolean;
  /** What the subscriber owes besides, by contract, sorted. */
  readonly duties: readonly UsageDuty[];
}

/** `attribute`: names the publisher as the source. `delete`: deletes at the end and proves it. */
export type UsageDuty = 'attribute' | 'delete';

/** What every policy on a dataset says. */
export interface PolicyTerms {
  readonly dataset: string;
  /** Constraints, each with the part of Sluice that enforces it. */
  readonly constraints: readonly Constraint[];
  readonly usage: UsageTerms;
  readonly rules: readonly StageRule[];
  readonly channels: ChannelTerms;
}

/** A Set: what every agreement on the dataset must be at least as strict as. Its rules may leave places unnamed, which are free then. */
export type BaselineTerms = PolicyTerms;

/** An Offer to whoever the constraints fit. */
export interface OfferTerms extends PolicyTerms {
  readonly offer: string;
  readonly assigner: string;
}

/** The evaluated terms of one Agreement. */
export interface AgreementTerms extends PolicyTerms {
  /** Agreement id: names the governed topic, the consumer-group prefix and the Receipts. */
  readonly agreement: string;
  /** Participant that publishes (ODRL assigner). */
  readonly assigner: string;
  /** Participant that receives (ODRL assignee). */
  readonly assignee: string;
}
