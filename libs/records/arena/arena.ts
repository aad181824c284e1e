/**
 * The memory that modules run in: one for each thread, sized at the start and never grown, since growing would detach every view. A batch is
 * admitted once and read there by every Program that serves it; what they write is read there too. What was touched is wiped before anything
 * else takes its place.
 */
import { limits } from '../../base/index.ts';
import type { RecordFrames } from '../record-frames.ts';
import type { GovernedRanges } from './governed-ranges.ts';
import { endWithin, firstByte } from '../record-frames.ts';
import {
  answerEntryBytes,
  askEntryBytes,
  asksMax,
  fixedGrowthMax,
  gatherEntryBytes,
  gathersMax,
  kernelSpace,
  place,
  rangeStride,
  recallSpace,
  recordsMax,
} from './arena-layout.ts';

/** Input: a few batches, and at least one record of the largest size with its key and headers. */
const inputBytesMax = 4 * 1024 * 1024;
/** Output of one run, and room behind it for one record of the largest growth. */
const outputBytesMax = 4 * 1024 * 1024;
/** A record's own bytes grow by five at most; an item more may be written before its size is looked at; answers of the host come on top. */
const growthBytes = 7 * limits.recordBytesMax + 2 * fixedGrowthMax;
/** Results of the host in one run. */
const resultBytesMax = 4 * 1024 * 1024;
/** Room for work in lock-step, a block of 16 bytes for each text at hand, twice. */
const lockstepBytes = 256 * 1024;
/** Copies read and write up to 15 bytes behind a range; scanning reads on to the end of what a record's lengths promise. */
const slackBytes = 256 * 1024;
/** A batch on its way out: what a run puts out, and the batch's own fields and headers. Compressed it may be longer by less than 2%. */
const encodedBytesMax = outputBytesMax + 256 * 1024;
const encodedPackedBytesMax = encodedBytesMax + (encodedBytesMax >> 6);
const pageBytes = 65_536;

/** The arena's own output. */
interface ArenaOutput extends GovernedRanges {
  readonly outcome: Uint8Array;
  readonly reason: Uint8Array;
  readonly field: Int16Array;
  readonly otherwise: Uint32Array;
}

const rangeNames = ['offsetDelta', 'keyStart', 'keyEnd', 'valueStart', 'valueEnd', 'headersStart', 'headersEnd'] as const;
type RangeName = (typeof rangeNames)[number];

/** Views of the arrays of what is admitted, by count: batches of a feed mostly have the same. */
interface RangeViews {
  readonly count: number;
  readonly ranges: Readonly<Record<RangeName, Int32Array>>;
  readonly timestampMs: Float64Array;
}

/**
 * Addresses for kernels that take a batch in: its compressed bytes, the input, and the arrays of `rangeStride` bytes in the order offsetDelta,
 * keyStart, keyEnd, valueStart, valueEnd, headersStart, headersEnd. Up to `slackBytes` behind the input and the compressed bytes may be
 * read and written by copies of more than their range.
 */
interface Intake {
  readonly packed: number;
  readonly input: number;
  /** Of the input, and of the compressed bytes too. */
  readonly bytesMax: number;
  readonly ranges: number;
  readonly timestamps: number;
}

/**
 * Addresses for kernels that make a batch of the output: the output, its arrays in the order valueStart, valueEnd, keyStart, keyEnd, the batch
 * and its compressed form, both with slack.
 */
interface Outlet {
  readonly output: number;
  readonly ranges: number;
  readonly encoded: number;
  readonly encodedBytesMax: number;
  readonly packed: number;
  readonly packedBytesMax: number;
}

export class Arena {
  readonly memory: WebAssembly.Memory;
  readonly bytes: Buffer;
  /** Every word of the memory. */
  readonly words: Int32Array;
  /** Where Programs write when this is the output of their run. At most `recordsMax` records. */
  readonly output: ArenaOutput;
  /** Addresses. */
  readonly gathers: number;
  readonly asks: number;
  readonly answers: number;
  readonly results: number;
  readonly resultsEnd: number;
  /** Working space of kernels that take many texts a step; `lockstepEnd` is the byte behind. */
  readonly lockstep: number;
  readonly lockstepEnd: number;
  /** Working space of what knows results again. */
  readonly recall: number;
  readonly intake: Intake;
  readonly outlet: Outlet;
  readonly #input: number;
  readonly #output: number;
  readonly #outputAddresses: readonly [outcomes: number, reasons: number, fields: number, ...ranges: number[]];
  readonly #inputRanges: Readonly<Record<RangeName, Int32Array>>;
  readonly #timestamps: Float64Array;
  readonly #askStarts: number;
  readonly #constants: number;
  readonly #otherwise: number;
  #admitted: RecordFrames | undefined;
  #admittedBytes = 0;
  #views: RangeViews | undefined;
  /** Bytes of the output that hold something of before. */
  #outputDirty = 0;
  /** Address that the ranges of what is admitted count from. */
  #inBase = 0;

  constructor() {
    let next: number = kernelSpace.end;
    const take = (bytes: number): number => {
      const at = next;
      next += (bytes + 15) & ~15;
      return at;
    };
    const ranges = Array.from({ length: 11 }, () => take(rangeStride));
    const timestamps = take(recordsMax * 8);
    const [outcomes, reasons, fields] = [take(recordsMax), take(recordsMax), take(recordsMax * 2)];
    this.#askStarts = take(recordsMax * 4 + 4);
    this.gathers = take(gathersMax * gatherEntryBytes);
    this.asks = take(asksMax * askEntryBytes);
    this.answers = take(asksMax * answerEntryBytes);
    this.#constants = take(fixedGrowthMax + 16);
    this.#otherwise = take(limits.schemaFieldsMax * 4);
    this.lockstep = take(lockstepBytes);
    this.lockstepEnd = this.lockstep + lockstepBytes;
    this.recall = take(recallSpace.bytes);
    this.results = take(resultBytesMax);
    this.resultsEnd = this.results + resultBytesMax;
    this.#input = take(inputBytesMax + slackBytes);
    this.#output = take(outputBytesMax + growthBytes + slackBytes);
    this.intake = {
      packed: take(inputBytesMax + slackBytes),
      input: this.#input,
      bytesMax: inputBytesMax,
      ranges: ranges[0] as number,
      timestamps,
    };
    this.outlet = {
      output: this.#output,
      ranges: ranges[7] as number,
      encoded: take(encodedBytesMax + slackBytes),
      encodedBytesMax,
      packed: take(encodedPackedBytesMax + slackBytes),
      packedBytesMax: encodedPackedBytesMax,
    };
    const pages = Math.ceil(next / pageBytes);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const { buffer } = this.memory;
    this.bytes = Buffer.from(buffer);
    this.words = new Int32Array(buffer);
    const view = (index: number): Int32Array => new Int32Array(buffer, ranges[index], recordsMax);
    this.#inputRanges = {
      offsetDelta: view(0),
      keyStart: view(1),
      keyEnd: view(2),
      valueStart: view(3),
      valueEnd: view(4),
      headersStart: view(5),
      headersEnd: view(6),
    };
    this.#timestamps = new Float64Array(buffer, timestamps, recordsMax);
    this.#outputAddresses = [outcomes, reasons, fields, ...ranges.slice(7)];
    this.output = {
      bytes: this.bytes.subarray(this.#output, this.#output + outputBytesMax),
      length: 0,
      recycle: (records) => this.#recycle(records),
      outcome: new Uint8Array(buffer, outcomes, recordsMax),
      reason: new Uint8Array(buffer, reasons, recordsMax),
      field: new Int16Array(buffer, fields, recordsMax).fill(-1),
      otherwise: new Uint32Array(buffer, this.#otherwise, limits.schemaFieldsMax),
      valueStart: view(7).fill(-1),
      valueEnd: view(8).fill(-1),
      keyStart: view(9).fill(-1),
      keyEnd: view(10).fill(-1),
    };
  }

  #recycle(records: number): void {
    const { output } = this;
    this.#outputDirty = Math.max(this.#outputDirty, output.length);
    output.length = 0;
    output.outcome.fill(0, 0, records);
    output.reason.fill(0, 0, records);
    output.field.fill(-1, 0, records);
    output.otherwise.fill(0);
    for (const ranges of [output.keyStart, output.keyEnd, output.valueStart, output.valueEnd]) ranges.fill(-1, 0, records);
  }

  /** Whether all of these frames can be admitted at once. */
  fits(frames: RecordFrames): boolean {
    if (frames.count === 0) return true;
    return frames.count <= recordsMax && (frames.headersEnd[frames.count - 1] as number) - firstByte(frames, 0) <= inputBytesMax;
  }

  /** The first index of `frames` behind `from` that cannot be admitted with it: by bytes and by records. */
  admissible(frames: RecordFrames, from: number, to: number): number {
    const end = endWithin(frames, from, Math.min(to, from + recordsMax), inputBytesMax);
    if (end === from) throw new Error('arena: a record is larger than the limits allow');
    return end;
  }

  /**
   * Copies the records [from, to) in; what was admitted before is overwritten and its rest wiped. The frames that come back are views of the arena, index 0 = `from`, and
   * are valid until the next call or `dismiss`. Throws when `admissible` would not have allowed it.
   */
  admit(frames: RecordFrames, from = 0, to = frames.count): RecordFrames {
    const before = this.#admittedBytes;
    const count = to - from;
    if (this.admissible(frames, from, to) !== to) throw new Error('arena: so many records cannot be admitted at once');
    const start = count === 0 ? 0 : firstByte(frames, from);
    const length = count === 0 ? 0 : (frames.headersEnd[to - 1] as number) - start;
    this.bytes.set(frames.bytes.subarray(start, start + length), this.#input);
    // What was longer before is not left behind.
    this.bytes.fill(0, this.#input + length, this.#input + Math.max(length, before) + 16);
    const { ranges, timestampMs } = this.#viewsOf(count);
    const whole = from === 0 && to === frames.count;
    for (const name of rangeNames) ranges[name].set(whole ? frames[name] : frames[name].subarray(from, to));
    timestampMs.set(whole ? frames.timestampMs : frames.timestampMs.subarray(from, to));
    // Where the memory before the input is as long as what stands before the first record, ranges hold as they are.
    this.#inBase = start <= this.#input ? this.#input - start : this.#input;
    if (start > this.#input)
      for (const name of ['keyStart', 'keyEnd', 'valueStart', 'valueEnd', 'headersStart', 'headersEnd'] as const)
        shift(ranges[name], start);
    this.#admittedBytes = length;
    this.#admitted = {
      bytes: this.bytes.subarray(this.#inBase, this.#input + length),
      count,
      partition: frames.partition,
      baseOffset: frames.baseOffset,
      timestampMs,
      ...ranges,
    };
    return this.#admitted;
  }

  #viewsOf(count: number): RangeViews {
    if (this.#views?.count === count) return this.#views;
    const ranges = {} as Record<RangeName, Int32Array>;
    for (const name of rangeNames) ranges[name] = this.#inputRanges[name].subarray(0, count);
    this.#views = { count, ranges, timestampMs: this.#timestamps.subarray(0, count) };
    return this.#views;
  }

  /** Lets a kernel write over what was admitted: it is held no longer, and `admitWritten` or `dismiss` wipes what is left of it. */
  release(): void {
    this.#admitted = undefined;
  }

  /**
   * Declares as admitted what a kernel wrote to the places of `intake`: `count` records in `length` bytes, and up to 32 stray bytes behind them,
   * which are wiped. As `admit` otherwise.
   */
  admitWritten(length: number, count: number, partition: number, baseOffset: bigint): RecordFrames {
    if (this.#admitted !== undefined) throw new Error('arena: release what was admitted before anything is written over it');
    if (length > inputBytesMax || count > recordsMax) throw new Error('arena: so many records cannot be admitted at once');
    const { ranges, timestampMs } = this.#viewsOf(count);
    this.bytes.fill(0, this.#input + length, this.#input + Math.max(length, this.#admittedBytes) + 32);
    this.#admittedBytes = length;
    this.#inBase = this.#input;
    this.#admitted = {
      bytes: this.bytes.subarray(this.#input, this.#input + length),
      count,
      partition,
      baseOffset,
      timestampMs,
      ...ranges,
    };
    return this.#admitted;
  }

  /** Whether these frames are in the arena now. */
  holds(frames: RecordFrames): boolean {
    return frames === this.#admitted;
  }

  /** Wipes what was admitted, and what a recycled output held. */
  dismiss(): void {
    if (this.output.length === 0 && this.#outputDirty > 0) {
      this.output.bytes.fill(0, 0, this.#outputDirty);
      this.#outputDirty = 0;
    }
    if (this.#admitted === undefined && this.#admittedBytes === 0) return;
    this.bytes.fill(0, this.#input, this.#input + this.#admittedBytes + 16);
    this.#admitted = undefined;
    this.#admittedBytes = 0;
  }

  /** Sets the context of a run over the admitted frames into the arena's output, which has `used` bytes already. */
  open(used: number, limit: number, recordBytesMax: number, schemaId: number): void {
    const { words } = this;
    const ranges = this.#inputRanges;
    const [outcomes, reasons, fields, outStarts, outEnds, outKeyStarts, outKeyEnds] = this.#outputAddresses;
    const put = (at: number, value: number): void => {
      words[at >> 2] = value;
    };
    put(place.inBase, this.#inBase);
    put(place.valueStarts, ranges.valueStart.byteOffset);
    put(place.valueEnds, ranges.valueEnd.byteOffset);
    put(place.keyStarts, ranges.keyStart.byteOffset);
    put(place.keyEnds, ranges.keyEnd.byteOffset);
    put(place.outcomes, outcomes);
    put(place.reasons, reasons);
    put(place.fields, fields);
    put(place.outStarts, outStarts as number);
    put(place.outEnds, outEnds as number);
    put(place.outKeyStarts, outKeyStarts as number);
    put(place.outKeyEnds, outKeyEnds as number);
    put(place.outBase, this.#output);
    put(place.outUsed, used);
    put(place.outLimit, Math.min(limit, outputBytesMax));
    put(place.recordBytesMax, recordBytesMax);
    put(place.gathers, this.gathers);
    put(place.gatherCount, 0);
    put(place.schemaIdBytes, swapped(schemaId));
    put(place.asks, this.asks);
    put(place.askCount, 0);
    put(place.askStarts, this.#askStarts);
    put(place.answers, this.answers);
    put(place.constants, this.#constants);
    put(place.otherwise, this.#otherwise);
  }

  get gatherCount(): number {
    return this.words[place.gatherCount >> 2] as number;
  }

  get askCount(): number {
    return this.words[place.askCount >> 2] as number;
  }

  /** Index of the first ask of a record of the run. */
  askStart(record: number): number {
    return this.words[(this.#askStarts >> 2) + record] as number;
  }

  /** Bytes of the output that are used now. */
  get outUsed(): number {
    return this.words[place.outUsed >> 2] as number;
  }

  /**
   * Clears the tables of a run and what stands behind the output's used bytes: some stray bytes of the last copy, or, after a record that was
   * rolled back, as much as the largest record takes.
   */
  wipeRun(used: number, rolledBack: boolean): void {
    const behind = this.#output + used;
    if (this.#outputDirty > used) this.bytes.fill(0, behind, this.#output + this.#outputDirty);
    this.#outputDirty = 0;
    this.bytes.fill(0, behind, rolledBack ? this.#output + outputBytesMax + growthBytes : behind + 64);
    // A record that was rolled back may have left entries behind the counted ones.
    if (rolledBack) {
      this.bytes.fill(0, this.gathers, this.gathers + gathersMax * gatherEntryBytes);
      this.bytes.fill(0, this.asks, this.asks + asksMax * askEntryBytes);
      return;
    }
    this.bytes.fill(0, this.gathers, this.gathers + this.gatherCount * gatherEntryBytes);
    if (this.askCount > 0) this.bytes.fill(0, this.asks, this.asks + this.askCount * askEntryBytes);
  }
}

function shift(ranges: Int32Array, by: number): void {
  for (let index = 0; index < ranges.length; index += 1) {
    const at = ranges[index] as number;
    if (at >= 0) ranges[index] = at - by;
  }
}

/** The four bytes of a big-endian number as the word that a little-endian store writes. */
function swapped(value: number): number {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes.readInt32LE(0);
}

let shared: Arena | undefined;

/** The arena of this thread. */
export function sharedArena(): Arena {
  shared ??= new Arena();
  return shared;
}
