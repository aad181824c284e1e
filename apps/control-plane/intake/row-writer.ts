/** Writes the good rows of an input into the dataset's topic, chunk by chunk, inside the producer's open transaction. */
import type { OutRecord, TransactionalProducer } from '../../../libs/adapters/kafka/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { ok } from '../../../libs/base/index.ts';
import type { TurnTaker } from './partition-choice.ts';
import { partitionOfKey } from './partition-choice.ts';
import type { RowEncoder, RowProblem } from './row-encoder.ts';
import { rowProblem } from './row-encoder.ts';
import type { Row } from './rows.ts';

/** A chunk is sent at whichever comes first. */
const chunkRowsMax = 2_000;
const chunkBytesMax = 1024 * 1024;
/** Problems that are kept; the rest is only counted. */
const problemsMax = 100;

export interface Tally {
  accepted: number;
  refused: number;
  problems: RowProblem[];
}

export interface Destination {
  readonly topic: string;
  readonly partitions: number;
  readonly headers: readonly (readonly [string, Uint8Array])[];
  readonly turns: TurnTaker;
}

export class RowWriter {
  readonly tally: Tally;
  readonly #encoder: RowEncoder;
  readonly #destination: Destination;
  readonly #waiting = new Map<number, OutRecord[]>();
  #rows = 0;
  #bytes = 0;
  #turn: number;

  constructor(encoder: RowEncoder, destination: Destination, tally: Tally) {
    this.#encoder = encoder;
    this.#destination = destination;
    this.tally = tally;
    this.#turn = destination.turns.next(destination.partitions);
  }

  /** Takes a row. True when the chunk is full and wants to be sent. */
  add(row: Row): boolean {
    const encoded = this.#encoder.encode(row);
    if (!encoded.ok) {
      this.tally.refused += 1;
      if (this.tally.problems.length < problemsMax) this.tally.problems.push(rowProblem(row.line, encoded.failure));
      return false;
    }
    const { key, value } = encoded.value;
    const { partitions, headers } = this.#destination;
    const partition = key === null ? this.#turn : partitionOfKey(key, partitions);
    const records = this.#waiting.get(partition) ?? [];
    records.push({ key, value, headers: headers.map(([name, bytes]): [string, Uint8Array] => [name, bytes]) });
    this.#waiting.set(partition, records);
    this.#rows += 1;
    this.#bytes += value.length + (key?.length ?? 0);
    this.tally.accepted += 1;
    return this.#rows >= chunkRowsMax || this.#bytes >= chunkBytesMax;
  }

  /** Sends what waits. The producer must be in a transaction. */
  async send(producer: TransactionalProducer): Promise<Result<void>> {
    for (const [partition, records] of this.#waiting) {
      const sent = await producer.send(this.#destination.topic, partition, records);
      if (!sent.ok) return sent;
    }
    this.#waiting.clear();
    this.#rows = 0;
    this.#bytes = 0;
    this.#turn = this.#destination.turns.next(this.#destination.partitions);
    return ok(undefined);
  }
}
