/** `bench program`: Programs against careful avsc on the workloads, verified first. */
import { cpus } from 'node:os';
import { avscSide } from './avsc-side.ts';
import type { Timing } from './measure.ts';
import { allocation, timeSides } from './measure.ts';
import type { EngineName, Side } from './sides.ts';
import { programSide, verifyEqual } from './sides.ts';
import type { StartUp } from './start-up.ts';
import { measureStartUp } from './start-up.ts';
import type { Workload, WorkloadName } from './workloads.ts';
import { batchRecords, makeWorkloads } from './workloads.ts';

export interface BenchOptions {
  /** Measured time of a workload, seconds. */
  readonly seconds: number;
  readonly progress: (text: string) => void;
}

/** One side of one workload. */
export interface BenchRow extends Timing {
  readonly workload: WorkloadName;
  readonly label: string;
  readonly side: string;
  /** Fastest against fastest; absent for avsc itself. */
  readonly ratioToAvsc?: number;
  readonly bytesAllocatedPerRecord: number;
  readonly collections: number;
  readonly allocationRecords: number;
}

export interface BenchReport {
  readonly date: string;
  readonly machine: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly facts: readonly string[];
  /** Why an engine has no rows. */
  readonly missing: readonly string[];
  readonly rows: readonly BenchRow[];
  /** Absent without the engine. */
  readonly startUp?: StartUp;
}

const batchCount = 40;
const rounds = 9;
const engines: readonly EngineName[] = ['reference', 'wasm'];

/** Throws when a workload is not what it should be or two sides disagree: figures of different work are worth nothing. */
export function benchProgram({ seconds, progress }: BenchOptions): BenchReport {
  progress(`making ${batchCount * batchRecords} records of each workload`);
  const facts: string[] = [];
  const missing: string[] = [];
  const rows: BenchRow[] = [];
  const workloads = makeWorkloads(batchCount);
  for (const workload of workloads) {
    const sides = sidesOf(workload, missing);
    const [oracle] = sides as [Side, ...Side[]];
    progress(`${workload.name}: verifying ${sides.map(({ name }) => name).join(', ')}`);
    for (const side of sides.slice(1)) facts.push(...check(workload, verifyEqual(oracle, side, workload.batches), side.name));
    const timings = timeSides(sides, workload.batches, {
      seconds,
      rounds,
      progress: (text) => progress(`${workload.name}: ${text}`),
    });
    const avsc = timings.get('avsc') as Timing;
    for (const side of sides) {
      const allocationRecords = side.name === 'wasm' ? 400_000 : 40_000;
      const { bytesPerRecord, collections } = allocation(side, workload.batches, allocationRecords);
      const timing = timings.get(side.name) as Timing;
      rows.push({
        workload: workload.name,
        label: workload.label,
        side: side.name,
        ...timing,
        ...(side.name === 'avsc' ? {} : { ratioToAvsc: avsc.min / timing.min }),
        bytesAllocatedPerRecord: bytesPerRecord,
        collections,
        allocationRecords,
      });
    }
  }
  const keyed = workloads.find(({ name }) => name === 'P1h');
  progress('start-up, and 64 Programs at once');
  const startUp = keyed !== undefined && rows.some(({ side }) => side === 'wasm') ? measureStartUp(keyed) : undefined;
  return {
    ...(startUp === undefined ? {} : { startUp }),
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.versions.node}, ${process.platform} ${process.arch}`,
    rounds,
    seconds,
    facts,
    missing: [...new Set(missing)],
    rows,
  };
}

/** The oracle first, then avsc and what other engines there are. */
function sidesOf(workload: Workload, missing: string[]): Side[] {
  const sides: Side[] = [];
  for (const engine of engines) {
    const made = programSide(engine, workload);
    if ('missing' in made) {
      missing.push(`${workload.name}: ${engine}: ${made.missing}`);
      continue;
    }
    sides.push(made.side);
    if (engine === 'reference') sides.push(avscSide(workload.name, made.program));
  }
  if (sides.length < 2) throw new Error(`${workload.name}: ${missing.at(-1)}`);
  return sides;
}

function check(workload: Workload, { left, records }: { left: number; records: number }, side: string): string[] {
  const within = (what: string, value: number, [low, high]: readonly [number, number]): void => {
    if (!(value >= low && value <= high))
      throw new Error(`${workload.name}: ${what} is ${value}, and should be ${low} to ${high}`);
  };
  within('the mean value', workload.valueBytesMean, workload.valueBytesExpected);
  within('the pass rate', left / records, workload.passRateExpected);
  return [
    `${workload.name}: ${records} records of ${workload.valueBytesMean.toFixed(1)} bytes, ${((100 * left) / records).toFixed(1)} % pass; ${side} equals the oracle byte for byte`,
  ];
}
