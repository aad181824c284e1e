/** Reads a topic with kafkajs as an ordinary subscriber does, and hands over each record once per process. */
import type { Kafka, KafkaMessage } from 'kafkajs';
import type { Result } from '../../../libs/base/index.ts';
import { fail } from '../../../libs/base/index.ts';
import type { GovernedValues } from './governed-values.ts';
import type { Tally } from './platform-process.ts';

interface FollowOptions {
  readonly kafka: Kafka;
  readonly groupId: string;
  readonly topic: string;
  readonly values: Pick<GovernedValues, 'read'>;
  readonly tally: Tally;
  /** What else is checked of a value that decodes: a reason when something is wrong. */
  readonly check?: (value: unknown) => string | undefined;
}

/** A registry that does not answer is asked again for about a minute; a value that does not decode is counted and left behind. */
const registryAttempts = 60;
const registryWaitMs = 1_000;

export async function followTopic(options: FollowOptions): Promise<{ stop(): Promise<void> }> {
  const { kafka, groupId, topic, tally } = options;
  const retry = { retries: 1_000_000, maxRetryTime: 5_000 };
  // Stopping waits for the fetch under way.
  const consumer = kafka.consumer({ groupId, readUncommitted: false, maxWaitTimeInMs: 500, retry });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) tally.problem(`reading ended: ${typeOf(payload.error)}`);
  });
  const last = new Map<number, bigint>();
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachBatch: async ({ batch, heartbeat, isRunning, isStale, resolveOffset }) => {
      for (const record of batch.messages) {
        if (!isRunning() || isStale()) return;
        // After a rebalance the client reads some offsets again: that is the reader's doing, not a doubled record.
        const offset = BigInt(record.offset);
        if (offset > (last.get(batch.partition) ?? -1n)) {
          if (!(await takeRecord(options, record, isRunning))) return;
          last.set(batch.partition, offset);
        }
        resolveOffset(record.offset);
        if (offset % 1_000n === 0n) await heartbeat();
      }
    },
  });
  return { stop: () => consumer.disconnect() };
}

/** Counts one record with its verdict, not before: what is still being asked about is not received yet. False when reading ended first. */
export async function takeRecord(
  { values, tally, check }: Pick<FollowOptions, 'values' | 'tally' | 'check'>,
  record: Pick<KafkaMessage, 'value' | 'timestamp'>,
  isRunning: () => boolean,
): Promise<boolean> {
  const read = record.value === null ? fail('record-malformed', 'no value') : await readValue(values, record.value, isRunning);
  if (read === undefined) return false;
  tally.received += 1;
  tally.newestMs = Number(record.timestamp);
  if (!read.ok) {
    tally.problem(read.failure.code);
    return true;
  }
  tally.example = read.value;
  const wrong = check?.(read.value);
  if (wrong === undefined) tally.ok += 1;
  else tally.problem(wrong);
  return true;
}

/** Undefined when reading ended before there was a verdict. */
async function readValue(
  values: FollowOptions['values'],
  value: Uint8Array,
  isRunning: () => boolean,
): Promise<Result<unknown> | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const read = await values.read(value);
    if (read.ok || !read.failure.retriable || attempt === registryAttempts) return read;
    if (!isRunning()) return undefined;
    await new Promise((resolve) => setTimeout(resolve, registryWaitMs));
  }
}

/** kafkajs names the broker's answer in `type`. */
export function typeOf(error: unknown): string {
  const type = typeof error === 'object' && error !== null && 'type' in error ? error.type : undefined;
  return typeof type === 'string' ? type : error instanceof Error ? error.name : 'unknown error';
}
