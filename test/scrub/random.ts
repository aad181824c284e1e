/** Random choices from a seed: the same seed gives the same corpus on every machine. */

export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** From 0 to just below 1. Mulberry32: good enough to choose words with. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from `low` to `high`, both possible. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(likelihood: number): boolean {
    return this.next() < likelihood;
  }

  of<T>(items: readonly T[]): T {
    const item = items[this.whole(0, items.length - 1)];
    if (item === undefined) throw new Error('nothing to choose from');
    return item;
  }

  /** So many decimal digits. */
  digits(count: number): string {
    return Array.from({ length: count }, () => String(this.whole(0, 9))).join('');
  }

  letters(count: number, from = 'ABCDEFGHJKLMNPQRSTUVWXYZ'): string {
    return Array.from({ length: count }, () => this.of([...from])).join('');
  }
}
