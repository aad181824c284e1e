/** What one transaction will write: governed batches, quarantined originals, Receipts and input positions, gathered before anything is sent. */
import type { PendingBatch } from '../../libs/adapters/kafka/index.ts';
import type { ErrorCode } from '../../libs/base/index.ts';
import { topicNames } from '../../libs/base/index.ts';
import type { BatchSink, BoundProgram, LeavingHeaders, ProgramOutput } from '../../libs/govern/index.ts';
import { headerBytes, unreadable } from '../../libs/govern/index.ts';
import { encodeReceipt, GovernedDigest } from '../../libs/ledger/index.ts';
import type { HeaderList, RecordFrames } from '../../libs/records/index.ts';
import { BatchBuilder } from '../../libs/records/index.ts';
import type { LiveAgreement } from './directive-board.ts';

/** A governed batch is closed at this many bytes, below the broker's default `message.max.bytes`. */
const governedBatchBytesMax = 900 * 1024;

export interface QuarantineEntry {
  readonly partition: number;
  readonly offsetFirst: bigint;
  readonly offsetLast: bigint;
  readonly timestampMs: bigint;
  /** Bytes of the original: key and value, each with its length; or a whole batch. */
  readonly original: Uint8Array;
  readonly refusals: {
    readonly agreement: string | null;
    readonly reason: ErrorCode;
    readonly field: string | null;
    readonly programHash: string | null;
  }[];
}

/** Counts of one agreement, for status and metrics. */
export interface OutcomeCounts {
  input: number;
  governed: number;
  withheld: number;
  refused: number;
}

interface Tally extends OutcomeCounts {
  readonly agreement: LiveAgreement;
  readonly partition: number;
  readonly programHashes: Set<string>;
  readonly refusals: Map<string, bigint>;
  /** Values that `else` replaced, by field path. */
  readonly otherwise: Map<string, bigint>;
  readonly digest: GovernedDigest;
  pass: number;
  inputFrom: bigint;
  inputTo: bigint;
  timestampMsMax: number;
}

/** One batch of the input as a sink needs it. */
export interface BatchPlace {
  readonly partition: number;
  readonly frames: RecordFrames;
}

export class TransactionDraft {
  readonly dataset: string;
  /** Data records of the input, once whatever the number of agreements. */
  recordsRead = 0;
  /** Next offset to read for each input partition. */
  readonly positions = new Map<number, bigint>();
  readonly quarantine = new Map<string, QuarantineEntry>();
  readonly #tallies = new Map<string, Tally>();
  readonly #open = new Map<string, PendingBatch>();
  readonly #closed: PendingBatch[][] = [];

  constructor(dataset: string) {
    this.dataset = dataset;
  }

  /** True when there is nothing to write but perhaps positions. */
  get empty(): boolean {
    return this.#tallies.size === 0 && this.quarantine.size === 0;
  }

  /** Governed batches in sending order: each wave has at most one batch a partition. */
  waves(): readonly (readonly PendingBatch[])[] {
    return [...this.#closed, [...this.#open.values()]].filter((wave) => wave.length > 0);
  }

  /** A sink for the records of one batch under one agreement; `headers` go on each governed record, behind those of its own that leave. */
  sink(agreement: LiveAgreement, place: BatchPlace, headers: HeaderList): BatchSink {
    const { partition, frames } = place;
    const tally = this.#tally(agreement, partition);
    const topic = topicNames.governed(this.dataset, agreement.agreement);
    const now = BigInt(Date.now());
    return {
      governed: (index, program, out, outcome, leaving) => {
        this.#count(tally, frames, index, program);
        tally.governed += 1;
        if (outcome === 'pass') tally.pass += 1;
        const key = slice(out, out.keyStart[index] as number, out.keyEnd[index] as number);
        const value = slice(out, out.valueStart[index] as number, out.valueEnd[index] as number);
        tally.digest.add(key, value);
        const timestampMs = program.program.timestamp === 'keep' ? BigInt(Math.trunc(frames.timestampMs[index] as number)) : now;
        this.#append(topic, partition, key, value, leaving.length === 0 ? headers : joined(leaving, headers), timestampMs);
      },
      otherwise: (field, count) => {
        tally.otherwise.set(field, (tally.otherwise.get(field) ?? 0n) + BigInt(count));
      },
      withheld: (index, program) => {
        this.#count(tally, frames, index, program);
        tally.withheld += 1;
      },
      refused: (index, reason, program, field) => {
        this.#count(tally, frames, index, program);
        tally.refused += 1;
        tally.refusals.set(reason, (tally.refusals.get(reason) ?? 0n) + 1n);
        this.#quarantineRecord(place, index, agreement.agreement, reason, program, field);
      },
    };
  }

  /** Takes a whole batch that cannot be read into quarantine and into every agreement's Receipt. */
  refuseBatch(
    agreements: readonly LiveAgreement[],
    partition: number,
    batch: { baseOffset: bigint; lastOffset: bigint; recordCount: number; bytes: Uint8Array },
  ): void {
    const count = Math.max(1, Math.min(batch.recordCount, Number(batch.lastOffset - batch.baseOffset) + 1));
    for (const agreement of agreements) {
      const tally = this.#tally(agreement, partition);
      tally.input += count;
      tally.refused += count;
      tally.refusals.set('batch-corrupt', (tally.refusals.get('batch-corrupt') ?? 0n) + BigInt(count));
      if (tally.inputFrom < 0n) tally.inputFrom = batch.baseOffset;
      tally.inputTo = batch.lastOffset;
    }
    this.quarantine.set(`${partition}/${batch.baseOffset}`, {
      partition,
      offsetFirst: batch.baseOffset,
      offsetLast: batch.lastOffset,
      timestampMs: BigInt(Date.now()),
      original: Buffer.from(batch.bytes),
      refusals: [{ agreement: null, reason: 'batch-corrupt', field: null, programHash: null }],
    });
  }

  /** The Receipts of the transaction: one for each agreement and input partition. */
  receipts(): { readonly key: Uint8Array; readonly value: Uint8Array }[] {
    return [...this.#tallies.values()]
      .filter(({ input }) => input > 0)
      .map((tally) => ({
        key: Buffer.from(`${tally.agreement.agreement}/${tally.partition}`),
        value: encodeReceipt({
          agreement: tally.agreement.agreement,
          dataset: this.dataset,
          partition: tally.partition,
          directiveRevision: BigInt(tally.agreement.directive.revision),
          programHashes: [...tally.programHashes].sort(),
          inputFrom: tally.inputFrom,
          inputTo: tally.inputTo,
          inputCount: BigInt(tally.input),
          passCount: BigInt(tally.pass),
          reshapeCount: BigInt(tally.governed - tally.pass),
          withholdCount: BigInt(tally.withheld),
          refuseCount: BigInt(tally.refused),
          refusals: Object.fromEntries(tally.refusals),
          otherwise: Object.fromEntries(tally.otherwise),
          inputTimestampMsMax: BigInt(Math.trunc(tally.timestampMsMax)),
          governedDigest: tally.digest.finish(),
          issuedAtMs: BigInt(Date.now()),
        }),
      }));
  }

  /** Counts by agreement id. */
  counts(): ReadonlyMap<string, OutcomeCounts> {
    const counts = new Map<string, OutcomeCounts>();
    for (const { agreement, input, governed, withheld, refused } of this.#tallies.values()) {
      const sum = counts.get(agreement.agreement) ?? { input: 0, governed: 0, withheld: 0, refused: 0 };
      sum.input += input;
      sum.governed += governed;
      sum.withheld += withheld;
      sum.refused += refused;
      counts.set(agreement.agreement, sum);
    }
    return counts;
  }

  #tally(agreement: LiveAgreement, partition: number): Tally {
    const key = `${agreement.agreement}/${partition}`;
    const known = this.#tallies.get(key);
    if (known !== undefined) return known;
    const tally: Tally = {
      agreement,
      partition,
      programHashes: new Set(),
      refusals: new Map(),
      otherwise: new Map(),
      digest: new GovernedDigest(),
      input: 0,
      governed: 0,
      withheld: 0,
      refused: 0,
      pass: 0,
      inputFrom: -1n,
      inputTo: -1n,
      timestampMsMax: 0,
    };
    this.#tallies.set(key, tally);
    return tally;
  }

  #count(tally: Tally, frames: RecordFrames, index: number, program: BoundProgram | undefined): void {
    const offset = frames.baseOffset + BigInt(frames.offsetDelta[index] as number);
    tally.input += 1;
    if (tally.inputFrom < 0n) tally.inputFrom = offset;
    tally.inputTo = offset;
    tally.timestampMsMax = Math.max(tally.timestampMsMax, frames.timestampMs[index] as number);
    if (program !== undefined) tally.programHashes.add(program.program.hash);
  }

  #append(
    topic: string,
    partition: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers: HeaderList,
    timestampMs: bigint,
  ): void {
    const place = `${topic}/${partition}`;
    const more = headers.length > 1 ? headerBytes(headers) : 0;
    const size = (key?.length ?? 0) + (value?.length ?? 0) + more + 256;
    let pending = this.#open.get(place);
    if (pending !== undefined && pending.builder.byteLength + size > governedBatchBytesMax) {
      this.#close(place, pending);
      pending = undefined;
    }
    if (pending === undefined) {
      pending = { topic, partition, builder: new BatchBuilder() };
      this.#open.set(place, pending);
    }
    pending.builder.append(key, value, headers, timestampMs);
  }

  /** Puts a full batch into the first wave after the last one that has a batch of its partition. */
  #close(place: string, pending: PendingBatch): void {
    let wave = this.#closed.length;
    const samePlace = (other: PendingBatch): boolean => `${other.topic}/${other.partition}` === place;
    while (wave > 0 && !(this.#closed[wave - 1] as PendingBatch[]).some(samePlace)) wave -= 1;
    const existing = this.#closed[wave];
    if (existing === undefined) this.#closed.push([pending]);
    else existing.push(pending);
    this.#open.delete(place);
  }

  #quarantineRecord(
    place: BatchPlace,
    index: number,
    agreement: string,
    reason: ErrorCode,
    program: BoundProgram | undefined,
    field: string | null,
  ): void {
    const { partition, frames } = place;
    const offset = frames.baseOffset + BigInt(frames.offsetDelta[index] as number);
    const key = `${partition}/${offset}`;
    const everyone = unreadable.has(reason);
    const entry = this.quarantine.get(key);
    if (entry !== undefined && everyone && entry.refusals.some((refusal) => refusal.reason === reason)) return;
    const refusal = {
      agreement: everyone ? null : agreement,
      reason,
      field,
      programHash: everyone ? null : (program?.program.hash ?? null),
    };
    if (entry !== undefined) {
      entry.refusals.push(refusal);
      return;
    }
    this.quarantine.set(key, {
      partition,
      offsetFirst: offset,
      offsetLast: offset,
      timestampMs: BigInt(Math.trunc(frames.timestampMs[index] as number)),
      original: originalOf(frames, index),
      refusals: [refusal],
    });
  }
}

/** A null value is written as Kafka has it; the builder's type knows only values of ours. */
const joined = (leaving: LeavingHeaders, headers: HeaderList): HeaderList => [...leaving, ...headers];

const slice = (out: ProgramOutput, start: number, end: number): Uint8Array | null =>
  start < 0 ? null : out.bytes.subarray(start, end);

/** Key and value, each preceded by its length in 4 bytes big endian, -1 for null: as in a Receipt's digest. */
function originalOf(frames: RecordFrames, index: number): Uint8Array {
  const parts: Buffer[] = [];
  for (const [start, end] of [
    [frames.keyStart[index] as number, frames.keyEnd[index] as number],
    [frames.valueStart[index] as number, frames.valueEnd[index] as number],
  ] as const) {
    const length = Buffer.alloc(4);
    length.writeInt32BE(start < 0 ? -1 : end - start);
    parts.push(length, start < 0 ? Buffer.alloc(0) : Buffer.from(frames.bytes.subarray(start, end)));
  }
  return Buffer.concat(parts);
}
