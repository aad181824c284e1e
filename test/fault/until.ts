import { setTimeout as sleep } from 'node:timers/promises';

/** Looks again and again until it is so, for `timeoutMs` at the most. Whether it came to be so. */
export async function until(done: () => boolean, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (!done() && Date.now() < deadline) await sleep(10);
  return done();
}
