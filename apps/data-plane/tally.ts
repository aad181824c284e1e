/** What one transaction did for one agreement on one input partition: the numbers of its Receipt. */
import type { BoundProgram, ProgramOutput } from '../../libs/govern/index.ts';
import { outcomes } from '../../libs/govern/index.ts';
import type { Receipt } from '../../libs/ledger/index.ts';
import type { RecordFrames } from '../../libs/records/index.ts';
import { countBytes, newestTime, sharedArena } from '../../libs/records/index.ts';
import type { ReceiptDigest } from './digests/digest-session.ts';
import { localDigests } from './digests/digest-session.ts';
import type { LiveAgreement } from './directive-board.ts';

/** Counts of one agreement, for status and metrics. */
export interface OutcomeCounts {
  input: number;
  governed: number;
  withheld: number;
  /** Of the withheld ones, those of erased subjects. */
  suppressed: number;
  refused: number;
}

/** What became of the records of a run; `refused` has the indexes of those that were refused. */
export interface RunCounts {
  readonly pass: number;
  readonly reshape: number;
  readonly withhold: number;
  readonly refused: readonly number[];
}

const none: readonly number[] = [];

export function countRun({ outcome }: ProgramOutput, from: number, to: number): RunCounts {
  const count = (what: number): number => countBytes(sharedArena(), outcome, from, to, what);
  const [pass, reshape, withhold] = [count(outcomes.pass), count(outcomes.reshape), count(outcomes.withhold)];
  if (pass + reshape + withhold === to - from) return { pass, reshape, withhold, refused: none };
  const refused: number[] = [];
  for (let index = from; index < to; index += 1) if ((outcome[index] as number) > outcomes.withhold) refused.push(index);
  return { pass, reshape, withhold, refused };
}

export class Tally implements OutcomeCounts {
  readonly agreement: LiveAgreement;
  readonly partition: number;
  readonly digest: ReceiptDigest;
  input = 0;
  governed = 0;
  withheld = 0;
  suppressed = 0;
  refused = 0;
  #pass = 0;
  #inputFrom = -1n;
  #inputTo = -1n;
  #timestampMsMax = 0;
  readonly #programHashes = new Set<string>();
  readonly #refusals = new Map<string, number>();
  /** Values that `else` replaced, by field path. */
  readonly #otherwise = new Map<string, number>();

  constructor(agreement: LiveAgreement, partition: number, digest: ReceiptDigest = localDigests.open()) {
    this.agreement = agreement;
    this.partition = partition;
    this.digest = digest;
  }

  /** Records [from, to) of a batch were taken in, the newest of this time, by this Program unless none could read them. */
  took(
    frames: RecordFrames,
    from: number,
    to: number,
    program?: BoundProgram,
    timestampMsMax = newestTime(sharedArena(), frames, from, to),
  ): void {
    if (from === to) return;
    const { baseOffset, offsetDelta } = frames;
    this.input += to - from;
    if (this.#inputFrom < 0n) this.#inputFrom = baseOffset + BigInt(offsetDelta[from] as number);
    this.#inputTo = baseOffset + BigInt(offsetDelta[to - 1] as number);
    this.#timestampMsMax = Math.max(this.#timestampMsMax, timestampMsMax);
    if (program !== undefined) this.#programHashes.add(program.program.hash);
  }

  /** A batch that cannot be read stands for so many records at these offsets. */
  tookBatch(offsetFirst: bigint, offsetLast: bigint, count: number): void {
    this.input += count;
    if (this.#inputFrom < 0n) this.#inputFrom = offsetFirst;
    this.#inputTo = offsetLast;
    this.refuse('batch-corrupt', count);
  }

  govern(pass: number, reshape: number): void {
    this.governed += pass + reshape;
    this.#pass += pass;
  }

  withhold(count: number): void {
    this.withheld += count;
  }

  refuse(reason: string, count = 1): void {
    this.refused += count;
    this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + count);
  }

  replaced(field: string, count: number): void {
    this.#otherwise.set(field, (this.#otherwise.get(field) ?? 0) + count);
  }

  /** The Receipt. Ends the digest: call once. */
  receipt(chain: Pick<Receipt, 'apart' | 'previous'>): Receipt {
    const { directive } = this.agreement;
    return {
      agreement: directive.agreement,
      dataset: directive.dataset,
      partition: this.partition,
      kind: 'governed',
      ...chain,
      directiveRevision: BigInt(directive.revision),
      programHashes: [...this.#programHashes].sort(),
      inputFrom: this.#inputFrom,
      inputTo: this.#inputTo,
      inputCount: BigInt(this.input),
      passCount: BigInt(this.#pass),
      reshapeCount: BigInt(this.governed - this.#pass),
      withholdCount: BigInt(this.withheld),
      refuseCount: BigInt(this.refused),
      refusals: bigints(this.#refusals),
      otherwise: bigints(this.#otherwise),
      inputTimestampMsMax: BigInt(Math.trunc(this.#timestampMsMax)),
      governedDigest: this.digest.finish(),
      issuedAtMs: BigInt(Date.now()),
      keyEpoch: directive.dataKey?.epoch ?? 0,
      suppressCount: BigInt(this.suppressed),
    };
  }
}

/** Says that raw records were lost before an agreement could have them. */
export function gapReceipt(
  agreement: LiveAgreement,
  partition: number,
  lost: { readonly from: bigint; readonly to: bigint },
  chain: Pick<Receipt, 'apart' | 'previous'>,
): Receipt {
  return {
    ...new Tally(agreement, partition).receipt(chain),
    kind: 'gap',
    inputFrom: lost.from,
    inputTo: lost.to,
  };
}

const bigints = (counts: ReadonlyMap<string, number>): Record<string, bigint> =>
  Object.fromEntries([...counts].map(([name, count]) => [name, BigInt(count)]));
