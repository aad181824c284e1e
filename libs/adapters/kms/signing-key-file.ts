/**
 * The files of the local signing keys. The private one (0600) has the key that signs, and behind which earlier ones it stands; the public one beside it has all
 * that are trusted, and is what data plane and link are given. Both are JWK sets (RFC 7517), the oldest first.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import { createOwnFile, errorCodeOf, readOwnFile, replaceOwnFile } from './own-file.ts';
import type { PublicJwk } from './jws.ts';
import { parseKeySet, publicJwk } from './jws.ts';

const what = 'the signing key file';

export interface SigningKeys {
  /** All that are trusted, the oldest first; the last one signs. */
  readonly trusted: readonly PublicJwk[];
  /** Private half of the last one, 32 bytes as base64url. */
  readonly d: string;
  /** Changes whenever the file does. */
  readonly stamp: string;
}

/** Where the public keys are: `signing.json` has them in `signing.public.json`. */
export const publicKeysFileOf = (file: string): string => {
  const { dir, name } = path.parse(file);
  return path.join(dir, `${name}.public.json`);
};

const privateSet = z.object({ keys: z.array(z.object({ x: z.string(), d: z.string().exactOptional() })) });

/** Null where there is no file. Refuses one that others may use, and one that holds no private key. */
export async function readSigningKeys(file: string): Promise<Result<SigningKeys | null>> {
  const read = await readOwnFile(file, what);
  if (!read.ok || read.value === null) return read.ok ? ok(null) : read;
  const { bytes, stamp } = read.value;
  const trusted = parseKeySet(bytes.toString('utf8'));
  const d = trusted === null ? undefined : privateSet.parse(JSON.parse(bytes.toString('utf8'))).keys.at(-1)?.d;
  if (trusted === null || d === undefined || Buffer.from(d, 'base64url').length !== 32)
    return fail('config-invalid', `${what} ${file} must be a set of Ed25519 keys of which the last is private`);
  return ok({ trusted, d, stamp });
}

/** Makes the private file with one new key where there is none, and brings the public one in line with it. */
export async function settleSigningKeys(file: string): Promise<Result<SigningKeys>> {
  const first = await readSigningKeys(file);
  if (!first.ok) return first;
  if (first.value === null) {
    const created = await createOwnFile(file, privateText([], newKey()), what);
    if (!created.ok) return created;
  }
  const keys = first.value === null ? await readSigningKeys(file) : first;
  if (!keys.ok) return keys;
  if (keys.value === null) return fail('config-invalid', `${what} ${file} disappeared while it was opened`);
  const published = await publishKeys(file, keys.value.trusted);
  return published.ok ? ok(keys.value) : published;
}

/**
 * Puts a new key behind those that there are: from now on it signs, and the private half of the one before is gone. The public file is written first, so that
 * nobody meets a signature of a key that is not trusted yet. Fails with `not-found` where there is no file, and with `conflict` while another rotation is
 * under way.
 */
export function rotateSigningKey(file: string): Promise<Result<{ readonly trusted: number }>> {
  return replaceKeys(file, (trusted) => [trusted, newKey()]);
}

/** Trusts the key that signs, and no earlier one any more: what those signed is refused from now on. Fails as `rotateSigningKey`. */
export function retireSigningKeys(file: string): Promise<Result<{ readonly trusted: number }>> {
  return replaceKeys(file, (trusted, d) => [[], { x: trusted.at(-1)?.x ?? '', d }]);
}

interface PrivateKey {
  readonly x: string;
  readonly d: string;
}

async function replaceKeys(
  file: string,
  next: (trusted: readonly PublicJwk[], d: string) => [readonly PublicJwk[], PrivateKey],
): Promise<Result<{ readonly trusted: number }>> {
  let count = 0;
  const replaced = await replaceOwnFile(file, what, async () => {
    const known = await readSigningKeys(file);
    if (!known.ok) return known;
    if (known.value === null) return fail('not-found', `there is no signing key file ${file}`);
    const [earlier, key] = next(known.value.trusted, known.value.d);
    const trusted = [...earlier, publicJwk(key.x)];
    count = trusted.length;
    const published = await publishKeys(file, trusted);
    return published.ok ? ok(privateText(earlier, key)) : published;
  });
  return replaced.ok ? ok({ trusted: count }) : replaced;
}

function newKey(): PrivateKey {
  const { x, d } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  if (x === undefined || d === undefined) throw new Error('a new Ed25519 key has no x or d');
  return { x, d };
}

const privateText = (earlier: readonly PublicJwk[], { x, d }: PrivateKey): Buffer =>
  Buffer.from(`${JSON.stringify({ keys: [...earlier, { ...publicJwk(x), d }] }, null, 2)}\n`);

/** Replaces the public file whole, unless it says so already. */
export async function publishKeys(file: string, trusted: readonly PublicJwk[]): Promise<Result<void>> {
  const target = publicKeysFileOf(file);
  const text = `${JSON.stringify({ keys: trusted }, null, 2)}\n`;
  const draft = `${target}.${process.pid}.${randomBytes(4).toString('hex')}`;
  let handle: FileHandle | undefined;
  try {
    if ((await readFile(target, 'utf8').catch(() => '')) === text) return ok(undefined);
    await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
    handle = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644);
    // Whatever the umask says: data plane and link may run under accounts of their own.
    await handle.chmod(0o644);
    await handle.writeFile(text);
    await handle.sync();
    await rename(draft, target);
    return ok(undefined);
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    return fail('config-invalid', `the file of public keys ${target} cannot be written (${errorCodeOf(error)})`);
  } finally {
    await handle?.close();
  }
}
