/** What has been started and must be stopped, last first. */

export interface Stopped {
  readonly title: string;
  readonly seconds: number;
  /** Present when stopping failed; the rest is stopped all the same. */
  readonly error?: unknown;
}

export class StopStack {
  readonly #entries: { readonly title: string; readonly stop: () => Promise<unknown> | void }[] = [];
  #running: Promise<void> | undefined;

  get isStopping(): boolean {
    return this.#running !== undefined;
  }

  /** What is pushed while or after everything is being stopped is stopped at once. */
  push(title: string, stop: () => Promise<unknown> | void): void {
    if (this.#running === undefined) this.#entries.push({ title, stop });
    else void attempt(stop);
  }

  /** A place in the order for something that is started later: it is stopped as if it had been started now. */
  reserve(title: string): (stop: () => Promise<unknown> | void) => void {
    let later: () => Promise<unknown> | void = () => undefined;
    let passed = false;
    this.push(title, () => {
      passed = true;
      return later();
    });
    return (stop) => {
      if (passed) void attempt(stop);
      else later = stop;
    };
  }

  /** Stops everything in the reverse order of starting. A second call waits for the first. */
  stopAll(told: (stopped: Stopped) => void = () => undefined): Promise<void> {
    this.#running ??= this.#stopAll(told);
    return this.#running;
  }

  async #stopAll(told: (stopped: Stopped) => void): Promise<void> {
    for (let entry = this.#entries.pop(); entry !== undefined; entry = this.#entries.pop()) {
      const began = Date.now();
      const error = await attempt(entry.stop);
      told({ title: entry.title, seconds: (Date.now() - began) / 1000, ...(error === undefined ? {} : { error }) });
    }
  }
}

async function attempt(stop: () => Promise<unknown> | void): Promise<unknown> {
  try {
    await stop();
    return undefined;
  } catch (error) {
    return error ?? new Error('stopping failed');
  }
}
