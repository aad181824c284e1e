/** Takes the records of one HTTP request in: one Kafka transaction, with the remembered answer when the caller gave an Idempotency-Key. */
import { createHash } from 'node:crypto';

import type { TransactionalProducer } from '../../../libs/adapters/kafka/index.ts';
import type { Dataset } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok, topicNames } from '../../../libs/base/index.ts';
import type { RecordModel } from '../../../libs/avro/index.ts';
import { csvRows } from './csv-rows.ts';
import type { Intake } from './intake.ts';
import { encoderOf } from './intake.ts';
import { jsonArrayRows } from './json-array-rows.ts';
import { entryKey, expiredAfterMs } from './ledger-entry.ts';
import type { LedgerEntry } from './ledger-entry.ts';
import { ndjsonRows } from './ndjson-rows.ts';
import type { RowEncoder } from './row-encoder.ts';
import { RowWriter } from './row-writer.ts';
import type { Tally } from './row-writer.ts';
import type { Row } from './rows.ts';
import { InputRefused } from './rows.ts';
import { transact } from './transact.ts';

export type RecordsFormat = 'ndjson' | 'json' | 'csv';

export interface RecordsRequest {
  readonly dataset: Dataset;
  readonly participant: string;
  readonly format: RecordsFormat;
  readonly body: Buffer;
  /** Field path of the key; null for none. */
  readonly keyField: string | null;
  readonly idempotencyKey: string | null;
  /** Headers for every record. */
  readonly headers: readonly (readonly [string, Uint8Array])[];
}

export interface RecordsAnswer {
  readonly tally: Readonly<Tally>;
  readonly replayed: boolean;
}

/**
 * Fails with `idempotency-key-reused`, with `request-invalid` for an input that is wrong as a whole, or with a retriable code: then
 * nothing went in, or it went in with its answer and the retry gets that.
 */
export async function takeRequest(intake: Intake, request: RecordsRequest): Promise<Result<RecordsAnswer>> {
  const encoder = await encoderOf(intake, request.dataset, request.keyField);
  if (!encoder.ok) return encoder;
  const reachable = await intake.reachable();
  if (!reachable.ok) return reachable;
  if (request.idempotencyKey === null) {
    return intake.producers.use(async (producer) => {
      const tally = await transact(producer, () => writeRows(intake, request, encoder.value, producer));
      return tally.ok ? ok({ tally: tally.value, replayed: false }) : tally;
    });
  }
  return takeOnce(intake, request, encoder.value, request.idempotencyKey);
}

function takeOnce(
  intake: Intake,
  request: RecordsRequest,
  encoder: RowEncoder,
  idempotencyKey: string,
): Promise<Result<RecordsAnswer>> {
  const key = entryKey('request', request.participant, request.dataset.id, idempotencyKey);
  const digest = digestOf(request);
  return intake.ledger.hold(key, 'request', async (slot) => {
    const known = slot.get(key);
    if (known?.kind === 'request' && known.at >= Date.now() - expiredAfterMs) return replay(known, digest);
    const { producer } = slot;
    const tally = await transact(producer, async () => {
      const written = await writeRows(intake, request, encoder, producer);
      if (!written.ok) return written;
      const put = await slot.put(key, { kind: 'request', at: Date.now(), digest, ...written.value });
      return put.ok ? written : put;
    });
    return tally.ok ? ok({ tally: tally.value, replayed: false }) : tally;
  });
}

function replay(known: Extract<LedgerEntry, { kind: 'request' }>, digest: string): Result<RecordsAnswer> {
  if (known.digest !== digest) return fail('idempotency-key-reused', 'the Idempotency-Key came before with another request');
  const { accepted, refused, problems } = known;
  return ok({ tally: { accepted, refused, problems: [...problems] }, replayed: true });
}

/** Everything that decides what goes in. */
function digestOf({ format, keyField, body }: RecordsRequest): string {
  return createHash('sha256')
    .update(JSON.stringify([format, keyField]))
    .update(body)
    .digest('hex');
}

async function writeRows(
  intake: Intake,
  request: RecordsRequest,
  encoder: RowEncoder,
  producer: TransactionalProducer,
): Promise<Result<Tally>> {
  const { dataset, headers } = request;
  const destination = { topic: topicNames.raw(dataset.id), partitions: dataset.partitions, headers, turns: intake.turns };
  const writer = new RowWriter(encoder, destination, { accepted: 0, refused: 0, problems: [] });
  try {
    for await (const row of rowsOf(request, encoder.schema)) {
      if (!writer.add(row)) continue;
      const sent = await writer.send(producer);
      if (!sent.ok) return sent;
    }
  } catch (error) {
    if (error instanceof InputRefused) return { ok: false, failure: error.failure };
    throw error;
  }
  const sent = await writer.send(producer);
  return sent.ok ? ok(writer.tally) : sent;
}

function rowsOf({ format, body }: RecordsRequest, schema: RecordModel): AsyncIterable<Row> | Iterable<Row> {
  switch (format) {
    case 'json':
      return jsonArrayRows(body);
    case 'ndjson':
      return ndjsonRows(inPieces(body));
    case 'csv':
      return csvRows(inPieces(body), schema);
  }
}

const pieceBytes = 64 * 1024;

async function* inPieces(body: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < body.length; at += pieceBytes) yield body.subarray(at, at + pieceBytes);
}
