/** The transport strategy of the data plane: Kafka batches in, the `record-batch` handler, one Kafka transaction out. */
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CustomTransportStrategy, MessageHandler } from '@nestjs/microservices';
import { Server } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { Cluster } from '../../libs/adapters/kafka/index.ts';
import type { Failure } from '../../libs/base/index.ts';
import type { SchemaLookup } from '../../libs/catalog/index.ts';
import type { Guarantee, WorkerLimits } from './config.ts';
import { localDigests } from './digests/digest-session.ts';
import type { DigestThread } from './digests/digest-thread.ts';
import type { DirectiveBoard } from './directive-board.ts';
import type { FeedStatus, FeedView } from './feed-status.ts';
import { watchTickMs } from './feed-watch.ts';
import { FeedWorker } from './feed-worker.ts';
import type { GovernAnswer, GovernRequest } from './govern-request.ts';
import { governPattern } from './govern-request.ts';
import type { PositionLog } from './position-log.ts';
import { SchemaVerdicts } from './schema-verdicts.ts';

export interface RecordTransportOptions {
  readonly cluster: Cluster;
  readonly board: DirectiveBoard;
  readonly log: PositionLog;
  readonly registry: SchemaLookup;
  readonly instance: string;
  readonly guarantee: Guarantee;
  readonly limits: WorkerLimits;
  /** One for all feeds; it starts with the first large transaction. */
  readonly digests: DigestThread;
  readonly report: (failure: Failure) => void;
}

export class RecordTransport extends Server implements CustomTransportStrategy {
  readonly #options: RecordTransportOptions;
  readonly #verdicts: SchemaVerdicts;
  readonly #workers = new Map<string, FeedWorker>();
  /** Found once: looking it up takes longer than a small batch. */
  #handler: MessageHandler | undefined;
  #watching: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: RecordTransportOptions) {
    super();
    this.#options = options;
    this.#verdicts = new SchemaVerdicts(options.registry, options.board);
  }

  /** Starts a worker for each dataset with live agreements, now and whenever directives change. */
  listen(callback: () => void): void {
    const { board } = this.#options;
    board.onChange = (datasets) => {
      this.#open();
      for (const dataset of datasets) this.#workers.get(dataset)?.wake();
    };
    board.start();
    this.#open();
    // One timer for all feeds: a hundred that come one by one cost the processor's caches a hundred times.
    this.#watching = setInterval(() => this.#workers.forEach((worker) => worker.look()), watchTickMs).unref();
    callback();
  }

  /** Drains: each worker finishes its transaction and leaves its group, within `drainMs`. */
  async close(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#watching);
    const drained = Promise.all([...this.#workers.values()].map((worker) => worker.stop()));
    await Promise.race([drained, sleep(this.#options.limits.drainMs, undefined, { ref: false })]);
    await this.#options.board.stop();
    await this.#options.digests.stop();
  }

  feeds(): FeedStatus[] {
    return [...this.#workers.values()].map((worker) => worker.status());
  }

  views(): FeedView[] {
    return [...this.#workers.values()].map((worker) => worker.view());
  }

  /** Nest's way to the underlying server; workers are not exposed. */
  unwrap<T>(): T {
    throw new Error('the record transport has no server to unwrap');
  }

  /** There are no transport events to subscribe to. */
  on(): void {
    throw new Error('the record transport has no events');
  }

  #open(): void {
    if (this.#stopped) return;
    for (const dataset of this.#options.board.datasets()) {
      if (this.#workers.has(dataset)) continue;
      const { cluster, board, log, instance, guarantee, limits, digests, report } = this.#options;
      const worker = new FeedWorker({
        cluster,
        board,
        log,
        verdicts: this.#verdicts,
        dataset,
        instance,
        guarantee,
        limits,
        report,
        digests: () => (availableParallelism() > 1 ? digests.session() : localDigests),
        govern: (request) => this.#govern(request),
      });
      this.#workers.set(dataset, worker);
      worker.start();
    }
  }

  async #govern(request: GovernRequest): Promise<GovernAnswer> {
    const handler = (this.#handler ??= this.getHandlerByPattern(governPattern) ?? undefined);
    if (handler === undefined) throw new Error('the record transport has no handler for record batches');
    const answer: unknown = await handler(request);
    return (isObservable(answer) ? await lastValueFrom(answer) : answer) as GovernAnswer;
  }
}
