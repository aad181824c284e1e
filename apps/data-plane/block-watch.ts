/** Notices when the process did nothing else for long: a timer that comes late says by how much. */

const tickMs = 500;
/** For so long a block is remembered, so that a probe that asks now and then learns of it. */
const rememberMs = 30_000;

export class BlockWatch {
  readonly #now: () => number;
  readonly #blocks: { readonly endedAtMs: number; readonly tookMs: number }[] = [];
  #tickedAtMs: number;
  #timer: NodeJS.Timeout | undefined;

  /** `now` in milliseconds, on a clock that only goes forward. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#tickedAtMs = now();
  }

  start(): void {
    this.#tickedAtMs = this.#now();
    this.#timer = setInterval(() => this.tick(), tickMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Called every half second, or later. */
  tick(): void {
    const now = this.#now();
    const tookMs = now - this.#tickedAtMs - tickMs;
    this.#tickedAtMs = now;
    while (this.#blocks[0] !== undefined && now - this.#blocks[0].endedAtMs > rememberMs) this.#blocks.shift();
    if (tookMs > tickMs) this.#blocks.push({ endedAtMs: now, tookMs });
  }

  /** The longest block of the last half minute, the one that ends with this call included, milliseconds. */
  longestMs(): number {
    const now = this.#now();
    const current = now - this.#tickedAtMs - tickMs;
    const past = this.#blocks.filter(({ endedAtMs }) => now - endedAtMs <= rememberMs).map(({ tookMs }) => tookMs);
    return Math.max(0, current, ...past);
  }
}
