/** Signs with the key of a local file, and checks against a file of public keys. For one machine; a district office or a laptop. */
import type { KeyObject } from 'node:crypto';
import { createPrivateKey, sign } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import type { SignatureChecker, SignedKind, Signer } from '../../catalog/index.ts';
import type { PublicJwk } from './jws.ts';
import { detached, isSignedBy, namedKey, parseKeySet, signingInput } from './jws.ts';
import { fileStamp } from './own-file.ts';
import type { SigningKeys } from './signing-key-file.ts';
import { publishKeys, readSigningKeys, settleSigningKeys } from './signing-key-file.ts';

/** The file is looked at before each signature, so that a rotation is taken as soon as it is there. */
export class FileSigner implements Signer {
  readonly #file: string;
  #keys: SigningKeys;
  #private: KeyObject;

  private constructor(file: string, keys: SigningKeys) {
    this.#file = file;
    this.#keys = keys;
    this.#private = privateKeyOf(keys);
  }

  /** Makes the file with a key where there is none, and the file of public keys beside it. Fails with `config-invalid`. */
  static async open(file: string): Promise<Result<FileSigner>> {
    const keys = await settleSigningKeys(file);
    return keys.ok ? ok(new FileSigner(file, keys.value)) : keys;
  }

  async sign(kind: SignedKind, payload: Uint8Array): Promise<Result<string>> {
    const keyId = await this.newestKeyId();
    if (!keyId.ok) return keyId;
    const { header, input } = signingInput(kind, keyId.value, payload);
    return ok(detached(header, sign(null, input, this.#private)));
  }

  async newestKeyId(): Promise<Result<string>> {
    if ((await fileStamp(this.#file)) !== this.#keys.stamp) {
      const read = await readSigningKeys(this.#file);
      if (!read.ok) return read;
      if (read.value === null) return fail('config-invalid', `the signing key file ${this.#file} is gone`);
      // Nobody may meet a signature of a key that the public file does not have, whoever put the private one there.
      const published = await publishKeys(this.#file, read.value.trusted);
      if (!published.ok) return published;
      this.#keys = read.value;
      this.#private = privateKeyOf(read.value);
    }
    return ok(newestOf(this.#keys).kid);
  }
}

/** Trusts the keys of a file. It is read when a signature names a key that is not known, and whenever the file changed. */
export class FileChecker implements SignatureChecker {
  readonly #file: string;
  #stamp: string | null = null;
  #keys: ReadonlyMap<string, PublicJwk> = new Map();

  private constructor(file: string) {
    this.#file = file;
  }

  /** Fails with `config-invalid` where the file cannot be read: without it nothing would be governed. */
  static async open(file: string): Promise<Result<FileChecker>> {
    const checker = new FileChecker(file);
    const read = await checker.#refresh();
    return read.ok ? ok(checker) : read;
  }

  async check(kind: SignedKind, payload: Uint8Array, signature: string | undefined): Promise<Result<{ readonly keyId: string }>> {
    const refreshed = await this.#refresh();
    return refreshed.ok ? checkWith(this.#keys, kind, payload, signature) : refreshed;
  }

  /** While the file cannot be read, the keys that are held serve on. */
  async #refresh(): Promise<Result<void>> {
    const stamp = await fileStamp(this.#file);
    if (stamp !== null && stamp === this.#stamp) return ok(undefined);
    const keys = parseKeySet(await readTrusted(this.#file));
    if (keys === null || keys.length === 0) {
      if (this.#keys.size > 0) return ok(undefined);
      return fail(
        'config-invalid',
        `the file of public signing keys ${this.#file} is not there, is no set of Ed25519 keys, or may be written by others`,
      );
    }
    this.#keys = new Map(keys.map((key) => [key.kid, key]));
    this.#stamp = stamp;
    return ok(undefined);
  }
}

/** Empty where there is no file, or others may write it: whoever can would be trusted. */
async function readTrusted(file: string): Promise<string> {
  try {
    const { mode } = await stat(file);
    return (mode & 0o022) === 0 ? await readFile(file, 'utf8') : '';
  } catch {
    return '';
  }
}

/** Fails with `signature-invalid`, which says what is wrong and nothing of the payload. */
export function checkWith(
  keys: ReadonlyMap<string, PublicJwk>,
  kind: SignedKind,
  payload: Uint8Array,
  signature: string | undefined,
): Result<{ readonly keyId: string }> {
  if (signature === undefined) return fail('signature-invalid', `the ${kind} is not signed`);
  const keyId = namedKey(kind, signature);
  if (keyId === undefined) return fail('signature-invalid', `the signature is none of a ${kind}`);
  const key = keys.get(keyId);
  if (key === undefined) return fail('signature-invalid', `the ${kind} is signed by key ${keyId}, which is not trusted`);
  if (!isSignedBy(key, kind, payload, signature)) return fail('signature-invalid', `the ${kind} is not what was signed`);
  return ok({ keyId });
}

const newestOf = ({ trusted }: SigningKeys): PublicJwk => {
  const key = trusted.at(-1);
  if (key === undefined) throw new Error('a file of signing keys was read without a key');
  return key;
};

function privateKeyOf(keys: SigningKeys): KeyObject {
  const { kty, crv, x } = newestOf(keys);
  return createPrivateKey({ format: 'jwk', key: { kty, crv, x, d: keys.d } });
}
