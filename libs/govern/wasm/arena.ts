/**
 * The memory that modules run in: one for each thread, sized at the start and never grown, since growing would detach every view. Input is
 * copied in once, output is copied out once, and what a run touched is wiped before the next one.
 */
import { limits } from '../../base/index.ts';
import type { RecordFrames } from '../../records/index.ts';
import { firstByte } from '../../records/index.ts';
import { fixedGrowthMax, gatherEntryBytes, place, scratch } from './arena-layout.ts';
import { tokenKernelBytes } from './token-kernel.ts';

/** Most records of one run of a module; a longer batch takes several. */
const recordsMax = 16_384;
const gathersMax = 65_536;
/** Input of one run: a few batches, and at least one record of the largest size with its key and headers. */
const inputBytesMax = 4 * 1024 * 1024;
/** Output of one run, and room behind it for one record of the largest growth. */
const outputBytesMax = 4 * 1024 * 1024;
const growthBytes = 5 * limits.recordBytesMax + fixedGrowthMax;
/** Copies read and write up to 15 bytes behind a range. */
const slackBytes = 64;
const pageBytes = 65_536;

const contextBytes = 1024;

/** What the kernel module exports. */
interface TokenKernel {
  compress(state: number, block: number): void;
  tokens(gathers: number, count: number, field: number, keyStates: number, hexLength: number): void;
}

/** Initial hash value. Source: FIPS 180-4, section 5.3.3. */
const sha256Start = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

/** The part of the WebAssembly JavaScript interface that is used here. Source: WebAssembly JavaScript Interface 2.0. */
declare global {
  namespace WebAssembly {
    class Memory {
      constructor(descriptor: { initial: number; maximum: number });
      readonly buffer: ArrayBuffer;
    }
    class Module {
      constructor(bytes: Uint8Array);
      static imports(module: Module): { module: string; name: string; kind: string }[];
    }
    class Instance {
      constructor(module: Module, imports: Record<string, Record<string, Memory>>);
      readonly exports: Readonly<Record<string, unknown>>;
    }
  }
}

export class Arena {
  readonly memory: WebAssembly.Memory;
  readonly bytes: Buffer;
  /** The token kernel's functions over this memory. */
  readonly kernel: TokenKernel;
  readonly #words: Int32Array;
  readonly #input: number;
  readonly #output: number;
  readonly #gathers: number;
  readonly #arrays: Readonly<
    Record<
      'valueStarts' | 'valueEnds' | 'keyStarts' | 'keyEnds' | 'outStarts' | 'outEnds' | 'outKeyStarts' | 'outKeyEnds',
      number
    >
  >;
  readonly #outcomes: number;
  readonly #reasons: number;
  readonly #fields: number;

  constructor() {
    let next = contextBytes;
    const take = (bytes: number): number => {
      const at = next;
      next += (bytes + 15) & ~15;
      return at;
    };
    const words = (): number => take(recordsMax * 4);
    this.#arrays = {
      valueStarts: words(),
      valueEnds: words(),
      keyStarts: words(),
      keyEnds: words(),
      outStarts: words(),
      outEnds: words(),
      outKeyStarts: words(),
      outKeyEnds: words(),
    };
    this.#outcomes = take(recordsMax);
    this.#reasons = take(recordsMax);
    this.#fields = take(recordsMax * 2);
    this.#gathers = take(gathersMax * gatherEntryBytes);
    this.#input = take(inputBytesMax + slackBytes);
    this.#output = take(outputBytesMax + growthBytes + slackBytes);
    const pages = Math.ceil(next / pageBytes);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.bytes = Buffer.from(this.memory.buffer);
    this.#words = new Int32Array(this.memory.buffer);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(tokenKernelBytes()), { env: { memory: this.memory } });
    this.kernel = instance.exports as unknown as TokenKernel;
  }

  /** The first index of `frames` behind `from` that does not fit into one run with it. */
  chunkEnd(frames: RecordFrames, from: number, to: number, gathersPerRecord: number): number {
    const most = Math.min(to, from + recordsMax, from + Math.floor(gathersMax / Math.max(1, gathersPerRecord)));
    const start = firstByte(frames, from);
    let end = from;
    while (end < most && (frames.headersEnd[end] as number) - start <= inputBytesMax) end += 1;
    if (end === from) throw new Error('arena: a record is larger than the limits allow');
    return end;
  }

  /** Copies the records [from, to) in and sets the context. `used` and `limit` are of the caller's output, whose ranges the module writes. */
  open(
    frames: RecordFrames,
    from: number,
    to: number,
    output: { used: number; limit: number; recordBytesMax: number; schemaId: number },
  ): void {
    const count = to - from;
    const start = firstByte(frames, from);
    this.bytes.set(frames.bytes.subarray(start, frames.headersEnd[to - 1]), this.#input);
    const words = (at: number): Int32Array => this.#words.subarray(at >> 2, (at >> 2) + count);
    words(this.#arrays.valueStarts).set(frames.valueStart.subarray(from, to));
    words(this.#arrays.valueEnds).set(frames.valueEnd.subarray(from, to));
    words(this.#arrays.keyStarts).set(frames.keyStart.subarray(from, to));
    words(this.#arrays.keyEnds).set(frames.keyEnd.subarray(from, to));
    for (const at of [this.#arrays.outStarts, this.#arrays.outEnds, this.#arrays.outKeyStarts, this.#arrays.outKeyEnds])
      words(at).fill(-1);
    this.bytes.fill(0, this.#outcomes, this.#outcomes + count);
    this.bytes.fill(0, this.#reasons, this.#reasons + count);
    this.bytes.fill(0xff, this.#fields, this.#fields + count * 2);
    const context: Readonly<Record<keyof typeof place, number>> = {
      inBase: this.#input - start,
      ...this.#arrays,
      outcomes: this.#outcomes,
      reasons: this.#reasons,
      fields: this.#fields,
      outBase: this.#output - output.used,
      outUsed: output.used,
      outLimit: Math.min(output.limit, output.used + outputBytesMax),
      recordBytesMax: output.recordBytesMax,
      gathers: this.#gathers,
      gatherCount: 0,
      schemaIdBytes: swapped(output.schemaId),
    };
    for (const [name, offset] of Object.entries(place)) this.#words[offset >> 2] = context[name as keyof typeof place];
  }

  /** Address of the gather entries. */
  get gathers(): number {
    return this.#gathers;
  }

  /** Inner and outer state of HMAC-SHA256 under a key of 32 bytes: the hash behind the key's padded block. Sixteen words. */
  keyStates(key: Uint8Array): Int32Array {
    const states = new Int32Array(16);
    for (const [half, pad] of [0x36, 0x5c].entries()) {
      const block = Buffer.alloc(64, pad);
      for (const [at, byte] of key.entries()) block[at] = byte ^ pad;
      for (let word = 0; word < 16; word += 1)
        this.#words.fill(block.readInt32BE(word * 4), (scratch.block >> 2) + word * 4, (scratch.block >> 2) + word * 4 + 4);
      for (const [word, value] of sha256Start.entries())
        this.#words.fill(value, (scratch.state >> 2) + word * 4, (scratch.state >> 2) + word * 4 + 4);
      this.kernel.compress(scratch.state, scratch.block);
      for (let word = 0; word < 8; word += 1) states[half * 8 + word] = this.#words[(scratch.state >> 2) + word * 4] as number;
    }
    this.bytes.fill(0, scratch.keyStates, scratch.end);
    return states;
  }

  /** Puts a key's states where the kernel finds them. */
  setKeyStates(states: Int32Array): void {
    this.#words.set(states, scratch.keyStates >> 2);
  }

  get gatherCount(): number {
    return this.#words[place.gatherCount >> 2] as number;
  }

  /** One word of a gather entry: 0 source, 1 length, 2 destination, 3 second destination, 4 field. */
  gatherWord(entry: number, word: 0 | 1 | 2 | 3 | 4): number {
    return this.#words[((this.#gathers + entry * gatherEntryBytes) >> 2) + word] as number;
  }

  /** Bytes of the caller's output that are used now. */
  get outUsed(): number {
    return this.#words[place.outUsed >> 2] as number;
  }

  /** The output bytes of this run. */
  output(used: number): Uint8Array {
    return this.bytes.subarray(this.#output, this.#output + this.outUsed - used);
  }

  /** Copies what became of the first `count` records into the caller's arrays from `to` on. */
  results(out: ResultArrays, to: number, count: number): void {
    const words = (at: number): Int32Array => this.#words.subarray(at >> 2, (at >> 2) + count);
    out.valueStart.set(words(this.#arrays.outStarts), to);
    out.valueEnd.set(words(this.#arrays.outEnds), to);
    out.keyStart.set(words(this.#arrays.outKeyStarts), to);
    out.keyEnd.set(words(this.#arrays.outKeyEnds), to);
    out.outcome.set(this.bytes.subarray(this.#outcomes, this.#outcomes + count), to);
    out.reason.set(this.bytes.subarray(this.#reasons, this.#reasons + count), to);
    out.field.set(new Int16Array(this.memory.buffer, this.#fields, count), to);
  }

  /** Clears what a run left: the input, the output with what stands behind it, and the gather entries. */
  wipe(inputBytes: number, outputBytes: number, all: boolean): void {
    this.bytes.fill(0, this.#input, this.#input + inputBytes + slackBytes);
    this.bytes.fill(0, this.#output, this.#output + (all ? outputBytesMax + growthBytes : outputBytes) + slackBytes);
    // A record that was rolled back may have left entries behind the counted ones.
    const entries = all ? gathersMax : this.gatherCount;
    this.bytes.fill(0, this.#gathers, this.#gathers + entries * gatherEntryBytes);
  }
}

interface ResultArrays {
  readonly valueStart: Int32Array;
  readonly valueEnd: Int32Array;
  readonly keyStart: Int32Array;
  readonly keyEnd: Int32Array;
  readonly outcome: Uint8Array;
  readonly reason: Uint8Array;
  readonly field: Int16Array;
}

/** The four bytes of a big-endian number as the word that a little-endian store writes. */
function swapped(value: number): number {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes.readInt32LE(0);
}

let shared: Arena | undefined;

/** The arena of this thread. */
export function sharedArena(): Arena {
  shared ??= new Arena();
  return shared;
}
