/** Where a reader of a stream stands: the next offset of each partition of the governed topic, as one opaque text that it hands back. */
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';

/** Longest cursor, characters: an agreement's id and 100 partitions of 19 digits, in base64url. */
export const cursorCharactersMax = 3_000;

const offsetMax = (1n << 63n) - 1n;

/** `positions` has every partition from 0 on. */
export function writeCursor(agreement: string, positions: ReadonlyMap<number, bigint>): string {
  const offsets = Array.from({ length: positions.size }, (_, partition) => positions.get(partition) ?? 0n);
  return Buffer.from(`${agreement}:${offsets.join(',')}`).toString('base64url');
}

/**
 * The positions of a cursor of this agreement. A partition that was added since is absent. Fails with `request-invalid` for a text that
 * is no cursor of this stream.
 */
export function readCursor(agreement: string, text: string, partitions: number): Result<Map<number, bigint>> {
  const refused = fail('request-invalid', 'the cursor is not one of this stream', 'cursor');
  if (text.length > cursorCharactersMax || !/^[A-Za-z0-9_-]+$/.test(text)) return refused;
  const [owner, list = '', ...rest] = Buffer.from(text, 'base64url').toString('latin1').split(':');
  if (owner !== agreement || rest.length > 0 || !/^\d{1,19}(?:,\d{1,19})*$/.test(list)) return refused;
  const offsets = list.split(',').map(BigInt);
  if (offsets.length > partitions || offsets.some((offset) => offset > offsetMax)) return refused;
  return ok(new Map(offsets.entries()));
}
