/** The transport strategy of the data plane: Kafka batches in, the `record-batch` handler, one Kafka transaction out. */
import type { CustomTransportStrategy } from '@nestjs/microservices';
import { Server } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { Cluster } from '../../libs/adapters/kafka/index.ts';
import type { Failure } from '../../libs/base/index.ts';
import type { SchemaLookup } from '../../libs/catalog/index.ts';
import type { WorkerLimits } from './config.ts';
import type { DirectiveBoard } from './directive-board.ts';
import type { FeedStatus } from './feed-worker.ts';
import { FeedWorker } from './feed-worker.ts';
import type { GovernRequest } from './govern-request.ts';
import { governPattern } from './govern-request.ts';
import { SchemaVerdicts } from './schema-verdicts.ts';

export interface RecordTransportOptions {
  readonly cluster: Cluster;
  readonly board: DirectiveBoard;
  readonly registry: SchemaLookup;
  readonly instance: string;
  readonly limits: WorkerLimits;
  readonly report: (failure: Failure) => void;
}

export class RecordTransport extends Server implements CustomTransportStrategy {
  readonly #options: RecordTransportOptions;
  readonly #verdicts: SchemaVerdicts;
  readonly #workers = new Map<string, FeedWorker>();
  #stopped = false;

  constructor(options: RecordTransportOptions) {
    super();
    this.#options = options;
    this.#verdicts = new SchemaVerdicts(options.registry, options.board);
  }

  /** Starts a worker for each dataset with live agreements, now and whenever directives change. */
  listen(callback: () => void): void {
    const { board } = this.#options;
    board.onChange = () => this.#open();
    board.start();
    this.#open();
    callback();
  }

  /** Drains: each worker finishes its transaction and leaves its group. */
  async close(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()));
    await this.#options.board.stop();
  }

  feeds(): FeedStatus[] {
    return [...this.#workers.values()].map((worker) => worker.status());
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
      const { cluster, board, instance, limits, report } = this.#options;
      const worker = new FeedWorker({
        cluster,
        board,
        verdicts: this.#verdicts,
        dataset,
        instance,
        limits,
        report,
        govern: (request) => this.#govern(request),
      });
      this.#workers.set(dataset, worker);
      worker.start();
    }
  }

  async #govern(request: GovernRequest): Promise<void> {
    const handler = this.getHandlerByPattern(governPattern);
    if (handler === null) throw new Error('the record transport has no handler for record batches');
    const answer: unknown = await handler(request);
    if (isObservable(answer)) await lastValueFrom(answer, { defaultValue: undefined });
  }
}
