/** Builds one RecordBatch (magic 2, uncompressed) record by record into a growing buffer. */
import { crc32c } from '@node-rs/crc32';
import { varintBytes, writeVarint, writeVarlong } from '../base/index.ts';
import type { CodecName } from './batch-layout.ts';
import { attributeBits, batchLayout, batchPrefixBytes, codecNames } from './batch-layout.ts';

export type HeaderList = readonly (readonly [string, Uint8Array | null])[];

/** The producer's place in an idempotent or transactional session. */
export interface ProducerPlace {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly transactional: boolean;
}

export class BatchBuilder {
  #bytes: Buffer;
  #position: number = batchLayout.records;
  #count = 0;
  #baseTimestampMs = 0n;
  #maxTimestampMs = 0n;

  constructor(initialBytes = 16 * 1024) {
    this.#bytes = Buffer.allocUnsafe(Math.max(initialBytes, batchLayout.records));
  }

  get recordCount(): number {
    return this.#count;
  }

  /** Bytes the batch has so far, header included. */
  get byteLength(): number {
    return this.#position;
  }

  /** Appends a record; its offset delta is its index. `timestampMs` is milliseconds since the epoch. */
  append(key: Uint8Array | null, value: Uint8Array | null, headers: HeaderList, timestampMs: bigint): void {
    if (this.#count === 0) {
      this.#baseTimestampMs = timestampMs;
      this.#maxTimestampMs = timestampMs;
    } else if (timestampMs > this.#maxTimestampMs) {
      this.#maxTimestampMs = timestampMs;
    }
    const timestampDelta = timestampMs - this.#baseTimestampMs;
    const headerBytes = headers.map(([name]) => Buffer.byteLength(name));
    const body =
      1 +
      varlongBytes(timestampDelta) +
      varintBytes(this.#count) +
      sizeWithLength(key) +
      sizeWithLength(value) +
      varintBytes(headers.length) +
      headers.reduce((sum, [, data], index) => {
        const nameBytes = headerBytes[index] as number;
        return sum + varintBytes(nameBytes) + nameBytes + sizeWithLength(data);
      }, 0);
    this.#reserve(body + 5);
    const bytes = this.#bytes;
    let at = writeVarint(bytes, this.#position, body);
    bytes[at++] = 0;
    at = writeVarlong(bytes, at, timestampDelta);
    at = writeVarint(bytes, at, this.#count);
    at = writeWithLength(bytes, at, key);
    at = writeWithLength(bytes, at, value);
    at = writeVarint(bytes, at, headers.length);
    headers.forEach(([name, data], index) => {
      at = writeVarint(bytes, at, headerBytes[index] as number);
      at += bytes.write(name, at, 'utf8');
      at = writeWithLength(bytes, at, data);
    });
    this.#position = at;
    this.#count += 1;
  }

  /** Completes the batch with base offset 0 and returns its bytes. The builder is used up. */
  finish(place: ProducerPlace): Buffer {
    const batch = this.#bytes.subarray(0, this.#position);
    batch.writeBigInt64BE(this.#baseTimestampMs, batchLayout.baseTimestamp);
    batch.writeBigInt64BE(this.#maxTimestampMs, batchLayout.maxTimestamp);
    finishBatch(batch, 'none', this.#count, place);
    return batch;
  }

  #reserve(more: number): void {
    if (this.#position + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#position + more, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#position);
    this.#bytes = grown;
  }
}

/**
 * Writes the header of a batch around its two timestamps, which stand there already as its records do: base offset 0, and last the CRC, which is
 * taken of everything from `batchLayout.attributes` on.
 */
export function finishBatch(
  batch: Buffer,
  codec: CodecName,
  recordCount: number,
  place: ProducerPlace,
  checksum: () => number = () => crc32c(batch.subarray(batchLayout.attributes)),
): void {
  batch.writeBigInt64BE(0n, batchLayout.baseOffset);
  batch.writeInt32BE(batch.length - batchPrefixBytes, batchLayout.batchLength);
  batch.writeInt32BE(-1, batchLayout.partitionLeaderEpoch);
  batch.writeInt8(2, batchLayout.magic);
  batch.writeInt16BE(codecNames.indexOf(codec) | (place.transactional ? attributeBits.transactional : 0), batchLayout.attributes);
  batch.writeInt32BE(recordCount - 1, batchLayout.lastOffsetDelta);
  writePlace(batch, place);
  batch.writeInt32BE(recordCount, batchLayout.recordCount);
  batch.writeUInt32BE(checksum(), batchLayout.crc);
}

/** Gives a finished batch to another place of the same session: the producer's fields and the CRC are written anew. */
export function moveBatch(batch: Buffer, place: ProducerPlace): void {
  writePlace(batch, place);
  batch.writeUInt32BE(crc32c(batch.subarray(batchLayout.attributes)), batchLayout.crc);
}

function writePlace(batch: Buffer, place: ProducerPlace): void {
  batch.writeBigInt64BE(place.producerId, batchLayout.producerId);
  batch.writeInt16BE(place.producerEpoch, batchLayout.producerEpoch);
  batch.writeInt32BE(place.baseSequence, batchLayout.baseSequence);
}

const sizeWithLength = (data: Uint8Array | null): number => (data === null ? 1 : varintBytes(data.length) + data.length);

export function writeWithLength(bytes: Buffer, position: number, data: Uint8Array | null): number {
  if (data === null) return writeVarint(bytes, position, -1);
  const at = writeVarint(bytes, position, data.length);
  bytes.set(data, at);
  return at + data.length;
}

function varlongBytes(value: bigint): number {
  let zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  let bytes = 1;
  while (zigzag >= 0x80n) {
    zigzag >>= 7n;
    bytes += 1;
  }
  return bytes;
}
