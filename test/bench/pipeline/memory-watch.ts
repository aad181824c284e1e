/** Resident memory of a process, each second, until it is stopped or the process has ended. */
import { setTimeout as sleep } from 'node:timers/promises';
import { residentBytes } from './path-run.ts';

const sampleMs = 1_000;

export class MemoryWatch {
  readonly #pid: number;
  readonly #onSample: (megabytes: number) => void;
  readonly #watching: Promise<void>;
  #most = 0;
  #stopped = false;

  /** Megabytes are 2^20 bytes. */
  constructor(pid: number, onSample: (megabytes: number) => void = () => undefined) {
    this.#pid = pid;
    this.#onSample = onSample;
    this.#watching = this.#watch();
  }

  /** The most that was seen, megabytes. */
  async stop(): Promise<number> {
    this.#stopped = true;
    // The process may have ended under it; then there is nothing more to see.
    await this.#watching.catch(() => undefined);
    return this.#most;
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      const megabytes = residentBytes(this.#pid) / 2 ** 20;
      this.#most = Math.max(this.#most, megabytes);
      this.#onSample(megabytes);
      await sleep(sampleMs);
    }
  }
}
