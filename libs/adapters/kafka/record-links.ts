/** The record connections of one user of a cluster (a fetcher, a producer): one to each broker, made on demand, made anew when broken. */
import type { Failure, Result } from '../../base/index.ts';
import { fail } from '../../base/index.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { KafkaOptions } from './cluster.ts';
import { endTxnCall, initProducerIdCall, offsetCommitCall, txnOffsetCommitCall } from './transaction-calls.ts';
import { fetchCall, produceCall } from './record-calls.ts';
import type { BrokerAddress } from './record-connection.ts';
import { RecordConnection } from './record-connection.ts';
import type { WireCall } from './wire-call.ts';

const calls = [fetchCall, produceCall, txnOffsetCommitCall, offsetCommitCall, endTxnCall, initProducerIdCall];

export interface RecordLinksOptions {
  readonly kafka: KafkaOptions;
  readonly pool: BufferPool;
  /** Where a broker is; every address to try in turn for `any`. */
  readonly addresses: (node: number | 'any') => readonly BrokerAddress[];
  readonly onClose: () => void;
}

export class RecordLinks {
  readonly #options: RecordLinksOptions;
  readonly #links = new Map<number | 'any', Promise<Result<RecordConnection>>>();
  #closed = false;

  constructor(options: RecordLinksOptions) {
    this.#options = options;
  }

  /** Sends one request to a broker. Fails with `broker-unreachable` or `unauthenticated`. */
  async request<Q, A>(node: number | 'any', call: WireCall<Q, A>, question: Q, timeoutMs?: number): Promise<Result<A>> {
    const connection = await this.#link(node);
    return connection.ok ? connection.value.request(call, question, timeoutMs) : connection;
  }

  /** Ends the connection to this broker and what is under way on it; the next request makes another. */
  drop(node: number): void {
    const link = this.#links.get(node);
    this.#links.delete(node);
    void link?.then((opened) => opened.ok && opened.value.close());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const link of this.#links.values()) void link.then((opened) => opened.ok && opened.value.close());
    this.#links.clear();
    this.#options.onClose();
  }

  async #link(node: number | 'any'): Promise<Result<RecordConnection>> {
    if (this.#closed) return fail('broker-unreachable', 'the connections are closed');
    const existing = this.#links.get(node);
    if (existing !== undefined) {
      const opened = await existing;
      if (opened.ok && opened.value.usable) return opened;
      if (this.#links.get(node) === existing) this.#links.delete(node);
      // Whoever waited for the same attempt gets its outcome, so that a broker that is down is not asked once by each of them.
      if (!opened.ok) return opened;
      return this.#link(node);
    }
    const link = this.#open(node);
    this.#links.set(node, link);
    const opened = await link;
    if (!opened.ok && this.#links.get(node) === link) this.#links.delete(node);
    return opened;
  }

  async #open(node: number | 'any'): Promise<Result<RecordConnection>> {
    const { kafka, pool } = this.#options;
    let last: Failure = fail('broker-unreachable', 'the broker has no known address').failure;
    for (const address of this.#options.addresses(node)) {
      const opened = await RecordConnection.open(address, { ...kafka, pool, calls });
      if (opened.ok && this.#closed) opened.value.close();
      if (opened.ok) return opened;
      last = opened.failure;
    }
    return { ok: false, failure: last };
  }
}
