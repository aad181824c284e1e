/** Lets a few through at once; the others wait in the order in which they came. */
export class Gate {
  #free: number;
  readonly #waitingMax: number;
  readonly #waiting: (() => void)[] = [];

  /** @param waitingMax how many may wait; more are turned away by `isFull`. */
  constructor(atOnce: number, waitingMax = Number.POSITIVE_INFINITY) {
    this.#free = atOnce;
    this.#waitingMax = waitingMax;
  }

  get isFull(): boolean {
    return this.#waiting.length >= this.#waitingMax;
  }

  async through<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
