/** Runs a bound Program over the records of a case, through a real record batch, into outputs of any size; and checks what holds for every run. */
import type { BoundProgram, ProgramOutput } from '../../libs/govern/index.ts';
import { createOutput, outcomes, refusals, wipeOutput } from '../../libs/govern/index.ts';
import type { RecordFrames } from '../../libs/records/index.ts';
import { BatchBuilder, frameRecords, readBatches } from '../../libs/records/index.ts';
import type { CaseRecord } from './case-arbitrary.ts';

/** What became of one record, copied out of the output. */
export interface Settled {
  readonly outcome: string;
  readonly reason: string;
  /** Path of the field that refused, '' for none. */
  readonly field: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

export function framesOf(records: readonly CaseRecord[]): RecordFrames {
  const builder = new BatchBuilder();
  records.forEach(({ key, value }, index) => builder.append(key, value, [], BigInt(1_700_000_000_000 + index)));
  const found: (RecordFrames | null)[] = [];
  const place = {
    producerId: -1n,
    producerEpoch: -1,
    baseSequence: -1,
    transactional: false,
  };
  readBatches(builder.finish(place), (batch) => found.push(frameRecords(batch, 0)));
  const [frames] = found;
  if (frames === undefined || frames === null) throw new Error('the batch of a case was not framed');
  return frames;
}

const outcomeNames = Object.keys(outcomes);

/** How many values each rule's `else` replaced, by path, over all runs of a case. */
export type Replaced = Map<string, number>;

/** Throws when the run breaks the contract of `BoundProgram.run`; `bytesMax` is the size of the output. */
export function runCase(
  program: BoundProgram,
  frames: RecordFrames,
  bytesMax: number,
  replaced: Replaced = new Map(),
): Settled[] {
  const out = createOutput(frames.count, bytesMax);
  const settled: Settled[] = [];
  for (let from = 0; from < frames.count; ) {
    const to = program.run(frames, from, frames.count, out);
    if (to <= from || to > frames.count) throw new Error(`run: from ${from} it went to ${to} on an empty output`);
    checkRoom(out, from, to, frames.count);
    for (let index = from; index < to; index += 1) settled.push(take(program, out, index));
    program.program.fieldPaths.forEach((path, plan) =>
      replaced.set(path, (replaced.get(path) ?? 0) + (out.otherwise[plan] as number)),
    );
    wipeOutput(out);
    from = to;
  }
  return settled;
}

function take(program: BoundProgram, out: ProgramOutput, index: number): Settled {
  const range = (start: number, end: number): Buffer | null => (start < 0 ? null : Buffer.from(out.bytes.subarray(start, end)));
  const field = out.field[index] as number;
  return {
    outcome: outcomeNames[out.outcome[index] as number] ?? 'unknown',
    reason: refusals[out.reason[index] as number] ?? 'unknown',
    field: field < 0 ? '' : (program.program.fieldPaths[field] ?? 'unknown'),
    key: range(out.keyStart[index] as number, out.keyEnd[index] as number),
    value: range(out.valueStart[index] as number, out.valueEnd[index] as number),
  };
}

/** Ranges lie within the used bytes and apart from each other, and outside of them nothing was left: no byte of any record. */
function checkRoom(out: ProgramOutput, from: number, to: number, count: number): void {
  const ranges: (readonly [number, number])[] = [];
  for (let index = 0; index < count; index += 1) {
    const own = [
      [out.keyStart[index], out.keyEnd[index]],
      [out.valueStart[index], out.valueEnd[index]],
    ] as [number, number][];
    for (const [start, end] of own) {
      if (start < 0) continue;
      if (index < from || index >= to) throw new Error(`run: record ${index} has a range and is not among the done`);
      if (end < start || end > out.length) throw new Error(`run: a range of record ${index} ends at ${end} of ${out.length}`);
      ranges.push([start, end]);
    }
  }
  ranges.sort(([a], [b]) => a - b);
  let position = 0;
  for (const [start, end] of [...ranges, [out.bytes.length, out.bytes.length] as const]) {
    if (start < position) throw new Error(`run: two ranges share the byte ${start}`);
    const rest = out.bytes.subarray(position, start);
    const at = rest.findIndex((byte) => byte !== 0);
    if (at >= 0) throw new Error(`run: byte ${position + at} is outside every range and was left as ${rest[at]}: residue`);
    position = end;
  }
}

/** The first difference between two runs of the same records, in words, or undefined. */
export function difference(
  expected: readonly Settled[],
  actual: readonly Settled[],
  canonical: (value: Buffer, index: number) => Buffer = (value) => value,
): string | undefined {
  if (expected.length !== actual.length) return `${expected.length} records against ${actual.length}`;
  for (const [index, left] of expected.entries()) {
    const right = actual[index] as Settled;
    for (const part of ['outcome', 'reason', 'field'] as const)
      if (left[part] !== right[part]) return `record ${index}: ${part} "${left[part]}" against "${right[part]}"`;
    if (!equalBytes(left.key, right.key)) return `record ${index}: key ${hex(left.key)} against ${hex(right.key)}`;
    const [wanted, given] = [left.value, right.value].map((value) => (value === null ? null : canonical(value, index)));
    if (!equalBytes(wanted ?? null, given ?? null))
      return `record ${index}: value ${hex(left.value)} against ${hex(right.value)}`;
  }
  return undefined;
}

const equalBytes = (a: Buffer | null, b: Buffer | null): boolean => (a === null || b === null ? a === b : a.equals(b));
const hex = (bytes: Buffer | null): string => (bytes === null ? 'null' : bytes.toString('hex'));
