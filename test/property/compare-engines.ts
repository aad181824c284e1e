/** Compares the oracle with another engine on one case; throws with the first thing that is not equal, not promised, or not contained. */
import { codecOf, frameHeaderBytes } from '../../libs/avro/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import type { BoundProgram, Program } from '../../libs/govern/index.ts';
import type { Acceptance } from './acceptance.ts';
import type { Case, CaseRecord } from './case-arbitrary.ts';
import type { EngineName } from './engines.ts';
import { bound, compileWith } from './engines.ts';
import { programMemories } from './program-memory.ts';
import { brokenPromise } from './recheck.ts';
import type { Replaced, Settled } from './run-case.ts';
import { difference, framesOf, runCase } from './run-case.ts';
import { canary } from './value-arbitrary.ts';

const roomyBytes = 256 * 1024;

export interface Comparison {
  readonly second: EngineName;
  readonly acceptance: Acceptance;
  /** Puts something between the second engine and the comparison, e.g. a fault that must be found. */
  readonly wrap?: (program: BoundProgram) => BoundProgram;
}

export function compareEngines(tried: Case, { second, acceptance, wrap = (program) => program }: Comparison): void {
  acceptance.cases += 1;
  const oracle = compileWith('reference', tried.schema, tried.terms, tried.writer);
  const other = compileWith(second, tried.schema, tried.terms, tried.writer);
  if (cannotLower(other)) {
    if (!oracle.ok) throw new Error(`compile: the oracle says ${oracle.failure.code}, the other a limit of its own`);
    acceptance.compiled += 1;
    acceptance.cannotLower(tried);
    return;
  }
  if (!oracle.ok || !other.ok) {
    const [left, right] = [codeOf(oracle), codeOf(other)];
    if (left !== right) throw new Error(`compile: ${left} against ${right}`);
    acceptance.refusedPlan(oracle.ok ? left : oracle.failure.code);
    return;
  }
  acceptance.compiled += 1;
  comparePrograms(oracle.value, other.value);
  if (tried.records.length === 0) return;
  const frames = framesOf(tried.records);
  const untouched = Buffer.from(frames.bytes);
  const [left, right] = [bound(oracle.value), wrap(bound(other.value))];
  const [wanted, given]: Replaced[] = [new Map(), new Map()];
  const expected = runCase(left, frames, roomyBytes, wanted);
  mustHold(brokenPromise(tried, oracle.value, expected), 'oracle');
  const canonical = canonicalOf(oracle.value, tried.records);
  mustHold(difference(expected, runCase(right, frames, roomyBytes, given), canonical), `output of ${roomyBytes} bytes`);
  mustHold(sameCounts(wanted, given) ? undefined : 'other counts of values that else replaced', 'run');
  // Where sizes decide, the oracle must write what it read: records in another form than its own are left out.
  compareSizes(
    left,
    right,
    tried.records.filter((record) => isCanonical(oracle.value, record)),
  );
  if (!untouched.equals(frames.bytes)) throw new Error('run: the input was written to');
  if (programMemories().some((memory) => memory.includes(canary)))
    throw new Error('run: a protected text stayed in memory: residue');
  acceptance.compared(tried, expected);
}

/** Whether the value is written as the oracle's codec would write it: one block an array, the shortest varints, numbers alone. */
function isCanonical(program: Program, { value }: CaseRecord): boolean {
  if (value === null) return true;
  const codec = codecOf(program.writerSchema);
  const body = value.subarray(frameHeaderBytes);
  const decoded = codec.decode(body);
  return !decoded.ok || (!hasNaN(decoded.value) && Buffer.from(unwrap(codec.encode(decoded.value))).equals(body));
}

/**
 * A kept part leaves as it came: with several blocks, or longer varints than needed, which the oracle's codec writes anew. The values of such
 * records are compared in the codec's own form; all others byte for byte.
 */
function canonicalOf(program: Program, records: readonly CaseRecord[]): (value: Buffer, index: number) => Buffer {
  const codec = codecOf(program.governedSchema);
  const other = new Set(records.flatMap((record, index) => (isCanonical(program, record) ? [] : [index])));
  return (value, index) => {
    if (!other.has(index)) return value;
    const decoded = codec.decode(value.subarray(frameHeaderBytes));
    if (!decoded.ok) return value;
    return Buffer.concat([value.subarray(0, frameHeaderBytes), unwrap(codec.encode(plainNaN(decoded.value)))]);
  };
}

/** Whether a value holds a number that is none: which bits it comes back with depends on how far the runtime has optimized the codec. */
function hasNaN(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return Number.isNaN(value);
  return Object.values(value).some(hasNaN);
}

/** The same value with the one NaN of JavaScript; records of the codec keep their class. */
function plainNaN(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return Number.isNaN(value) ? Number.NaN : value;
  const own = value as Record<string, unknown>;
  for (const name of Object.keys(own)) own[name] = plainNaN(own[name]);
  return own;
}

function compareSizes(left: BoundProgram, right: BoundProgram, records: readonly CaseRecord[]): void {
  if (records.length === 0) return;
  const frames = framesOf(records);
  for (const size of outputSizes(runCase(left, frames, roomyBytes))) {
    const [wanted, given]: Replaced[] = [new Map(), new Map()];
    mustHold(difference(runCase(left, frames, size, wanted), runCase(right, frames, size, given)), `output of ${size} bytes`);
    mustHold(sameCounts(wanted, given) ? undefined : 'other counts of values that else replaced', `output of ${size} bytes`);
  }
}

const sameCounts = (a: Replaced | undefined, b: Replaced | undefined): boolean =>
  JSON.stringify([...(a ?? [])]) === JSON.stringify([...(b ?? [])]);

const cannotLower = (result: Result<Program>): boolean =>
  !result.ok && result.failure.code === 'plan-invalid' && /^(compiling program: )?lowering/.test(result.failure.message);

const codeOf = (result: Result<Program>): string =>
  result.ok ? 'compiled' : `${result.failure.code} at ${result.failure.at ?? '-'}`;

/** Two engines give the same governed contract. */
function comparePrograms(left: Program, right: Program): void {
  if (left.governedSchema.text !== right.governedSchema.text) throw new Error('compile: two governed schemas');
  mustHold(left.fieldPaths.join() === right.fieldPaths.join() ? undefined : 'two lists of field paths', 'compile');
  mustHold(JSON.stringify(left.needs) === JSON.stringify(right.needs) ? undefined : 'two lists of needs', 'compile');
}

/** Room for all, and one of: for the largest record alone, so that nearly each is a stop; a byte less, so that one is refused; between. */
function outputSizes(settled: readonly Settled[]): number[] {
  const sizes = settled.map(({ key, value }) => (key?.length ?? 0) + (value?.length ?? 0));
  const largest = Math.max(0, ...sizes);
  const small = [largest, largest - 1, largest * 2 + 7][sizes.reduce((sum, size) => sum + size, 0) % 3] as number;
  return [roomyBytes, Math.max(1, small)];
}

function mustHold(problem: string | undefined, where: string): void {
  if (problem !== undefined) throw new Error(`${where}: ${problem}`);
}
