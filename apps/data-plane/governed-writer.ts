/** Turns what Programs leave in the arena into RecordBatches for the governed topics of one transaction, and hands each to the producer once it is full. */
import type { FeedProducer } from '../../libs/adapters/kafka/index.ts';
import type { ProgramOutput } from '../../libs/govern/index.ts';
import { headerBytes } from '../../libs/govern/index.ts';
import type { EncodeOptions, HeaderList, RecordFrames } from '../../libs/records/index.ts';
import { BatchBuilder, BatchEncoder, moveBatch, sharedArena } from '../../libs/records/index.ts';
import { copyOf } from './batch-buffers.ts';

/** A governed batch is closed at this many bytes, below the broker's default `message.max.bytes`. */
const governedBatchBytesMax = 900 * 1024;

/** Where records go. */
export interface OutputPlace {
  readonly topic: string;
  readonly partition: number;
}

interface Run {
  readonly frames: RecordFrames;
  readonly out: ProgramOutput;
  readonly from: number;
  readonly to: number;
}

type Form = Pick<EncodeOptions, 'codec' | 'timestamp' | 'headers'> & Partial<Pick<EncodeOptions, 'bytesMax'>>;

export class GovernedWriter {
  readonly #producer: FeedProducer;
  readonly #encoder = new BatchEncoder();
  readonly #open = new Map<string, { readonly place: OutputPlace; readonly builder: BatchBuilder }>();
  /** Bytes that were handed to the producer. */
  bytes = 0;

  constructor(producer: FeedProducer) {
    this.#producer = producer;
  }

  /** Writes the governed records of a run that stands in the arena to each of these places: they are encoded once. */
  write(places: readonly OutputPlace[], { frames, out, from, to }: Run, form: Form): void {
    const arena = sharedArena();
    for (const place of places) this.#close(place);
    const [first] = places;
    if (first === undefined) return;
    for (let next = from; next < to; ) {
      const encoded = this.#encoder.encode(arena, frames, out, next, to, {
        bytesMax: governedBatchBytesMax,
        ...form,
        place: this.#producer.place(first.topic, first.partition),
      });
      next = encoded.next;
      if (encoded.count === 0) continue;
      // The arena's bytes are written over by the next batch, while these are on their way.
      for (const place of places) {
        const { copy, done } = copyOf(encoded.batch);
        if (place !== first) moveBatch(copy, this.#producer.place(place.topic, place.partition));
        this.#send(place, copy, encoded.count, done);
      }
    }
    this.#encoder.dismiss(arena);
  }

  /** Appends one record. A null value is written as such. */
  append(place: OutputPlace, key: Uint8Array | null, value: Uint8Array | null, headers: HeaderList, timestampMs: bigint): void {
    const name = `${place.partition}/${place.topic}`;
    const size = (key?.length ?? 0) + (value?.length ?? 0) + headerBytes(headers) + 256;
    let open = this.#open.get(name);
    if (open !== undefined && open.builder.byteLength + size > governedBatchBytesMax) {
      this.#close(place);
      open = undefined;
    }
    if (open === undefined) {
      open = { place, builder: new BatchBuilder() };
      this.#open.set(name, open);
    }
    open.builder.append(key, value, headers, timestampMs);
  }

  /** Sends what is open still. */
  finish(): void {
    for (const { place } of this.#open.values()) this.#close(place);
  }

  #close(place: OutputPlace): void {
    const name = `${place.partition}/${place.topic}`;
    const open = this.#open.get(name);
    if (open === undefined) return;
    this.#open.delete(name);
    this.#send(place, open.builder.finish(this.#producer.place(place.topic, place.partition)), open.builder.recordCount);
  }

  #send({ topic, partition }: OutputPlace, batch: Buffer, count: number, done?: () => void): void {
    this.bytes += batch.length;
    this.#producer.enqueue(topic, partition, batch, count, done);
  }
}
