/**
 * The bounded walk over record bytes: whether they are exactly one value of a type, within the limits, without building anything.
 * Everything that decodes goes through here first; a decoder without it can be made to allocate or loop by a few hostile bytes.
 */
import { isUtf8 } from 'node:buffer';
import type { Cursor } from '../base/index.ts';
import { cursorOver, limits, readVarint, readVarlong } from '../base/index.ts';
import type { TypeModel } from './schema.ts';

interface Walk {
  readonly cursor: Cursor;
  /** Items of arrays and maps so far that took no bytes. */
  emptyItems: number;
}

/** True when `bytes[start, end)` is one whole value of the type and nothing else. Takes time in proportion to the bytes; the caller limits those. */
export function checkRecord(type: TypeModel, bytes: Uint8Array, start = 0, end = bytes.length): boolean {
  const walk: Walk = { cursor: cursorOver(bytes, start, end), emptyItems: 0 };
  return step(walk, type, 0) && walk.cursor.position === end;
}

function step(walk: Walk, type: TypeModel, depth: number): boolean {
  if (depth > limits.depthMax) return false;
  const { cursor } = walk;
  switch (type.kind) {
    case 'null':
      return true;
    case 'boolean':
      return cursor.position < cursor.end && (cursor.bytes[cursor.position++] as number) <= 1;
    case 'int':
      readVarint(cursor);
      return !cursor.failed;
    case 'long':
      readVarlong(cursor);
      return !cursor.failed;
    case 'float':
      return skip(cursor, 4);
    case 'double':
      return skip(cursor, 8);
    case 'bytes':
      return readRun(cursor) >= 0;
    case 'string': {
      const start = readRun(cursor);
      return start >= 0 && isUtf8(cursor.bytes.subarray(start, cursor.position));
    }
    case 'fixed':
      return skip(cursor, type.size);
    case 'enum': {
      const index = readVarint(cursor);
      return !cursor.failed && index >= 0 && index < type.symbols.length;
    }
    case 'union': {
      const branch = type.branches[readVarint(cursor)];
      return !cursor.failed && branch !== undefined && step(walk, branch, depth + 1);
    }
    case 'record':
      for (const field of type.fields) if (!step(walk, field.type, depth + 1)) return false;
      return true;
    case 'array':
      return blocks(walk, () => step(walk, type.items, depth + 1));
    case 'map':
      return blocks(walk, () => {
        const start = readRun(cursor);
        return start >= 0 && isUtf8(cursor.bytes.subarray(start, cursor.position)) && step(walk, type.values, depth + 1);
      });
  }
}

/** Walks the blocks of an array or map. A negative count carries the block's byte length, which must be true. */
function blocks(walk: Walk, item: () => boolean): boolean {
  const { cursor } = walk;
  for (;;) {
    let count = Number(readVarlong(cursor));
    if (cursor.failed) return false;
    if (count === 0) return true;
    let blockEnd = -1;
    if (count < 0) {
      count = -count;
      const bytes = Number(readVarlong(cursor));
      if (cursor.failed || bytes < 0 || bytes > cursor.end - cursor.position) return false;
      blockEnd = cursor.position + bytes;
    }
    for (let index = 0; index < count; index += 1) {
      const before = cursor.position;
      if (!item()) return false;
      if (cursor.position === before && ++walk.emptyItems > limits.emptyItemsMax) return false;
    }
    if (blockEnd >= 0 && cursor.position !== blockEnd) return false;
  }
}

function skip(cursor: Cursor, bytes: number): boolean {
  if (bytes > cursor.end - cursor.position) return false;
  cursor.position += bytes;
  return true;
}

/** Skips a length-prefixed run and returns where its bytes start, or -1. */
function readRun(cursor: Cursor): number {
  const length = Number(readVarlong(cursor));
  if (cursor.failed || length < 0 || length > cursor.end - cursor.position) return -1;
  const start = cursor.position;
  cursor.position += length;
  return start;
}
