/** Computes digests on a thread of its own while this one governs on. What they are over is laid out straight into memory that both see. */
import { Worker } from 'node:worker_threads';
import type { Failure, Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import { joinOriginal } from '../../../libs/ledger/index.ts';
import type { Arena } from '../../../libs/records/index.ts';
import { laidOutBytesMax, layOutInto, sharedRoom } from '../../../libs/records/index.ts';
import type { Told } from './digest-ring.ts';
import { entriesMax, entryKinds, entryWords, ringBytes, ringSlackBytes, words } from './digest-ring.ts';
import type { DigestSession, ReceiptDigest } from './digest-session.ts';

/** The thread does two thousand bytes in a microsecond: one that does nothing for so long is not there any more. */
const stuckMs = 10_000;
/** A thread that sleeps is woken for so many bytes, or when something is asked of it: waking costs as much as hashing ten thousand. */
const wakeBytes = 1024 * 1024;
/** Of the thread's heap: what it throws away is small. */
const youngMegabytesMax = 4;
/** Records that are added one by one are sent together, bytes. */
const stagedBytes = 64 * 1024;

export interface DigestThreadOptions {
  readonly stuckMs?: number;
  /** What the thread runs; another program in tests. */
  readonly program?: URL;
}

export class DigestThread {
  readonly #options: DigestThreadOptions;
  #line: Line | undefined;

  constructor(options: DigestThreadOptions = {}) {
    this.#options = options;
  }

  /** The digests of a transaction. Starts the thread when there is none, or when it ended. */
  session(): DigestSession {
    if (this.#line === undefined || this.#line.failure !== undefined) this.#line = new Line(this.#options);
    return new ThreadSession(this.#line);
  }

  /** Ends the thread; what was not settled fails. */
  async stop(): Promise<void> {
    await this.#line?.stop();
  }
}

/** A digest of a session: its number, and what is still to be sent of it. */
class ThreadDigest implements ReceiptDigest {
  readonly number: number;
  readonly #line: Line;
  readonly #staged: Uint8Array[] = [];
  #stagedBytes = 0;
  value: Uint8Array | undefined;

  constructor(line: Line, number: number) {
    this.#line = line;
    this.number = number;
  }

  add(key: Uint8Array | null, value: Uint8Array | null): void {
    // A copy: what these are views of is written over before it is sent.
    const framed = joinOriginal({ key, value });
    this.#staged.push(framed);
    this.#stagedBytes += framed.length;
    if (this.#stagedBytes >= stagedBytes) this.flush();
  }

  flush(): void {
    if (this.#stagedBytes === 0) return;
    this.#line.send(this.number, Buffer.concat(this.#staged));
    this.#staged.length = 0;
    this.#stagedBytes = 0;
  }

  finish(): Uint8Array {
    if (this.value === undefined) throw new Error('digest: it is not settled');
    return this.value;
  }
}

class ThreadSession implements DigestSession {
  readonly #line: Line;
  #open: ThreadDigest[] = [];

  constructor(line: Line) {
    this.#line = line;
  }

  open(): ThreadDigest {
    const digest = new ThreadDigest(this.#line, this.#line.next());
    this.#open.push(digest);
    return digest;
  }

  addRun(digests: readonly ReceiptDigest[], arena: Arena, from: number, to: number): void {
    const mine = digests as readonly ThreadDigest[];
    for (const digest of mine) digest.flush();
    this.#line.sendRun(
      mine.map(({ number }) => number),
      arena,
      from,
      to,
    );
  }

  async settle(): Promise<Result<void>> {
    const settled = this.#open;
    this.#open = [];
    for (const digest of settled) digest.flush();
    const told = await this.#line.finish(settled.map(({ number }) => number));
    if (!told.ok) return told;
    settled.forEach((digest, index) => {
      digest.value = told.value.subarray(32 * index, 32 * (index + 1));
    });
    return ok(undefined);
  }

  close(): void {
    for (const { number } of this.#open) this.#line.drop(number);
    this.#open = [];
  }
}

/** One life of the thread, and this side of its ring. Once it has a failure it takes everything and does nothing. */
class Line {
  failure: Failure | undefined;
  readonly #stuckMs: number;
  readonly #room = sharedRoom((ringBytes + ringSlackBytes) / 65_536);
  readonly #bytes = new Uint8Array(this.#room.memory.buffer);
  readonly #words = new Int32Array(new SharedArrayBuffer(4 * words.count));
  readonly #entries = new Int32Array(new SharedArrayBuffer(4 * entryWords * entriesMax));
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (told: Result<Uint8Array>) => void>();
  #written = 0;
  /** Position of the byte ring behind the last bytes that were written. */
  #position = 0;
  #numbers = 0;
  /** Bytes that were added since the thread was woken last. */
  #asleepBytes = 0;

  constructor({ program, stuckMs: stuck }: DigestThreadOptions) {
    this.#stuckMs = stuck ?? stuckMs;
    const itself = import.meta.url;
    const workerData = { words: this.#words, entries: this.#entries, bytes: this.#bytes };
    const resourceLimits = { maxYoungGenerationSizeMb: youngMegabytesMax };
    const options = { workerData, name: 'digests', execArgv: [], env: {}, resourceLimits };
    // All of the ring is taken now, instead of page by page whenever this side is further ahead than ever before.
    this.#bytes.fill(0);
    this.#worker = new Worker(program ?? new URL(`./digest-loop${itself.slice(itself.lastIndexOf('.'))}`, itself), options);
    // Whoever waits for it has sockets of their own; it keeps no process alive.
    this.#worker.unref();
    this.#worker.on('message', ({ number, digests }: Told) => this.#settle(number, ok(digests)));
    this.#worker.on('error', (error) => this.#fail(`the thread of digests ended: ${error.message}`));
    this.#worker.on('exit', () => this.#fail('the thread of digests ended'));
  }

  /** The number of a further digest, or of a question. */
  next(): number {
    this.#numbers = (this.#numbers + 1) | 0;
    return this.#numbers;
  }

  /** Adds bytes to a digest. */
  send(digest: number, bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; from += ringBytes / 4) {
      const part = bytes.subarray(from, from + ringBytes / 4);
      const at = this.#claim(part.length);
      if (at === undefined) return;
      this.#bytes.set(part, at);
      this.#position = (this.#position + part.length) | 0;
      this.#put(entryKinds.addLast, digest, at, part.length);
    }
  }

  /** Lays records of the arena's output out and adds them to these digests. */
  sendRun(digests: readonly number[], arena: Arena, from: number, to: number): void {
    const at = this.#claim(laidOutBytesMax(arena, from, to));
    if (at === undefined) return;
    const length = layOutInto(arena, this.#room, from, to, at);
    // An entry that frees nothing would take back what was freed since.
    if (length === 0) return;
    this.#position = (this.#position + length) | 0;
    digests.forEach((digest, index) => {
      this.#put(index === digests.length - 1 ? entryKinds.addLast : entryKinds.add, digest, at, length);
    });
  }

  /** Ends these digests; their values one behind the other. */
  finish(digests: readonly number[]): Promise<Result<Uint8Array>> {
    for (const digest of digests) this.#put(entryKinds.finish, digest);
    const number = this.next();
    this.#put(entryKinds.tell, number);
    if (this.failure !== undefined) return Promise.resolve({ ok: false, failure: this.failure });
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#standsStill(), this.#stuckMs);
      this.#waiting.set(number, (told) => {
        clearTimeout(timer);
        resolve(told);
      });
    });
  }

  drop(digest: number): void {
    this.#put(entryKinds.drop, digest);
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  /** The address of so many free bytes, at most half of the ring; undefined when there is no thread. Waits for the thread to free them. */
  #claim(bytes: number): number | undefined {
    if (bytes > ringBytes / 2) throw new RangeError('digests: so many bytes cannot be added at once');
    const used = (): number => (this.#position - Atomics.load(this.#words, words.freed)) | 0;
    const idle = used() === 0;
    const over = this.#position & (ringBytes - 1);
    // From the start where nothing is used, so that the same memory is used again while the processor's caches have it.
    if (over > 0 && (idle || over + bytes > ringBytes)) this.#position = (this.#position + ringBytes - over) | 0;
    // No entry that is still to be done frees anything.
    if (idle) Atomics.store(this.#words, words.freed, this.#position);
    while (this.failure === undefined && used() + bytes > ringBytes) this.#wait();
    return this.failure === undefined ? this.#position & (ringBytes - 1) : undefined;
  }

  #put(kind: number, digest: number, at = 0, length = 0): void {
    while (this.failure === undefined && ((this.#written - Atomics.load(this.#words, words.done)) | 0) >= entriesMax)
      this.#wait();
    if (this.failure !== undefined) return;
    this.#entries.set([kind, digest, at, length, this.#position], (this.#written & (entriesMax - 1)) * entryWords);
    this.#written = (this.#written + 1) | 0;
    Atomics.store(this.#words, words.written, this.#written);
    this.#asleepBytes += length;
    if (kind === entryKinds.tell || this.#asleepBytes >= wakeBytes) this.#wake();
  }

  #wake(): void {
    this.#asleepBytes = 0;
    Atomics.notify(this.#words, words.written);
  }

  /** Holds this thread up until the other has done an entry more; a failure when it does none. */
  #wait(): void {
    const done = Atomics.load(this.#words, words.done);
    // All is done, then, and what is waited for is free since it was looked at.
    if (done === this.#written) return;
    this.#wake();
    if (Atomics.wait(this.#words, words.done, done, this.#stuckMs) !== 'timed-out') return;
    this.#standsStill();
  }

  #standsStill(): void {
    this.#fail('the thread of digests stands still');
    void this.#worker.terminate();
  }

  #settle(number: number, told: Result<Uint8Array>): void {
    this.#waiting.get(number)?.(told);
    this.#waiting.delete(number);
  }

  #fail(sentence: string): void {
    const failed = fail('transaction-failed', sentence);
    this.failure ??= failed.failure;
    for (const number of this.#waiting.keys()) this.#settle(number, failed);
  }
}
