/** The services of this test run: shared between jest's global set-up and its end, which are separate modules of one process. */
import { rmSync } from 'node:fs';

export const running = {
  stops: [] as (() => Promise<void>)[],
  directory: undefined as string | undefined,
  async stopAll(): Promise<void> {
    await Promise.all(running.stops.splice(0).map((stop) => stop()));
    if (running.directory !== undefined) rmSync(running.directory, { recursive: true, force: true });
  },
};
