/** The intermediate form of a field transform: what both sides of a stage agree on. A stage gives one beside its plain reference. */

export type Lowering =
  /** First and last code points kept, the rest replaced by `width` symbols or one for each. */
  | { readonly op: 'mask'; readonly first: number; readonly last: number; readonly symbol: string; readonly width?: number }
  /** Cut to the first code points. */
  | { readonly op: 'prefix'; readonly count: number }
  /** Rounded down to a multiple of `width`. */
  | { readonly op: 'band'; readonly of: 'int' | 'long' | 'float' | 'double'; readonly width: number }
  /** Days since the epoch to the text of a band of years. */
  | { readonly op: 'year-band'; readonly years: number }
  /** Cut to the start of a unit, in UTC. */
  | { readonly op: 'date-cut'; readonly to: 'year' | 'month' | 'day' | 'hour'; readonly of: 'days' | 'millis' | 'micros' }
  /** Hexadecimal HMAC-SHA256 under the field's key, of a text that matches the pattern of ASCII classes when there is one. */
  | { readonly op: 'token'; readonly length: number; readonly pattern?: readonly AsciiRun[] };

/** Characters of one ASCII class, `count` of them. Bit n of `allowed` (128 bits) says whether the character n is in the class. */
export interface AsciiRun {
  readonly allowed: bigint;
  readonly count: number;
}
