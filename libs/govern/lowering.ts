/** The intermediate form of a field transform: what both sides of a stage agree on. A stage gives one beside its plain reference. */
import type { BlockCipher, Prf } from '../records/index.ts';

export type Lowering =
  /** First and last code points kept, the rest replaced by `width` symbols or one for each. */
  | {
      readonly op: 'mask';
      readonly first: number;
      readonly last: number;
      readonly symbol: string;
      readonly width?: number;
    }
  /** Cut to the first code points. */
  | { readonly op: 'prefix'; readonly count: number }
  /** Rounded down to a multiple of `width`; to the nearest one, halves up, where `nearest` is set. A result outside of the type does not fit. */
  | {
      readonly op: 'band';
      readonly of: 'int' | 'long' | 'float' | 'double';
      readonly width: number;
      readonly nearest?: true;
    }
  /** Values below `low` become `low`, those above `high` become `high`; NaN does not fit. */
  | {
      readonly op: 'clamp';
      readonly of: 'int' | 'long' | 'float' | 'double';
      readonly low?: number;
      readonly high?: number;
    }
  /** Days since the epoch to the text of a band of years. */
  | { readonly op: 'year-band'; readonly years: number }
  /** Cut to the start of a unit, in UTC. */
  | {
      readonly op: 'date-cut';
      readonly to: 'year' | 'month' | 'day' | 'hour';
      readonly of: 'days' | 'millis' | 'micros';
    }
  /** Hexadecimal output of a keyed function under the field's key, of a text that matches the pattern of ASCII classes when there is one. */
  | {
      readonly op: 'token';
      readonly prf: Prf;
      readonly length: number;
      readonly pattern?: readonly AsciiRun[];
    }
  /**
   * FF1 over the decimal digits of a text of ASCII digits (the check character may be an X): `first` characters stay, the rest is encrypted, less the check
   * character at the end where there is one, which is made anew. Source: NIST SP 800-38G, algorithm 7.
   */
  | {
      readonly op: 'fpe';
      readonly cipher: BlockCipher;
      readonly first: number;
      readonly check: 'none' | 'luhn' | 'mod11-2';
      /** Least and most digits that are encrypted; a text with another count does not fit. */
      readonly digitsMin: number;
      readonly digitsMax: number;
    }
  /** The host applies the reference to the values of a batch between the checks and the writing. */
  | { readonly op: 'host' };

export type { BlockCipher, Prf };

/** Characters of one ASCII class, `count` of them. Bit n of `allowed` (128 bits) says whether the character n is in the class. */
export interface AsciiRun {
  readonly allowed: bigint;
  readonly count: number;
}
