/** What one transaction says besides the governed records: counts of each agreement and partition, refused originals, positions. */
import type { OutRecord } from '../../libs/adapters/kafka/index.ts';
import type { ErrorCode } from '../../libs/base/index.ts';
import type { BoundProgram } from '../../libs/govern/index.ts';
import { unreadable } from '../../libs/govern/index.ts';
import { chainHead, encodeReceipt, joinOriginal } from '../../libs/ledger/index.ts';
import type { RecordBatch, RecordFrames } from '../../libs/records/index.ts';
import type { DigestSession } from './digests/digest-session.ts';
import { localDigests } from './digests/digest-session.ts';
import type { LiveAgreement } from './directive-board.ts';
import type { OutcomeCounts } from './tally.ts';
import { Tally } from './tally.ts';
import type { UnreadableOnce } from './unreadable-once.ts';

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

interface QuarantineBounds {
  readonly originals: number;
  readonly records: number;
}

const unbounded: QuarantineBounds = { originals: Infinity, records: Infinity };

export class TransactionDraft {
  readonly dataset: string;
  /** Data records of the input, once whatever the number of agreements. */
  recordsRead = 0;
  batchesRead = 0;
  /** Bytes of the batches for governed topics. */
  governedBytes = 0;
  /** When the producer's round began, on the clock of `performance.now()`. */
  begunAtMs = performance.now();
  /** Time on the thread by agreement, milliseconds. */
  readonly programMs = new Map<string, number>();
  /** Next offset to read for each input partition. */
  readonly positions = new Map<number, bigint>();
  /** Newest time of the records read, by partition, milliseconds. */
  readonly timestampMsMax = new Map<number, number>();
  readonly quarantine = new Map<string, QuarantineEntry>();
  /** Where the Receipts' digests are computed; chosen before anything is taken in. */
  digests: DigestSession = localDigests;
  /** Of the originals in it. */
  quarantineBytes = 0;
  /** Refusals of them: records for the quarantine's topic. */
  quarantineRecords = 0;
  /** Set when more records were refused than it keeps: then it must not be committed. */
  overfull = false;
  readonly #tallies = new Map<string, Tally>();
  readonly #quarantined: UnreadableOnce['has'];
  readonly #most: QuarantineBounds;

  /** `quarantined` says of what nobody can read that an earlier transaction put it into quarantine; `most` is how much is kept for it. */
  constructor(dataset: string, quarantined: UnreadableOnce['has'] = () => false, most: QuarantineBounds = unbounded) {
    this.dataset = dataset;
    this.#quarantined = quarantined;
    this.#most = most;
  }

  /** Offsets of what nobody could read that this transaction puts into quarantine, by partition. */
  unreadable(): ReadonlyMap<number, readonly bigint[]> {
    const found = new Map<number, bigint[]>();
    for (const { partition, offsetFirst, refusals } of this.quarantine.values()) {
      if (refusals.every(({ agreement }) => agreement !== null)) continue;
      const offsets = found.get(partition);
      if (offsets === undefined) found.set(partition, [offsetFirst]);
      else offsets.push(offsetFirst);
    }
    return found;
  }

  /** True when no record was taken in. */
  get empty(): boolean {
    return this.#tallies.size === 0 && this.quarantine.size === 0;
  }

  get tallies(): Iterable<Tally> {
    return this.#tallies.values();
  }

  tally(agreement: LiveAgreement, partition: number): Tally {
    const name = `${partition}/${agreement.agreement}`;
    let tally = this.#tallies.get(name);
    if (tally === undefined) this.#tallies.set(name, (tally = new Tally(agreement, partition, this.digests.open())));
    return tally;
  }

  /** One run served these agreements: each has its share of the time. */
  ran(agreements: readonly LiveAgreement[], tookMs: number): void {
    const share = tookMs / agreements.length;
    for (const { agreement } of agreements) this.programMs.set(agreement, (this.programMs.get(agreement) ?? 0) + share);
  }

  /** Takes a whole batch that cannot be read into quarantine and into every agreement's Receipt. */
  refuseBatch(agreements: readonly LiveAgreement[], partition: number, batch: RecordBatch): void {
    const { baseOffset, lastOffset, recordCount, maxTimestampMs, bytes } = batch;
    const count = Math.max(1, Math.min(recordCount, Number(lastOffset - baseOffset) + 1));
    for (const agreement of agreements) this.tally(agreement, partition).tookBatch(baseOffset, lastOffset, count);
    if (this.#quarantined(partition, baseOffset, maxTimestampMs)) return;
    this.#keep(`${partition}/${baseOffset}`, {
      partition,
      offsetFirst: baseOffset,
      offsetLast: lastOffset,
      // By this a redrive knows it again.
      timestampMs: maxTimestampMs,
      original: Buffer.from(bytes),
      refusals: [{ agreement: null, reason: 'batch-corrupt', field: null, programHash: null }],
    });
  }

  /** Takes a refused record into quarantine: input that no Program can read once, a rule's refusal once for each Program. */
  refuseRecord(
    frames: RecordFrames,
    index: number,
    agreement: string,
    reason: ErrorCode,
    program: BoundProgram | undefined,
    field: string | null,
  ): void {
    const { partition } = frames;
    const offset = frames.baseOffset + BigInt(frames.offsetDelta[index] as number);
    const name = `${partition}/${offset}`;
    const everyone = unreadable.has(reason);
    const timestampMs = BigInt(Math.trunc(frames.timestampMs[index] as number));
    if (everyone && this.#quarantined(partition, offset, timestampMs)) return;
    const entry = this.quarantine.get(name);
    if (entry !== undefined && everyone && entry.refusals.some((refusal) => refusal.reason === reason)) return;
    this.overfull ||= this.quarantineRecords >= this.#most.records || this.quarantine.size >= this.#most.originals;
    if (this.overfull) return;
    const refusal = {
      agreement: everyone ? null : agreement,
      reason,
      field,
      programHash: everyone ? null : (program?.program.hash ?? null),
    };
    if (entry !== undefined) {
      entry.refusals.push(refusal);
      this.quarantineRecords += 1;
      return;
    }
    this.#keep(name, {
      partition,
      offsetFirst: offset,
      offsetLast: offset,
      timestampMs,
      original: originalOf(frames, index),
      refusals: [refusal],
    });
  }

  #keep(name: string, entry: QuarantineEntry): void {
    this.quarantine.set(name, entry);
    this.quarantineRecords += 1;
    this.quarantineBytes += entry.original.length;
  }

  /** The Receipts, once the digests have settled, chained for each partition from `heads` on, which is brought up to date. */
  receipts(apart: boolean, heads: Map<number, Uint8Array>): OutRecord[] {
    const records: OutRecord[] = [];
    for (const tally of this.#tallies.values()) {
      if (tally.input === 0) continue;
      const previous = heads.get(tally.partition);
      if (previous === undefined) throw new Error('receipts: a partition has no chain');
      const value = encodeReceipt(tally.receipt({ apart, previous }));
      heads.set(tally.partition, chainHead(value));
      records.push({ key: Buffer.from(`${tally.agreement.agreement}/${tally.partition}`), value });
    }
    return records;
  }

  /** Counts by agreement id. */
  counts(): ReadonlyMap<string, OutcomeCounts> {
    const counts = new Map<string, OutcomeCounts>();
    for (const { agreement, input, governed, withheld, suppressed, refused } of this.#tallies.values()) {
      const sum = counts.get(agreement.agreement) ?? { input: 0, governed: 0, withheld: 0, suppressed: 0, refused: 0 };
      sum.input += input;
      sum.governed += governed;
      sum.withheld += withheld;
      sum.suppressed += suppressed;
      sum.refused += refused;
      counts.set(agreement.agreement, sum);
    }
    return counts;
  }
}

/** A copy of key and value, as the quarantine keeps them. */
function originalOf(frames: RecordFrames, index: number): Uint8Array {
  const range = (start: number, end: number): Uint8Array | null => (start < 0 ? null : frames.bytes.subarray(start, end));
  return joinOriginal({
    key: range(frames.keyStart[index] as number, frames.keyEnd[index] as number),
    value: range(frames.valueStart[index] as number, frames.valueEnd[index] as number),
  });
}
