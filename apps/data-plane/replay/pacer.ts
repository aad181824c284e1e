/** Lets so many records a second go, whatever they come in. */
import { setTimeout } from 'node:timers/promises';

export interface Clock {
  /** Milliseconds that only grow. */
  nowMs(): number;
  sleep(ms: number): Promise<void>;
}

const monotonicClock: Clock = { nowMs: () => performance.now(), sleep: (ms) => setTimeout(ms) };

/** A wait is looked at again this often, so that a stop does not wait for it, milliseconds. */
const sliceMs = 100;

export class Pacer {
  readonly #recordMs: number;
  readonly #clock: Clock;
  #freeAtMs = 0;

  constructor(ratePerSecond: number, clock: Clock = monotonicClock) {
    this.#recordMs = 1_000 / ratePerSecond;
    this.#clock = clock;
  }

  /** Resolves when `count` more may go, or at a stop: within t seconds at most `count` + t x rate go. The first ones go at once. */
  async take(count: number, stopped: AbortSignal): Promise<void> {
    const mayGoAtMs = Math.max(this.#clock.nowMs(), this.#freeAtMs);
    this.#freeAtMs = mayGoAtMs + count * this.#recordMs;
    for (;;) {
      const restMs = mayGoAtMs - this.#clock.nowMs();
      if (restMs <= 0 || stopped.aborted) return;
      await this.#clock.sleep(Math.min(sliceMs, restMs));
    }
  }
}
