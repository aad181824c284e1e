/** How long something is ago, never less than it is: the wall clock may be set back, and the other stands still while the machine is suspended. */

export interface Moment {
  /** `Date.now()`. */
  readonly wallMs: number;
  /** `performance.now()`. */
  readonly steadyMs: number;
}

/** Longer ago than any limit. */
export const longAgo: Moment = { wallMs: -Infinity, steadyMs: -Infinity };

export const momentNow = (): Moment => ({ wallMs: Date.now(), steadyMs: performance.now() });

/** Milliseconds. */
export const ageMs = ({ wallMs, steadyMs }: Moment): number => Math.max(Date.now() - wallMs, performance.now() - steadyMs);
