/** Reads a Kafka answer in place. Throws RangeError where the bytes end early or a count is impossible: the connection is then given up. Source: Apache Kafka protocol guide, "Protocol Primitive Types". */

export class WireReader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  int8(): number {
    return this.#bytes.readInt8(this.#skip(1));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#skip(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#skip(4));
  }

  int64(): bigint {
    return this.#bytes.readBigInt64BE(this.#skip(8));
  }

  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift <= 28; shift += 7) {
      const byte = this.#bytes[this.#skip(1)] as number;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a varint is too long');
  }

  /** COMPACT_NULLABLE_STRING. */
  string(): string | null {
    const bytes = this.uvarint() - 1;
    if (bytes < 0) return null;
    const start = this.#skip(bytes);
    return this.#bytes.toString('utf8', start, start + bytes);
  }

  /** STRING with its length in two bytes; null for the length -1. */
  shortString(): string | null {
    const bytes = this.int16();
    if (bytes < 0) return null;
    const start = this.#skip(bytes);
    return this.#bytes.toString('utf8', start, start + bytes);
  }

  /** UUID as text with dashes. */
  uuid(): string {
    const start = this.#skip(16);
    const hex = this.#bytes.toString('hex', start, start + 16);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }

  /** COMPACT_ARRAY, null read as empty; each entry's tagged fields are passed over, and told of. */
  array<T>(read: () => T, tagged?: (value: T, tag: number) => void): T[] {
    const count = this.uvarint() - 1;
    if (count > this.remaining) throw new RangeError('an array is longer than its answer');
    const values: T[] = [];
    for (let index = 0; index < count; index += 1) {
      const value = read();
      values.push(value);
      this.tags(tagged === undefined ? undefined : (tag) => tagged(value, tag));
    }
    return values;
  }

  /** Passes over tagged fields, and tells which there are. */
  tags(tagged?: (tag: number) => void): void {
    const count = this.uvarint();
    for (let index = 0; index < count; index += 1) {
      const tag = this.uvarint();
      tagged?.(tag);
      this.#skip(this.uvarint());
    }
  }

  /** COMPACT_BYTES or COMPACT_RECORDS as a view, null read as empty. */
  bytes(): Buffer {
    const bytes = Math.max(0, this.uvarint() - 1);
    const start = this.#skip(bytes);
    return this.#bytes.subarray(start, start + bytes);
  }

  /** Goes on by this many bytes and answers where they start. */
  #skip(bytes: number): number {
    const start = this.#position;
    if (start + bytes > this.#bytes.length) throw new RangeError('an answer ends early');
    this.#position = start + bytes;
    return start;
  }
}
