/** The memory that large answers are read into: a bounded number of bytes for all connections of a cluster handle. */

/** A buffer of the pool. `release()` gives it back; the bytes may not be touched after. A second call does nothing. */
export interface Lease {
  /** Exactly as long as was asked for. */
  readonly bytes: Buffer;
  release(): void;
}

interface Waiter {
  readonly size: number;
  readonly take: (lease: Lease) => void;
}

/** Sizes go up by powers of two from here, so that a buffer that was given back fits the next answer. */
const classBytesMin = 4 * 1024;
/** How many times as large as needed a buffer may be that is used again. */
const largerMax = 8;

export class BufferPool {
  readonly bytesMax: number;
  readonly #free = new Map<number, Buffer[]>();
  readonly #waiters = new Set<Waiter>();
  #leasedBytes = 0;
  #freeBytes = 0;

  /** `bytesMax` bounds what is leased and what is kept for the next lease together. */
  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get leasedBytes(): number {
    return this.#leasedBytes;
  }

  /** Whether an answer of this many bytes can ever be taken. */
  fits(size: number): boolean {
    return classOf(size) <= this.bytesMax;
  }

  /** A buffer, or undefined while the pool has no room or others wait before this one. */
  lease(size: number): Lease | undefined {
    return this.#waiters.size > 0 ? undefined : this.#lease(size);
  }

  /** Calls `take` once, as soon as there is room, in the order of asking. Returns how to withdraw. */
  whenRoom(size: number, take: (lease: Lease) => void): () => void {
    const waiter = { size, take };
    this.#waiters.add(waiter);
    return () => {
      if (this.#waiters.delete(waiter)) this.#serve();
    };
  }

  #lease(size: number): Lease | undefined {
    const needed = classOf(size);
    if (this.#leasedBytes + needed > this.bytesMax) return undefined;
    let buffer = this.#take(needed);
    if (buffer === undefined) {
      if (this.#leasedBytes + this.#freeBytes + needed > this.bytesMax) this.#forget();
      buffer = Buffer.allocUnsafeSlow(needed);
    }
    const { length: bytes } = buffer;
    this.#leasedBytes += bytes;
    let held: Buffer | undefined = buffer;
    return {
      bytes: buffer.subarray(0, size),
      release: () => {
        if (held === undefined) return;
        const free = this.#free.get(bytes) ?? [];
        free.push(held);
        this.#free.set(bytes, free);
        this.#freeBytes += bytes;
        this.#leasedBytes -= bytes;
        held = undefined;
        this.#serve();
      },
    };
  }

  /**
   * A free buffer of this size, or a larger one: answers get smaller towards the end of a backlog, and a new buffer for each size they pass through would never
   * be given back. One that is much larger is left for answers of its own size.
   */
  #take(needed: number): Buffer | undefined {
    for (let bytes = needed; bytes <= needed * largerMax; bytes *= 2) {
      if (this.#leasedBytes + bytes > this.bytesMax) return undefined;
      const buffer = this.#free.get(bytes)?.pop();
      if (buffer === undefined) continue;
      this.#freeBytes -= bytes;
      return buffer;
    }
    return undefined;
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      const lease = this.#lease(waiter.size);
      if (lease === undefined) return;
      this.#waiters.delete(waiter);
      waiter.take(lease);
    }
  }

  /** Buffers of other sizes make room for the one that is needed now. */
  #forget(): void {
    this.#free.clear();
    this.#freeBytes = 0;
  }
}

const classOf = (size: number): number => 2 ** Math.ceil(Math.log2(Math.max(size, classBytesMin)));
