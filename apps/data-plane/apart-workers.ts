/** The agreements of a feed that are served alone: their workers, one each, a few at a time. */
import { ApartWorker } from './apart-worker.ts';
import type { DatasetBoard } from './directive-board.ts';
import type { FeedContext, Tenure } from './feed-context.ts';
import type { ApartStatus, FeedFigures } from './feed-status.ts';
import type { OwnedPartitions } from './owned-partitions.ts';
import type { Standing } from './standing.ts';

export class ApartWorkers {
  readonly #context: FeedContext;
  readonly #owned: Pick<OwnedPartitions, 'books' | 'tooFew'>;
  readonly #figures: FeedFigures;
  readonly #workers = new Map<string, ApartWorker>();
  readonly #outputFailed = new Set<string>();
  #stopping = false;

  constructor(context: FeedContext, owned: Pick<OwnedPartitions, 'books' | 'tooFew'>, figures: FeedFigures) {
    this.#context = context;
    this.#owned = owned;
    this.#figures = figures;
  }

  /** Its output did not take what the others sent: it joins them again only after it has taken something. */
  outputFailed(agreement: string): void {
    this.#outputFailed.add(agreement);
  }

  /** Starts a worker for each live agreement that stands apart and may go on. */
  tend(board: DatasetBoard, tenure: Tenure): void {
    if (this.#stopping) return;
    for (const [agreement, worker] of this.#workers) {
      if (!worker.ended) continue;
      if (worker.outputFailed) this.#outputFailed.add(agreement);
      this.#workers.delete(agreement);
    }
    for (const { agreement, directive } of board.agreements) {
      if (this.#workers.size >= this.#context.options.limits.apartMax) return;
      if (this.#workers.has(agreement)) continue;
      const waits = [...this.#owned.books].some(
        ([partition, book]) => book.alone(agreement, directive.revision) !== undefined && !this.#owned.tooFew.has(partition),
      );
      if (!waits) continue;
      const failed = this.#outputFailed.delete(agreement);
      const worker = new ApartWorker(this.#context, agreement, this.#owned, tenure, this.#figures, failed);
      this.#workers.set(agreement, worker);
      worker.start();
    }
  }

  /** Bytes of all of them on their way to the brokers. */
  get pendingBytes(): number {
    return [...this.#workers.values()].reduce((sum, worker) => sum + worker.pendingBytes, 0);
  }

  /** Resolves when the transactions that are under way have ended. */
  async settled(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.settled()));
  }

  beginStop(): void {
    this.#stopping = true;
    for (const worker of this.#workers.values()) void worker.stop();
  }

  /** Ends all of them at the ends of their transactions. They are started anew by `tend`, unless everything is ending. */
  async stop(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()));
    for (const [agreement, worker] of this.#workers) if (worker.outputFailed) this.#outputFailed.add(agreement);
    this.#workers.clear();
  }

  status(): ApartStatus[] {
    const found = new Map<string, { lagRecords: number; why: ApartStatus['why'] }>();
    for (const book of this.#owned.books.values()) {
      for (const [agreement, standing] of book.standings) {
        if (standing.kind !== 'apart') continue;
        const status = found.get(agreement) ?? { lagRecords: 0, why: 'behind' as const };
        status.lagRecords += Math.max(0, Number(book.next - standing.next));
        status.why = this.#whyOf(agreement, standing);
        found.set(agreement, status);
      }
    }
    return [...found].map(([agreement, status]) => ({ agreement, ...status }));
  }

  #whyOf(agreement: string, standing: Extract<Standing, { kind: 'apart' }>): ApartStatus['why'] {
    if (standing.gap === true) return 'gap';
    if (standing.heldRevision !== undefined) return 'held';
    return this.#workers.get(agreement)?.outputFailed === true || this.#outputFailed.has(agreement) ? 'output-failed' : 'behind';
  }
}
