/** Seeded producers: with keys and without, in transactions of about 750 records of which some are aborted, and outside of transactions. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../scrub/random.ts';
import type { InputRecord } from './evidence.ts';
import { drawVisit, partitionOf, visitBytes } from './feed.ts';
import type { LoadClient } from './java-clients.ts';

/** Transactional ones begin with "t-". A producer without keys names the partition in turn. */
const lanes = [
  { name: 't-keyed-a', keyed: true },
  { name: 't-keyed-b', keyed: true },
  { name: 't-keyed-c', keyed: true },
  { name: 'keyed-d', keyed: true },
  { name: 't-keyless', keyed: false },
  { name: 'keyless', keyed: false },
] as const;

/** Those that send small amounts all the time. */
const idle = { keyed: lanes[3], keyless: lanes[5] };

const abortLikelihood = 0.15;
const garbageLikelihood = 0.004;

/** What a producer was told about records that it sent together. */
export interface Sent {
  readonly seqs: readonly number[];
  readonly outcome: 'there' | 'aborted' | 'unknown';
}

export class Load {
  readonly sent: Sent[] = [];
  readonly #client: LoadClient;
  readonly #random: Random;
  readonly #partitions: number;
  /** When each record was handed to its producer, milliseconds since the epoch, index = sequence number. */
  readonly sentAtMs: number[] = [];
  #running: Promise<void> = Promise.resolve();
  #stopped = false;
  #aborted = 0;

  constructor(client: LoadClient, seed: number, partitions: number) {
    this.#client = client;
    this.#random = new Random(seed);
    this.#partitions = partitions;
  }

  /** Records handed to producers, without those that were taken back. */
  get count(): number {
    return this.sentAtMs.length - this.#aborted;
  }

  /** Sends about so many records in as many transactions of about 750 as that takes, or one smaller one. */
  async burst(records: number): Promise<void> {
    for (let left = records; left > 0; ) {
      const size = Math.min(left, this.#random.whole(500, 1_000));
      await this.#send(this.#random.of(lanes.slice(0, 5)), size);
      left -= size;
    }
  }

  /** Goes on with small sends until it is stopped, so that there is always something to govern. */
  trickle(recordsPerSecond: number): void {
    this.#stopped = false;
    this.#running = (async () => {
      while (!this.#stopped) {
        const began = Date.now();
        const count = Math.ceil(recordsPerSecond / 5);
        const keyless = Math.ceil(count / 8);
        await Promise.all([this.#send(idle.keyed, count - keyless), this.#send(idle.keyless, keyless)]);
        await sleep(Math.max(0, 200 - (Date.now() - began)));
      }
    })();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #send(lane: (typeof lanes)[number], count: number): Promise<void> {
    const transactional = lane.name.startsWith('t-');
    const seqs: number[] = [];
    if (transactional) this.#client.begin(lane.name);
    for (let index = 0; index < count; index += 1) {
      if (this.#random.chance(garbageLikelihood)) {
        this.#client.send(lane.name, this.#random.whole(0, this.#partitions - 1), null, Buffer.from('no frame'));
        continue;
      }
      const seq = this.sentAtMs.length;
      this.sentAtMs.push(Date.now());
      seqs.push(seq);
      const visit = drawVisit(this.#random, seq, lane.keyed, { index: lanes.indexOf(lane), of: lanes.length });
      const partition = lane.keyed ? partitionOf(visit.person, this.#partitions) : seq % this.#partitions;
      this.#client.send(lane.name, partition, lane.keyed ? Buffer.from(visit.person) : null, visitBytes(visit));
    }
    const how = transactional ? (this.#random.chance(abortLikelihood) ? 'abort' : 'commit') : 'flush';
    const reason = await this.#client.end(lane.name, how);
    if (how === 'abort') this.#aborted += seqs.length;
    const done = how === 'abort' ? 'aborted' : 'there';
    this.sent.push({ seqs, outcome: reason === undefined ? done : how === 'abort' ? 'aborted' : 'unknown' });
  }
}

/** Faults of the feed itself, without which nothing that follows means anything: acknowledged records are there once, aborted ones are not. */
export function feedFaults(sent: readonly Sent[], input: readonly InputRecord[]): string[] {
  const times = new Map<number, number>();
  for (const { visit } of input) if (visit !== undefined) times.set(visit.seq, (times.get(visit.seq) ?? 0) + 1);
  return sent.flatMap(({ seqs, outcome }) =>
    seqs.flatMap((seq) => {
      const count = times.get(seq) ?? 0;
      if (count > 1) return [`the feed has record ${seq} ${count} times`];
      if (outcome === 'there' && count === 0) return [`the feed lost record ${seq}`];
      return outcome === 'aborted' && count > 0 ? [`the feed has the aborted record ${seq}`] : [];
    }),
  );
}
