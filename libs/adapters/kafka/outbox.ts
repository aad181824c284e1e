/** Batches on their way to their partitions: one in flight for each partition, gathered by broker, retried with the same bytes and sequence. */
import type { Result } from '../../base/index.ts';
import type { fail } from '../../base/index.ts';
import { ok } from '../../base/index.ts';
import type { Cluster } from './cluster.ts';
import { backOffMs, codeFailure, endsProducer, isOfTransaction, isPassing, kafkaCodes } from './kafka-codes.ts';
import type { ProduceBatch, ProducedPartition } from './record-calls.ts';
import { produceCall } from './record-calls.ts';
import type { RecordLinks } from './record-links.ts';

export interface OutboxOptions {
  readonly cluster: Pick<Cluster, 'leaderOf' | 'refresh'>;
  /** How long a passing error of one partition is retried. */
  readonly outputFailMs: number;
  /** One Produce request to this broker. After a retriable failure every batch of it counts as unanswered. */
  readonly produce: (leader: number, batches: readonly ProduceBatch[]) => Promise<Result<readonly ProducedPartition[]>>;
}

/**
 * How producers send: `transactionalId` null without transactions. A broker that waits for its followers, or does not answer, is given about
 * as long as an output may fail; the batch is then sent again and doubles nothing.
 */
export function produceOver(links: RecordLinks, transactionalId: string | null, outputFailMs: number): OutboxOptions['produce'] {
  const timeoutMs = Math.max(1_000, outputFailMs);
  return (leader, batches) => links.request(leader, produceCall, { transactionalId, timeoutMs, batches }, timeoutMs + 1_000);
}

/** What a partition has waiting. `waiting[0]` is the batch that is in flight or being retried. */
interface Line {
  readonly topic: string;
  readonly partition: number;
  readonly waiting: { readonly bytes: Buffer; readonly count: number; readonly done: () => void }[];
  nextSequence: number;
  inFlight: boolean;
  attempt: number;
  failingSinceMs: number | undefined;
}

/** More requests than this at one broker would only queue there; what becomes ready meanwhile goes out together. */
const requestsMax = 5;
/** Bytes of batches in one request, unless a single one is larger. */
const requestBytesMax = 8 * 1024 * 1024;
/** An error of the transaction itself, not of an output, is retried this long. */
const transactionFailMs = 30_000;

/**
 * `sending`: all goes out. `closing`: an output failed; only what is being retried goes on, so that one flush finds every output that is
 * down. `ended`: nothing goes out.
 */
type State = 'sending' | 'closing' | 'ended';

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #lines = new Map<string, Line>();
  readonly #ready = new Set<Line>();
  readonly #requests = new Map<number, number>();
  readonly #failed = new Map<string, number>();
  readonly #waiters = new Set<() => boolean>();
  #timers = new Set<NodeJS.Timeout>();
  #mayProduce: () => boolean = () => true;
  #state: State = 'sending';
  #outcome: Result<'sent' | 'stale'> = ok('sent');
  #broken = false;
  #sent = false;
  #pendingBytes = 0;
  #inFlight = 0;
  #failing = 0;
  #pumpDue = false;
  #metadataLost = false;
  #refreshing: Promise<void> | undefined;
  readonly #toRefresh = new Set<string>();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** An error came after which no request of this producer can succeed. */
  get broken(): boolean {
    return this.#broken;
  }

  /** Whether a request was sent since begin(). */
  get sent(): boolean {
    return this.#sent;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Topic -> Kafka error code of what failed since begin(). */
  get failed(): ReadonlyMap<string, number> {
    return this.#failed;
  }

  begin(mayProduce: () => boolean): void {
    if (this.#inFlight > 0) throw new Error('begin: batches are still on their way');
    this.#drop();
    this.#failed.clear();
    this.#mayProduce = mayProduce;
    this.#state = 'sending';
    this.#outcome = ok('sent');
    this.#sent = false;
  }

  /** The sequence number of the next batch for this partition. */
  nextSequence(topic: string, partition: number): number {
    return this.#lines.get(`${partition}/${topic}`)?.nextSequence ?? 0;
  }

  /** `done` is called once the bytes are not needed any more. */
  enqueue(topic: string, partition: number, bytes: Buffer, count: number, done: () => void = () => undefined): void {
    if (this.#state !== 'sending') {
      done();
      return;
    }
    const key = `${partition}/${topic}`;
    let line = this.#lines.get(key);
    if (line === undefined) {
      line = { topic, partition, waiting: [], nextSequence: 0, inFlight: false, attempt: 0, failingSinceMs: undefined };
      this.#lines.set(key, line);
    }
    line.nextSequence = (line.nextSequence + count) & 0x7fff_ffff;
    line.waiting.push({ bytes, count, done });
    this.#pendingBytes += bytes.length;
    if (line.waiting.length === 1) this.#makeReady(line);
  }

  drained(bytesMax: number): Promise<void> {
    return this.#when(() => this.#state !== 'sending' || this.#pendingBytes <= bytesMax);
  }

  async flush(): Promise<Result<'sent' | 'stale'>> {
    await this.#when(() => this.#idle());
    return this.#outcome;
  }

  /** Ends sending, waits for what is on its way and drops the rest. Answers whether everything enqueued had been acknowledged. */
  async stop(): Promise<boolean> {
    if (this.#state === 'sending') this.#state = 'ended';
    if (this.#state === 'closing') this.#end(this.#outcome);
    await this.#when(() => this.#inFlight === 0);
    const complete = this.#pendingBytes === 0;
    this.#drop();
    return complete;
  }

  /** Starts all sequences at 0 again: the producer has a new epoch or id. */
  forgetSequences(): void {
    this.#lines.clear();
  }

  #idle(): boolean {
    if (this.#state === 'sending') return this.#pendingBytes === 0;
    return this.#inFlight === 0 && (this.#state === 'ended' || this.#failing === 0);
  }

  #when(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters.add(() => {
        if (holds()) resolve();
        return holds();
      });
    });
  }

  #tell(): void {
    for (const waiter of this.#waiters) if (waiter()) this.#waiters.delete(waiter);
  }

  #makeReady(line: Line): void {
    this.#ready.add(line);
    if (this.#pumpDue) return;
    this.#pumpDue = true;
    queueMicrotask(() => {
      this.#pumpDue = false;
      this.#pump();
    });
  }

  #pump(): void {
    const groups = new Map<number, { lines: Line[]; bytes: number }>();
    for (const line of this.#ready) {
      const [head] = line.waiting;
      const sends = this.#state === 'sending' || (this.#state === 'closing' && line.failingSinceMs !== undefined);
      if (head === undefined || line.inFlight || !sends) {
        this.#ready.delete(line);
        continue;
      }
      const leader = this.#options.cluster.leaderOf(line.topic, line.partition);
      if (leader === undefined || leader < 0) {
        this.#ready.delete(line);
        // The first look-up costs no pause: a topic that was never written to is not in the cache.
        if (leader === undefined && line.attempt === 0) this.#retry(line, 0, true);
        else this.#settle(line, leader === undefined ? kafkaCodes.unknownTopicOrPartition : kafkaCodes.leaderNotAvailable);
        continue;
      }
      if ((this.#requests.get(leader) ?? 0) >= requestsMax) continue;
      const group = groups.get(leader) ?? { lines: [], bytes: 0 };
      if (group.lines.length > 0 && group.bytes + head.bytes.length > requestBytesMax) continue;
      group.lines.push(line);
      group.bytes += head.bytes.length;
      groups.set(leader, group);
    }
    for (const [leader, { lines }] of groups) {
      if (this.#state === 'ended') break;
      if (this.#mayProduce()) this.#send(leader, lines);
      else this.#end(ok('stale'));
    }
    // What did not fit goes into the next request, as far as the brokers take more of them.
    if (groups.size > 0 && this.#ready.size > 0) this.#pump();
    else this.#tell();
  }

  #send(leader: number, lines: readonly Line[]): void {
    const batches: ProduceBatch[] = [];
    for (const line of lines) {
      const [head] = line.waiting;
      if (head === undefined) throw new Error('send: a ready partition has nothing waiting');
      this.#ready.delete(line);
      line.inFlight = true;
      batches.push({ topic: line.topic, partition: line.partition, bytes: head.bytes });
    }
    this.#sent = true;
    this.#inFlight += lines.length;
    this.#requests.set(leader, (this.#requests.get(leader) ?? 0) + 1);
    void this.#options.produce(leader, batches).then((answered) => {
      this.#requests.set(leader, (this.#requests.get(leader) ?? 1) - 1);
      this.#inFlight -= lines.length;
      for (const line of lines) line.inFlight = false;
      if (answered.ok || answered.failure.retriable) this.#settleAll(lines, answered.ok ? answered.value : []);
      else this.#breakOff(answered);
      this.#pump();
    });
  }

  #settleAll(lines: readonly Line[], answers: readonly ProducedPartition[]): void {
    const codes = new Map(answers.map(({ topic, partition, errorCode }) => [`${partition}/${topic}`, errorCode]));
    for (const line of lines) {
      this.#settle(line, codes.get(`${line.partition}/${line.topic}`) ?? kafkaCodes.networkException);
    }
  }

  #settle(line: Line, code: number): void {
    if (code === kafkaCodes.none || code === kafkaCodes.duplicateSequenceNumber) {
      const done = line.waiting.shift();
      this.#pendingBytes -= done?.bytes.length ?? 0;
      done?.done();
      line.attempt = 0;
      this.#recover(line);
      if (line.waiting.length > 0) this.#makeReady(line);
      return;
    }
    const failed = codeFailure(code, `producing to ${line.topic}`);
    if (endsProducer(code)) {
      this.#breakOff(failed);
      return;
    }
    if (this.#state === 'ended') return;
    const nowMs = Date.now();
    if (line.failingSinceMs === undefined) {
      line.failingSinceMs = nowMs;
      this.#failing += 1;
    }
    const retryMs = !isPassing(code) ? 0 : isOfTransaction(code) ? transactionFailMs : this.#options.outputFailMs;
    if (nowMs - line.failingSinceMs < retryMs)
      this.#retry(line, backOffMs(code, line.attempt), code !== kafkaCodes.concurrentTransactions);
    else this.#giveUp(line, code, failed);
  }

  /** The error stayed. Without any broker that answers it is not this output that is at fault. */
  #giveUp(line: Line, code: number, failed: ReturnType<typeof fail>): void {
    this.#recover(line);
    if (code === kafkaCodes.networkException && this.#metadataLost) {
      this.#breakOff(failed);
      return;
    }
    if (isOfTransaction(code)) {
      this.#end(failed);
      return;
    }
    if (!this.#failed.has(line.topic)) this.#failed.set(line.topic, code);
    if (this.#state === 'sending') {
      this.#state = 'closing';
      this.#outcome = failed;
    }
    this.#tell();
  }

  #recover(line: Line): void {
    if (line.failingSinceMs === undefined) return;
    line.failingSinceMs = undefined;
    this.#failing -= 1;
  }

  #retry(line: Line, pauseMs: number, refresh: boolean): void {
    line.attempt += 1;
    if (refresh) this.#toRefresh.add(line.topic);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void (refresh ? this.#refresh() : Promise.resolve()).then(() => {
        if (this.#state !== 'ended') this.#makeReady(line);
      });
    }, pauseMs);
    this.#timers.add(timer);
  }

  /** One look-up at a time, for every topic that asked since the last. */
  async #refresh(): Promise<void> {
    while (this.#refreshing !== undefined) await this.#refreshing;
    if (this.#toRefresh.size === 0) return;
    const names = [...this.#toRefresh];
    this.#toRefresh.clear();
    this.#refreshing = this.#options.cluster.refresh(names).then(
      () => {
        this.#metadataLost = false;
      },
      () => {
        this.#metadataLost = true;
      },
    );
    await this.#refreshing;
    this.#refreshing = undefined;
  }

  #breakOff(failed: ReturnType<typeof fail>): void {
    this.#broken = true;
    this.#end(failed);
  }

  #end(outcome: Result<'sent' | 'stale'>): void {
    // What ended sending first is the answer; only an error of the producer itself weighs more than an output's.
    if (this.#state === 'sending' || (this.#state === 'closing' && this.#broken)) this.#outcome = outcome;
    this.#state = 'ended';
    if (this.#broken) this.#failed.clear();
    this.#tell();
  }

  #drop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = new Set();
    this.#ready.clear();
    for (const line of this.#lines.values()) {
      for (const { done } of line.waiting) done();
      line.waiting.length = 0;
      line.attempt = 0;
      line.failingSinceMs = undefined;
    }
    this.#failing = 0;
    this.#pendingBytes = 0;
    this.#tell();
  }
}
