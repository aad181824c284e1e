/** Reads a topic with kafkajs as an ordinary subscriber does, and hands over each record once per process. */
import type { Kafka, KafkaMessage } from 'kafkajs';
import type { GovernedValues } from './governed-values.ts';
import type { Tally } from './platform-process.ts';

interface FollowOptions {
  readonly kafka: Kafka;
  readonly groupId: string;
  readonly topic: string;
  readonly values: GovernedValues;
  readonly tally: Tally;
  /** What else is checked of a value that decodes: a reason when something is wrong. */
  readonly check?: (value: unknown) => string | undefined;
}

/** A registry that does not answer is asked again for about a minute; a value that does not decode is counted and left behind. */
const registryAttempts = 60;
const registryWaitMs = 1_000;

export async function followTopic(options: FollowOptions): Promise<{ stop(): Promise<void> }> {
  const { kafka, groupId, topic, tally } = options;
  const consumer = kafka.consumer({ groupId, readUncommitted: false, retry: { retries: 1_000_000, maxRetryTime: 5_000 } });
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
          await take(options, record, isRunning);
          last.set(batch.partition, offset);
        }
        resolveOffset(record.offset);
        if (offset % 1_000n === 0n) await heartbeat();
      }
    },
  });
  return { stop: () => consumer.disconnect() };
}

async function take({ values, tally, check }: FollowOptions, record: KafkaMessage, isRunning: () => boolean): Promise<void> {
  tally.received += 1;
  tally.newestMs = Number(record.timestamp);
  if (record.value === null) return tally.problem('no value');
  for (let attempt = 1; ; attempt += 1) {
    const read = await values.read(record.value);
    if (read.ok) {
      tally.example = read.value;
      const wrong = check?.(read.value);
      if (wrong === undefined) tally.ok += 1;
      else tally.problem(wrong);
      return;
    }
    if (!read.failure.retriable || attempt === registryAttempts || !isRunning()) return tally.problem(read.failure.code);
    await new Promise((resolve) => setTimeout(resolve, registryWaitMs));
  }
}

/** kafkajs names the broker's answer in `type`. */
export function typeOf(error: unknown): string {
  const type = typeof error === 'object' && error !== null && 'type' in error ? error.type : undefined;
  return typeof type === 'string' ? type : error instanceof Error ? error.name : 'unknown error';
}
