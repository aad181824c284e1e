/** Whether what is known of the directives is so new that something may leave under it: one that was given since may say stop. */
import type { Moment } from '../../libs/base/index.ts';
import { ageMs, longAgo } from '../../libs/base/index.ts';

export class Freshness {
  readonly #ageMsMax: number;
  /** When the question was asked whose answer came last: a process may have been frozen before it read the answer. */
  #asked: Moment = longAgo;
  readonly #waiting = new Set<() => void>();

  /** `ageMsMax`: how long ago directives may have been asked for, milliseconds. */
  constructor(ageMsMax: number) {
    this.#ageMsMax = ageMsMax;
  }

  /** What was asked for at this moment has been answered, and whoever it concerns has been told. */
  renew(asked: Moment): void {
    this.#asked = asked;
    for (const wake of this.#waiting) wake();
  }

  holds(): boolean {
    return ageMs(this.#asked) <= this.#ageMsMax;
  }

  /** Waits until it holds. False once `stopped` is aborted: nothing may leave any more. */
  async reached(stopped: AbortSignal): Promise<boolean> {
    while (!stopped.aborted && !this.holds()) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#waiting.delete(done);
          stopped.removeEventListener('abort', done);
          resolve();
        };
        this.#waiting.add(done);
        stopped.addEventListener('abort', done);
      });
    }
    return !stopped.aborted;
  }
}
