/**
 * API keys: `slk_<id>_<256 random bits>`. What is kept of one is its SHA-256: nobody guesses 256 random bits, so a slow hash, which
 * protects a secret that a person chose, would only cost each request its time.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const idBytes = 8;
const secretBytes = 32;
const form = /^slk_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/;

export interface NewApiKey {
  readonly id: string;
  /** The key itself: shown once, and never kept. */
  readonly key: string;
  readonly digest: string;
}

export function makeApiKey(): NewApiKey {
  const id = randomBytes(idBytes).toString('hex');
  const key = `slk_${id}_${randomBytes(secretBytes).toString('base64url')}`;
  return { id, key, digest: digestOfKey(key) };
}

/** The id in a text that has the form of a key, or null. */
export const apiKeyId = (text: string): string | null => form.exec(text)?.[1] ?? null;

/** SHA-256 of the whole key, hex. */
export const digestOfKey = (key: string): string => createHash('sha256').update(key).digest('hex');

/** Compares in constant time. */
export function keyHasDigest(key: string, digest: string): boolean {
  const [given, kept] = [Buffer.from(digestOfKey(key), 'hex'), Buffer.from(digest, 'hex')];
  return given.length === kept.length && timingSafeEqual(given, kept);
}
