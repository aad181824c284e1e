/** Which agreements have series of their own: the first so many, for as long as the process runs. */

/** What the figures of the others are added up under. No agreement is called so. */
const otherAgreements = '(other)';

/** First come, first served, and never taken back: a sum that only grows stays one, also that of the others. */
export class AgreementLabels {
  readonly #known = new Set<string>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  of(agreement: string): string {
    if (this.#known.has(agreement)) return agreement;
    if (this.#known.size >= this.#most) return otherAgreements;
    this.#known.add(agreement);
    return agreement;
  }

  /** Adds up a figure by label. */
  sums(figures: Iterable<readonly [string, number]>): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const [agreement, figure] of figures) {
      const label = this.of(agreement);
      sums.set(label, (sums.get(label) ?? 0) + figure);
    }
    return sums;
  }
}
