/** A redrive as a process: outcomes and the summary as JSON lines on standard output, a failure as one sentence on standard error. */
import { openChecker, openVault } from '../../../libs/adapters/kms/index.ts';
import { RegistryClient } from '../../../libs/adapters/registry/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import type { ReplaySummary } from './replay.ts';
import { replay } from './replay.ts';
import { readReplayOptions } from './replay-options.ts';

/** Sets the exit code: 0 done, 1 failed, 2 for a command line that is wrong. SIGINT and SIGTERM end it after the transaction under way. */
export async function runReplay(args: readonly string[]): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  const write = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
  // A reader such as `head` that closes the pipe has what it wanted.
  process.stdout.on('error', () => stop.abort());
  const ended = await run(args, write, stop.signal);
  if (ended.ok) {
    write(ended.value);
    return;
  }
  process.stderr.write(`${ended.failure.message}\n`);
  process.exitCode = ended.failure.code === 'request-invalid' ? 2 : 1;
}

async function run(args: readonly string[], write: (line: object) => void, stopped: AbortSignal): Promise<Result<ReplaySummary>> {
  const options = await readReplayOptions(args);
  if (!options.ok) return options;
  const { request, kafka, account, registry } = options.value;
  const vault = await openVault(options.value.vault);
  if (!vault.ok) return vault;
  const checker = await openChecker(options.value.vault);
  if (!checker.ok) return checker;
  return replay(
    { kafka, vault: vault.value, checker: checker.value, registry: new RegistryClient(registry), account },
    request,
    write,
    stopped,
  );
}
