/** Rows of CSV with a header row, RFC 4180, UTF-8, read from a stream. */
import type { RecordModel } from '../../../libs/avro/index.ts';
import { fail } from '../../../libs/base/index.ts';
import type { CsvRecord } from './csv-records.ts';
import { CsvReader } from './csv-records.ts';
import type { Row } from './rows.ts';
import { badRow, InputRefused, rowBytesMax } from './rows.ts';

/**
 * `line` is the line in the file at which the row ends. Throws InputRefused when the text is not UTF-8, when the header names a column
 * twice or one that the schema does not have, or when a field without default has no column. Columns are told by number: without a header
 * row their names would be values.
 */
export async function* csvRows(source: AsyncIterable<Buffer>, schema: RecordModel): AsyncGenerator<Row> {
  let header: readonly string[] | null = null;
  for await (const record of records(source)) {
    if (header !== null) {
      yield rowOf(header, record);
    } else {
      if ('problem' in record) throw refused(`the header row is not valid CSV: ${record.problem}`);
      header = checkHeader(record.fields, schema);
    }
  }
  if (header === null) throw refused('there is no header row');
}

async function* records(source: AsyncIterable<Buffer>): AsyncGenerator<CsvRecord> {
  const reader = new CsvReader(rowBytesMax);
  for await (const text of utf8(source)) yield* reader.feed(text);
  yield* reader.end();
}

function rowOf(header: readonly string[], record: CsvRecord): Row {
  const { line } = record;
  if ('problem' in record) return badRow(line, fail('record-malformed', record.problem).failure);
  const { fields } = record;
  if (fields.length !== header.length) {
    return badRow(line, fail('record-malformed', `the row has ${fields.length} columns, the header ${header.length}`).failure);
  }
  const texts = Object.create(null) as Record<string, string>;
  header.forEach((name, index) => {
    texts[name] = fields[index] as string;
  });
  return { line, content: { kind: 'texts', texts } };
}

function checkHeader(names: readonly string[], schema: RecordModel): readonly string[] {
  const fields = new Map(schema.fields.map((field) => [field.name, field]));
  names.forEach((name, index) => {
    if (!fields.has(name)) throw refused(`column ${index + 1} is not a field of the schema`);
    if (names.indexOf(name) !== index) throw refused(`column ${index + 1} repeats column ${names.indexOf(name) + 1}`);
  });
  for (const field of schema.fields) {
    if (field.default === undefined && !names.includes(field.name)) {
      throw refused(`the field /${field.name} has neither a column nor a default`, `/${field.name}`);
    }
  }
  return names;
}

async function* utf8(source: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (bytes?: Buffer): string => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch {
      throw refused('the text is not UTF-8');
    }
  };
  for await (const bytes of source) {
    const text = decode(bytes);
    if (text !== '') yield text;
  }
  const rest = decode();
  if (rest !== '') yield rest;
}

const refused = (message: string, at?: string): InputRefused => new InputRefused(fail('request-invalid', message, at).failure);
