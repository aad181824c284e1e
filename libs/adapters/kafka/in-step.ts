/** Waits that end together: a process that is woken once for many of them does the same work in less time, because the processor's caches have it. */

/** Milliseconds between the moments at which long waits end; each process has its own. */
const stepMs = 250;
/** Waits from this length on are cut: by a quarter of them at most. */
const longMs = 4 * stepMs;

/** The longest wait of at most so many milliseconds that ends in step with the others of this process; a short one stays as it is. */
export const inStep = (waitMs: number, nowMs: number = performance.now()): number =>
  waitMs < longMs ? waitMs : waitMs - Math.floor((nowMs + waitMs) % stepMs);
