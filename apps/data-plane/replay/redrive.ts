/**
 * Writes what was decided, a few records in one Kafka transaction: governed records, what is refused anew, the Receipt, the dispositions.
 * The transactional id belongs to the agreement: whoever opens it ends what an earlier redrive left open, and keeps that one from going on.
 */
import type { FeedProducer, OutRecord } from '../../../libs/adapters/kafka/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok, topicNames } from '../../../libs/base/index.ts';
import type { BoundProgram } from '../../../libs/govern/index.ts';
import type { Receipt } from '../../../libs/ledger/index.ts';
import {
  chainHead,
  chainStart,
  encodeQuarantined,
  encodeReceipt,
  joinOriginal,
  seal,
  sealedBytesMax,
} from '../../../libs/ledger/index.ts';
import type { DatasetBoard, DirectiveBoard, LiveAgreement } from '../directive-board.ts';
import { GovernedWriter } from '../governed-writer.ts';
import type { SchemaVerdicts } from '../schema-verdicts.ts';
import { Tally } from '../tally.ts';
import type { Decided, Decision } from './decide.ts';
import { decide } from './decide.ts';
import type { Dispositions } from './disposition-log.ts';
import { chainRecord, dispositionRecord } from './disposition-log.ts';
import type { NewestRecords } from './newest-records.ts';
import type { Originals } from './originals.ts';
import type { Candidate } from './selection.ts';

export interface RedriveOptions {
  readonly replay: string;
  readonly dataset: string;
  readonly agreement: string;
  readonly directives: DirectiveBoard;
  readonly schemas: SchemaVerdicts;
  readonly originals: Originals;
  readonly producer: FeedProducer;
  readonly dispositions: Dispositions;
  readonly bytesMax: number;
  /** Of a compacted feed. */
  readonly newest: NewestRecords | undefined;
}

type Written = Exclude<Decided, { outcome: 'skipped' }>;

/** A record with the place that it goes to. */
interface Out {
  readonly topic: string;
  readonly partition: number;
  readonly record: OutRecord;
}

/** Directives older than this may have been replaced: nothing is produced under them, milliseconds. */
const directiveAgeMsMax = 3_000;
/** So often a transaction is done again because the directives of the dataset changed under it. */
const staleMax = 5;

export const transactionalIdOf = (dataset: string, agreement: string): string => `sluice.replay.${dataset}.${agreement}`;

export class Redrive {
  readonly #options: RedriveOptions;
  readonly #heads: Map<number, Uint8Array>;

  constructor(options: RedriveOptions) {
    this.#options = options;
    this.#heads = new Map(options.dispositions.heads);
  }

  /** One transaction for candidates of one partition. A failure may leave open whether it was committed: a new redrive finds out. */
  async redrive(candidates: readonly Candidate[]): Promise<Result<readonly Decided[]>> {
    const { dataset, agreement, directives, schemas, originals, bytesMax, newest } = this.#options;
    for (let stale = 0; stale < staleMax; ) {
      const board = directives.board(dataset);
      const live = board?.agreements.find((other) => other.agreement === agreement);
      if (board === undefined || live === undefined) return fail('conflict', `${agreement} is not started any more`);
      if (newest === undefined && isCompacted(live))
        return fail('conflict', `${agreement} is of a compacted feed since it was begun`);
      const [superseded, current] = parted(candidates, (candidate) => newest?.overtook(candidate) === true);
      const { suppressions } = board;
      const listed = suppressions === undefined ? {} : { suppressions };
      const decision = await decide(current, originals, { dataset, live, schemas, bytesMax, ...listed });
      if (!decision.ok) return decision;
      const written = await this.#write(decision.value, board, live);
      if (!written.ok) return written;
      if (written.value === 'committed')
        return ok([...superseded.map(supersededOf), ...decision.value.decided].sort((a, b) => order(a.candidate, b.candidate)));
      // What overtook a record now is known in the next round: it has fewer.
      if (written.value === 'overtaken') continue;
      stale += 1;
      await directives.caughtUp();
    }
    return fail('transaction-failed', `the directives of ${dataset} changed ${staleMax} times in a row, or cannot be read`);
  }

  async #write(
    { decided, judged }: Decision,
    board: DatasetBoard,
    live: LiveAgreement,
  ): Promise<Result<'committed' | 'stale' | 'overtaken'>> {
    const { producer } = this.#options;
    const governed = topicNames.governed(this.#options.dataset, live.agreement);
    const written = decided.filter((one): one is Written => one.outcome !== 'skipped');
    const [first] = written;
    if (first === undefined || judged === undefined) return ok('committed');
    const { partition } = first.candidate;
    const tally = new Tally(live, partition);
    for (const [field, count] of judged.replaced) tally.replaced(field, count);
    const nowMs = BigInt(Date.now());
    const records: Out[] = [];
    for (const one of written) {
      const { verdict, index, candidate } = one;
      const timeOf = ({ program }: BoundProgram): bigint => (program.timestamp === 'keep' ? candidate.timestampMs : nowMs);
      tally.took(judged.frames, index, index + 1, verdict.program);
      if (verdict.kind === 'governed') {
        tally.govern(verdict.passed ? 1 : 0, verdict.passed ? 0 : 1);
        tally.digest.add(verdict.key, verdict.value);
        const { key, value, headers } = verdict;
        records.push({ topic: governed, partition, record: { key, value, headers, timestampMs: timeOf(verdict.program) } });
      } else if (verdict.kind === 'withheld') {
        tally.withhold(1);
        if (verdict.erased === true) tally.suppressed += 1;
        if (verdict.tombstone === undefined) continue;
        tally.digest.add(verdict.tombstone.key, null);
        const record = { ...verdict.tombstone, value: null, timestampMs: timeOf(verdict.program) };
        records.push({ topic: governed, partition, record });
      } else {
        tally.refuse(verdict.reason);
        records.push({ topic: topicNames.quarantine(this.#options.dataset), partition, record: await this.#refused(one, board) });
      }
    }
    const receipt = encodeReceipt(this.#receipt(tally));
    const head = chainHead(receipt);
    const mayProduce = this.#fence(board);
    producer.begin(mayProduce);
    const writer = new GovernedWriter(producer);
    for (const { topic, partition, record } of [...records, ...this.#own(written, live, receipt, head)])
      writer.append({ topic, partition }, record.key, record.value, record.headers ?? [], record.timestampMs ?? nowMs);
    writer.finish();
    const flushed = await producer.flush();
    if (!flushed.ok || flushed.value === 'stale' || !mayProduce()) {
      const aborted = await producer.abort();
      if (!flushed.ok) return flushed;
      return aborted.ok ? ok('stale') : aborted;
    }
    // What was governed before this was written is read here; whatever comes later stands behind it.
    const overtaken = await this.#overtaken(written);
    if (!overtaken.ok || overtaken.value) {
      const aborted = await producer.abort();
      if (!overtaken.ok) return overtaken;
      return aborted.ok ? ok('overtaken') : aborted;
    }
    const committed = await producer.commit();
    if (!committed.ok) return committed;
    this.#heads.set(partition, head);
    return ok('committed');
  }

  async #overtaken(written: readonly Written[]): Promise<Result<boolean>> {
    const { newest } = this.#options;
    if (newest === undefined) return ok(false);
    const read = await newest.readOn(written[0]?.candidate.partition);
    return read.ok ? ok(written.some(({ candidate }) => newest.overtook(candidate))) : read;
  }

  /** Whether the directives that were worked under are still the current ones, and fresh. */
  #fence({ version, validUntilMs, suppressions }: DatasetBoard): () => boolean {
    const { directives, dataset } = this.#options;
    return () =>
      directives.board(dataset)?.version === version &&
      directives.ageMs() <= directiveAgeMsMax &&
      Date.now() < validUntilMs &&
      suppressions?.ready() !== false;
  }

  #receipt(tally: Tally): Receipt {
    const previous = this.#heads.get(tally.partition) ?? chainStart;
    return { ...tally.receipt({ apart: true, previous }), kind: 'replayed' };
  }

  /** The Receipt, the new head of its chain, and what became of each record. */
  #own(written: readonly Written[], live: LiveAgreement, receipt: Uint8Array, head: Uint8Array): Out[] {
    const { dataset, agreement, replay } = this.#options;
    const { revision } = live.directive;
    const dispositions = written.map(({ candidate, outcome }) =>
      dispositionRecord(dataset, agreement, candidate, {
        outcome,
        timestampMs: candidate.timestampMs,
        attempt: candidate.attempt + 1,
        replay,
        revision,
      }),
    );
    const partition = written[0]?.candidate.partition ?? 0;
    return [
      { topic: topicNames.receipts, partition: 0, record: { key: Buffer.from(`${agreement}/${partition}`), value: receipt } },
      ...[...dispositions, chainRecord(dataset, agreement, partition, head)].map((record) => ({
        topic: topicNames.dispositions,
        partition: 0,
        record,
      })),
    ];
  }

  /** The quarantine's record of a further refusal. It is sealed again, so that it stands when the first one is no longer kept. */
  async #refused({ candidate, source, verdict }: Written, board: DatasetBoard): Promise<OutRecord> {
    if (verdict.kind !== 'refused') throw new Error('refused: the record was not refused');
    const { dataset, agreement } = this.#options;
    const { partition, offset, timestampMs, attempt } = candidate;
    const original = joinOriginal(source);
    const sealed = original.length > sealedBytesMax ? null : await seal(board.sealTo, original, { dataset, partition, offset });
    return {
      key: Buffer.from(`${partition}/${offset}`),
      value: encodeQuarantined({
        dataset,
        // Others were not asked.
        agreement,
        reason: verdict.reason,
        field: verdict.field,
        programHash: verdict.program?.program.hash ?? null,
        topic: topicNames.raw(dataset),
        partition,
        offsetFirst: offset,
        offsetLast: offset,
        timestampMs,
        attempt: attempt + 1,
        sealed,
      }),
    };
  }
}

/** Whether the agreement's topic keeps the last record of each key. */
export const isCompacted = ({ programs }: LiveAgreement): boolean =>
  [...programs.values()].some(({ program }) => program.compacted);

export const supersededOf = (candidate: Candidate): Decided => ({ candidate, outcome: 'skipped', why: 'superseded' });

const order = (one: Candidate, other: Candidate): number => Number(one.offset - other.offset);

function parted<Item>(items: readonly Item[], holds: (item: Item) => boolean): [Item[], Item[]] {
  const [those, others]: [Item[], Item[]] = [[], []];
  for (const item of items) (holds(item) ? those : others).push(item);
  return [those, others];
}
