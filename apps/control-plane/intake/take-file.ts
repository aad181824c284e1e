/** Takes one file in, once: a transaction for every few thousand rows, each with how far the file is read. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';

import type { Dataset } from '../../../libs/adapters/postgres/index.ts';
import type { RecordModel } from '../../../libs/avro/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok, topicNames } from '../../../libs/base/index.ts';
import { csvRows } from './csv-rows.ts';
import type { FileReport } from './file-report.ts';
import type { Intake } from './intake.ts';
import { encoderOf } from './intake.ts';
import type { HeldSlot } from './intake-ledger.ts';
import type { FileEntry } from './ledger-entry.ts';
import { entryKey } from './ledger-entry.ts';
import { ndjsonRows } from './ndjson-rows.ts';
import { parquetRows } from './parquet-rows.ts';
import type { RowEncoder } from './row-encoder.ts';
import { rowProblem } from './row-encoder.ts';
import { RowWriter } from './row-writer.ts';
import type { Row } from './rows.ts';
import { InputRefused } from './rows.ts';
import { transact } from './transact.ts';

export const fileFormats = ['csv', 'ndjson', 'parquet'] as const;
export type FileFormat = (typeof fileFormats)[number];

export interface FileToTake {
  readonly dataset: Dataset;
  readonly path: string;
  readonly format: FileFormat;
  /** Ends the work between two transactions; the rest is taken later. */
  readonly signal: AbortSignal;
  /** Headers for every record. */
  readonly headers: readonly (readonly [string, Uint8Array])[];
}

/** A transaction is closed after so many sent chunks. */
const chunksPerTransaction = 5;

/**
 * The report of the file, also of one that was taken before; null when the work was ended before the file was. A retriable failure
 * leaves what is committed in, and the next call goes on after it.
 */
export async function takeFile(intake: Intake, file: FileToTake): Promise<Result<FileReport | null>> {
  const reachable = await intake.reachable();
  if (!reachable.ok) return reachable;
  const handle = await open(file.path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { size } = await handle.stat();
    const sha256 = await digestOf(handle, size, file.signal);
    if (sha256 === null) return ok(null);
    const key = entryKey('file', file.dataset.id, sha256);
    return await intake.ledger.hold(key, 'file', async (slot) => {
      const known = slot.get(key);
      const start: FileEntry =
        known?.kind === 'file'
          ? known
          : { kind: 'file', at: 0, state: 'reading', rows: 0, accepted: 0, refused: 0, problems: [] };
      const done = start.state === 'reading' ? await readOn(intake, { ...file, handle, size, key }, slot, start) : ok(start);
      if (!done.ok) return done;
      if (done.value.state === 'reading') return ok(null);
      const { state, accepted, refused, problems } = done.value;
      return ok({ file: basename(file.path), sha256, state, accepted, refused, problems });
    });
  } finally {
    await handle.close();
  }
}

interface OpenFile extends FileToTake {
  readonly handle: FileHandle;
  readonly size: number;
  /** The name of the file's entry in the ledger. */
  readonly key: string;
}

async function readOn(intake: Intake, file: OpenFile, slot: HeldSlot, start: FileEntry): Promise<Result<FileEntry>> {
  const encoder = await encoderOf(intake, file.dataset, file.dataset.keyField);
  if (!encoder.ok) return encoder;
  const rows = rowsOf(file, encoder.value.schema, start.rows);
  const reading = new FileReading(intake, file, slot, encoder.value, start);
  try {
    for (;;) {
      const entry = await transact(slot.producer, () => reading.step(rows));
      if (!entry.ok || entry.value.state !== 'reading' || file.signal.aborted) return entry;
    }
  } finally {
    await rows.return(undefined);
  }
}

/** The position in a file between transactions. */
class FileReading {
  readonly #file: OpenFile;
  readonly #slot: HeldSlot;
  readonly #writer: RowWriter;
  #rows: number;

  constructor(intake: Intake, file: OpenFile, slot: HeldSlot, encoder: RowEncoder, start: FileEntry) {
    this.#file = file;
    this.#slot = slot;
    this.#rows = start.rows;
    const { id, partitions } = file.dataset;
    const destination = { topic: topicNames.raw(id), partitions, headers: file.headers, turns: intake.turns };
    const tally = { accepted: start.accepted, refused: start.refused, problems: [...start.problems] };
    this.#writer = new RowWriter(encoder, destination, tally);
  }

  /** Writes the next rows and how far the file is read then. */
  async step(rows: AsyncGenerator<Row>): Promise<Result<FileEntry>> {
    let state: FileEntry['state'] = 'reading';
    try {
      for (let chunks = 0; chunks < chunksPerTransaction && !this.#file.signal.aborted; ) {
        const next = await rows.next();
        if (next.done === true) {
          state = 'done';
          break;
        }
        this.#rows += 1;
        if (!this.#writer.add(next.value)) continue;
        const sent = await this.#writer.send(this.#slot.producer);
        if (!sent.ok) return sent;
        chunks += 1;
      }
    } catch (error) {
      if (!(error instanceof InputRefused)) throw error;
      state = 'refused';
      this.#writer.tally.problems.unshift(rowProblem(this.#rows, error.failure));
    }
    const sent = await this.#writer.send(this.#slot.producer);
    if (!sent.ok) return sent;
    const entry: FileEntry = { kind: 'file', at: Date.now(), state, rows: this.#rows, ...this.#writer.tally };
    const put = await this.#slot.put(this.#file.key, entry);
    return put.ok ? ok(entry) : put;
  }
}

async function* rowsOf(file: OpenFile, schema: RecordModel, from: number): AsyncGenerator<Row> {
  if (file.format === 'parquet') {
    yield* parquetRows(file.handle, file.size, schema, from);
    return;
  }
  const source = piecesOf(file.handle, file.size);
  let skipped = 0;
  for await (const row of file.format === 'csv' ? csvRows(source, schema) : ndjsonRows(source)) {
    if (skipped < from) skipped += 1;
    else yield row;
  }
}

const pieceBytes = 256 * 1024;

/** The bytes from the start; a stream of the handle would close it. */
async function* piecesOf(handle: FileHandle, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < size; ) {
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, size - at));
    const { bytesRead } = await handle.read(piece, 0, piece.length, at);
    if (bytesRead === 0) throw new InputRefused(fail('request-invalid', 'the file became shorter while it was read').failure);
    at += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

async function digestOf(handle: FileHandle, size: number, signal: AbortSignal): Promise<string | null> {
  const hash = createHash('sha256');
  for await (const piece of piecesOf(handle, size)) {
    if (signal.aborted) return null;
    hash.update(piece);
  }
  return hash.digest('hex');
}
