/** What the terminal shows at one moment. Plain values, so that the table can be tested without a broker. */

export interface AgreementRow {
  readonly agreement: string;
  readonly dataset: string;
  /** Who receives, and how: "xinglan-pharma by Kafka". */
  readonly to: string;
  /** Data records since the agreement began, from its Receipts. */
  readonly input: number;
  readonly governed: number;
  readonly withheld: number;
  readonly refused: number;
  /** Records that the subscriber has; undefined where nobody has read yet. */
  readonly delivered?: number;
  /** Age of the oldest record that was fed and is not yet governed and delivered, seconds. Undefined before the first record. */
  readonly lagSeconds?: number;
}

/** One record of the demo as it came in and as it went out. Absent after means that the field was dropped. */
export interface Example {
  readonly agreement: string;
  readonly fields: readonly { readonly name: string; readonly before: string; readonly after?: string }[];
}

export interface Snapshot {
  readonly upSeconds: number;
  readonly rows: readonly AgreementRow[];
  readonly example?: Example;
  /** A sentence for what is going on, such as the demo's loading. */
  readonly activity?: string;
}
