/** Rows of newline-delimited JSON, read from a stream of bytes without holding more than one line. */
import { isUtf8 } from 'node:buffer';

import { fail } from '../../../libs/base/index.ts';
import type { Row } from './rows.ts';
import { badRow, rowBytesMax } from './rows.ts';

const newline = 0x0a;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/** A line over the limit is one bad row; empty lines are counted and passed over; a byte order mark at the start is dropped. */
export async function* ndjsonRows(source: AsyncIterable<Buffer>): AsyncGenerator<Row> {
  let parts: Buffer[] = [];
  let held = 0;
  let line = 0;
  for await (const chunk of source) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      line += 1;
      const row = rowOf(line, parts, held, chunk.subarray(start, end));
      if (row !== null) yield row;
      parts = [];
      held = 0;
      start = end + 1;
    }
    const rest = chunk.subarray(start);
    held += rest.length;
    // Past the limit only the length is kept, so that a line without end holds no memory.
    if (held <= rowBytesMax) parts.push(rest);
    else parts = [];
  }
  if (held === 0) return;
  const last = rowOf(line + 1, parts, held, Buffer.alloc(0));
  if (last !== null) yield last;
}

function rowOf(line: number, parts: readonly Buffer[], held: number, tail: Buffer): Row | null {
  if (held + tail.length > rowBytesMax)
    return badRow(line, fail('record-too-large', `a line is over ${rowBytesMax} bytes`).failure);
  let bytes = parts.length === 0 ? tail : Buffer.concat([...parts, tail]);
  if (line === 1 && bytes.subarray(0, 3).equals(byteOrderMark)) bytes = bytes.subarray(3);
  if (!isUtf8(bytes)) return badRow(line, fail('record-malformed', 'the line is not UTF-8').failure);
  const text = bytes.toString('utf8');
  return text.trim() === '' ? null : { line, content: { kind: 'json', text } };
}
