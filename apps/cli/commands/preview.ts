/** `sluice preview`: records of a file before and after, governed by the same Program that would be approved. */
import { randomBytes } from 'node:crypto';
import type { AvroSchema } from '../../../libs/avro/index.ts';
import { codecOf, frame, frameHeaderBytes, fromJson, toJson } from '../../../libs/avro/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import type { Program } from '../../../libs/govern/index.ts';
import { createOutput, outcomes, refusals } from '../../../libs/govern/index.ts';
import type { RecordFrames } from '../../../libs/records/index.ts';
import { BatchBuilder, frameRecords, readBatches } from '../../../libs/records/index.ts';
import type { Command } from '../command.ts';
import { readOptions } from '../command.ts';
import { compileFiles, readText } from '../compile-files.ts';
import { table } from '../table.ts';

type Row = Readonly<Record<string, unknown>>;

const recordsMax = 1_000;
const shownByDefault = 5;
/** No governed record has more bytes than this for each of its raw ones, and a little. */
const growthMax = 6;
const recordRoomBytes = 4_096;
const noProducer = { producerId: -1n, producerEpoch: -1, baseSequence: -1, transactional: false };
const cellMax = 60;

export const preview: Command = {
  name: 'preview',
  summary: 'shows records of a file before and after a policy',
  usage: '--policy <file> --schema <file> --input <file> [--max <count>] [--json yes]',
  help: [
    'Compiles the policy against the schema and runs the very Program over records of the file: NDJSON, one plain JSON object a line.',
    `Shows the first --max records (${shownByDefault}; at most ${recordsMax}). Tokens are under a key that is made for this run alone: the ones of the`,
    'agreement will be others. With --json yes: one JSON object a record, with outcome, before and after. The file does not leave this machine.',
  ].join('\n'),
  async run(args, { write }) {
    const options = readOptions(args, ['policy', 'schema', 'input'], ['max', 'json']);
    if (!options.ok) return options;
    const max = Number(options.value.max ?? shownByDefault);
    if (!Number.isInteger(max) || max < 1 || max > recordsMax) return fail('request-invalid', `--max takes 1 to ${recordsMax}`);
    const compiled = await compileFiles(options.value.policy, options.value.schema);
    if (!compiled.ok) return compiled;
    const { program, terms } = compiled.value;
    const { key } = terms.channels;
    const input = await readText(options.value.input);
    if (!input.ok) return input;
    const rows = readRows(program.writerSchema, input.value, max);
    if (!rows.ok) return rows;
    for (const [index, shown] of governed(program, rows.value, typeof key === 'string' ? undefined : key.repeats).entries()) {
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

function governed(program: Program, rows: readonly Uint8Array[], keyPath: string | undefined): Shown[] {
  const bound = program.bind({ governedSchemaId: 1, datasetId: 'preview', dataKey: randomBytes(32) });
  if (!bound.ok) throw new Error('preview: a fresh key is a key');
  const frames = framesOf(program, rows, keyPath);
  const room = rows.reduce((sum, row) => sum + growthMax * row.length + recordRoomBytes, 0);
  const output = createOutput(frames.count, room);
  if (bound.value.run(frames, 0, frames.count, output) < frames.count) throw new Error('preview: the output is too small');
  return rows.map((bytes, index) => {
    const before = plain(program.writerSchema, bytes);
    const outcome = output.outcome[index];
    if (outcome === outcomes.withhold) return { outcome: 'withheld', before, after: null };
    if (outcome === outcomes.refuse) {
      const field = output.field[index] as number;
      const at = field < 0 ? '' : ` at ${program.fieldPaths[field] ?? ''}`;
      return { outcome: `refused: ${refusals[output.reason[index] as number] ?? ''}${at}`, before, after: null };
    }
    const value = output.bytes.subarray((output.valueStart[index] as number) + frameHeaderBytes, output.valueEnd[index]);
    return { outcome: 'governed', before, after: plain(program.governedSchema, value) };
  });
}

/** A file has no keys: where the policy says that the key repeats a field, each record gets the one that it should have. */
function framesOf(program: Program, rows: readonly Uint8Array[], keyPath: string | undefined): RecordFrames {
  const builder = new BatchBuilder();
  for (const row of rows) {
    const key = keyPath === undefined ? null : textAt(plain(program.writerSchema, row), keyPath);
    builder.append(key === null ? null : Buffer.from(key), frame(1, row), [], 0n);
  }
  const found: (RecordFrames | null)[] = [];
  readBatches(builder.finish(noProducer), (batch) => found.push(frameRecords(batch, 0)));
  const [frames] = found;
  if (frames === null || frames === undefined) throw new Error('preview: a batch that was just built is framed');
  return frames;
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
