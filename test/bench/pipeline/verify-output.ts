/** What a path wrote is what it had to write, or its figures do not count: every record counted, and the ends of each partition compared. */
import type { Cluster } from '../../../libs/adapters/kafka/index.ts';
import { PartitionFetcher, TopicReader } from '../../../libs/adapters/kafka/index.ts';
import type { AvroSchema } from '../../../libs/avro/index.ts';
import { codecOf } from '../../../libs/avro/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import type { BoundProgram } from '../../../libs/govern/index.ts';
import { createOutput, outcomes } from '../../../libs/govern/index.ts';
import type { RecordFrames } from '../../../libs/records/index.ts';
import { abortedFilter, frameRecords, readBatches } from '../../../libs/records/index.ts';
import type { BenchKafka } from './bench-kafka.ts';
import { endOffsets } from './bench-kafka.ts';
import type { Feed } from './load-feed.ts';

/** What becomes of the records of a batch, by a way that is not the one measured: values in order, framed. */
export type Oracle = (frames: RecordFrames) => Uint8Array[];

export interface Expectation {
  readonly oracle: Oracle;
  /** Of the values that come out. */
  readonly schema: AvroSchema;
  /** Records that come out; index = partition. */
  readonly counts: readonly number[];
}

/** The reference engine's answer. */
export function oracleOf(bound: BoundProgram): Oracle {
  return (frames) => {
    const out = createOutput(frames.count, 4 * 1024 * 1024);
    if (bound.run(frames, 0, frames.count, out) !== frames.count) throw new Error('the output of the oracle was full');
    const values: Uint8Array[] = [];
    for (let index = 0; index < frames.count; index += 1) {
      if (out.outcome[index] === outcomes.refuse) throw new Error(`the oracle refuses record ${index}`);
      const start = out.valueStart[index] as number;
      if (start >= 0) values.push(Uint8Array.from(out.bytes.subarray(start, out.valueEnd[index])));
    }
    return values;
  };
}

export const copyOracle: Oracle = (frames) =>
  Array.from({ length: frames.count }, (_, index) => frames.bytes.slice(frames.valueStart[index], frames.valueEnd[index]));

export interface Verified {
  /** How the path compressed what it wrote. */
  readonly codecs: ReadonlySet<string>;
  readonly compared: number;
}

/** Throws at the first thing that is not as expected. */
export async function verifyOutput(kafka: BenchKafka, feed: Feed, topic: string, expected: Expectation): Promise<Verified> {
  const codecs = new Set<string>();
  const counted = await countRecords(kafka, topic, codecs);
  expected.counts.forEach((count, partition) => {
    if (counted[partition] !== count)
      throw new Error(`${topic}: partition ${partition} has ${counted[partition]} records, not ${count}`);
  });
  const ends = await endOffsets(kafka, feed.topic, 'read_uncommitted');
  let compared = 0;
  for (const [partition, count] of expected.counts.entries()) {
    if (count === 0) continue;
    const first = expected.oracle(await batchAt(kafka.cluster, feed.topic, partition, 0n));
    const last = expected.oracle(await batchAt(kafka.cluster, feed.topic, partition, (ends[partition] as bigint) - 1n));
    compare(
      `${topic}/${partition}, from its first record`,
      expected.schema,
      first,
      await valuesAt(kafka, topic, partition, first.length, 'first'),
    );
    compare(
      `${topic}/${partition}, to its last record`,
      expected.schema,
      last,
      await valuesAt(kafka, topic, partition, last.length, 'last'),
    );
    compared += first.length + last.length;
  }
  return { codecs, compared };
}

/** Records that a committed reader gets, index = partition, by the headers of the batches. */
async function countRecords(kafka: BenchKafka, topic: string, codecs: Set<string>): Promise<number[]> {
  const ends = await endOffsets(kafka, topic, 'read_committed');
  const open = await endOffsets(kafka, topic, 'read_uncommitted');
  if (ends.some((end, partition) => end !== open[partition])) throw new Error(`${topic}: a transaction is still open`);
  const counts = ends.map(() => 0);
  const positions = new Map<number, bigint>();
  ends.forEach((end, partition) => {
    if (end > 0n) positions.set(partition, 0n);
  });
  const fetcher = new PartitionFetcher(kafka.cluster, topic);
  while (positions.size > 0) {
    const limits = { maxWaitMs: 250, maxBytes: 8 * 1024 * 1024, partitionMaxBytes: 2 * 1024 * 1024 };
    const fetched = unwrap(await fetcher.fetch(positions, limits));
    for (const { partition, errorCode, aborted, records } of fetched.partitions) {
      if (errorCode !== 0) throw new Error(`${topic}: Kafka's error code ${errorCode}`);
      const isAborted = abortedFilter(aborted);
      readBatches(records, (batch) => {
        const dropped = isAborted(batch);
        if (!batch.intact) throw new Error(`${topic}: the batch at ${batch.baseOffset} is corrupt`);
        if (batch.lastOffset < (positions.get(partition) ?? 0n)) return;
        if (!dropped && !batch.control) {
          counts[partition] = (counts[partition] as number) + batch.recordCount;
          codecs.add(batch.codec);
        }
        positions.set(partition, batch.lastOffset + 1n);
      });
      if ((positions.get(partition) ?? 0n) >= (ends[partition] as bigint)) positions.delete(partition);
    }
    fetched.release();
  }
  fetcher.close();
  return counts;
}

/** The batch of a partition that holds an offset. */
async function batchAt(cluster: Cluster, topic: string, partition: number, offset: bigint): Promise<RecordFrames> {
  const limits = { maxWaitMs: 250, maxBytes: 2 * 1024 * 1024, partitionMaxBytes: 2 * 1024 * 1024 };
  const fetcher = new PartitionFetcher(cluster, topic);
  const fetched = unwrap(await fetcher.fetch(new Map([[partition, offset]]), limits));
  let found: RecordFrames | null = null;
  // Frames may be views of the batch, and the buffer of a fetch is used again.
  readBatches(Buffer.from(fetched.partitions[0]?.records ?? []), (batch) => {
    if (batch.baseOffset > offset || offset > batch.lastOffset) return;
    found = frameRecords(batch, partition);
  });
  fetched.release();
  fetcher.close();
  if (found === null) throw new Error(`${topic}: there is no batch at ${offset} of partition ${partition}`);
  return found;
}

/** Transaction markers take offsets, one for each transaction; this many of them are allowed for in the last records. */
const markersMax = 2_000n;

async function valuesAt(
  kafka: BenchKafka,
  topic: string,
  partition: number,
  count: number,
  which: 'first' | 'last',
): Promise<Uint8Array[]> {
  const end = (await endOffsets(kafka, topic, 'read_committed'))[partition] as bigint;
  const back = end - BigInt(count) - markersMax;
  const from = which === 'first' || back < 0n ? 0n : back;
  const reader = unwrap(
    await TopicReader.open(kafka.cluster, { topic, partitions: [partition], from: new Map([[partition, from]]) }),
  );
  const values: Uint8Array[] = [];
  const enough = which === 'first' ? count : Number.POSITIVE_INFINITY;
  while (reader.position(partition) < end && values.length < enough) {
    for (const { value } of unwrap(await reader.poll(250))) values.push(value ?? new Uint8Array());
  }
  return which === 'first' ? values.slice(0, count) : values.slice(-count);
}

/** Equal when decoded: a writer may lay an array out in other blocks. The header must be the same bytes. */
function compare(where: string, schema: AvroSchema, expected: readonly Uint8Array[], actual: readonly Uint8Array[]): void {
  const codec = codecOf(schema);
  const text = (value: Uint8Array): string =>
    `${Buffer.from(value.subarray(0, 5)).toString('hex')} ${JSON.stringify(unwrap(codec.decode(value.subarray(5))), (_, item: unknown) => (typeof item === 'bigint' ? String(item) : item))}`;
  if (actual.length !== expected.length) throw new Error(`${where}: ${actual.length} values, not ${expected.length}`);
  expected.forEach((value, index) => {
    const other = actual[index] as Uint8Array;
    if (Buffer.compare(value, other) !== 0 && text(value) !== text(other))
      throw new Error(`${where}: value ${index} is another one`);
  });
}
