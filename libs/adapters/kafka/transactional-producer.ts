/** A transactional producer that sends RecordBatches as bytes. Transaction protocol v2 (KIP-890): the epoch moves on with each transaction. */
import { setTimeout as sleep } from 'node:timers/promises';
import { initProducerIdV5 } from '@platformatic/kafka';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import type { HeaderList } from '../../records/index.ts';
import { BatchBuilder } from '../../records/index.ts';
import type { Cluster } from './cluster.ts';
import { codeFailure, codeOfError, isPassing, kafkaCodes } from './kafka-codes.ts';
import type { GroupPlace, OffsetToCommit, ProduceBatch, ProducedPartition } from './wire-apis.ts';
import { endTxn, produceRaw, txnOffsetCommit } from './wire-apis.ts';

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

export interface ProducerOptions {
  /** Stable over restarts: opening it again fences the earlier holder and aborts what it left open. */
  readonly transactionalId: string;
  /** The broker aborts a transaction that is open longer than this. */
  readonly timeoutMs?: number;
}

/** A batch is closed at this size, well below the broker's default `message.max.bytes` of 1,048,588; a larger record is a batch of its own. */
const batchBytesMax = 900 * 1024;
/** Largest key and value of one record; a topic with such records needs a `max.message.bytes` to match. */
const sendBytesMax = 4 * 1024 * 1024;
const attemptsMax = 60;
/** A topic that was just made is known everywhere within these attempts, about a second. */
const unknownAttemptsMax = 20;
/** An answer that does not come within this is a failure, whatever was tried meanwhile. */
const deadlineMs = 30_000;

type State = 'ready' | 'open' | 'broken' | 'closed';

/**
 * One transaction at a time: begin, send and commitOffsets in any number, then commit or abort. After any failure the producer is
 * broken: discard it, open a new one with the same id and go back to the committed positions.
 */
export class TransactionalProducer {
  readonly #cluster: Cluster;
  readonly #transactionalId: string;
  #producerId: bigint;
  #producerEpoch: number;
  #state: State = 'ready';
  #touched = false;
  readonly #sequences = new Map<string, number>();

  private constructor(cluster: Cluster, transactionalId: string, producerId: bigint, producerEpoch: number) {
    this.#cluster = cluster;
    this.#transactionalId = transactionalId;
    this.#producerId = producerId;
    this.#producerEpoch = producerEpoch;
  }

  static async open(cluster: Cluster, options: ProducerOptions): Promise<Result<TransactionalProducer>> {
    const action = `opening the transactional producer ${options.transactionalId}`;
    const deadline = Date.now() + deadlineMs;
    for (let attempt = 0; ; attempt += 1) {
      try {
        const node = await cluster.coordinator('transaction', options.transactionalId);
        const timeoutMs = options.timeoutMs ?? 10_000;
        const answer = await cluster.call(node, 'coordinator', initProducerIdV5.api, options.transactionalId, timeoutMs, -1n, -1);
        return ok(new TransactionalProducer(cluster, options.transactionalId, answer.producerId, answer.producerEpoch));
      } catch (error) {
        const code = codeOfError(error);
        cluster.forgetCoordinator('transaction', options.transactionalId);
        if (Date.now() > deadline || (code !== undefined && !isPassing(code))) return cluster.failureOf(error, action);
      }
      await sleep(Math.min(500, 20 * (attempt + 1)));
    }
  }

  /** False once a failure has made this producer unusable. */
  get usable(): boolean {
    return this.#state === 'ready' || this.#state === 'open';
  }

  begin(): void {
    if (this.#state !== 'ready') throw new Error(`begin: the producer is ${this.#state}`);
    this.#state = 'open';
    this.#touched = false;
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

  /** Sends built batches, at most one a partition, all brokers at once. Retries passing errors; sequence numbers keep a retry from doubling. */
  async sendBatches(pending: readonly PendingBatch[]): Promise<Result<void>> {
    if (this.#state !== 'open') throw new Error(`send: the producer is ${this.#state}`);
    this.#touched = true;
    let waiting: ProduceBatch[] = pending.map((batch) => this.#finish(batch));
    for (let attempt = 0; waiting.length > 0; attempt += 1) {
      const answers = await this.#produce(waiting);
      if (!answers.ok) return this.#break(answers);
      const again: ProduceBatch[] = [];
      for (const batch of waiting) {
        const answer = answers.value.find(({ topic, partition }) => topic === batch.topic && partition === batch.partition);
        const code = answer?.errorCode ?? kafkaCodes.networkException;
        if (code === kafkaCodes.none || code === kafkaCodes.duplicateSequenceNumber) continue;
        const most = code === kafkaCodes.unknownTopicOrPartition ? unknownAttemptsMax : attemptsMax;
        if (!isPassing(code) || attempt >= most) return this.#break(codeFailure(code, `producing to ${batch.topic}`));
        again.push(batch);
      }
      waiting = again;
      if (waiting.length > 0) await this.#pauseAndRefresh(waiting, attempt);
    }
    return ok(undefined);
  }

  /** Adds the group's offsets to the transaction; with `member` the coordinator refuses a member that lost its place (KIP-447). */
  async commitOffsets(group: string, offsets: readonly OffsetToCommit[], member?: GroupPlace): Promise<Result<void>> {
    if (this.#state !== 'open') throw new Error(`commitOffsets: the producer is ${this.#state}`);
    this.#touched = true;
    const action = `committing offsets of group ${group}`;
    const deadline = Date.now() + deadlineMs;
    for (let attempt = 0; ; attempt += 1) {
      let code: number = kafkaCodes.networkException;
      try {
        const node = await this.#cluster.coordinator('group', group);
        code = await this.#cluster.call(node, 'coordinator', txnOffsetCommit, this.#place(), group, member, offsets);
      } catch (error) {
        code = codeOfError(error) ?? kafkaCodes.networkException;
      }
      if (code === kafkaCodes.none) return ok(undefined);
      if (!isPassing(code) || Date.now() > deadline) return this.#break(codeFailure(code, action));
      if (code !== kafkaCodes.concurrentTransactions) this.#cluster.forgetCoordinator('group', group);
      await sleep(backOffMs(code, attempt));
    }
  }

  /** Commits. On a failure the outcome may be unknown: the committed offsets tell which one it was. */
  async commit(): Promise<Result<void>> {
    return this.#end(true);
  }

  async abort(): Promise<Result<void>> {
    return this.#end(false);
  }

  async close(): Promise<void> {
    if (this.#state === 'open') await this.abort();
    this.#state = 'closed';
  }

  async #end(committed: boolean): Promise<Result<void>> {
    if (this.#state === 'broken' && !committed) return ok(undefined);
    if (this.#state !== 'open') throw new Error(`end: the producer is ${this.#state}`);
    if (!this.#touched) {
      this.#state = 'ready';
      return ok(undefined);
    }
    const action = committed ? 'committing the transaction' : 'aborting the transaction';
    const deadline = Date.now() + deadlineMs;
    for (let attempt = 0; ; attempt += 1) {
      let code: number = kafkaCodes.networkException;
      try {
        const node = await this.#cluster.coordinator('transaction', this.#transactionalId);
        const answer = await this.#cluster.call(node, 'coordinator', endTxn, this.#place(), committed);
        code = answer.errorCode;
        if (code === kafkaCodes.none) {
          this.#producerId = answer.producerId;
          this.#producerEpoch = answer.producerEpoch;
          this.#sequences.clear();
          this.#state = 'ready';
          return ok(undefined);
        }
      } catch (error) {
        code = codeOfError(error) ?? kafkaCodes.networkException;
      }
      if (!isPassing(code) || Date.now() > deadline) return this.#break(codeFailure(code, action));
      if (code !== kafkaCodes.concurrentTransactions) this.#cluster.forgetCoordinator('transaction', this.#transactionalId);
      await sleep(backOffMs(code, attempt));
    }
  }

  #place(): { transactionalId: string; producerId: bigint; producerEpoch: number } {
    return { transactionalId: this.#transactionalId, producerId: this.#producerId, producerEpoch: this.#producerEpoch };
  }

  #finish({ topic, partition, builder }: PendingBatch): ProduceBatch {
    const key = `${topic}/${partition}`;
    const baseSequence = this.#sequences.get(key) ?? 0;
    this.#sequences.set(key, (baseSequence + builder.recordCount) & 0x7fff_ffff);
    const { producerId, producerEpoch } = this.#place();
    return { topic, partition, bytes: builder.finish({ producerId, producerEpoch, baseSequence, transactional: true }) };
  }

  async #produce(batches: readonly ProduceBatch[]): Promise<Result<ProducedPartition[]>> {
    try {
      const topics = new Map(
        (await this.#cluster.topics([...new Set(batches.map(({ topic }) => topic))])).map((topic) => [topic.name, topic]),
      );
      const byLeader = new Map<number, ProduceBatch[]>();
      const unknown: ProducedPartition[] = [];
      for (const batch of batches) {
        const { topic, partition } = batch;
        const leader = topics.get(topic)?.leaders[partition];
        if (leader === undefined) {
          unknown.push({ topic, partition, errorCode: kafkaCodes.unknownTopicOrPartition, baseOffset: -1n });
        } else if (leader >= 0) byLeader.set(leader, [...(byLeader.get(leader) ?? []), batch]);
      }
      const answers = await Promise.all(
        [...byLeader].map(([leader, group]) =>
          this.#cluster.call(leader, 'produce', produceRaw, this.#transactionalId, group).catch((error: unknown) => {
            const errorCode = codeOfError(error) ?? kafkaCodes.networkException;
            return group.map(({ topic, partition }) => ({ topic, partition, errorCode, baseOffset: -1n }));
          }),
        ),
      );
      return ok([...unknown, ...answers.flat()]);
    } catch (error) {
      return this.#cluster.failureOf(error, 'producing');
    }
  }

  async #pauseAndRefresh(waiting: readonly ProduceBatch[], attempt: number): Promise<void> {
    await sleep(Math.min(500, 5 * (attempt + 1)));
    await this.#cluster.refresh([...new Set(waiting.map(({ topic }) => topic))]).catch(() => undefined);
  }

  #break(failed: ReturnType<typeof fail>): ReturnType<typeof fail> {
    this.#state = 'broken';
    return failed;
  }
}

/** CONCURRENT_TRANSACTIONS passes within milliseconds; other errors get a longer pause. */
const backOffMs = (code: number, attempt: number): number =>
  code === kafkaCodes.concurrentTransactions ? Math.min(50, 1 + attempt) : Math.min(500, 20 * (attempt + 1));
