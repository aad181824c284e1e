/** Rows of a JSON array held in memory: cut at its commas without building a value, so that one bad element spoils no other. */
import { isUtf8 } from 'node:buffer';

import { fail, limits } from '../../../libs/base/index.ts';
import type { Row } from './rows.ts';
import { badRow, InputRefused, rowBytesMax } from './rows.ts';

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d];

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** `line` counts elements. Throws InputRefused for anything but one array; an element nested deeper than the limit is a bad row. */
export function* jsonArrayRows(bytes: Buffer): Generator<Row> {
  if (!isUtf8(bytes)) throw refused('the body is not UTF-8');
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  while (isSpace(bytes[at])) at += 1;
  if (bytes[at] !== openBracket) throw refused('the body is not a JSON array');
  at += 1;
  for (let line = 1; ; line += 1) {
    while (isSpace(bytes[at])) at += 1;
    if (line === 1 && bytes[at] === closeBracket) break;
    const element = elementEnd(bytes, at);
    if (element === null) throw refused(`the array ends within element ${line}`);
    yield rowOf(line, bytes, at, element);
    at = element.end + 1;
    if (bytes[element.end] === closeBracket) {
      at = element.end;
      break;
    }
  }
  at += 1;
  while (isSpace(bytes[at])) at += 1;
  if (at < bytes.length) throw refused('something follows the JSON array');
}

interface Element {
  /** Index of the comma or bracket after the element. */
  readonly end: number;
  readonly depth: number;
}

function elementEnd(bytes: Buffer, start: number): Element | null {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = start; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (inString) {
      if (byte === backslash) at += 1;
      else if (byte === quote) inString = false;
    } else if (byte === quote) {
      inString = true;
    } else if (byte === openBracket || byte === openBrace) {
      depth += 1;
      deepest = Math.max(deepest, depth);
    } else if (depth === 0 && (byte === comma || byte === closeBracket)) {
      return { end: at, depth: deepest };
    } else if (byte === closeBracket || byte === closeBrace) {
      depth -= 1;
      if (depth < 0) return null;
    }
  }
  return null;
}

function rowOf(line: number, bytes: Buffer, start: number, { end, depth }: Element): Row {
  if (end - start > rowBytesMax) return badRow(line, fail('record-too-large', `an element is over ${rowBytesMax} bytes`).failure);
  if (depth > limits.depthMax) return badRow(line, fail('record-malformed', `nested deeper than ${limits.depthMax}`).failure);
  return { line, content: { kind: 'json', text: bytes.toString('utf8', start, end) } };
}

const refused = (message: string): InputRefused => new InputRefused(fail('request-invalid', message).failure);
