/** A redrive from its request to its summary: opens what it needs, selects, and previews or redrives in small transactions at a rate. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FeedProducer, KafkaOptions } from '../../../libs/adapters/kafka/index.ts';
import { Cluster, KafkaAdmin, topicOffsets, TransactionalProducer } from '../../../libs/adapters/kafka/index.ts';
import type { Failure, Result } from '../../../libs/base/index.ts';
import { during, fail, ok, topicNames } from '../../../libs/base/index.ts';
import type { KeyOpener, SchemaLookup, SignatureChecker } from '../../../libs/catalog/index.ts';
import { DirectiveBoard } from '../directive-board.ts';
import { SchemaVerdicts } from '../schema-verdicts.ts';
import { AuditTrail } from './audit-trail.ts';
import type { Decided, SkipReason } from './decide.ts';
import { decide, skipped } from './decide.ts';
import type { Dispositions } from './disposition-log.ts';
import { noDispositions, readDispositions } from './disposition-log.ts';
import { countNewer } from './newer-keys.ts';
import { NewestRecords } from './newest-records.ts';
import { Originals } from './originals.ts';
import type { Clock } from './pacer.ts';
import { Pacer } from './pacer.ts';
import type { Preview } from './preview.ts';
import { PreviewCounts } from './preview.ts';
import { isCompacted, Redrive, supersededOf, transactionalIdOf } from './redrive.ts';
import type { Candidate, Selection } from './selection.ts';
import { select } from './selection.ts';
import { TakenRanges } from './taken-ranges.ts';
import { replayTopics } from './topics.ts';
import { recordsOfBatches } from './whole-batches.ts';

export interface ReplayRequest {
  /** 1 to 64 of a-z, 0-9 and hyphens; in the audit trail and the dispositions. */
  readonly id: string;
  readonly dataset: string;
  readonly agreement: string;
  readonly selection: Selection;
  /** Records a second. */
  readonly rate: number;
  /** Redrive; otherwise preview. */
  readonly run: boolean;
  /** The publisher's private key, 32 bytes, for originals that the raw topic no longer has. */
  readonly privateKey?: Uint8Array;
}

export interface ReplayConfig {
  readonly kafka: KafkaOptions;
  readonly vault: KeyOpener;
  readonly checker: SignatureChecker;
  readonly registry: SchemaLookup;
  /** Who acts, for the audit trail. */
  readonly account: string;
  readonly clock?: Clock;
  readonly openProducer?: (cluster: Cluster, transactionalId: string) => Promise<Result<FeedProducer>>;
}

/** One line about one record; coordinates and codes, no value. */
export interface OutcomeLine {
  readonly partition: number;
  readonly offset: string;
  readonly outcome: Decided['outcome'];
  readonly why: string | null;
}

export interface ReplaySummary {
  readonly replay: string;
  readonly selected: number;
  readonly delivered: number;
  readonly withheld: number;
  readonly refused: number;
  readonly skipped: number;
  /** Records that were not looked at because of a stop. */
  readonly left: number;
  /** Records of the quarantine that cannot be read. */
  readonly malformed: number;
  readonly preview?: Preview;
}

/** How long the list of erased subjects may take to be read, milliseconds. */
const listWaitMs = 10_000;
/** Records of one transaction at most. */
const transactionRecordsMax = 100;
/** Offsets within a transaction span less than a batch can. */
const spanMax = 2n ** 31n - 1n;

const openTransactional = (cluster: Cluster, transactionalId: string): Promise<Result<FeedProducer>> =>
  TransactionalProducer.open(cluster, { transactionalId });

/** Tells `emit` of each record once its outcome is committed. A stop ends it after the transaction under way. */
export async function replay(
  config: ReplayConfig,
  request: ReplayRequest,
  emit: (line: OutcomeLine) => void,
  stopped: AbortSignal,
): Promise<Result<ReplaySummary>> {
  const closing: (() => Promise<unknown> | void)[] = [];
  try {
    const ended = await new Replay(config, request, emit, stopped, closing).run();
    return ended.ok ? ended : during(`replaying ${request.dataset} for ${request.agreement}`, ended.failure);
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

class Replay {
  readonly #config: ReplayConfig;
  readonly #request: ReplayRequest;
  readonly #emit: (line: OutcomeLine) => void;
  readonly #stopped: AbortSignal;
  readonly #closing: (() => Promise<unknown> | void)[];
  readonly #counts = { delivered: 0, withheld: 0, refused: 0, skipped: 0 };
  readonly #preview = new PreviewCounts();

  constructor(
    config: ReplayConfig,
    request: ReplayRequest,
    emit: (line: OutcomeLine) => void,
    stopped: AbortSignal,
    closing: (() => Promise<unknown> | void)[],
  ) {
    this.#config = config;
    this.#request = request;
    this.#emit = emit;
    this.#stopped = stopped;
    this.#closing = closing;
  }

  async run(): Promise<Result<ReplaySummary>> {
    const { dataset, agreement, id, privateKey, run } = this.#request;
    const opened = await Cluster.open(this.#config.kafka);
    if (!opened.ok) return opened;
    const cluster = opened.value;
    this.#closing.push(() => cluster.close());
    const directives = await this.#directives(cluster);
    if (!directives.ok) return directives;
    const topics = run || privateKey !== undefined ? await ensureTopics(cluster) : ok(undefined);
    if (!topics.ok) return topics;
    const bytesMax = await this.#bytesMax(cluster);
    if (!bytesMax.ok) return bytesMax;
    // Before anything is read that an earlier redrive may have written: from here on it writes no more.
    const producer = run ? await this.#producer(cluster) : ok(undefined);
    if (!producer.ok) return producer;
    const read = await readDispositions(cluster, dataset, agreement);
    // A preview makes no topic: before the first redrive there is none.
    const dispositions = !run && !read.ok && read.failure.code === 'not-found' ? ok(noDispositions) : read;
    if (!dispositions.ok) return dispositions;
    const selected = await select(cluster, dataset, agreement, this.#request.selection);
    if (!selected.ok) return selected;
    const { malformed } = selected.value;
    const expanded = await recordsOfBatches(cluster, dataset, selected.value.candidates, dispositions.value);
    if (!expanded.ok) return expanded;
    const candidates = expanded.value;
    const settled = await this.#work(cluster, candidates, dispositions.value);
    if (!settled.ok) return settled;
    const newest = this.#newest(cluster, directives.value, settled.value);
    const work = await this.#current(settled.value, newest);
    if (!work.ok) return work;
    const audit = new AuditTrail(cluster, { replay: id, dataset, agreement, account: this.#config.account });
    this.#closing.push(() => audit.close());
    const originals = new Originals({ cluster, dataset, audit, ...(privateKey === undefined ? {} : { privateKey }) });
    this.#closing.push(() => originals.close());
    const schemas = new SchemaVerdicts(this.#config.registry, directives.value);
    const options = { dataset, schemas, bytesMax: bytesMax.value };
    let left: Result<number>;
    if (producer.value === undefined) left = await this.#previewAll(work.value, directives.value, originals, options);
    else {
      const begun = await this.#begin(cluster, work.value, candidates.length, audit);
      if (!begun.ok) return begun;
      const redrive = new Redrive({
        ...options,
        replay: id,
        agreement,
        directives: directives.value,
        originals,
        producer: producer.value,
        dispositions: dispositions.value,
        newest,
      });
      left = await this.#redriveAll(work.value, redrive);
      const counts = { ...this.#counts, completed: left.ok && left.value === 0 };
      const ended = await audit.write([{ action: 'replay-ended', counts }]);
      if (!ended.ok && left.ok) return ended;
    }
    if (!left.ok) return left;
    const summary = { replay: id, selected: candidates.length, ...this.#counts, left: left.value, malformed };
    if (run) return ok(summary);
    const preview = await this.#preview.finish((places) => countNewer(cluster, dataset, places));
    return preview.ok ? ok({ ...summary, preview: preview.value }) : preview;
  }

  async #directives(cluster: Cluster): Promise<Result<DirectiveBoard>> {
    const { dataset, agreement } = this.#request;
    const failures: Failure[] = [];
    const board = await DirectiveBoard.open({
      cluster,
      vault: this.#config.vault,
      checker: this.#config.checker,
      report: (failure) => failures.push(failure),
    });
    if (!board.ok) return board;
    board.value.start();
    this.#closing.push(() => board.value.stop());
    if (board.value.board(dataset)?.agreements.some((other) => other.agreement === agreement)) {
      const listed = await untilListed(board.value, dataset);
      return listed.ok ? board : listed;
    }
    const why = failures.find(({ message }) => message.startsWith(`starting agreement ${agreement}:`));
    if (why !== undefined) return { ok: false, failure: why };
    return fail('not-found', `there is no started agreement ${agreement} on dataset ${dataset}`);
  }

  async #bytesMax(cluster: Cluster): Promise<Result<number>> {
    const topic = topicNames.governed(this.#request.dataset, this.#request.agreement);
    const config = await new KafkaAdmin(cluster).topicConfig(topic, 'max.message.bytes');
    return config.ok ? ok(Number(config.value)) : config;
  }

  async #producer(cluster: Cluster): Promise<Result<FeedProducer>> {
    const open = this.#config.openProducer ?? openTransactional;
    const producer = await open(cluster, transactionalIdOf(this.#request.dataset, this.#request.agreement));
    if (producer.ok) this.#closing.push(() => producer.value.close());
    return producer;
  }

  /** The candidates that are to be looked at; of the others it is said at once why not. */
  async #work(cluster: Cluster, candidates: readonly Candidate[], dispositions: Dispositions): Promise<Result<Candidate[]>> {
    const { dataset, agreement } = this.#request;
    const uncertain = candidates.filter(({ forEveryone }) => forEveryone);
    let taken: TakenRanges | undefined;
    if (uncertain.length > 0) {
      const sinceMs = uncertain.reduce((first, { refusedAtMs }) => Math.min(first, refusedAtMs), Infinity);
      const read = await TakenRanges.read(cluster, dataset, agreement, sinceMs);
      if (!read.ok) return read;
      taken = read.value;
    }
    const work: Candidate[] = [];
    for (const candidate of candidates) {
      const why: SkipReason | undefined = skipped(candidate, dispositions, taken);
      if (why === undefined) work.push(candidate);
      else this.#tell({ candidate, outcome: 'skipped', why });
    }
    return ok(work);
  }

  /** Of a compacted feed: what the raw topic has behind the candidates. */
  #newest(cluster: Cluster, directives: DirectiveBoard, candidates: readonly Candidate[]): NewestRecords | undefined {
    const { dataset, agreement } = this.#request;
    const live = directives.board(dataset)?.agreements.find((other) => other.agreement === agreement);
    if (live === undefined || !isCompacted(live)) return undefined;
    const newest = new NewestRecords(cluster, dataset, candidates);
    this.#closing.push(() => newest.close());
    return newest;
  }

  /** The candidates that no newer record has overtaken yet. */
  async #current(candidates: readonly Candidate[], newest: NewestRecords | undefined): Promise<Result<readonly Candidate[]>> {
    if (newest === undefined) return ok(candidates);
    const read = await newest.readOn();
    if (!read.ok) return read;
    const current: Candidate[] = [];
    for (const candidate of candidates) {
      if (newest.overtook(candidate)) this.#tell(supersededOf(candidate));
      else current.push(candidate);
    }
    return ok(current);
  }

  /** Refuses what cannot be done before anything is written, and writes down that it begins. */
  async #begin(cluster: Cluster, work: readonly Candidate[], selected: number, audit: AuditTrail): Promise<Result<void>> {
    const topic = topicNames.raw(this.#request.dataset);
    const earliest = await topicOffsets(cluster, topic, 'earliest');
    if (!earliest.ok) return earliest;
    const gone = work.filter(({ partition, offset }) => offset < (earliest.value[partition] ?? 0n)).length;
    if (gone > 0 && this.#request.privateKey === undefined) {
      return fail(
        'key-missing',
        `${gone} of the selected originals are no longer in ${topic}: give the publisher's private key with --key-file, or select others by offset`,
      );
    }
    const selection = JSON.parse(
      JSON.stringify(this.#request.selection, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    ) as object;
    return audit.write([{ action: 'replay-begun', selection, selected }]);
  }

  async #previewAll(
    work: readonly Candidate[],
    directives: DirectiveBoard,
    originals: Originals,
    options: { readonly dataset: string; readonly schemas: SchemaVerdicts; readonly bytesMax: number },
  ): Promise<Result<number>> {
    return this.#inChunks(work, transactionRecordsMax, async (chunk) => {
      const board = directives.board(options.dataset);
      const live = board?.agreements.find(({ agreement }) => agreement === this.#request.agreement);
      if (board === undefined || live === undefined)
        return fail('conflict', `${this.#request.agreement} is not started any more`);
      const { suppressions } = board;
      const listed = suppressions === undefined ? {} : { suppressions };
      const decision = await decide(chunk, originals, { ...options, live, ...listed });
      return decision.ok ? ok(decision.value.decided) : decision;
    });
  }

  async #redriveAll(work: readonly Candidate[], redrive: Redrive): Promise<Result<number>> {
    const pacer = new Pacer(this.#request.rate, this.#config.clock);
    const most = Math.max(1, Math.min(transactionRecordsMax, Math.floor(this.#request.rate)));
    return this.#inChunks(work, most, async (chunk) => {
      await pacer.take(chunk.length, this.#stopped);
      return this.#stopped.aborted ? ok(undefined) : redrive.redrive(chunk);
    });
  }

  /** Portions of one partition, until a stop; how many records were left then. */
  async #inChunks(
    work: readonly Candidate[],
    most: number,
    done: (chunk: readonly Candidate[]) => Promise<Result<readonly Decided[] | undefined>>,
  ): Promise<Result<number>> {
    for (let from = 0; from < work.length; ) {
      if (this.#stopped.aborted) return ok(work.length - from);
      const first = work[from] as Candidate;
      let to = from + 1;
      for (; to < work.length && to - from < most; to += 1) {
        const { partition, offset } = work[to] as Candidate;
        if (partition !== first.partition || offset - first.offset > spanMax) break;
      }
      const decided = await done(work.slice(from, to));
      if (!decided.ok) return decided;
      if (decided.value === undefined) return ok(work.length - from);
      for (const one of decided.value) this.#tell(one);
      from = to;
    }
    return ok(0);
  }

  #tell(decided: Decided): void {
    const { candidate, outcome, why } = decided;
    this.#counts[outcome] += 1;
    if (!this.#request.run) this.#preview.add(decided);
    else this.#emit({ partition: candidate.partition, offset: String(candidate.offset), outcome, why });
  }
}

/** Waits until it is known who was erased from the dataset: their records are not redriven. */
async function untilListed(directives: DirectiveBoard, dataset: string): Promise<Result<void>> {
  const deadlineMs = performance.now() + listWaitMs;
  while (directives.board(dataset)?.suppressions?.ready() === false) {
    if (performance.now() > deadlineMs)
      return fail('suppressions-incomplete', `who was erased from ${dataset} cannot be read from ${topicNames.suppressions}`);
    await sleep(50);
  }
  return ok(undefined);
}

/** An account that may not make topics finds them made. */
async function ensureTopics(cluster: Cluster): Promise<Result<void>> {
  for (const topic of replayTopics) {
    const there = await topicOffsets(cluster, topic.name, 'latest');
    if (there.ok) continue;
    const created = there.failure.code === 'not-found' ? await new KafkaAdmin(cluster).createTopics([topic]) : there;
    if (!created.ok) return during(`making sure of ${topic.name}`, created.failure);
  }
  return ok(undefined);
}
