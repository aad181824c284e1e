/** Timing by CPU time of this process, sides taking turns within each round, and bytes of JavaScript heap by the collector's own account. */
import { GCProfiler } from 'node:v8';
import type { RecordFrames } from '../../libs/records/index.ts';
import type { Side } from './sides.ts';

export interface MeasureOptions {
  /** Measured time of all sides together, seconds. */
  readonly seconds: number;
  readonly rounds: number;
  readonly progress: (text: string) => void;
}

/** Of CPU microseconds per input record, where nothing else is said. */
export interface Timing {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/**
 * Every round gives each side a slice, in an order that turns from round to round. Garbage of one slice is collected before the next, on
 * nobody's account. User and system time of all threads count, so a collector or compiler beside the main thread is paid for.
 */
export function timeSides(
  sides: readonly Side[],
  batches: readonly RecordFrames[],
  { seconds, rounds, progress }: MeasureOptions,
): Map<string, Timing> {
  const sliceMs = Math.max(20, (seconds * 1000) / (rounds * sides.length));
  const samples = new Map<string, number[]>(sides.map(({ name }) => [name, []]));
  for (const side of sides) slice(side, batches, Math.max(300, sliceMs));
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < sides.length; turn += 1) {
      const side = sides[(round + turn) % sides.length] as Side;
      collect();
      samples.get(side.name)?.push(slice(side, batches, sliceMs));
    }
    progress(`round ${round + 1} of ${rounds}`);
  }
  return new Map([...samples].map(([name, values]) => [name, summary(values)]));
}

/** Runs whole batches for at least so long; CPU microseconds per record. */
function slice(side: Side, batches: readonly RecordFrames[], milliseconds: number): number {
  let records = 0;
  let batch = 0;
  const before = process.cpuUsage();
  const until = performance.now() + milliseconds;
  do {
    const frames = batches[batch] as RecordFrames;
    side.run(frames);
    records += frames.count;
    batch = (batch + 1) % batches.length;
  } while (performance.now() < until);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / records;
}

/** Fastest, middle and slowest. */
export function summary(values: readonly number[]): Timing {
  const sorted = values.toSorted((a, b) => a - b);
  return { min: sorted[0] as number, median: sorted[sorted.length >> 1] as number, max: sorted.at(-1) as number };
}

/**
 * Bytes of JavaScript heap that a side allocates for a record, and collections meanwhile: growth of the used heap, plus what each
 * collection freed by the profiler's figures before and after it. Buffers outside the heap are not in it.
 */
export function allocation(
  side: Side,
  batches: readonly RecordFrames[],
  recordsMin: number,
): { bytesPerRecord: number; collections: number } {
  collect();
  const profiler = new GCProfiler();
  let records = 0;
  profiler.start();
  const before = process.memoryUsage().heapUsed;
  for (let batch = 0; records < recordsMin; batch = (batch + 1) % batches.length) {
    const frames = batches[batch] as RecordFrames;
    side.run(frames);
    records += frames.count;
  }
  const after = process.memoryUsage().heapUsed;
  const { statistics } = profiler.stop();
  const freed = statistics.reduce(
    (sum, { beforeGC, afterGC }) => sum + beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize,
    0,
  );
  return { bytesPerRecord: Math.max(0, after - before + freed) / records, collections: statistics.length };
}

/** Needs `--expose-gc`. */
function collect(): void {
  if (globalThis.gc === undefined) throw new Error('run node with --expose-gc');
  globalThis.gc();
}
