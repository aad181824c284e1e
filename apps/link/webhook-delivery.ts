/** Sends a governed stream as signed batches over HTTP; the position moves on only after the receiver took the batch. */
import { createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Span } from '@opentelemetry/api';
import { isSpanContextValid, SpanKind } from '@opentelemetry/api';
import { committedOffsets, TransactionalProducer } from '../../libs/adapters/kafka/index.ts';
import type { ReadRecord, TopicReader } from '../../libs/adapters/kafka/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { during, fail, ok, topicNames } from '../../libs/base/index.ts';
import { attributeNames, endSpan, formatTraceparent, spanNames, startBatchSpan } from '../../libs/telemetry/index.ts';
import type { WriteEvent } from './cloud-events.ts';
import { cloudEventsBatchType, eventWriter } from './cloud-events.ts';
import type { DeliveryContext, DeliveryEnd } from './delivery.ts';
import { backOffMs, byPartition, contextsOf, openSecret, pause } from './delivery.ts';
import { LagMeter, readFrom } from './source-position.ts';
import { TakenPositions } from './taken-positions.ts';
import { guardUrl } from './target-guard.ts';
import type { WebhookAnswer } from './webhook-request.ts';
import { sendWebhook } from './webhook-request.ts';

/** A batch ends before its body grows over this. */
const bodyBytesMax = 4 * 1024 * 1024;

const linkGroup = (agreement: string): string => `${agreement}.link`;
const linkTransactionalId = (agreement: string): string => `sluice-link.${agreement}`;

interface Endpoint {
  readonly url: string;
  readonly secret: KeyObject;
  readonly write: WriteEvent;
  /** Halved when the receiver finds a batch too large. */
  batchRecordsMax: number;
  /** Records put away since the receiver last took something, and its answer to the last of them. */
  putAway: number;
  refusedWith: number;
}

interface Batch {
  readonly partition: number;
  readonly records: readonly ReadRecord[];
  readonly body: string;
}

export async function runWebhook(context: DeliveryContext): Promise<Result<DeliveryEnd>> {
  const { directive, source } = context;
  const endpoint = await openEndpoint(context);
  if (!endpoint.ok) return endpoint;
  const topic = topicNames.governed(directive.dataset, directive.agreement);
  // Opening the producer fences an earlier link, so the position read after it moves no more.
  const producer = await TransactionalProducer.open(source, { transactionalId: linkTransactionalId(directive.agreement) });
  if (!producer.ok) return producer;
  try {
    const positions = await committedOffsets(source, linkGroup(directive.agreement), topic);
    if (!positions.ok) return positions;
    const reader = await readFrom(source, topic, positions.value);
    if (!reader.ok) return reader;
    const taken = new TakenPositions(producer.value, linkGroup(directive.agreement), topic);
    const ended = await deliverAll(context, endpoint.value, topic, taken, reader.value);
    // Whatever ended it, what the receiver has is not sent again.
    const committed = producer.value.usable ? await taken.commit() : ok(undefined);
    return ended.ok && !committed.ok ? committed : ended;
  } finally {
    if (producer.value.usable) await producer.value.close();
  }
}

async function deliverAll(
  context: DeliveryContext,
  endpoint: Endpoint,
  topic: string,
  taken: TakenPositions,
  reader: TopicReader,
): Promise<Result<DeliveryEnd>> {
  const { stopped, pace } = context;
  const lag = new LagMeter(context.source, reader, topic);
  while (!stopped.aborted) {
    const records = await reader.poll(pace.pollMs);
    if (!records.ok) return records;
    for (const [partition, group] of byPartition(records.value)) {
      const delivered = await deliverPartition(context, endpoint, taken, partition, group);
      if (!delivered.ok || delivered.value === 'gone') return delivered;
    }
    if (taken.ageMs > pace.recommitMs)
      for (const partition of reader.partitions) taken.moveTo(partition, reader.position(partition));
    const committed = stopped.aborted ? ok(undefined) : await taken.commit();
    if (!committed.ok) return committed;
    const told = await lag.tell(context.lag);
    if (!told.ok) return told;
  }
  return ok('stopped');
}

async function deliverPartition(
  context: DeliveryContext,
  endpoint: Endpoint,
  taken: TakenPositions,
  partition: number,
  records: readonly ReadRecord[],
): Promise<Result<DeliveryEnd>> {
  let next = 0;
  // Smaller while a record that the receiver refuses is looked for.
  let most = endpoint.batchRecordsMax;
  while (next < records.length && !context.stopped.aborted) {
    const batch = cutBatch(endpoint, partition, records, next, most);
    if (!batch.ok) return batch;
    const size = batch.value.records.length;
    const outcome = await deliverBatch(context, endpoint, batch.value);
    if (!outcome.ok) return outcome;
    if (outcome.value === 'gone') return ok('gone');
    if (outcome.value === 'cut-anew') {
      most = Math.min(most, endpoint.batchRecordsMax);
      continue;
    }
    if (outcome.value === 'refused' && size > 1) {
      most = Math.ceil(size / 2);
      continue;
    }
    if (outcome.value === 'refused') {
      const put = putAway(context, endpoint, taken, batch.value);
      if (!put.ok) return put;
      most = endpoint.batchRecordsMax;
    } else {
      endpoint.putAway = 0;
      most = Math.min(endpoint.batchRecordsMax, most * 2);
      context.delivered(size);
    }
    taken.moveTo(partition, (batch.value.records.at(-1) as ReadRecord).offset + 1n);
    next += size;
    const committed = await taken.commitWhenDue();
    if (!committed.ok) return committed;
  }
  return ok('stopped');
}

/** The next records of a partition, as many as fit a batch, written once for all attempts. */
function cutBatch(
  endpoint: Endpoint,
  partition: number,
  records: readonly ReadRecord[],
  from: number,
  most: number,
): Result<Batch> {
  const events: string[] = [];
  let bytes = 2;
  for (let index = from; index < records.length && events.length < most; index += 1) {
    const event = endpoint.write(records[index] as ReadRecord);
    if (!event.ok) {
      if (events.length === 0) return event;
      break;
    }
    bytes += Buffer.byteLength(event.value) + 1;
    if (bytes > bodyBytesMax && events.length > 0) break;
    events.push(event.value);
  }
  return ok({ partition, records: records.slice(from, from + events.length), body: `[${events.join(',')}]` });
}

/** So many records one after another are put away; then it is the receiver that is wrong, not they. */
const putAwayMax = 10;

/** A record that the receiver will never take goes to the dead letters, together with the position behind it. */
function putAway({ directive, log }: DeliveryContext, endpoint: Endpoint, taken: TakenPositions, batch: Batch): Result<void> {
  endpoint.putAway += 1;
  if (endpoint.putAway > putAwayMax)
    return fail('delivery-failed', `sending a batch: the receiver refused ${putAwayMax} records one after another`);
  const [{ partition, offset }] = batch.records as [ReadRecord];
  taken.putAway({
    agreement: directive.agreement,
    partition,
    offset: String(offset),
    status: endpoint.refusedWith,
    at: new Date().toISOString(),
    event: batch.body.slice(1, -1),
  });
  log(
    `Record ${offset} of partition ${partition} of ${directive.agreement} goes to the dead letters: answer ${endpoint.refusedWith}.`,
  );
  return ok(undefined);
}

type Outcome = 'taken' | 'cut-anew' | 'gone' | 'refused';

/** Sends a batch until the receiver has it or an end is in sight. A stop also ends in `cut-anew`, which nobody does then. */
async function deliverBatch(context: DeliveryContext, endpoint: Endpoint, batch: Batch): Promise<Result<Outcome>> {
  const { directive, pace, stopped, fresh } = context;
  const first = (batch.records[0] as ReadRecord).offset;
  const last = (batch.records.at(-1) as ReadRecord).offset;
  const id = `${directive.agreement}/${batch.partition}/${first}-${last}`;
  const span = startDeliverySpan(directive.agreement, batch, first, last);
  const spanContext = span.spanContext();
  for (let attempt = 0; await fresh.reached(stopped); attempt += 1) {
    const answer = await sendWebhook({
      url: endpoint.url,
      id,
      contentType: cloudEventsBatchType,
      body: batch.body,
      secret: endpoint.secret,
      ...(isSpanContextValid(spanContext) ? { traceparent: formatTraceparent(spanContext) } : {}),
      timeoutMs: pace.requestTimeoutMs,
      stopped,
      trusted: context.trusted,
    });
    const verdict = judge(endpoint, batch, answer, attempt);
    if (verdict !== 'again') {
      if (answer.status !== undefined) span.setAttribute(attributeNames.httpStatus, answer.status);
      endSpan(span, verdict.ok ? undefined : verdict.failure);
      return verdict;
    }
    const retryAfterMs = answer.kind === 'again' ? answer.retryAfterMs : undefined;
    await pause(retryAfterMs ?? backOffMs(attempt, pace.retryBaseMs, pace.retryCapMs), stopped);
  }
  endSpan(span);
  return ok('cut-anew');
}

/** Attempts within one run; then the delivery reports the failure and starts again from its position. */
const attemptsMax = 5;

function judge(endpoint: Endpoint, batch: Batch, answer: WebhookAnswer, attempt: number): Result<Outcome> | 'again' {
  switch (answer.kind) {
    case 'taken':
      return ok('taken');
    case 'gone':
      return ok('gone');
    case 'too-large':
      if (batch.records.length === 1)
        return fail('record-too-large', 'sending a batch: the receiver answered 413 to a single record');
      endpoint.batchRecordsMax = Math.ceil(batch.records.length / 2);
      return ok('cut-anew');
    case 'forbidden':
      return fail('target-forbidden', `sending a batch: ${answer.reason}`);
    case 'refused':
      endpoint.refusedWith = answer.status;
      // A batch is cut at once; a single record gets its attempts, for the refusal may be a passing one after all.
      return batch.records.length > 1 || attempt + 1 >= attemptsMax ? ok('refused') : 'again';
    case 'again':
      return attempt + 1 < attemptsMax ? 'again' : fail('delivery-failed', `sending a batch: ${answer.reason}`);
  }
}

async function openEndpoint(context: DeliveryContext): Promise<Result<Endpoint>> {
  const { directive } = context;
  if (directive.delivery.kind !== 'webhook') throw new TypeError('runWebhook: the delivery is not a webhook');
  const { url, secret, batchRecordsMax } = directive.delivery;
  const guarded = guardUrl(url, context.trusted);
  if (!guarded.ok) return during('opening the webhook', guarded.failure);
  const bytes = await openSecret(context, secret);
  if (!bytes.ok) return bytes;
  const write = eventWriter(directive);
  if (!write.ok) return during('opening the webhook', write.failure);
  return ok({
    url,
    secret: createSecretKey(bytes.value),
    write: write.value,
    batchRecordsMax: Math.max(1, batchRecordsMax),
    putAway: 0,
    refusedWith: 0,
  });
}

function startDeliverySpan(agreement: string, batch: Batch, first: bigint, last: bigint): Span {
  return startBatchSpan({
    name: `${spanNames.deliver} ${agreement}`,
    kind: SpanKind.CLIENT,
    links: contextsOf(batch.records),
    attributes: {
      [attributeNames.agreement]: agreement,
      [attributeNames.delivery]: 'webhook',
      [attributeNames.messagingBatchCount]: batch.records.length,
      [attributeNames.messagingPartition]: String(batch.partition),
      [attributeNames.offsetFirst]: String(first),
      [attributeNames.offsetLast]: String(last),
    },
  });
}
