/** A few transactional producers of this instance, each used by one request at a time. */
import type { Cluster } from '../../../libs/adapters/kafka/index.ts';
import { TransactionalProducer } from '../../../libs/adapters/kafka/index.ts';
import type { Result } from '../../../libs/base/index.ts';

/** Requests that write at once; more wait their turn. */
const producersMax = 4;

export class ProducerPool {
  readonly #cluster: Cluster;
  readonly #prefix: string;
  readonly #producers = new Map<number, TransactionalProducer>();
  readonly #free: number[] = Array.from({ length: producersMax }, (_, index) => index);
  readonly #waiting: ((index: number) => void)[] = [];

  /** @param prefix of the transactional ids; the same after a restart, so that what was left open is aborted. */
  constructor(cluster: Cluster, prefix: string) {
    this.#cluster = cluster;
    this.#prefix = prefix;
  }

  /**
   * Opens every producer now, which aborts what an instance that was killed left open: until then, or until its time-out, readers of the
   * topics that it wrote wait. What cannot be opened now is opened when it is needed.
   */
  async openAll(): Promise<void> {
    await Promise.all(
      Array.from({ length: producersMax }, () => this.use(() => Promise.resolve({ ok: true, value: undefined }))),
    );
  }

  /** Runs `work` with a producer that has no open transaction. One that is unusable after it is replaced, with the same transactional id. */
  async use<T>(work: (producer: TransactionalProducer) => Promise<Result<T>>): Promise<Result<T>> {
    const index = this.#free.pop() ?? (await new Promise<number>((resolve) => this.#waiting.push(resolve)));
    try {
      const producer = await this.#producer(index);
      if (!producer.ok) return producer;
      return await work(producer.value);
    } finally {
      void this.#giveBack(index);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#producers.values()].map((producer) => producer.close()));
    this.#producers.clear();
  }

  /** Opening the id of a broken producer again ends the transaction that it left open: readers of the topic wait for that, callers do not. */
  async #giveBack(index: number): Promise<void> {
    if (this.#producers.get(index)?.usable === false) await this.#producer(index).catch(() => undefined);
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(index);
    else next(index);
  }

  async #producer(index: number): Promise<Result<TransactionalProducer>> {
    const known = this.#producers.get(index);
    if (known?.usable === true) return { ok: true, value: known };
    this.#producers.delete(index);
    const transactionalId = `${this.#prefix}.${index}`;
    const opened = await TransactionalProducer.open(this.#cluster, { transactionalId, timeoutMs: 30_000 });
    if (opened.ok) this.#producers.set(index, opened.value);
    return opened;
  }
}
