/** A producer without transactions: what it sends is seen at once, and after a failure it may be sent again. */
import type { Result } from '../../base/index.ts';
import { ok } from '../../base/index.ts';
import type { ProducerPlace } from '../../records/index.ts';
import { askAnyone, askCoordinator } from './ask-coordinator.ts';
import type { Cluster } from './cluster.ts';
import type { FeedProducer, OutputOptions } from './feed-producer.ts';
import { outputFailMsDefault } from './feed-producer.ts';
import { Outbox, produceOver } from './outbox.ts';
import type { RecordLinks } from './record-links.ts';
import type { GroupPlace, OffsetToCommit, ProducerIdentity } from './transaction-calls.ts';
import { initProducerIdCall, offsetCommitCall } from './transaction-calls.ts';

/** Positions to be sent with the round. */
interface Commit {
  readonly group: string;
  readonly offsets: readonly OffsetToCommit[];
  readonly member: GroupPlace | undefined;
}

type State = 'ready' | 'open' | 'broken' | 'closed';

/**
 * Its batches carry an idempotent producer id, so a retry within its life doubles nothing. commitOffsets() remembers the positions and
 * commit() sends them after everything is acknowledged. abort() drops what was not sent; what was sent stays.
 */
export class AtLeastOnceProducer implements FeedProducer {
  readonly #cluster: Cluster;
  readonly #links: RecordLinks;
  readonly #outbox: Outbox;
  #producerId: bigint;
  #producerEpoch: number;
  #state: State = 'ready';
  #commits: Commit[] = [];

  private constructor(cluster: Cluster, links: RecordLinks, options: OutputOptions, identity: ProducerIdentity) {
    this.#cluster = cluster;
    this.#links = links;
    this.#producerId = identity.producerId;
    this.#producerEpoch = identity.producerEpoch;
    const { outputFailMs = outputFailMsDefault } = options;
    this.#outbox = new Outbox({ cluster, outputFailMs, produce: produceOver(links, null, outputFailMs) });
  }

  static async open(cluster: Cluster, options: OutputOptions = {}): Promise<Result<AtLeastOnceProducer>> {
    const links = cluster.recordLinks();
    const identity = await newProducerId(links);
    if (identity.ok) return ok(new AtLeastOnceProducer(cluster, links, options, identity.value));
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
    this.#commits = [];
    this.#outbox.begin(mayProduce);
  }

  place(topic: string, partition: number): ProducerPlace {
    const baseSequence = this.#outbox.nextSequence(topic, partition);
    return { producerId: this.#producerId, producerEpoch: this.#producerEpoch, baseSequence, transactional: false };
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

  commitOffsets(group: string, offsets: readonly OffsetToCommit[], member?: GroupPlace): Promise<Result<void>> {
    if (this.#state !== 'open') throw new Error(`commitOffsets: the producer is ${this.#state}`);
    this.#commits.push({ group, offsets, member });
    return Promise.resolve(ok(undefined));
  }

  async commit(): Promise<Result<void>> {
    if (this.#state !== 'open') throw new Error(`commit: the producer is ${this.#state}`);
    if (this.#outbox.pendingBytes > 0) throw new Error('commit: batches are not flushed');
    for (const commit of this.#commits) {
      const committed = await this.#commitOne(commit);
      if (!committed.ok) {
        this.#giveUp();
        return committed;
      }
    }
    this.#state = 'ready';
    return ok(undefined);
  }

  async abort(): Promise<Result<void>> {
    const complete = await this.#outbox.stop();
    if (this.#outbox.broken) this.#giveUp();
    if (this.#state === 'broken') return ok(undefined);
    if (this.#state !== 'open') throw new Error(`abort: the producer is ${this.#state}`);
    if (!complete) {
      // The dropped batches used up sequence numbers: the next batch under this id would be refused as out of order.
      const id = await newProducerId(this.#links);
      if (!id.ok) {
        this.#giveUp();
        return id;
      }
      this.#producerId = id.value.producerId;
      this.#producerEpoch = id.value.producerEpoch;
      this.#outbox.forgetSequences();
    }
    this.#state = 'ready';
    return ok(undefined);
  }

  async close(): Promise<void> {
    await this.#outbox.stop();
    this.#links.close();
    this.#state = 'closed';
  }

  #giveUp(): void {
    this.#state = 'broken';
    this.#links.close();
  }

  async #commitOne({ group, offsets, member }: Commit): Promise<Result<void>> {
    const committed = await askCoordinator({
      cluster: this.#cluster,
      links: this.#links,
      kind: 'group',
      key: group,
      call: offsetCommitCall,
      question: { group, member, offsets },
      codeOf: (code) => code,
      action: `committing offsets of group ${group}`,
    });
    return committed.ok ? ok(undefined) : committed;
  }
}

/** An idempotent producer id; any broker gives one out. */
function newProducerId(links: RecordLinks): Promise<Result<ProducerIdentity>> {
  return askAnyone({
    links,
    call: initProducerIdCall,
    question: { transactionalId: null, timeoutMs: -1 },
    codeOf: ({ errorCode }) => errorCode,
    action: 'opening a producer',
  });
}
