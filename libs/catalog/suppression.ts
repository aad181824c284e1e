/** Erased subjects: known by a keyed digest alone, and told to the data plane over the compacted topic `sluice.suppressions`. */
import type { KeyObject } from 'node:crypto';
import { createHmac, createSecretKey } from 'node:crypto';
import { z } from 'zod';
import type { Result } from '../base/index.ts';
import { fail, ok } from '../base/index.ts';
import { deriveSuppressionKey } from '../govern/index.ts';

/** Bytes of a digest: that two of a million subjects share one happens once in 10^26 datasets. */
const digestBytes = 16;

/** One erased subject of a dataset. */
export interface Suppression {
  readonly dataset: string;
  /** Base64url of 16 bytes. */
  readonly digest: string;
}

/** The key by which the subjects of a dataset are known; `dataKey` is the dataset's. */
export const suppressionKey = (dataKey: Uint8Array, dataset: string): KeyObject =>
  createSecretKey(deriveSuppressionKey(dataKey, dataset));

/** What is kept of a subject: HMAC-SHA256 over the UTF-8 text of the key field, its first 16 bytes. Source: FIPS 198-1; NIST SP 800-107, section 5.1. */
export const subjectDigest = (key: KeyObject, subject: Uint8Array): string =>
  createHmac('sha256', key).update(subject).digest().subarray(0, digestBytes).toString('base64url');

const form = z.strictObject({
  version: z.literal(1),
  dataset: z.string(),
  digest: z.string().regex(/^[A-Za-z0-9_-]{22}$/),
});

/** Key and value of its record. */
export const suppressionRecord = ({ dataset, digest }: Suppression): { readonly key: Buffer; readonly value: Buffer } => ({
  key: Buffer.from(`${dataset}/${digest}`),
  value: Buffer.from(JSON.stringify({ version: 1, dataset, digest } satisfies z.infer<typeof form>)),
});

/** Fails with `suppressions-incomplete` for what is none: a list with a part that cannot be read is not known. */
export function parseSuppression(key: Uint8Array | null, value: Uint8Array | null): Result<Suppression> {
  const malformed = fail('suppressions-incomplete', 'reading the erased subjects: a record is malformed');
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(value ?? []).toString('utf8'));
  } catch {
    return malformed;
  }
  const parsed = form.safeParse(json);
  if (!parsed.success) return malformed;
  const { dataset, digest } = parsed.data;
  return Buffer.from(key ?? []).toString('utf8') === `${dataset}/${digest}` ? ok({ dataset, digest }) : malformed;
}
