/** Reads the text of one top-level field out of a record's bytes, passing over what stands before it: no value is made of anything else. */
import type { Cursor, Result } from '../base/index.ts';
import { cursorOver, fail, limits, ok, readVarint, readVarlong } from '../base/index.ts';
import type { AvroSchema, TypeModel } from './schema.ts';

/** The text of the field in the record [start, end); null where the value is null. Undefined for bytes that are no such record as far as they were read. */
export type FieldReader = (bytes: Uint8Array, start: number, end: number) => string | null | undefined;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * `path` is `/name` of a field of text, an enum or whole numbers, or of one of these and null; its text is as intake makes it the record's key.
 * Fails with `schema-invalid` for any other.
 */
export function fieldReader({ root }: AvroSchema, path: string): Result<FieldReader> {
  const place = root.kind === 'record' ? root.fields.findIndex(({ name }) => `/${name}` === path) : -1;
  if (root.kind !== 'record' || place < 0) return fail('schema-invalid', `there is no field ${path}`, path);
  const before = root.fields.slice(0, place).map(({ type }) => type);
  const { type } = root.fields[place] as { readonly type: TypeModel };
  if (!hasText(type)) return fail('schema-invalid', `the field ${path} is not of text or whole numbers`, path);
  return ok((bytes, start, end) => {
    const cursor = cursorOver(bytes, start, end);
    for (const passed of before) {
      pass(cursor, passed, 0);
      if (cursor.failed) return undefined;
    }
    const text = textAt(cursor, type);
    return cursor.failed ? undefined : text;
  });
}

function hasText(type: TypeModel): boolean {
  if (type.kind !== 'union') return ['string', 'enum', 'int', 'long'].includes(type.kind);
  return type.branches.every((branch) => branch.kind === 'null' || (branch.kind !== 'union' && hasText(branch)));
}

function textAt(cursor: Cursor, type: TypeModel): string | null {
  switch (type.kind) {
    case 'union': {
      const branch = type.branches[readVarint(cursor)];
      if (branch === undefined) cursor.failed = true;
      return branch === undefined || branch.kind === 'null' ? null : textAt(cursor, branch);
    }
    case 'int':
      return String(readVarint(cursor));
    case 'long':
      return String(readVarlong(cursor));
    case 'enum': {
      const symbol = type.symbols[readVarint(cursor)];
      if (symbol === undefined) cursor.failed = true;
      return symbol ?? null;
    }
    default: {
      const length = readVarint(cursor);
      const from = cursor.position;
      skip(cursor, length);
      if (cursor.failed) return null;
      try {
        return utf8.decode(cursor.bytes.subarray(from, cursor.position));
      } catch {
        cursor.failed = true;
        return null;
      }
    }
  }
}

function skip(cursor: Cursor, length: number): void {
  if (length < 0 || length > cursor.end - cursor.position) cursor.failed = true;
  else cursor.position += length;
}

/** Bounded by the bytes: what has none is passed over without looking at each, and depth is limited as for every reader. */
function pass(cursor: Cursor, type: TypeModel, depth: number): void {
  if (depth > limits.depthMax) cursor.failed = true;
  if (cursor.failed) return;
  switch (type.kind) {
    case 'null':
      return;
    case 'boolean':
      return skip(cursor, 1);
    case 'float':
      return skip(cursor, 4);
    case 'double':
      return skip(cursor, 8);
    case 'fixed':
      return skip(cursor, type.size);
    case 'int':
    case 'enum':
      return void readVarint(cursor);
    case 'long':
      return passVarlong(cursor);
    case 'bytes':
    case 'string':
      return skip(cursor, readVarint(cursor));
    case 'union': {
      const branch = type.branches[readVarint(cursor)];
      if (branch === undefined) cursor.failed = true;
      else pass(cursor, branch, depth + 1);
      return;
    }
    case 'record':
      for (const { type: inner } of type.fields) pass(cursor, inner, depth + 1);
      return;
    case 'array':
      return passBlocks(cursor, depth, () => pass(cursor, type.items, depth + 1));
    case 'map':
      return passBlocks(cursor, depth, () => {
        skip(cursor, readVarint(cursor));
        pass(cursor, type.values, depth + 1);
      });
  }
}

/** Source: Avro 1.12 specification, "Arrays": blocks of items, a negative count with the block's bytes behind it, ended by a count of 0. */
function passBlocks(cursor: Cursor, depth: number, passItem: () => void): void {
  if (depth > limits.depthMax) cursor.failed = true;
  let items = 0;
  while (!cursor.failed) {
    const count = Number(readVarlong(cursor));
    if (count === 0) return;
    if (count < 0) skip(cursor, Number(readVarlong(cursor)));
    else {
      for (let item = 0; item < count && !cursor.failed; item += 1) {
        const from = cursor.position;
        passItem();
        // Items without bytes are bounded by nothing else.
        if (cursor.position === from && (items += 1) > limits.emptyItemsMax) cursor.failed = true;
      }
    }
  }
}

/** Without making a number of it. */
function passVarlong(cursor: Cursor): void {
  for (let index = 0; index < 10; index += 1) {
    if (cursor.position >= cursor.end) break;
    if ((cursor.bytes[cursor.position++] as number) < 0x80) return;
  }
  cursor.failed = true;
}
