/** A KeyVault whose master key is a file that only its owner may read. For one machine; a district office or a laptop. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { link, mkdir, open, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import type { KeyVault, WrappedKey } from '../../catalog/index.ts';

const masterKeyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/**
 * Wraps keys with AES-256-GCM under one master key: `wrapped` is base64url of nonce (12 bytes), ciphertext and tag (16 bytes),
 * and the context is the associated data, so that a wrapped key opens only for the use it was made for.
 * Nonces are random; NIST SP 800-38D section 8.3 allows 2^32 of them under one key. The key never leaves the object.
 */
export class LocalFileVault implements KeyVault {
  /** Names the master key in every wrapped key: the first 16 hex digits of a labelled SHA-256 of it. */
  readonly keyId: string;
  readonly #masterKey: Buffer;

  private constructor(masterKey: Buffer) {
    this.#masterKey = masterKey;
    this.keyId = createHash('sha256').update('sluice master key id\0').update(masterKey).digest('hex').slice(0, 16);
  }

  /** Reads the master key file, or makes it (mode 0600) where there is none. Refuses a file that others may read or that is not a key. */
  static async open(file: string): Promise<Result<KeyVault>> {
    const first = await readMasterKey(file);
    if (first.ok && first.value === null) {
      const created = await createMasterKey(file);
      if (!created.ok) return created;
    }
    const read = first.ok && first.value === null ? await readMasterKey(file) : first;
    if (!read.ok) return read;
    if (read.value === null) return fail('config-invalid', `the master key file ${file} disappeared while it was opened`);
    return ok(new LocalFileVault(read.value));
  }

  wrap(plain: Uint8Array, context: string): Promise<Result<WrappedKey>> {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv('aes-256-gcm', this.#masterKey, nonce, { authTagLength: tagBytes });
    cipher.setAAD(Buffer.from(context, 'utf8'));
    const sealed = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    return Promise.resolve(ok({ keyId: this.keyId, epoch: 1, wrapped: sealed.toString('base64url') }));
  }

  /** Fails with `key-missing` for another master key, another context or changed bytes; it does not say which of the last two. */
  unwrap(key: WrappedKey, context: string): Promise<Result<Uint8Array>> {
    return Promise.resolve(this.#unwrap(key, context));
  }

  #unwrap(key: WrappedKey, context: string): Result<Uint8Array> {
    if (key.keyId !== this.keyId)
      return fail('key-missing', `the key was wrapped under master key ${key.keyId}, not ${this.keyId}`);
    const sealed = Buffer.from(key.wrapped, 'base64url');
    if (sealed.length < nonceBytes + tagBytes) return fail('key-missing', `the wrapped key for ${context} is truncated`);
    const decipher = createDecipheriv('aes-256-gcm', this.#masterKey, sealed.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(Buffer.from(context, 'utf8'));
    decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
    const opened = decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes));
    try {
      decipher.final();
    } catch {
      opened.fill(0);
      return fail('key-missing', `the wrapped key does not open for ${context}`);
    }
    return ok(new Uint8Array(opened));
  }
}

/** The key, null where there is no file. */
async function readMasterKey(file: string): Promise<Result<Buffer | null>> {
  let handle: FileHandle;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return ok(null);
    return fail('config-invalid', `the master key file ${file} cannot be opened (${errorCodeOf(error)})`);
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) return fail('config-invalid', `the master key path ${file} is not a file`);
    if ((stats.mode & 0o077) !== 0) {
      return fail('config-invalid', `the master key file ${file} may be used by other accounts: run chmod 600 on it`);
    }
    const key = await handle.readFile();
    if (key.length !== masterKeyBytes)
      return fail('config-invalid', `the master key file ${file} must hold ${masterKeyBytes} bytes`);
    return ok(key);
  } finally {
    await handle.close();
  }
}

/** Written whole under another name, then linked: a second process that starts at the same time sees no half file and replaces none. */
async function createMasterKey(file: string): Promise<Result<void>> {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(randomBytes(masterKeyBytes));
      await handle.sync();
    } finally {
      await handle.close();
    }
    try {
      await link(draft, file);
    } catch (error) {
      if (errorCodeOf(error) !== 'EEXIST') throw error;
    } finally {
      await unlink(draft);
    }
    return ok(undefined);
  } catch (error) {
    return fail('config-invalid', `the master key file ${file} cannot be created (${errorCodeOf(error)})`);
  }
}

function errorCodeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown error';
}
