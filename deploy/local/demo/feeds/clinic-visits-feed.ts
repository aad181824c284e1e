/** Publishes generated visits as a health department would: an ordinary Kafka producer over SCRAM, Confluent wire format. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SpanKind } from '@opentelemetry/api';
import type { Message, PartitionMetadata } from 'kafkajs';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import type { AvroSchema } from '../../../../libs/avro/index.ts';
import { codecOf, frame, fromJson, parseSchema } from '../../../../libs/avro/index.ts';
import { topicNames, unwrap } from '../../../../libs/base/index.ts';
import { attributeNames, formatTraceparent, headerNames, startBatchSpan } from '../../../../libs/telemetry/index.ts';
import { ApiClient } from '../api-client.ts';
import { readDataset } from '../load.ts';
import type { ClinicVisit } from './clinic-visits.ts';
import { clinicVisits } from './clinic-visits.ts';
import type { Feed, FeedContext } from './feed.ts';
import { Progress } from './feed.ts';

export interface ClinicFeedPace {
  /** Records sent at once when the feed is new. */
  readonly burst: number;
  readonly recordsPerSecond: number;
  /** The feed is done when its topic has had so many records. */
  readonly recordsMax: number;
  /** Every so many records one is spoilt: in turn an impossible birth date and a truncated value. 0 for none. */
  readonly spoiltEvery: number;
}

const clinicFeedPace: ClinicFeedPace = {
  burst: 20_000,
  recordsPerSecond: 1_000,
  recordsMax: 3_000_000,
  spoiltEvery: 2_500,
};

const dataset = 'clinic-visits';
const publisher = 'binjiang-health';
const sendRecords = 500;
/** A day of the year 15659: well-formed Avro, and no band of years takes it. */
const impossibleBirthDays = 5_000_000;

/** Goes on after the records that the topic has had, so a second start repeats none. */
export async function startClinicFeed(context: FeedContext, pace: ClinicFeedPace = clinicFeedPace): Promise<Feed> {
  const progress = new Progress(dataset, 'Kafka producer');
  const secret = context.accounts[publisher] ?? '';
  const kafka = new Kafka({
    clientId: publisher,
    brokers: [...context.brokers],
    sasl: { mechanism: 'scram-sha-512', username: publisher, password: secret },
    logLevel: logLevel.NOTHING,
  });
  const writer = await visitWriter(context, secret);
  const topic = topicNames.raw(dataset);
  const { partitions, records } = await topicState(kafka, topic);
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false });
  await producer.connect();
  const stopped = new AbortController();
  const run = async (): Promise<void> => {
    const partitionOf = Partitioners.DefaultPartitioner();
    const visits = clinicVisits({ start: records });
    let index = records;
    const fromBurst = Math.max(0, pace.burst - records);
    const startedMs = performance.now();
    while (!stopped.signal.aborted && index < pace.recordsMax) {
      const due = fromBurst + ((performance.now() - startedMs) / 1000) * pace.recordsPerSecond;
      const count = Math.min(sendRecords, pace.recordsMax - index, Math.floor(due) - progress.sent);
      if (count < Math.min(100, pace.recordsMax - index)) {
        await sleep(100, undefined, { signal: stopped.signal }).catch(() => undefined);
        continue;
      }
      const context = startSend(topic, count);
      const messages: Message[] = [];
      for (let taken = 0; taken < count; taken += 1, index += 1) {
        const fault = faultAt(index, pace.spoiltEvery);
        const message: Message = writer(visits.next().value, fault, context.traceparent);
        messages.push({ ...message, partition: partitionOf({ topic, partitionMetadata: partitions, message }) });
        if (fault !== 'none') progress.spoilt += 1;
      }
      await producer.send({ topic, acks: -1, messages });
      context.end();
      progress.sent += count;
    }
    progress.state = 'done';
  };
  const done = run().catch((error: unknown) => {
    progress.state = 'done';
    progress.lastError = error instanceof Error ? error.message : String(error);
  });
  return {
    progress: () => progress.get(),
    stop: async () => {
      stopped.abort();
      await done;
      await producer.disconnect();
    },
  };
}

type Fault = 'none' | 'birth-date' | 'truncated';

export function faultAt(index: number, every: number): Fault {
  if (every === 0 || index % every !== every - 1) return 'none';
  return Math.floor(index / every) % 2 === 0 ? 'birth-date' : 'truncated';
}

/** Gives a visit its wire form: registers the schema as an ordinary serializer does and frames each value with the id it got. */
async function visitWriter(
  context: FeedContext,
  secret: string,
): Promise<(visit: ClinicVisit, fault: Fault, traceparent: string) => Message> {
  const { schemaText } = readDataset(dataset);
  const schema = unwrap(parseSchema(schemaText));
  const registry = new ApiClient(`${context.apiAddress}/registry`, { name: publisher, secret });
  const path = `/subjects/${topicNames.raw(dataset)}-value/versions`;
  const body = JSON.stringify({ schema: schemaText });
  const registered = unwrap(
    await registry.send('POST', path, body, { 'content-type': 'application/vnd.schemaregistry.v1+json' }),
  );
  const schemaId = (registered.body as { id: number }).id;
  return (visit, fault, traceparent) => {
    const value = fault === 'birth-date' ? { ...visit, birthDate: impossibleBirthDays } : visit;
    const framed = frame(schemaId, encodeVisit(schema, value));
    return {
      key: visit.residentId,
      value: Buffer.from(fault === 'truncated' ? framed.subarray(0, framed.length - 20) : framed),
      headers: { [headerNames.traceparent]: traceparent },
    };
  };
}

export function encodeVisit(schema: AvroSchema, visit: ClinicVisit): Uint8Array {
  return unwrap(codecOf(schema).encode(unwrap(fromJson(schema, visit))));
}

/** Partitions as the partitioner needs them, and how many records the topic has ever had. */
async function topicState(kafka: Kafka, topic: string): Promise<{ partitions: PartitionMetadata[]; records: number }> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    const offsets = await admin.fetchTopicOffsets(topic);
    return { partitions: topics[0]?.partitions ?? [], records: offsets.reduce((sum, { high }) => sum + Number(high), 0) };
  } finally {
    await admin.disconnect();
  }
}

/** The publisher's own trace of one send; without a tracer its records carry an id all the same, as those of any traced publisher do. */
function startSend(topic: string, count: number): { traceparent: string; end(): void } {
  const attributes = {
    [attributeNames.messagingSystem]: 'kafka',
    [attributeNames.messagingDestination]: topic,
    [attributeNames.messagingBatchCount]: count,
  };
  const span = startBatchSpan({ name: `send ${topic}`, kind: SpanKind.PRODUCER, attributes });
  const made = span.isRecording() ? span.spanContext() : undefined;
  const traceparent = formatTraceparent(
    made ?? { traceId: randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex'), traceFlags: 1 },
  );
  return { traceparent, end: () => span.end() };
}
