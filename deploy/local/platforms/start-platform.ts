/** The parent's side of a platform process. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import type { PlatformReport } from './platform-process.ts';

export type { PlatformReport } from './platform-process.ts';

export interface Platform {
  /** What it said when it was ready, such as its address. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** Its newest report. */
  report(): PlatformReport | undefined;
  /** Resolves when it has ended, also by itself. */
  readonly ended: Promise<void>;
  /** Closes its standard input and waits; after twenty seconds it is killed. */
  stop(): Promise<void>;
}

const stopTimeoutMs = 20_000;

/** Starts `enterprise`, `national` or `regional` with its settings and waits until it is ready. Failure: `service-failed`. */
export async function startPlatform(name: 'enterprise' | 'national' | 'regional', settings: unknown): Promise<Result<Platform>> {
  const script = path.join(import.meta.dirname, `${name}${path.extname(import.meta.filename)}`);
  // In a process group of its own: Ctrl-C in a terminal goes to the parent, which ends it in order.
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--disable-warning=TimeoutNegativeWarning', script],
    {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(?:SLUICE_|OTEL_|NODE_OPTIONS$)/.test(key))),
    },
  );
  let said = '';
  let report: PlatformReport | undefined;
  child.stdin.on('error', () => undefined);
  child.stderr.on('data', (part: Buffer) => {
    said = (said + part.toString('utf8')).slice(-2_000);
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const ready = new Promise<Readonly<Record<string, unknown>> | undefined>((resolve) => {
    child.once('error', () => resolve(undefined));
    void ended.then(() => resolve(undefined));
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as { ready?: Readonly<Record<string, unknown>>; report?: PlatformReport };
      if (line.ready !== undefined) resolve(line.ready);
      if (line.report !== undefined) report = line.report;
    });
  });
  child.stdin.write(`${JSON.stringify(settings)}\n`);
  const first = await ready;
  if (first === undefined)
    return fail('service-failed', `starting the ${name} platform: ${said.trim().split('\n').at(-1) ?? 'it ended'}`);
  return ok({
    ready: first,
    report: () => report,
    ended,
    stop: async () => {
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
      await ended;
      clearTimeout(timer);
    },
  });
}
