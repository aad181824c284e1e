/** A transactional producer that sends RecordBatches as bytes. Transaction protocol v2 (KIP-890): the epoch moves on with each transaction. */
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import type { HeaderList, ProducerPlace } from '../../records/index.ts';
import { BatchBuilder } from '../../records/index.ts';
import { askCoordinator } from './ask-coordinator.ts';
import type { Cluster } from './cluster.ts';
import type { FeedProducer, OutputOptions } from './feed-producer.ts';
import { outputFailMsDefault } from './feed-producer.ts';
import { Outbox, produceOver } from './outbox.ts';
import type { RecordLinks } from './record-links.ts';
import type { GroupPlace, OffsetToCommit, ProducerIdentity } from './transaction-calls.ts';
import { endTxnCall, initProducerIdCall, txnOffsetCommitCall } from './transaction-calls.ts';

export interface OutRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers?: HeaderList;
  /** Milliseconds since the epoch; now by default. */
  readonly timestampMs?: bigint;
}

/** A batch under construction and where it goes. */
export interface PendingBatch {
  readonly topic: string;
  readonly partition: number;
  readonly builder: BatchBuilder;
}

export interface ProducerOptions extends OutputOptions {
  /** Stable over restarts: opening it again fences the earlier holder and aborts what it left open. */
  readonly transactionalId: string;
  /** The broker aborts a transaction that is open longer than this. */
  readonly timeoutMs?: number;
}

/** A batch is closed at this size, well below the broker's default `message.max.bytes` of 1,048,588; a larger record is a batch of its own. */
const batchBytesMax = 900 * 1024;
/** Largest key and value of one record; a topic with such records needs a `max.message.bytes` to match. */
const sendBytesMax = 4 * 1024 * 1024;

type State = 'ready' | 'open' | 'broken' | 'closed';

/**
 * One transaction at a time: begin, send and commitOffsets in any number, then commit or abort. After a failure of send, commitOffsets,
 * commit or abort the producer is broken: discard it, open a new one with the same id and go back to the committed positions. After a
 * failed flush that names outputs it can be aborted and used again.
 */
export class TransactionalProducer implements FeedProducer {
  readonly #cluster: Cluster;
  readonly #links: RecordLinks;
  readonly #transactionalId: string;
  readonly #outbox: Outbox;
  #producerId: bigint;
  #producerEpoch: number;
  #state: State = 'ready';
  #offsetsSent = false;

  private constructor(cluster: Cluster, links: RecordLinks, options: ProducerOptions, identity: ProducerIdentity) {
    const { transactionalId, outputFailMs = outputFailMsDefault } = options;
    this.#cluster = cluster;
    this.#links = links;
    this.#transactionalId = transactionalId;
    this.#producerId = identity.producerId;
    this.#producerEpoch = identity.producerEpoch;
    this.#outbox = new Outbox({ cluster, outputFailMs, produce: produceOver(links, transactionalId, outputFailMs) });
  }

  static async open(cluster: Cluster, options: ProducerOptions): Promise<Result<TransactionalProducer>> {
    const { transactionalId } = options;
    const links = cluster.recordLinks();
    const identity = await askCoordinator({
      cluster,
      links,
      kind: 'transaction',
      key: transactionalId,
      call: initProducerIdCall,
      question: { transactionalId, timeoutMs: options.timeoutMs ?? 10_000 },
      codeOf: ({ errorCode }) => errorCode,
      action: `opening the transactional producer ${transactionalId}`,
    });
    if (identity.ok) return ok(new TransactionalProducer(cluster, links, options, identity.value));
    links.close();
    return identity;
  }

  get usable(): boolean {
    return this.#state === 'ready' || this.#state === 'open';
  }

  get pendingBytes(): number {
    return this.#outbox.pendingBytes;
  }

  begin(mayProduce: () => boolean = () => true): void {
    if (this.#state !== 'ready') throw new Error(`begin: the producer is ${this.#state}`);
    this.#state = 'open';
    this.#offsetsSent = false;
    this.#outbox.begin(mayProduce);
  }

  place(topic: string, partition: number): ProducerPlace {
    const baseSequence = this.#outbox.nextSequence(topic, partition);
    return { producerId: this.#producerId, producerEpoch: this.#producerEpoch, baseSequence, transactional: true };
  }

  enqueue(topic: string, partition: number, batch: Uint8Array, count: number, done: () => void = () => undefined): void {
    if (this.#state === 'broken') {
      done();
      return;
    }
    if (this.#state !== 'open') throw new Error(`enqueue: the producer is ${this.#state}`);
    this.#outbox.enqueue(topic, partition, Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength), count, done);
  }

  drained(bytesMax: number): Promise<void> {
    return this.#outbox.drained(bytesMax);
  }

  async flush(): Promise<Result<'sent' | 'stale'>> {
    const flushed = await this.#outbox.flush();
    if (this.#outbox.broken) this.#giveUp();
    return flushed;
  }

  failedOutputs(): ReadonlyMap<string, number> {
    return this.#outbox.failed;
  }

  /** Sends records to one partition inside the open transaction, in as many batches as their size takes. */
  async send(topic: string, partition: number, records: readonly OutRecord[]): Promise<Result<void>> {
    let builder = new BatchBuilder();
    const now = BigInt(Date.now());
    for (const record of records) {
      const size = (record.key?.length ?? 0) + (record.value?.length ?? 0);
      if (size > sendBytesMax) return this.#break(fail('record-too-large', `sending to ${topic}: a record is over the limit`));
      if (builder.recordCount > 0 && builder.byteLength + size + 256 > batchBytesMax) {
        const sent = await this.sendBatches([{ topic, partition, builder }]);
        if (!sent.ok) return sent;
        builder = new BatchBuilder();
      }
      builder.append(record.key, record.value, record.headers ?? [], record.timestampMs ?? now);
    }
    return builder.recordCount === 0 ? ok(undefined) : this.sendBatches([{ topic, partition, builder }]);
  }

  /** Sends built batches, all brokers at once, and waits until they are acknowledged. */
  async sendBatches(pending: readonly PendingBatch[]): Promise<Result<void>> {
    if (this.#state !== 'open') throw new Error(`send: the producer is ${this.#state}`);
    for (const { topic, partition, builder } of pending) {
      this.enqueue(topic, partition, builder.finish(this.place(topic, partition)), builder.recordCount);
    }
    const flushed = await this.flush();
    if (!flushed.ok) return this.#break(flushed);
    return flushed.value === 'sent' ? ok(undefined) : this.#break(fail('transaction-failed', 'sending was called off'));
  }

  /** Adds the group's offsets to the transaction; with `member` the coordinator refuses a member that lost its place (KIP-447). */
  async commitOffsets(group: string, offsets: readonly OffsetToCommit[], member?: GroupPlace): Promise<Result<void>> {
    if (this.#state !== 'open') throw new Error(`commitOffsets: the producer is ${this.#state}`);
    this.#offsetsSent = true;
    const committed = await askCoordinator({
      cluster: this.#cluster,
      links: this.#links,
      kind: 'group',
      key: group,
      call: txnOffsetCommitCall,
      question: { ...this.#identity(), group, member, offsets },
      codeOf: (code) => code,
      action: `committing offsets of group ${group}`,
    });
    return committed.ok ? ok(undefined) : this.#break(committed);
  }

  /** Commits. On a failure the outcome may be unknown: the committed offsets tell which one it was. */
  async commit(): Promise<Result<void>> {
    if (this.#outbox.pendingBytes > 0) throw new Error('commit: batches are not flushed');
    return this.#end(true);
  }

  async abort(): Promise<Result<void>> {
    await this.#outbox.stop();
    if (this.#outbox.broken) this.#giveUp();
    return this.#end(false);
  }

  async close(): Promise<void> {
    if (this.#state === 'open') await this.abort();
    await this.#outbox.stop();
    this.#links.close();
    this.#state = 'closed';
  }

  async #end(committed: boolean): Promise<Result<void>> {
    if (this.#state === 'broken' && !committed) return ok(undefined);
    if (this.#state !== 'open') throw new Error(`end: the producer is ${this.#state}`);
    if (!this.#outbox.sent && !this.#offsetsSent) {
      // Nothing reached a broker under this epoch, so its sequences start at 0 still.
      this.#outbox.forgetSequences();
      this.#state = 'ready';
      return ok(undefined);
    }
    const ended = await askCoordinator({
      cluster: this.#cluster,
      links: this.#links,
      kind: 'transaction',
      key: this.#transactionalId,
      call: endTxnCall,
      question: { ...this.#identity(), committed },
      codeOf: ({ errorCode }) => errorCode,
      action: committed ? 'committing the transaction' : 'aborting the transaction',
    });
    if (!ended.ok) return this.#break(ended);
    this.#producerId = ended.value.producerId;
    this.#producerEpoch = ended.value.producerEpoch;
    this.#outbox.forgetSequences();
    this.#state = 'ready';
    return ok(undefined);
  }

  #identity(): ProducerIdentity & { transactionalId: string } {
    return { transactionalId: this.#transactionalId, producerId: this.#producerId, producerEpoch: this.#producerEpoch };
  }

  #break(failed: ReturnType<typeof fail>): ReturnType<typeof fail> {
    this.#giveUp();
    return failed;
  }

  #giveUp(): void {
    this.#state = 'broken';
    // Nothing can be sent under this epoch any more.
    this.#links.close();
  }
}
