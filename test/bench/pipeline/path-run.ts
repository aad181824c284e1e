/** A process that is measured: started, watched by what the kernel tells of it, and stopped. Its output goes to a file. */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface PathCommand {
  readonly title: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly logFile: string;
  /** Beside PATH and HOME, nothing else of our environment is passed on. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface PathRun {
  readonly title: string;
  readonly pid: number;
  /** Throws with the end of its log when it has ended by itself. */
  mustLive(): void;
  /** SIGTERM, and SIGKILL after ten seconds. */
  stop(): Promise<void>;
}

const stopTimeoutMs = 10_000;
const logTailChars = 2_000;

export function startPath({ title, program, args, logFile, environment }: PathCommand): PathRun {
  const log = openSync(logFile, 'w');
  const { PATH, HOME } = process.env;
  const env = { ...(PATH === undefined ? {} : { PATH }), ...(HOME === undefined ? {} : { HOME }), ...environment };
  const child = spawn(program, args, { env, stdio: ['ignore', log, log] });
  closeSync(log);
  let ended = false;
  const gone = new Promise<void>((resolve) => {
    const end = (): void => {
      ended = true;
      resolve();
    };
    child.once('exit', end);
    child.once('error', end);
  });
  // Whatever ends this process ends what it measures.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  return {
    title,
    pid: child.pid ?? -1,
    mustLive() {
      if (ended) throw new Error(`${title} ended by itself:\n${readFileSync(logFile, 'utf8').slice(-logTailChars)}`);
    },
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(kill, stopTimeoutMs);
      await gone;
      clearTimeout(timer);
      process.off('exit', kill);
    },
  };
}

let ticksPerSecond = 0;

/** User and system time of all threads so far, microseconds; a tick is 10 ms nearly everywhere. Source: proc_pid_stat(5), fields 14 and 15. */
export function cpuMicros(pid: number): number {
  if (ticksPerSecond === 0) ticksPerSecond = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout);
  if (!(ticksPerSecond > 0)) throw new Error('the clock tick of this machine is not known');
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is a name in parentheses and may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / ticksPerSecond;
}

/** Resident memory, bytes. Source: proc_pid_status(5), VmRSS. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kilobytes === undefined) throw new Error(`process ${pid} tells no resident memory`);
  return Number(kilobytes) * 1024;
}

interface Sample {
  readonly atMs: number;
  readonly cpuUs: number;
  /** Of the broker; 0 where nobody looks at it. */
  readonly brokerCpuUs: number;
  /** Input records that are through. */
  readonly records: number;
}

/** How far a path is, in input records. */
export interface PathProgress {
  /** What is written, whether or not it is committed. */
  produced(): Promise<number>;
  /** What is written and committed. */
  through(): Promise<number>;
}

export interface WatchOptions {
  readonly run: PathRun;
  readonly progress: PathProgress;
  readonly warmUp: number;
  /** Measured behind the warm-up. */
  readonly records: number;
  /** All there are: a few more, so that the path is as busy at the last look as it was at the first. */
  readonly total: number;
  /** Whose CPU time is told as well. */
  readonly brokerPid?: number;
  /** Without any progress for so long, the run fails. */
  readonly stuckMs?: number;
  readonly pollMs?: number;
  readonly onSample?: (sample: Sample) => void;
}

export interface Measured {
  readonly records: number;
  readonly cpuUsPerRecord: number;
  readonly recordsPerSecond: number;
  /** What the broker took meanwhile; absent where it was not looked at. */
  readonly brokerCpuUsPerRecord?: number;
}

/**
 * From the first look that finds the warm-up written to the first that finds the measured records written as well; then on until everything is
 * committed. Records, CPU time and time are those between the two looks, so that a look that comes late changes nothing, and what is under way
 * at the first, read and not written, is made up for by what is under way at the second.
 */
export async function watch(options: WatchOptions): Promise<Measured> {
  const { run, progress, warmUp, records, total, onSample } = options;
  const looks: Sample[] = [];
  let seen = { records: -1, atMs: performance.now() };
  for (;;) {
    run.mustLive();
    const done = await (looks.length < 2 ? progress.produced() : progress.through());
    const brokerCpuUs = options.brokerPid === undefined ? 0 : cpuMicros(options.brokerPid);
    const sample = { atMs: performance.now(), cpuUs: await cpuOf(run), brokerCpuUs, records: done };
    onSample?.(sample);
    if (done > seen.records) seen = sample;
    if (sample.atMs - seen.atMs > (options.stuckMs ?? 60_000))
      throw new Error(`${run.title} stands at ${done} of ${total} records`);
    const [first, last] = looks;
    if (first !== undefined && last !== undefined && done >= total)
      return between(run.title, first, last, options.brokerPid !== undefined);
    if (looks.length < 2 && done >= (first === undefined ? warmUp : warmUp + records)) {
      looks.push(sample);
      // What is committed is behind what is written.
      seen = { records: -1, atMs: sample.atMs };
    }
    await sleep(options.pollMs ?? 20);
  }
}

/** A process can end between two looks at it; what it said then tells more than that it is gone. */
async function cpuOf(run: PathRun): Promise<number> {
  try {
    return cpuMicros(run.pid);
  } catch (error) {
    await sleep(100);
    run.mustLive();
    throw error;
  }
}

function between(title: string, first: Sample, last: Sample, withBroker: boolean): Measured {
  const records = last.records - first.records;
  if (!(records > 0)) throw new Error(`${title} was through at the first look: measure more records`);
  return {
    records,
    cpuUsPerRecord: (last.cpuUs - first.cpuUs) / records,
    recordsPerSecond: (records * 1000) / (last.atMs - first.atMs),
    ...(withBroker ? { brokerCpuUsPerRecord: (last.brokerCpuUs - first.brokerCpuUs) / records } : {}),
  };
}
