/** Lists in pages: `?limit=&cursor=`, answered with `{items, next}`. A cursor is the sort key of the last item, so that pages stay right while rows come and go. */
import { z } from 'zod';

import { fail, FailureError } from '../../../libs/base/index.ts';

const limitDefault = 50;
const limitMax = 200;

/** Members of a query schema that every list has. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(limitMax).default(limitDefault).describe('Items in a page.'),
  cursor: z
    .string()
    .max(1_000)
    .regex(/^[A-Za-z0-9_-]+$/)
    .optional()
    .describe('`next` of the page before.'),
};

export interface Page<T> {
  readonly items: readonly T[];
  /** Null at the end. */
  readonly next: string | null;
}

/** The schema of a page, for `Describe`. */
export const pageOf = <T extends z.ZodType>(item: T) => z.strictObject({ items: z.array(item), next: z.string().nullable() });

/** The values that a cursor stands for, or null without one. Throws `request-invalid` for what is not one of our cursors. */
export function readCursor<T>(cursor: string | undefined, shape: z.ZodType<T>): T | null {
  if (cursor === undefined) return null;
  try {
    return shape.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch {
    throw new FailureError(fail('request-invalid', '/cursor: it is not the `next` of a page of this list', '/cursor').failure);
  }
}

/**
 * A page of rows that were read with `limit + 1`, so that the last page is known to be it. `key` gives what `readCursor` gives back:
 * the sort key of an item, its last part unique.
 */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  key: (row: Row) => unknown,
  view: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const next = rows.length > limit && last !== undefined ? Buffer.from(JSON.stringify(key(last))).toString('base64url') : null;
  return { items: shown.map(view), next };
}
