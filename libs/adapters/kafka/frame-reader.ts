/** Cuts what a socket delivers into answers: small ones in place, large ones and those that live on straight into a buffer of the pool. */
import type { BufferPool, Lease } from './buffer-pool.ts';

export interface FrameSink {
  /** Whether the bytes of the next answer live on after frame(): then they come in a lease. */
  keeps(): boolean;
  /** One whole answer without its length. Without a lease the bytes are good until this returns. */
  frame(bytes: Buffer, lease: Lease | undefined): void;
  /** The pool has room again: reading may go on. */
  resume(): void;
  /** What arrived cannot be an answer. The reader takes nothing more. */
  broken(why: string): void;
}

/** What one read of the socket may bring beside the answer under way. There are many connections: it is not larger than it need be. */
const stagingBytes = 32 * 1024;
/** Answers up to this size need no lease when they do not live on. */
const smallBytesMax = 16 * 1024;
/** A TLS socket still delivers what it had decrypted after it was paused; more than this is not its doing. */
const overflowBytesMax = 1024 * 1024;
const lengthBytes = 4;

export class FrameReader {
  readonly #pool: BufferPool;
  readonly #sink: FrameSink;
  readonly #frameBytesMax: number;
  readonly #staging = Buffer.allocUnsafeSlow(stagingBytes);
  /** For a small answer that comes in pieces; most do not, so it is made when it is needed. */
  #small: Buffer | undefined;
  readonly #length = Buffer.alloc(lengthBytes);
  #lengthFilled = 0;
  /** The answer under way, while its bytes have a place. */
  #body: Buffer | undefined;
  #lease: Lease | undefined;
  #filled = 0;
  /** The last next() was a part of the body itself. */
  #direct = false;
  /** Withdraws from the pool's queue, while this reader stands in it. */
  #withdraw: (() => void) | undefined;
  #overflow: Buffer[] = [];
  #overflowBytes = 0;
  #closed = false;

  constructor(pool: BufferPool, sink: FrameSink, frameBytesMax: number) {
    this.#pool = pool;
    this.#sink = sink;
    this.#frameBytesMax = frameBytesMax;
  }

  /** Whether an answer waits for room in the pool. */
  get waiting(): boolean {
    return this.#withdraw !== undefined;
  }

  /** Where the socket is to put the next bytes. */
  next(): Buffer {
    this.#direct = this.#body !== undefined && !this.#closed;
    return this.#direct ? (this.#body as Buffer).subarray(this.#filled) : this.#staging;
  }

  /** Says that `count` bytes stand in what next() gave. False asks the socket to stop reading until resume(). */
  take(count: number): boolean {
    if (this.#closed) return false;
    if (this.#direct) {
      this.#filled += count;
      this.#finishBody();
    } else this.#ingest(this.#staging.subarray(0, count));
    return !this.#closed && !this.waiting;
  }

  close(): void {
    this.#closed = true;
    this.#withdraw?.();
    this.#withdraw = undefined;
    this.#lease?.release();
    this.#lease = undefined;
    this.#body = undefined;
    this.#overflow = [];
  }

  #ingest(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#closed) {
      if (this.waiting) return this.#keepFor(chunk.subarray(at));
      if (this.#body === undefined) {
        const size = this.#readLength(chunk, at);
        at += size.used;
        if (size.value === undefined) continue;
        if (size.value < lengthBytes || size.value > this.#frameBytesMax) return this.#break(`an answer of ${size.value} bytes`);
        const keeps = this.#sink.keeps();
        if (!keeps && chunk.length - at >= size.value) {
          this.#sink.frame(chunk.subarray(at, at + size.value), undefined);
          at += size.value;
        } else this.#beginBody(size.value, keeps);
      } else {
        const copied = chunk.copy(this.#body, this.#filled, at);
        at += copied;
        this.#filled += copied;
        this.#finishBody();
      }
    }
  }

  /** The length in front of an answer, which may itself come in pieces. */
  #readLength(chunk: Buffer, at: number): { used: number; value: number | undefined } {
    if (this.#lengthFilled === 0 && chunk.length - at >= lengthBytes) return { used: lengthBytes, value: chunk.readInt32BE(at) };
    const used = chunk.copy(this.#length, this.#lengthFilled, at);
    this.#lengthFilled += used;
    if (this.#lengthFilled < lengthBytes) return { used, value: undefined };
    this.#lengthFilled = 0;
    return { used, value: this.#length.readInt32BE(0) };
  }

  #beginBody(size: number, keeps: boolean): void {
    this.#filled = 0;
    if (!keeps && size <= smallBytesMax) {
      this.#small ??= Buffer.allocUnsafeSlow(smallBytesMax);
      this.#body = this.#small.subarray(0, size);
      return;
    }
    if (!this.#pool.fits(size)) return this.#break(`an answer of ${size} bytes, which the pool has no room for`);
    const lease = this.#pool.lease(size);
    if (lease !== undefined) {
      this.#lease = lease;
      this.#body = lease.bytes;
      return;
    }
    this.#withdraw = this.#pool.whenRoom(size, (late) => this.#onRoom(late));
  }

  #onRoom(lease: Lease): void {
    this.#withdraw = undefined;
    this.#lease = lease;
    this.#body = lease.bytes;
    const overflow = this.#overflow;
    this.#overflow = [];
    this.#overflowBytes = 0;
    for (const chunk of overflow) this.#ingest(chunk);
    if (!this.waiting && !this.#closed) this.#sink.resume();
  }

  #keepFor(chunk: Buffer): void {
    this.#overflow.push(Buffer.from(chunk));
    this.#overflowBytes += chunk.length;
    if (this.#overflowBytes > overflowBytesMax) this.#break('bytes while reading is paused');
  }

  #finishBody(): void {
    const body = this.#body;
    if (body === undefined || this.#filled < body.length) return;
    const lease = this.#lease;
    this.#body = undefined;
    this.#lease = undefined;
    this.#sink.frame(body, lease);
  }

  #break(why: string): void {
    this.close();
    this.#sink.broken(why);
  }
}
