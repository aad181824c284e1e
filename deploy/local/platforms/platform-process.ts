/** The child's side of a platform process: settings from the first line of standard input, reports as JSON lines, an end when input closes. */
import { createInterface } from 'node:readline';
import type { z } from 'zod';

/** What a platform tells about what it has received since it started. */
export interface PlatformReport {
  readonly received: number;
  readonly ok: number;
  /** Received before and dropped; at-least-once delivery makes some after a restart. */
  readonly repeated: number;
  /** Reason -> how many. */
  readonly problems: Readonly<Record<string, number>>;
  /** Time of the newest record, milliseconds since 1970, from its Kafka timestamp or CloudEvents time. */
  readonly newestMs?: number;
  /** What it may not read: topic -> the broker's answer, `READ` when it could be read all the same. */
  readonly refused?: Readonly<Record<string, string>>;
  /** The newest record as JSON, where it is for showing. */
  readonly example?: unknown;
}

export class Tally {
  received = 0;
  ok = 0;
  repeated = 0;
  newestMs: number | undefined;
  refused: Record<string, string> | undefined;
  example: unknown;
  readonly #problems = new Map<string, number>();

  problem(reason: string): void {
    this.#problems.set(reason, (this.#problems.get(reason) ?? 0) + 1);
  }

  report(): PlatformReport {
    const { received, ok, repeated, newestMs, refused, example } = this;
    return {
      received,
      ok,
      repeated,
      problems: Object.fromEntries(this.#problems),
      ...(newestMs === undefined ? {} : { newestMs }),
      ...(refused === undefined ? {} : { refused }),
      ...(example === undefined ? {} : { example }),
    };
  }
}

interface Running {
  /** Goes out as the `ready` line. */
  readonly ready: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
}

const reportMs = 1_000;

/** Runs a platform until standard input closes. A failure to start is one sentence on standard error and exit code 1. */
export function runPlatform<Settings>(
  shape: z.ZodType<Settings>,
  start: (settings: Settings, tally: Tally) => Promise<Running>,
): void {
  const lines = createInterface({ input: process.stdin });
  const tally = new Tally();
  let running: Promise<Running> | undefined;
  let lastReport = '';
  const print = (line: Readonly<Record<string, unknown>>): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
  const report = (): void => {
    const text = JSON.stringify(tally.report());
    if (text !== lastReport) print({ report: tally.report() });
    lastReport = text;
  };
  const timer = setInterval(report, reportMs);
  const end = (code: number): void => {
    clearInterval(timer);
    report();
    process.stdout.write('', () => process.exit(code));
  };
  const failed = (error: unknown): void => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    end(1);
  };
  lines.once('line', (line) => {
    running = Promise.resolve()
      .then(() => start(shape.parse(JSON.parse(line)), tally))
      .then((started) => {
        print({ ready: started.ready });
        return started;
      });
    running.catch(failed);
  });
  lines.once('close', () => {
    const stopped = running === undefined ? Promise.resolve() : running.then((started) => started.stop());
    stopped.then(() => end(0), failed);
  });
  // A reader that went away must not end the process before it has cleaned up.
  process.stdout.on('error', () => undefined);
}
