/** The input: W1 as one producer with batches of 256 KiB writes it, to a raw topic for each codec. A record is there once, whoever reads it. */
import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import path from 'node:path';
import { clinicVisits } from '../../../deploy/local/demo/feeds/clinic-visits.ts';
import { repositoryRoot } from '../../../libs/adapters/local/index.ts';
import type { AvroSchema } from '../../../libs/avro/index.ts';
import { codecOf, frame, fromJson, parseSchema } from '../../../libs/avro/index.ts';
import { topicNames, unwrap } from '../../../libs/base/index.ts';
import { wipeOutput } from '../../../libs/govern/index.ts';
import { BatchBuilder, BatchEncoder, frameRecords, readBatches, sharedArena } from '../../../libs/records/index.ts';
import type { BenchKafka } from './bench-kafka.ts';
import { makeTopics, partitions, produceBatches } from './bench-kafka.ts';

export type FeedCodec = 'none' | 'lz4';

export interface Feed {
  readonly dataset: string;
  readonly topic: string;
  readonly codec: FeedCodec;
  readonly records: number;
  /** Records that satisfy the condition of P1; index = partition. */
  readonly passing: readonly number[];
  readonly bytes: number;
  /** Of a batch before it is compressed, at most. */
  readonly batchBytes: number;
}

export const writerSchemaId = 1;
export const batchBytesDefault = 256 * 1024;
const firstTimestampMs = 1_767_600_000_000n;
const traceparent: [string, Uint8Array] = ['traceparent', Buffer.from('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')];
const departments = new Set(['internal', 'surgery', 'pediatrics', 'emergency']);
const place = { producerId: -1n, producerEpoch: -1, baseSequence: -1, transactional: false };

let parsed: AvroSchema | undefined;

export function clinicSchema(): AvroSchema {
  const file = path.join(repositoryRoot(), 'deploy/local/demo/datasets/clinic-visits/schema.avsc');
  parsed ??= unwrap(parseSchema(readFileSync(file, 'utf8')));
  return parsed;
}

/** Framed values in the order of the generator, and whether each satisfies the condition of P1. Throws unless values are 274 to 304 bytes on average. */
function* framedVisits(): Generator<{ value: Uint8Array; passes: boolean }, never, void> {
  const schema = clinicSchema();
  const codec = codecOf(schema);
  let bytes = 0;
  let records = 0;
  for (const visit of clinicVisits()) {
    const value = frame(writerSchemaId, unwrap(codec.encode(unwrap(fromJson(schema, visit)))));
    bytes += value.length;
    records += 1;
    if (records === 10_000 && (bytes / records < 274 || bytes / records > 304))
      throw new Error(`values have ${bytes / records} bytes`);
    yield { value, passes: visit.cost >= 50 && departments.has(visit.dept) };
  }
  throw new Error('the generator of visits ended');
}

interface BuiltBatch {
  readonly plain: Buffer;
  readonly count: number;
  readonly passing: number;
}

function* builtBatches(records: number, batchBytes = batchBytesDefault): Generator<BuiltBatch, void, void> {
  const visits = framedVisits();
  let left = records;
  let waiting: { value: Uint8Array; passes: boolean } | undefined;
  let index = 0n;
  while (left > 0 || waiting !== undefined) {
    const builder = new BatchBuilder(batchBytes + 1024);
    let passing = 0;
    for (;;) {
      if (waiting === undefined) {
        if (left === 0) break;
        waiting = visits.next().value;
        left -= 1;
      }
      const { value, passes } = waiting;
      // Key, header and lengths take about 130 bytes.
      if (builder.recordCount > 0 && builder.byteLength + value.length + 160 > batchBytes) break;
      builder.append(Buffer.from(`key-${String(index).padStart(32, '0')}`), value, [traceparent], firstTimestampMs + index);
      index += 1n;
      if (passes) passing += 1;
      waiting = undefined;
    }
    const { recordCount: count } = builder;
    yield { plain: builder.finish(place), count, passing };
  }
}

const encoder = new BatchEncoder();

/** The same batch as a producer compresses it. */
function compressed(plain: Buffer): Buffer {
  const arena = sharedArena();
  let made: Buffer | undefined;
  readBatches(plain, (batch) => {
    const frames = frameRecords(batch, 0);
    if (frames === null) throw new Error('a batch of the bench was not framed');
    const admitted = arena.admit(frames);
    const { output } = arena;
    const put = (start: number, end: number): void => {
      output.bytes.set(admitted.bytes.subarray(start, end), output.length);
      output.length += end - start;
    };
    for (let index = 0; index < admitted.count; index += 1) {
      output.keyStart[index] = output.length;
      put(admitted.keyStart[index] as number, admitted.keyEnd[index] as number);
      output.keyEnd[index] = output.length;
      output.valueStart[index] = output.length;
      put(admitted.valueStart[index] as number, admitted.valueEnd[index] as number);
      output.valueEnd[index] = output.length;
    }
    const options = { codec: 'lz4', timestamp: 'keep', headers: [traceparent], place, bytesMax: 2 * batchBytesDefault } as const;
    const encoded = encoder.encode(arena, admitted, output, 0, admitted.count, options);
    if (encoded.count !== admitted.count) throw new Error('a compressed batch lacks records');
    made = Buffer.from(encoded.batch);
    wipeOutput(output, admitted.count);
  });
  if (made === undefined) throw new Error('a batch of the bench was not read');
  return made;
}

export interface LoadOptions {
  readonly kafka: BenchKafka;
  readonly records: number;
  readonly feeds: readonly { readonly dataset: string; readonly codec: FeedCodec }[];
  readonly batchBytes?: number;
  readonly progress?: (records: number) => void;
}

/** Makes the raw topics and writes the same records to each, batch by batch to one partition after the other. */
export async function loadFeeds({
  kafka,
  records,
  feeds,
  batchBytes = batchBytesDefault,
  progress,
}: LoadOptions): Promise<Feed[]> {
  const loaded = feeds.map(({ dataset, codec }) => ({
    dataset,
    topic: topicNames.raw(dataset),
    codec,
    records: 0,
    passing: Array.from({ length: partitions }, () => 0),
    bytes: 0,
    batchBytes,
  }));
  await makeTopics(
    kafka,
    loaded.map(({ topic }) => topic),
  );
  const leaders = new Map(
    (await kafka.cluster.topics(loaded.map(({ topic }) => topic))).map((topic) => [topic.name, topic.leaders] as const),
  );
  let partition = 0;
  let waiting: Promise<unknown> = Promise.resolve();
  for (const { plain, count, passing } of builtBatches(records, batchBytes)) {
    const requests = loaded.map((feed) => {
      const bytes = feed.codec === 'none' ? plain : compressed(plain);
      feed.records += count;
      feed.bytes += bytes.length;
      feed.passing[partition] = (feed.passing[partition] as number) + passing;
      return { topic: feed.topic, batches: [{ partition, bytes }] };
    });
    // The broker writes one batch while the next is generated.
    await waiting;
    waiting = Promise.all(
      requests.map(({ topic, batches }) =>
        kafka.cluster.call(leaders.get(topic)?.[partition] ?? 'any', 'load', produceBatches, topic, batches),
      ),
    );
    partition = (partition + 1) % partitions;
    progress?.(loaded[0]?.records ?? 0);
  }
  await waiting;
  for (const feed of loaded) passRateOf(feed);
  return loaded;
}

/** Throws unless the condition of P1 lets 0.74 to 0.79 pass (a little more room for a few records). */
export function passRateOf({ records, passing }: Pick<Feed, 'records' | 'passing'>): number {
  const rate = passing.reduce((sum, count) => sum + count, 0) / records;
  const room = records < 10_000 ? 0.02 : 0;
  if (rate < 0.74 - room || rate > 0.79 + room)
    throw new Error(`${(rate * 100).toFixed(1)} % of the records pass, not 74 to 79 %`);
  return rate;
}

/** Writes framed values to a file, each behind its length (int32, big endian), and tells how many of them pass. */
export async function writeValues(file: string, records: number): Promise<number> {
  const out = createWriteStream(file);
  const visits = framedVisits();
  let passing = 0;
  for (let index = 0; index < records; index += 1) {
    const { value, passes } = visits.next().value;
    if (passes) passing += 1;
    const length = Buffer.alloc(4);
    length.writeInt32BE(value.length);
    out.write(length);
    if (!out.write(value)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
  return passing;
}

/** Writes the batches of `records` records to a partition again and again until there are `bytes` of them: backlog, not distinct records. */
export async function loadBacklog(
  kafka: BenchKafka,
  dataset: string,
  { records, bytes }: { records: number; bytes: number },
): Promise<Feed> {
  const topic = topicNames.raw(dataset);
  await makeTopics(kafka, [topic]);
  const pool = [...builtBatches(records)];
  const leaders = (await kafka.cluster.topics([topic]))[0]?.leaders ?? [];
  const feed = {
    dataset,
    topic,
    codec: 'none' as const,
    records: 0,
    passing: Array.from({ length: partitions }, () => 0),
    bytes: 0,
    batchBytes: batchBytesDefault,
  };
  let at = 0;
  while (feed.bytes < bytes) {
    const batches = Array.from({ length: partitions }, (_, partition) => {
      const { plain, count, passing } = pool[at] as BuiltBatch;
      at = (at + 1) % pool.length;
      feed.records += count;
      feed.bytes += plain.length;
      feed.passing[partition] = (feed.passing[partition] as number) + passing;
      return { partition, bytes: plain };
    });
    await kafka.cluster.call(leaders[0] ?? 'any', 'load', produceBatches, topic, batches);
  }
  return feed;
}

let sample: BuiltBatch | undefined;

/** One batch of 256 KiB, the same at every call. */
export function sampleBatch(): BuiltBatch {
  sample ??= builtBatches(1_000).next().value ?? undefined;
  if (sample === undefined) throw new Error('there is no batch');
  return sample;
}
