/** Copies a governed stream into a platform's own broker, position included, so that neither side's restart doubles or loses a record. */
import { SpanKind } from '@opentelemetry/api';
import { Cluster, committedOffsets, topicOffsets, TransactionalProducer } from '../../libs/adapters/kafka/index.ts';
import type { ReadRecord, TopicReader } from '../../libs/adapters/kafka/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { during, fail, ok, topicNames } from '../../libs/base/index.ts';
import type { Delivery } from '../../libs/catalog/index.ts';
import { attributeNames, endSpan, spanNames, startBatchSpan } from '../../libs/telemetry/index.ts';
import type { DeliveryContext, DeliveryEnd } from './delivery.ts';
import { byPartition, contextsOf, openSecret } from './delivery.ts';
import { guardBrokers } from './target-guard.ts';
import { LagMeter, readFrom } from './source-position.ts';

type MirrorTarget = Extract<Delivery, { kind: 'mirror' }>;

/** Also the transactional id: opening it again fences an earlier link and aborts what it left open. */
export const mirrorGroup = (agreement: string): string => `sluice-mirror.${agreement}`;

export async function runMirror(context: DeliveryContext): Promise<Result<DeliveryEnd>> {
  const { directive } = context;
  if (directive.delivery.kind !== 'mirror') throw new TypeError('runMirror: the delivery is not a mirror');
  const target = directive.delivery;
  const allowed = await guardBrokers(target.brokers, context.trusted);
  if (!allowed.ok) return during('opening the target of the mirror', allowed.failure);
  const password = await openSecret(context, target.password);
  if (!password.ok) return password;
  const sasl = { username: target.username, password: Buffer.from(password.value).toString('utf8') };
  const cluster = await Cluster.open({ brokers: target.brokers, clientId: 'sluice-link', sasl });
  if (!cluster.ok) return during('opening the target of the mirror', cluster.failure);
  try {
    return await mirrorInto(context, target, cluster.value);
  } finally {
    await cluster.value.close();
  }
}

async function mirrorInto(context: DeliveryContext, target: MirrorTarget, cluster: Cluster): Promise<Result<DeliveryEnd>> {
  const { directive, source, stopped } = context;
  const topic = topicNames.governed(directive.dataset, directive.agreement);
  const group = mirrorGroup(directive.agreement);
  // The order matters: opening the producer ends an earlier link's transaction, so the positions read after it are final.
  const producer = await TransactionalProducer.open(cluster, { transactionalId: group });
  if (!producer.ok) return during('opening the target of the mirror', producer.failure);
  try {
    const positions = await settlePositions(source, topic, cluster, target.topic, group, producer.value);
    if (!positions.ok) return positions;
    const reader = await readFrom(source, topic, positions.value);
    if (!reader.ok) return reader;
    const lag = new LagMeter(source, reader.value, topic);
    let committedMs = performance.now();
    while (!stopped.aborted) {
      const records = await reader.value.poll(context.pace.pollMs);
      if (!records.ok) return records;
      if (records.value.length > 0 || performance.now() - committedMs > context.pace.recommitMs) {
        const copied = await copy(context, target.topic, producer.value, reader.value, records.value);
        if (!copied.ok) return copied;
        committedMs = performance.now();
      }
      const told = await lag.tell(context.lag);
      if (!told.ok) return told;
    }
    return ok('stopped');
  } finally {
    if (producer.value.usable) await producer.value.close();
  }
}

/** One transaction of the target: the records and the position after them. Stopped in the middle, it is aborted. */
async function copy(
  { directive, stopped, fresh, delivered }: DeliveryContext,
  targetTopic: string,
  producer: TransactionalProducer,
  reader: TopicReader,
  records: readonly ReadRecord[],
): Promise<Result<void>> {
  const { agreement } = directive;
  const span = startBatchSpan({
    name: `${spanNames.deliver} ${agreement}`,
    kind: SpanKind.PRODUCER,
    links: contextsOf(records),
    attributes: {
      [attributeNames.messagingSystem]: 'kafka',
      [attributeNames.messagingDestination]: targetTopic,
      [attributeNames.messagingBatchCount]: records.length,
      [attributeNames.agreement]: agreement,
      [attributeNames.delivery]: 'mirror',
    },
  });
  producer.begin(() => fresh.holds());
  const group = mirrorGroup(agreement);
  const offsets = reader.partitions.map((partition) => ({ topic: targetTopic, partition, offset: reader.position(partition) }));
  const written = await writeAll(producer, targetTopic, byPartition(records), () => fresh.reached(stopped));
  const placed = written.ok ? await producer.commitOffsets(group, offsets) : written;
  const ended = placed.ok && (await fresh.reached(stopped)) ? await producer.commit() : placed;
  if (ended.ok && stopped.aborted && producer.usable) await producer.close();
  else if (ended.ok) delivered(records.length);
  endSpan(span, ended.ok ? undefined : ended.failure);
  return ended.ok ? ended : during('writing into the target of the mirror', ended.failure);
}

async function writeAll(
  producer: TransactionalProducer,
  topic: string,
  groups: ReadonlyMap<number, readonly ReadRecord[]>,
  maySend: () => Promise<boolean>,
): Promise<Result<void>> {
  for (const [partition, records] of groups) {
    if (!(await maySend())) break;
    const sent = await producer.send(topic, partition, records);
    if (!sent.ok) return sent;
  }
  return ok(undefined);
}

/**
 * The position of each partition, from the target. A new mirror commits its start before it writes anything: from then on a topic with
 * records and a group without a position means that the position was lost.
 */
async function settlePositions(
  source: Cluster,
  topic: string,
  target: Cluster,
  targetTopic: string,
  group: string,
  producer: TransactionalProducer,
): Promise<Result<ReadonlyMap<number, bigint>>> {
  const earliest = await topicOffsets(source, topic, 'earliest');
  if (!earliest.ok) return earliest;
  const ends = await topicOffsets(target, targetTopic, 'latest');
  if (!ends.ok) return during('opening the target of the mirror', ends.failure);
  if (ends.value.length !== earliest.value.length) {
    const counts = `${ends.value.length} partitions, not ${earliest.value.length} as the governed topic has`;
    return fail('conflict', `opening the target of the mirror: the topic ${targetTopic} has ${counts}`);
  }
  const committed = await committedOffsets(target, group, targetTopic);
  if (!committed.ok) return during('opening the target of the mirror', committed.failure);
  const positions = new Map(committed.value);
  const started: { topic: string; partition: number; offset: bigint }[] = [];
  for (const [partition, offset] of earliest.value.entries()) {
    if (positions.has(partition)) continue;
    if ((ends.value[partition] ?? 0n) > 0n) {
      const place = `partition ${partition} of ${targetTopic} has records but group ${group} has no position`;
      return fail('offset-out-of-range', `opening the target of the mirror: ${place}`);
    }
    positions.set(partition, offset);
    started.push({ topic: targetTopic, partition, offset });
  }
  if (started.length === 0) return ok(positions);
  producer.begin();
  const placed = await producer.commitOffsets(group, started);
  const ended = placed.ok ? await producer.commit() : placed;
  return ended.ok ? ok(positions) : during('opening the target of the mirror', ended.failure);
}
