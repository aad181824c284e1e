/**
 * The life of one service process: started with its output in a log file, in its own process group so that a terminal's Ctrl-C
 * does not reach it before we have drained; stopped by us; and never left behind, not even when we are killed.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import { commandLine } from './process-table.ts';

export interface ServiceCommand {
  /** For sentences: "Kafka". */
  readonly title: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly logFile: string;
  /** Remembers the process, so that the next start finds one that was left behind. */
  readonly pidFile: string;
  /** Asks the process to end. */
  readonly stopSignal: 'SIGTERM' | 'SIGINT';
  /** After this it is killed. */
  readonly stopTimeoutMs: number;
}

export interface ServiceProcess {
  readonly pid: number;
  /** Resolves when the process has ended, for whatever reason. */
  readonly ended: Promise<void>;
  hasEnded(): boolean;
  /** What the log said since the start. */
  logText(): string;
  stop(): Promise<void>;
}

const logBytesMax = 16 * 1024 * 1024;

export function startService(command: ServiceCommand): ServiceProcess {
  turnLog(command.logFile);
  const logStart = existsSync(command.logFile) ? statSync(command.logFile).size : 0;
  const log = openSync(command.logFile, 'a', 0o600);
  const identity =
    command.uid === undefined ? {} : { uid: command.uid, ...(command.gid === undefined ? {} : { gid: command.gid }) };
  const child = spawn(command.program, command.args, {
    cwd: command.cwd,
    ...(command.env ? { env: command.env } : {}),
    ...identity,
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const pid = child.pid ?? 0;
  if (pid > 0) writeFileSync(command.pidFile, `${pid}\n`);
  let over = pid === 0;
  const guard = pid > 0 ? startGuard(pid, command.stopSignal) : undefined;
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      over = true;
      guard?.kill('SIGKILL');
      rmSync(command.pidFile, { force: true });
      resolve();
    };
    child.once('error', end);
    child.once('exit', end);
  });
  child.unref();
  let stopping: Promise<void> | undefined;
  return {
    pid,
    ended,
    hasEnded: () => over,
    logText: () => readFileSync(command.logFile).subarray(logStart).toString('utf8'),
    stop: () => {
      stopping ??= stopProcess(child, ended, () => over, command);
      return stopping;
    },
  };
}

/**
 * Waits until `probe` is true. A process that ends before, or takes longer than `timeoutMs`, is the failure `service-failed`
 * with the gist of its log; it is then stopped.
 */
export async function untilReady(
  service: ServiceProcess,
  command: ServiceCommand,
  probe: () => boolean | Promise<boolean>,
  timeoutMs: number,
): Promise<Result<void>> {
  const deadline = Date.now() + timeoutMs;
  while (!service.hasEnded() && Date.now() < deadline) {
    if (await probe()) return ok(undefined);
    await sleep(50);
  }
  const what = service.hasEnded() ? 'ended while starting' : `was not ready within ${Math.round(timeoutMs / 1000)} s`;
  const gist = gistOf(service.logText());
  await service.stop();
  return fail('service-failed', `${command.title} ${what}${gist === '' ? '' : `: ${gist}`} (log: ${command.logFile})`);
}

/** Stops a process that an earlier, killed run left behind. `marker` must be part of its command line: a pid may have a new owner. */
export async function stopLeftBehind(
  pidFile: string,
  marker: string,
  signal: 'SIGTERM' | 'SIGINT',
  timeoutMs: number,
): Promise<boolean> {
  if (!existsSync(pidFile)) return false;
  const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
  const isOurs = (): boolean => pid > 1 && commandLine(pid).includes(marker);
  const found = isOurs();
  if (found) {
    kill(pid, signal);
    const deadline = Date.now() + timeoutMs;
    while (isOurs() && Date.now() < deadline) await sleep(50);
    if (isOurs()) kill(pid, 'SIGKILL');
    while (isOurs()) await sleep(50);
  }
  rmSync(pidFile, { force: true });
  return found;
}

/** The last line of a log that says why, without its time and thread. */
export function gistOf(log: string): string {
  const lines = log.split('\n').map((line) => line.trim());
  const telling = lines.filter(
    (line) => /\b(ERROR|FATAL|PANIC|Exception|Error:|error:|OutOfMemory)/.test(line) && !line.startsWith('at '),
  );
  const line = telling.at(-1) ?? lines.findLast((text) => text !== '') ?? '';
  return line.replace(/^.*?\b(ERROR|FATAL|PANIC)\b:?\s*/, '').slice(0, 300);
}

/** Ends the service when our end of the pipe closes, which the system does for us however we end. */
function startGuard(pid: number, signal: string): ChildProcess {
  const script =
    'cat >/dev/null; kill -s "$2" "$1"; i=0; while kill -0 "$1" && [ $i -lt 30 ]; do sleep 1; i=$((i+1)); done; kill -s KILL "$1"';
  const guard = spawn('/bin/sh', ['-c', script, 'sluice-guard', String(pid), signal.replace('SIG', '')], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.on('error', () => undefined);
  guard.stdin?.on('error', () => undefined);
  guard.unref();
  (guard.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  return guard;
}

async function stopProcess(
  child: ChildProcess,
  ended: Promise<void>,
  over: () => boolean,
  command: ServiceCommand,
): Promise<void> {
  if (over()) return;
  child.ref();
  child.kill(command.stopSignal);
  const killer = setTimeout(() => child.kill('SIGKILL'), command.stopTimeoutMs);
  await ended;
  clearTimeout(killer);
}

function turnLog(file: string): void {
  if (existsSync(file) && statSync(file).size > logBytesMax) renameSync(file, `${file}.old`);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself in between.
  }
}
