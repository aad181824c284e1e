/** The position of a webhook delivery: moved on after each batch that the receiver took, committed a few times a second. */
import type { TransactionalProducer } from '../../libs/adapters/kafka/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { ok } from '../../libs/base/index.ts';

const commitEveryMs = 250;

/** Commits by a transaction without records, which is fenced when another link has taken over. */
export class TakenPositions {
  readonly #producer: TransactionalProducer;
  readonly #group: string;
  readonly #topic: string;
  readonly #taken = new Map<number, bigint>();
  #committedMs = performance.now();

  constructor(producer: TransactionalProducer, group: string, topic: string) {
    this.#producer = producer;
    this.#group = group;
    this.#topic = topic;
  }

  /** The next offset to send. */
  moveTo(partition: number, offset: bigint): void {
    this.#taken.set(partition, offset);
  }

  /** Milliseconds since the last commit. */
  get ageMs(): number {
    return performance.now() - this.#committedMs;
  }

  commitWhenDue(): Promise<Result<void>> {
    return this.ageMs < commitEveryMs ? Promise.resolve(ok(undefined)) : this.commit();
  }

  async commit(): Promise<Result<void>> {
    if (this.#taken.size === 0) return ok(undefined);
    const offsets = [...this.#taken].map(([partition, offset]) => ({ topic: this.#topic, partition, offset }));
    this.#producer.begin();
    const placed = await this.#producer.commitOffsets(this.#group, offsets);
    const committed = placed.ok ? await this.#producer.commit() : placed;
    if (committed.ok) {
      this.#taken.clear();
      this.#committedMs = performance.now();
    }
    return committed;
  }
}
