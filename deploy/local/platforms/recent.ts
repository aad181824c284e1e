/** Remembers the newest texts, so that a repeated one is recognized with bounded memory. */
export class Recent {
  readonly #limit: number;
  #young = new Set<string>();
  #old = new Set<string>();

  /** Remembers at least the last `limit` and at most twice as many. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether the text was there already. */
  add(text: string): boolean {
    if (this.#young.has(text) || this.#old.has(text)) return true;
    this.#young.add(text);
    if (this.#young.size >= this.#limit) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    return false;
  }
}
