/** Batches that are not governed at once: framed once, outside of the arena, and taken in parts. */
import type { RecordBatch, RecordFrames } from '../../libs/records/index.ts';
import { endWithin, frameRecords } from '../../libs/records/index.ts';

interface Kept {
  readonly topic: string;
  readonly partition: number;
  /** Of the batch, its CRC-32C included. */
  readonly header: Buffer;
  readonly frames: RecordFrames;
}

/** So long after its last use it is kept, milliseconds: a transaction may end between two parts. */
const keptMs = 2_000;

/** Keeps one of them: a process has so much memory for it, and no more, whatever arrives. */
export class LargeBatches {
  #kept: Kept | undefined;
  #timer: NodeJS.Timeout | undefined;

  has(topic: string, partition: number, batch: RecordBatch): boolean {
    const kept = this.#kept;
    return kept?.topic === topic && kept.partition === partition && kept.header.equals(headerOf(batch));
  }

  /** Null when the batch is corrupt. */
  framesOf(topic: string, partition: number, batch: RecordBatch): RecordFrames | null {
    if (!this.has(topic, partition, batch)) {
      this.#kept = undefined;
      const frames = frameRecords(batch, partition);
      if (frames === null) return null;
      // What is not compressed stands in the fetch, which does not stay.
      const bytes = batch.codec === 'none' ? Buffer.from(frames.bytes) : frames.bytes;
      this.#kept = { topic, partition, header: Buffer.from(headerOf(batch)), frames: { ...frames, bytes } };
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.#kept = undefined), keptMs).unref();
    return this.#kept?.frames ?? null;
  }
}

const headerOf = ({ bytes, records }: RecordBatch): Uint8Array => bytes.subarray(0, bytes.length - records.length);

/** The index behind the records from `begin` on that are taken together: at least one, even if it is larger. */
export function partEnd(frames: RecordFrames, begin: number, bytesMax: number, recordsMax: number): number {
  return Math.max(begin + 1, endWithin(frames, begin, Math.min(frames.count, begin + recordsMax), bytesMax));
}
