/** `sluice preview`: records of a file before and after, governed by the same Program that would be approved. */
import type { AvroSchema } from '../../../libs/avro/index.ts';
import { codecOf, fromJson, toJson } from '../../../libs/avro/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import type { Program, Tried } from '../../../libs/govern/index.ts';
import { tryProgram } from '../../../libs/govern/index.ts';
import type { Command } from '../command.ts';
import { readOptions } from '../command.ts';
import { compileFiles, readText } from '../compile-files.ts';
import { table } from '../table.ts';

type Row = Readonly<Record<string, unknown>>;

const recordsMax = 1_000;
const shownByDefault = 5;
const cellMax = 60;

export const preview: Command = {
  name: 'preview',
  summary: 'shows records of a file before and after a policy',
  usage: '--policy <file> --schema <file> --input <file> [--compacted yes] [--max <count>] [--json yes]',
  help: [
    'Compiles the policy against the schema and runs the very Program over records of the file: NDJSON, one plain JSON object a line.',
    `Shows the first --max records (${shownByDefault}; at most ${recordsMax}). Tokens are under a key that is made for this run alone: the ones of the`,
    'agreement will be others. With --compacted yes: as of a compacted feed. With --json yes: one JSON object a record, with outcome, before',
    'and after. The file does not leave this machine.',
  ].join('\n'),
  async run(args, { write }) {
    const options = readOptions(args, ['policy', 'schema', 'input'], ['compacted', 'max', 'json']);
    if (!options.ok) return options;
    const max = Number(options.value.max ?? shownByDefault);
    if (!Number.isInteger(max) || max < 1 || max > recordsMax) return fail('request-invalid', `--max takes 1 to ${recordsMax}`);
    const compiled = await compileFiles(options.value.policy, options.value.schema, options.value.compacted);
    if (!compiled.ok) return compiled;
    const { program, terms } = compiled.value;
    const { key } = terms.channels;
    const input = await readText(options.value.input);
    if (!input.ok) return input;
    const rows = readRows(program.writerSchema, input.value, max);
    if (!rows.ok) return rows;
    const tried = governed(program, rows.value, typeof key === 'string' ? undefined : key.repeats);
    if (!tried.ok) return tried;
    for (const [index, shown] of tried.value.entries()) {
      if (options.value.json !== undefined) write(JSON.stringify(shown));
      else for (const line of linesOf(index, shown)) write(line);
    }
    return ok(undefined);
  },
};

interface Shown {
  readonly outcome: string;
  readonly before: Row;
  readonly after: Row | null;
}

/** Rows that the schema takes, as values of its codec. The first that it does not take ends it, named by its line and field. */
function readRows(schema: AvroSchema, text: string, max: number): Result<Uint8Array[]> {
  const rows: Uint8Array[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    if (rows.length >= max) break;
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      return fail('record-malformed', `line ${index + 1} is not JSON`);
    }
    const value = fromJson(schema, json);
    if (!value.ok) return fail('record-malformed', `line ${index + 1}: ${value.failure.message}`);
    const encoded = codecOf(schema).encode(value.value);
    if (!encoded.ok) return encoded;
    rows.push(encoded.value);
  }
  return rows.length === 0 ? fail('record-malformed', 'the file has no records') : ok(rows);
}

/** A file has no keys: where the policy says that the key repeats a field, each record gets the one that it should have, else any. */
function governed(program: Program, rows: readonly Uint8Array[], keyPath: string | undefined): Result<Shown[]> {
  const keyOf = (value: Uint8Array): Buffer | null => {
    if (keyPath === undefined) return program.compacted ? Buffer.from('any') : null;
    const text = textAt(plain(program.writerSchema, value), keyPath);
    return text === null ? null : Buffer.from(text);
  };
  const tried = tryProgram(
    program,
    'preview',
    rows.map((value) => ({ key: keyOf(value), value })),
  );
  if (!tried.ok) return tried;
  return ok(tried.value.map(({ before, after, ...told }) => ({ outcome: outcomeText(told), before: before ?? {}, after })));
}

function outcomeText({ outcome, reason, field }: Pick<Tried, 'outcome' | 'reason' | 'field'>): string {
  if (outcome === 'delete') return 'withheld, leaves as a delete';
  return outcome === 'refused' ? `refused: ${reason ?? ''}${field === null || field === '(key)' ? '' : ` at ${field}`}` : outcome;
}

function textAt(row: Row, path: string): string | null {
  let value: unknown = row;
  for (const name of path.split('/').slice(1)) value = (value as Row | undefined)?.[name];
  return typeof value === 'string' ? value : null;
}

function plain(schema: AvroSchema, bytes: Uint8Array): Row {
  const decoded = codecOf(schema).decode(bytes);
  if (!decoded.ok) throw new Error('preview: what was encoded is decoded');
  return toJson(schema, decoded.value) as Row;
}

function linesOf(index: number, { outcome, before, after }: Shown): string[] {
  const cell = (row: Row | null, name: string): string => {
    if (row === null) return '';
    if (!Object.hasOwn(row, name)) return '(dropped)';
    const value = row[name];
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return text.length > cellMax ? `${text.slice(0, cellMax - 1)}…` : text;
  };
  const rows = Object.keys(before).map((name) => [name, cell(before, name), cell(after, name)]);
  return [`Record ${index + 1}: ${outcome}`, ...table(['Field', 'Before', 'After'], rows), ''];
}
