/** The position of a webhook delivery: moved on after each batch that the receiver took, committed a few times a second. */
import type { OutRecord, TransactionalProducer } from '../../libs/adapters/kafka/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { ok, topicNames } from '../../libs/base/index.ts';

const commitEveryMs = 250;

/** A governed record that the receiver of a webhook refused for good. */
export interface DeadLetter {
  readonly agreement: string;
  /** Of the governed topic. */
  readonly partition: number;
  readonly offset: string;
  /** HTTP status of the refusal. */
  readonly status: number;
  readonly at: string;
  /** The CloudEvent that was refused, JSON text. */
  readonly event: string;
}

const letterRecord = (letter: DeadLetter): OutRecord => ({
  key: Buffer.from(letter.agreement),
  value: Buffer.from(JSON.stringify(letter)),
});

/** Commits by a transaction without records, which is fenced when another link has taken over. */
export class TakenPositions {
  readonly #producer: TransactionalProducer;
  readonly #group: string;
  readonly #topic: string;
  readonly #taken = new Map<number, bigint>();
  #letters: DeadLetter[] = [];
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

  /** What is put away is there exactly when the position is behind it. */
  putAway(letter: DeadLetter): void {
    this.#letters.push(letter);
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
    const written = await this.#producer.send(topicNames.deadLetters, 0, this.#letters.map(letterRecord));
    if (!written.ok) return written;
    const placed = await this.#producer.commitOffsets(this.#group, offsets);
    const committed = placed.ok ? await this.#producer.commit() : placed;
    if (committed.ok) {
      this.#taken.clear();
      this.#letters = [];
      this.#committedMs = performance.now();
    }
    return committed;
  }
}
