/** `bench program`: Programs against careful avsc on the workloads, verified first. */
import { cpus } from 'node:os';
import { avscSide } from './avsc-side.ts';
import type { BatchRow } from './bench-batches.ts';
import { benchBatches } from './bench-batches.ts';
import type { Timing } from './measure.ts';
import { allocation, timeSides } from './measure.ts';
import type { EngineName, Side } from './sides.ts';
import { dataKeys, programSide, verifyEqual } from './sides.ts';
import type { StartUp } from './start-up.ts';
import { measureStartUp } from './start-up.ts';
import type { Program } from '../../libs/govern/index.ts';
import type { RecordFrames } from '../../libs/records/index.ts';
import type { Terms, Workload, WorkloadName } from './workloads.ts';
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
  /** RecordBatch in to RecordBatch out. */
  readonly batchRows: readonly BatchRow[];
  /** Absent without the engine. */
  readonly startUp?: StartUp;
}

const batchCount = 40;
const rounds = 9;
const engines: readonly EngineName[] = ['reference', 'wasm'];

/** How much is verified: an oracle for each of eight agreements takes its time. */
const verifiedBatches = (workload: Workload): readonly RecordFrames[] =>
  workload.agreements === 1 ? workload.batches : workload.batches.slice(0, 5);

/** Throws when a workload is not what it should be or two sides disagree: figures of different work are worth nothing. */
export function benchProgram({ seconds, progress }: BenchOptions): BenchReport {
  progress(`making ${batchCount * batchRecords} records of each workload`);
  const facts: string[] = [];
  const missing: string[] = [];
  const rows: BenchRow[] = [];
  const workloads = makeWorkloads(batchCount);
  for (const workload of workloads) {
    const keys = dataKeys(workload.agreements);
    const sides = sidesOf(workload, keys, missing);
    if (sides === undefined) continue;
    progress(`${workload.name}: verifying`);
    // The agreement that is shown is the last one: each has its turn.
    for (let turn = 0; turn < keys.length; turn += 1) {
      const turned = [...keys.slice(turn), ...keys.slice(0, turn)];
      facts.push(...verified(workload, turned, turn === 0));
    }
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
  const cmac = workloads.find(({ name }) => name === 'P1c');
  const batchRows = cmac === undefined ? [] : benchBatches(cmac, { seconds, rounds, progress });
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
    batchRows,
  };
}

/** The oracle, avsc and the emitted engine; undefined where the terms do not compile. */
function sidesOf(workload: Workload, keys: readonly Uint8Array[], missing: string[]): Side[] | undefined {
  const [oracle, emitted] = engines.map((engine) => programSide(engine, workload, workload.terms, keys));
  const plain = programSide('reference', workload, workload.avscTerms, keys);
  for (const made of [oracle, emitted, plain]) {
    if (made === undefined || !('missing' in made)) continue;
    missing.push(`${workload.name}: ${made.missing}`);
    return undefined;
  }
  const { side, program } = plain as { side: Side; program: Program };
  const sides = [oracle, emitted].map((made) => (made as { side: Side }).side);
  return [sides[0] ?? side, avscSide(workload, program, keys), sides[1] ?? side];
}

/** The emitted engine against the oracle, and avsc against the oracle of what it does. */
function verified(workload: Workload, keys: readonly Uint8Array[], tell: boolean): string[] {
  const batches = verifiedBatches(workload);
  const sideOf = (engine: EngineName, terms: Terms): { side: Side; program: Program } => {
    const made = programSide(engine, workload, terms, keys);
    if ('missing' in made) throw new Error(made.missing);
    return made;
  };
  const emitted = verifyEqual(sideOf('reference', workload.terms).side, sideOf('wasm', workload.terms).side, batches);
  const plain = sideOf('reference', workload.avscTerms);
  const byHand = verifyEqual(plain.side, avscSide(workload, plain.program, keys), batches);
  if (!tell) return [];
  return [...check(workload, emitted, 'wasm'), ...check(workload, byHand, 'avsc')];
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
