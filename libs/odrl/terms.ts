/** What a policy evaluates to: the only view of an Agreement that `govern` sees. */

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

export interface Constraint {
  readonly leftOperand: string;
  readonly operator: string;
  readonly rightOperand: string;
}

/** The evaluated terms of one Agreement. */
export interface AgreementTerms {
  /** Agreement id: names the governed topic, the consumer-group prefix and the Receipts. */
  readonly agreement: string;
  readonly dataset: string;
  /** Participant that publishes (ODRL assigner). */
  readonly assigner: string;
  /** Participant that receives (ODRL assignee). */
  readonly assignee: string;
  /** Constraints, each with the part of Sluice that enforces it. */
  readonly constraints: readonly (Constraint & { readonly enforcedBy: 'contract' })[];
  readonly rules: readonly StageRule[];
  readonly channels: ChannelTerms;
}
