/** Rows of a Parquet file, read one row group at a time. */
import type { FileHandle } from 'node:fs/promises';

import { parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import type { AsyncBuffer, FileMetaData, ParquetParsers } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

import type { RecordModel } from '../../../libs/avro/index.ts';
import { fail } from '../../../libs/base/index.ts';
import type { Row } from './rows.ts';
import { InputRefused } from './rows.ts';
import { Instant } from './values-to-json.ts';

/** Largest row group that is read, bytes uncompressed: it is held in memory whole. */
const rowGroupBytesMax = 512 * 1024 * 1024;

/**
 * Rows from number `from` on; `line` counts rows from 1. Throws InputRefused when the file is not Parquet, when a column is not a field of
 * the schema, when a field without default has no column, or when a row group cannot be read.
 */
export async function* parquetRows(file: FileHandle, byteLength: number, schema: RecordModel, from: number): AsyncGenerator<Row> {
  const buffer = bufferOf(file, byteLength);
  const metadata = await reading('the file is not readable Parquet', () => parquetMetadataAsync(buffer));
  checkColumns(metadata, schema);
  let start = 0;
  for (const [index, group] of metadata.row_groups.entries()) {
    const end = start + Number(group.num_rows);
    if (end > from) {
      if (group.total_byte_size > rowGroupBytesMax) throw refused(`row group ${index + 1} is over ${rowGroupBytesMax} bytes`);
      const rowStart = Math.max(start, from);
      const rows = await reading(`row group ${index + 1} is not readable`, () =>
        parquetReadObjects({
          file: buffer,
          metadata,
          rowStart,
          rowEnd: end,
          compressors,
          parsers,
          utf8: false,
          geoparquet: false,
        }),
      );
      for (const [offset, values] of rows.entries()) yield { line: rowStart + offset + 1, content: { kind: 'values', values } };
    }
    start = end;
  }
}

/** Moments stay exact, and text that is not UTF-8 stays bytes, which no text field takes. */
const parsers: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (millis) => new Instant(BigInt(millis) * 1000n),
  timestampFromMicroseconds: (micros) => new Instant(BigInt(micros)),
  timestampFromNanoseconds: (nanos) => new Instant(BigInt(nanos) / 1000n),
  stringFromBytes: (bytes) => textOf(bytes),
};

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array | undefined): unknown {
  try {
    return bytes === undefined ? undefined : decoder.decode(bytes);
  } catch {
    return bytes;
  }
}

function checkColumns(metadata: FileMetaData, schema: RecordModel): void {
  const columns = new Set(topLevelColumns(metadata));
  const fields = new Set(schema.fields.map(({ name }) => name));
  for (const column of columns) {
    if (!fields.has(column)) throw refused(`the column ${column.slice(0, 80)} is not a field of the schema`);
  }
  for (const field of schema.fields) {
    if (field.default === undefined && !columns.has(field.name)) {
      throw refused(`the field /${field.name} has neither a column nor a default`, `/${field.name}`);
    }
  }
}

/** The elements of the schema are a tree in depth-first order; the root comes first. */
function topLevelColumns({ schema }: FileMetaData): string[] {
  const names: string[] = [];
  let at = 1;
  const skip = (): void => {
    let left = 1;
    while (left > 0 && at < schema.length) {
      left += (schema[at]?.num_children ?? 0) - 1;
      at += 1;
    }
  };
  while (at < schema.length) {
    names.push(schema[at]?.name ?? '');
    skip();
  }
  return names;
}

function bufferOf(file: FileHandle, byteLength: number): AsyncBuffer {
  return {
    byteLength,
    async slice(start, end = byteLength) {
      const from = Math.max(0, start < 0 ? byteLength + start : start);
      const bytes = new Uint8Array(Math.max(0, Math.min(end, byteLength) - from));
      for (let done = 0; done < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, done, bytes.length - done, from + done);
        if (bytesRead === 0) throw new Error('the file ended early');
        done += bytesRead;
      }
      return bytes.buffer;
    },
  };
}

/** Whatever the library throws over a hostile file is the file's fault; its sentence may hold a value and is not passed on. */
async function reading<T>(message: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch {
    throw refused(message);
  }
}

const refused = (message: string, at?: string): InputRefused => new InputRefused(fail('request-invalid', message, at).failure);
