/** Which partition a record goes to: by its key as Kafka's own clients choose, or one partition a chunk in turn. */

/**
 * MurmurHash2, 32 bits, seed 0x9747b28c, as in Kafka's `Utils.murmur2`, the sign bit cleared. A key that a Java producer also writes
 * must land in the same partition.
 */
export function partitionOfKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

/** Keyless records: all of a chunk to one partition, so that batches stay large, and the next chunk to the next. */
export class TurnTaker {
  #turn: number;

  constructor(start = 0) {
    this.#turn = start;
  }

  next(partitions: number): number {
    const partition = this.#turn % partitions;
    this.#turn = (this.#turn + 1) >>> 0;
    return partition;
  }
}

const multiplier = 0x5bd1e995;

export function murmur2(data: Uint8Array): number {
  const { length } = data;
  let h = 0x9747b28c ^ length;
  const whole = length & ~3;
  for (let at = 0; at < whole; at += 4) {
    let k =
      (data[at] as number) |
      ((data[at + 1] as number) << 8) |
      ((data[at + 2] as number) << 16) |
      ((data[at + 3] as number) << 24);
    k = Math.imul(k, multiplier);
    k ^= k >>> 24;
    h = Math.imul(h, multiplier) ^ Math.imul(k, multiplier);
  }
  const left = length - whole;
  if (left >= 3) h ^= (data[whole + 2] as number) << 16;
  if (left >= 2) h ^= (data[whole + 1] as number) << 8;
  if (left >= 1) h = Math.imul(h ^ (data[whole] as number), multiplier);
  h = Math.imul(h ^ (h >>> 13), multiplier);
  return h ^ (h >>> 15);
}
