/** As much of Kafka's framing as a proxy needs. Source: Apache Kafka protocol guide, "Protocol Primitive Types" and "Request and Response Headers". */

export const apis = {
  produce: 0,
  fetch: 1,
  initProducerId: 22,
  endTxn: 26,
  txnOffsetCommit: 28,
  consumerGroupHeartbeat: 68,
} as const;

export type ApiName = keyof typeof apis;

export interface RequestHead {
  readonly apiKey: number;
  readonly version: number;
  readonly correlation: number;
  readonly clientId: string;
  /** Where the header ends, before the tagged fields that only flexible versions have. */
  readonly end: number;
}

/** The header of a request without its four bytes of size. */
export function readHead(frame: Buffer): RequestHead {
  const length = Math.max(0, frame.readInt16BE(8));
  return {
    apiKey: frame.readInt16BE(0),
    version: frame.readInt16BE(2),
    correlation: frame.readInt32BE(4),
    clientId: frame.toString('utf8', 10, 10 + length),
    end: 10 + length,
  };
}

/** The api's name when the proxy can read this version of it: the first flexible one or newer, up to the newest that is known here. */
export function knownApi({ apiKey, version }: RequestHead): ApiName | undefined {
  const spans: Record<ApiName, readonly [number, number]> = {
    produce: [9, 12],
    fetch: [13, 17],
    initProducerId: [2, 5],
    endTxn: [3, 5],
    txnOffsetCommit: [3, 5],
    consumerGroupHeartbeat: [0, 1],
  };
  for (const [name, [from, to]] of Object.entries(spans)) {
    const api = name as ApiName;
    if (apis[api] === apiKey) return version >= from && version <= to ? api : undefined;
  }
  return undefined;
}

/** Cuts a stream into frames; each is given without its size. */
export class FrameSplitter {
  #chunks: Buffer[] = [];
  #held = 0;

  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    const frames: Buffer[] = [];
    while (this.#held >= 4) {
      const size = this.#join(4).readInt32BE(0);
      if (this.#held < size + 4) break;
      const all = this.#join(size + 4);
      frames.push(all.subarray(4, size + 4));
      this.#chunks = all.length > size + 4 ? [all.subarray(size + 4)] : [];
      this.#held -= size + 4;
    }
    return frames;
  }

  /** The held bytes as one buffer when the first chunk has too few of them. */
  #join(bytes: number): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= bytes) return this.#chunks.length === 1 ? first : this.#whole();
    return this.#whole();
  }

  #whole(): Buffer {
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }
}

/** With its size in front, as it travels. */
export const framed = (body: Buffer): Buffer => {
  const size = Buffer.alloc(4);
  size.writeInt32BE(body.length);
  return Buffer.concat([size, body]);
};

/** Reads the fields of a flexible version. Reading past the end throws: the frame was not what its version says. */
export class FieldReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  skip(bytes: number): this {
    this.#at += bytes;
    return this;
  }

  int8(): number {
    this.#at += 1;
    return this.#bytes.readInt8(this.#at - 1);
  }

  int16(): number {
    this.#at += 2;
    return this.#bytes.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#bytes.readInt32BE(this.#at - 4);
  }

  int64(): bigint {
    this.#at += 8;
    return this.#bytes.readBigInt64BE(this.#at - 8);
  }

  bytes(length: number): Buffer {
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new RangeError('a field reaches past its frame');
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#at);
      this.#at += 1;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }

  /** A compact string or bytes; null and empty are one. */
  compact(): Buffer {
    return this.bytes(Math.max(0, this.varint() - 1));
  }

  array<T>(item: () => T): T[] {
    return Array.from({ length: Math.max(0, this.varint() - 1) }, item);
  }

  tags(): void {
    const count = this.varint();
    for (let index = 0; index < count; index += 1) {
      this.varint();
      this.skip(this.varint());
    }
  }
}

/** Writes the fields of a flexible version. */
export class FieldWriter {
  readonly #parts: Buffer[] = [];

  int16(value: number): this {
    const part = Buffer.alloc(2);
    part.writeInt16BE(value);
    return this.raw(part);
  }

  int32(value: number): this {
    const part = Buffer.alloc(4);
    part.writeInt32BE(value);
    return this.raw(part);
  }

  int64(value: bigint): this {
    const part = Buffer.alloc(8);
    part.writeBigInt64BE(value);
    return this.raw(part);
  }

  varint(value: number): this {
    const part: number[] = [];
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) part.push((rest & 0x7f) | 0x80);
    part.push(rest);
    return this.raw(Buffer.from(part));
  }

  compact(bytes: Buffer): this {
    return this.varint(bytes.length + 1).raw(bytes);
  }

  array<T>(items: readonly T[], item: (value: T) => void): this {
    this.varint(items.length + 1);
    for (const value of items) item(value);
    return this;
  }

  tags(): this {
    return this.varint(0);
  }

  raw(part: Buffer): this {
    this.#parts.push(part);
    return this;
  }

  done(): Buffer {
    return Buffer.concat(this.#parts);
  }
}
