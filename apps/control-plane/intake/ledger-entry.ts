/** The two kinds of entry in `sluice.intake`. */
import { createHash } from 'node:crypto';

import { z } from 'zod';

import type { ErrorCode } from '../../../libs/base/index.ts';
import { errorCodes } from '../../../libs/base/index.ts';

/** How long the answer to a request is kept, milliseconds. */
export const expiredAfterMs = 7 * 24 * 3_600_000;

const problem = z.object({
  line: z.number().int(),
  field: z.string().nullable(),
  code: z.enum(errorCodes as [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
});

const tally = { accepted: z.number().int(), refused: z.number().int(), problems: z.array(problem).readonly() };

const entrySchema = z.discriminatedUnion('kind', [
  /** The answer that was given. `digest` is the SHA-256 of the body with what decides how it is read, hex. */
  z.object({ kind: z.literal('request'), at: z.number(), digest: z.string(), ...tally }),
  /** How far a file is read. `rows` counts good and bad rows from the start. */
  z.object({
    kind: z.literal('file'),
    at: z.number(),
    state: z.enum(['reading', 'done', 'refused']),
    rows: z.number().int(),
    ...tally,
  }),
]);

export type LedgerEntry = z.infer<typeof entrySchema>;
export type FileEntry = Extract<LedgerEntry, { kind: 'file' }>;

/** Null for what a later release may have written. */
export function parseEntry(value: Uint8Array): LedgerEntry | null {
  try {
    const parsed = entrySchema.safeParse(JSON.parse(Buffer.from(value).toString('utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** The name of an entry: a hash, because callers choose the parts. */
export function entryKey(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
