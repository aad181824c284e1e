/** Seeded randomness for generated feeds: the same seed and index give the same record on every machine. Not for secrets. */

export interface Random {
  /** An integer of 32 bits. */
  next(): number;
  /** An integer from 0 to `bound` - 1. */
  below(bound: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** `count` decimal digits. */
  digits(count: number): string;
}

/** SFC32 (Chris Doty-Humphrey's small fast counter) over a seed and the place in the feed, mixed for some rounds first. */
export function randomAt(seed: number, index: number): Random {
  let a = seed | 0;
  let b = index | 0;
  let c = Math.floor(index / 0x1_0000_0000) | 0;
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let round = 0; round < 12; round += 1) next();
  const below = (bound: number): number => Math.floor((next() / 0x1_0000_0000) * bound);
  return {
    next,
    below,
    chance: (probability) => next() / 0x1_0000_0000 < probability,
    pick: <T>(items: readonly T[]): T => {
      const item = items[below(items.length)];
      if (item === undefined) throw new RangeError('pick takes a list with something in it');
      return item;
    },
    digits: (count) => Array.from({ length: count }, () => String(below(10))).join(''),
  };
}

/** Draws ranks 0 to `count` - 1 with probabilities proportional to 1 / (rank + 1), by one look-up in the cumulative table. */
export function zipf(count: number): (random: Random) => number {
  const cumulative = new Float64Array(count);
  let total = 0;
  for (let rank = 0; rank < count; rank += 1) {
    total += 1 / (rank + 1);
    cumulative[rank] = total;
  }
  return (random) => {
    const target = (random.next() / 0x1_0000_0000) * total;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((cumulative[middle] ?? 0) > target) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
