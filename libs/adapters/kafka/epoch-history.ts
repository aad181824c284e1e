/**
 * Which leader wrote which offsets of a partition, as far as they were read one after the other. A broker that is told who wrote the record before a position
 * finds out whether its log is still the one that was read. Source: Apache Kafka, KIP-320.
 */
const startsMax = 1_000;

export class EpochHistory {
  /** Ascending by both. */
  #starts: { readonly epoch: number; readonly from: bigint }[] = [];
  /** The offset behind the last one that is known. */
  #end = -1n;

  /** Records from `first` to `last` were written in this epoch. What does not go on from what is known takes its place. */
  note(epoch: number, first: bigint, last: bigint): void {
    if (epoch < 0) return this.forget();
    if (first < this.#end ? this.#at(first) !== epoch : first > this.#end) this.forget();
    if (this.#starts.at(-1)?.epoch !== epoch && first >= this.#end) {
      this.#starts.push({ epoch, from: first });
      if (this.#starts.length > startsMax) this.#starts.shift();
    }
    if (last >= this.#end) this.#end = last + 1n;
  }

  /** The epoch of the record before this offset; -1 where it is not known. */
  before(offset: bigint): number {
    return offset > this.#end ? -1 : this.#at(offset - 1n);
  }

  forget(): void {
    this.#starts = [];
    this.#end = -1n;
  }

  #at(offset: bigint): number {
    return this.#starts.findLast(({ from }) => from <= offset)?.epoch ?? -1;
  }
}
