/** The data plane as a process of its own, or with `replay` one redrive of it. Ends with exit code 1 and one sentence when it cannot start. */
import { enableCompileCache, flushCompileCache } from 'node:module';
import path from 'node:path';

// Subscribers wait for a process that was killed, and loading its code is most of its start. Whoever may write to this directory may change the code too.
enableCompileCache(path.join(import.meta.dirname, '..', '..', '.compile-cache'));

const [command, ...args] = process.argv.slice(2);

async function main(): Promise<void> {
  if (command === 'replay') {
    const { runReplay } = await import('./replay/run-replay.ts');
    return runReplay(args);
  }
  const { runDataPlane } = await import('./run.ts');
  // Now, because what is killed writes nothing. It does nothing when nothing is new.
  flushCompileCache();
  return runDataPlane(process.env);
}

main().catch((error: unknown) => {
  // By its name: importing the class here would load before the cache is there.
  if (!(error instanceof Error && error.name === 'FailureError')) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
