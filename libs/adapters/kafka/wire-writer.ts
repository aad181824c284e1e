/** Writes a Kafka request as a list of views: what the caller hands in as bytes is not copied. Source: Apache Kafka protocol guide, "Protocol Primitive Types". */

export class WireWriter {
  readonly #parts: Buffer[] = [];
  #scratch: Buffer;
  /** Where the part under construction starts in the scratch, and where it goes on. */
  #start = 0;
  #position = 0;
  #byteLength = 0;

  constructor(initialBytes = 512) {
    this.#scratch = Buffer.allocUnsafe(initialBytes);
  }

  get byteLength(): number {
    return this.#byteLength + this.#position - this.#start;
  }

  /** The request so far, in order. The writer is used up. */
  parts(): readonly Buffer[] {
    this.#close();
    return this.#parts;
  }

  int8(value: number): this {
    this.#position = this.#reserve(1).writeInt8(value, this.#position);
    return this;
  }

  int16(value: number): this {
    this.#position = this.#reserve(2).writeInt16BE(value, this.#position);
    return this;
  }

  int32(value: number): this {
    this.#position = this.#reserve(4).writeInt32BE(value, this.#position);
    return this;
  }

  int64(value: bigint): this {
    this.#position = this.#reserve(8).writeBigInt64BE(value, this.#position);
    return this;
  }

  uvarint(value: number): this {
    const scratch = this.#reserve(5);
    let rest = value;
    while (rest >= 0x80) {
      scratch[this.#position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    scratch[this.#position++] = rest;
    return this;
  }

  /** COMPACT_NULLABLE_STRING. */
  string(value: string | null): this {
    if (value === null) return this.uvarint(0);
    const bytes = Buffer.byteLength(value);
    return this.uvarint(bytes + 1).#text(value, bytes, 'utf8');
  }

  /** NULLABLE_STRING with its length in two bytes, as in request headers and older versions. */
  shortString(value: string): this {
    const bytes = Buffer.byteLength(value);
    return this.int16(bytes).#text(value, bytes, 'utf8');
  }

  /** UUID from its text with dashes. */
  uuid(value: string): this {
    return this.#text(value.replaceAll('-', ''), 16, 'hex');
  }

  /** COMPACT_ARRAY; each entry is followed by its tagged fields, of which there are none. */
  array<T>(values: readonly T[], write: (value: T) => void): this {
    this.uvarint(values.length + 1);
    for (const value of values) {
      write(value);
      this.tags();
    }
    return this;
  }

  /** No tagged fields. */
  tags(): this {
    return this.uvarint(0);
  }

  /** COMPACT_BYTES or COMPACT_RECORDS by reference: the bytes must stay as they are until the answer has come. */
  bytes(value: Buffer): this {
    this.uvarint(value.length + 1);
    this.#close();
    this.#parts.push(value);
    this.#byteLength += value.length;
    return this;
  }

  #text(value: string, bytes: number, encoding: 'utf8' | 'hex'): this {
    const scratch = this.#reserve(bytes);
    // Only now is it known where the text goes: making room may have begun a new part.
    this.#position += scratch.write(value, this.#position, bytes, encoding);
    return this;
  }

  #reserve(more: number): Buffer {
    if (this.#position + more > this.#scratch.length) {
      this.#close();
      this.#scratch = Buffer.allocUnsafe(Math.max(this.#scratch.length, more));
      this.#start = 0;
      this.#position = 0;
    }
    return this.#scratch;
  }

  #close(): void {
    if (this.#position === this.#start) return;
    this.#parts.push(this.#scratch.subarray(this.#start, this.#position));
    this.#byteLength += this.#position - this.#start;
    this.#start = this.#position;
  }
}
